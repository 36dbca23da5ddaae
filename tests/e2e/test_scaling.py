"""Replicas follow a real load both ways, and status tells of latency what clients see."""

import threading
import time

from e2e.scene import DEPLOYMENT, Scene
from operator_world import tell

TARGET_MS = 400
LOW, HIGH, CALM = (2.0, 60.0), (22.0, 120.0), (1.0, 180.0)
"""Requests per second, and for how many seconds; one replica answers at most ten."""
PATIENCE_S = 120.0  # fresh requests go first: those of the overload are answered when it is over
AGE_S = 3.0
"""HTTP connections that live for ever stay with the replica that there was: with those, 45 % were in time."""


class Watch(threading.Thread):
    """Notes each second how many replicas are asked for and Ready, and what status says of latency."""

    def __init__(self, scene: Scene, name: str) -> None:
        """Begin."""
        super().__init__(daemon=True)
        self.scene, self.name = scene, name
        self.seen: list[tuple[float, int, int, str]] = []
        self.enough = threading.Event()
        self.start()

    def run(self) -> None:
        """Look until it is enough."""
        while not self.enough.wait(1.0):
            deployment = self.scene.get(f"{self.name}-l4", DEPLOYMENT)
            latency = self.scene.get(self.name)["status"].get("latency", {})
            ready = deployment["status"].get("readyReplicas", 0)
            within = latency.get("withinTargetPercent", "")
            self.seen.append((time.time(), deployment["spec"]["replicas"], ready, within))

    def first(self, since: float, *, asked: int = 0, ready: int = 0) -> float | None:
        """Return after how many seconds so many replicas were asked for, or Ready."""
        return next(
            (at - since for at, some, up, _ in self.seen if at >= since and some >= asked and up >= ready), None
        )

    def most(self, since: float, until: float) -> int:
        """Return the most replicas that were asked for in a span of time."""
        return max((asked for at, asked, *_ in self.seen if since <= at < until), default=0)

    def within(self, until: float) -> list[str]:
        """Return what status last said of the share in time before a moment."""
        return [within for at, _, _, within in self.seen if at < until and within][-1:]


def test_replicas_follow_a_step_up_and_down(scene: Scene) -> None:
    """Eleven times the load for two and a half minutes: more replicas, soon; and fewer when it has gone."""
    scene.pool()
    scene.claim()
    scene.model("slow", "slow", objectives={"latency": {"target": f"{TARGET_MS}ms"}})
    scene.is_serving("slow")
    watch = Watch(scene, "slow")
    client = scene.begin(
        scene.load(
            "slow", rates=(LOW, HIGH, CALM), connections=256, age=AGE_S, target_ms=TARGET_MS, seed=1, timeout=PATIENCE_S
        )
    )

    summary = client.end().whole()
    watch.enough.set()
    watch.join()

    up = summary.began + LOW[1]
    down = up + HIGH[1]
    called, served = watch.first(up, asked=2), watch.first(up, ready=2)
    most, last = watch.most(up, down), watch.seen[-1][1]
    assert called is not None, "nothing was scaled"
    assert served is not None, "no new replica became Ready"
    step = f"a step from {LOW[0]:g} to {HIGH[0]:g} requests/s"
    tell(f"{step}: a scale call after {called:.1f} s, a new pod Ready after {served:.1f} s")
    tell(f"replicas: at most {most}; {last} at the end, {CALM[1]:g} s after the step down; {summary.total}")
    for name, part, until in zip(("low", "high", "calm"), summary.steps, (up, down, summary.ended), strict=True):
        tell(f"{name}: in time by the clients {part.attainment}, by status {watch.within(until)}; {part.latency_ms}")
    assert summary.total.failed == 0
    assert most >= 3
    assert last < most
