"""Replicas follow a real load both ways; the cluster's own autoscaler does the same job in the same minutes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from e2e import install
from e2e.base import Say
from e2e.cluster import Cluster
from e2e.images import metrics_server
from e2e.report import Summary
from e2e.rival import Rival
from e2e.scene import SMALL, Scene
from e2e.watch import Replicas, Watch
from operator_world import tell

TARGET_MS = 400
LOW, HIGH, CALM = (2.0, 60.0), (22.0, 120.0), (1.0, 180.0)
"""Requests per second, and for how many seconds; one replica answers at most ten."""
PATIENCE_S = 120.0  # fresh requests go first: those of the overload are answered when it is over
AGE_S = 3.0
"""HTTP connections that live for ever stay with the replica that there was: with those, 45 % were in time."""
PROCESSOR = "100m"
"""Ten requests a second keep one busy for 10 ms each: what a pod requests is what it uses when it can do no more."""
PERCENT, CALM_S = 50, 60
"""The rival's target, and how long it waits until it gives a replica back: tuned, 80 and 300 are what the API says by
itself; 60 s is Trimtab's own default."""


@dataclass(frozen=True)
class Course:
    """What happened to the replicas of one of the two, and what came of its clients' requests."""

    replicas: Replicas
    summary: Summary

    @property
    def up(self) -> float:
        """Return when (Unix) the load stepped up."""
        return self.summary.began + LOW[1]

    @property
    def down(self) -> float:
        """Return when (Unix) it stepped down."""
        return self.up + HIGH[1]


@pytest.fixture(scope="module", autouse=True)
def resource_metrics(cluster: Cluster, say: Say) -> Iterator[None]:
    """Let the cluster's own autoscaler see what processors do."""
    image = metrics_server(say)
    cluster.load([image])
    installed = install.install_metrics_server(cluster, image)
    yield
    cluster.remove(*installed)


@pytest.fixture(scope="module")
def courses(shared_scene: Scene) -> dict[str, Course]:
    """Send both the same requests at the same times: from the first step to the end of the last."""
    scene = shared_scene
    scene.pool()
    scene.claim()
    resources = {"requests": {**SMALL, "cpu": PROCESSOR}, "limits": {"memory": "1Gi"}}
    scene.model("busy", "busy", objectives={"latency": {"target": f"{TARGET_MS}ms"}}, serving={"resources": resources})
    scene.is_serving("busy")
    rival = Rival(scene, "rival", like="busy-l4", percent=PERCENT, calm_s=CALM_S)
    rival.is_ready()

    ours = scene.load(
        "busy", rates=(LOW, HIGH, CALM), connections=1024, age=AGE_S, target_ms=TARGET_MS, seed=1, timeout=PATIENCE_S
    )
    theirs = replace(ours, address=rival.address)
    their_client, our_client = scene.begin(theirs), scene.begin(ours)
    their_watch, our_watch = Watch(scene, rival.name), Watch(scene, "busy-l4")
    our_summary = our_client.end().whole()
    their_summary = their_client.stop().whole()  # it began first: all is sent, and what waits now is late in any case
    return {
        "Trimtab": Course(our_watch.end(), our_summary),
        "the cluster's": Course(their_watch.end(), their_summary),
    }


def test_replicas_follow_a_step_up_and_down(courses: dict[str, Course]) -> None:
    """Eleven times the load for two minutes: more replicas, soon; and fewer when it has gone."""
    ours = courses["Trimtab"]
    most, last = ours.replicas.most(ours.up, ours.down), ours.replicas.seen[-1].asked
    tell(f"replicas: at most {most}; {last} at the end, {CALM[1]:g} s after the step down")
    assert ours.replicas.called(ours.up) is not None, "nothing was scaled"
    assert ours.replicas.served(ours.up) is not None, "no new replica became Ready"
    assert ours.summary.total.failed == 0
    assert most >= 3
    assert last < most


def test_the_clusters_own_autoscaler_does_the_same_job(courses: dict[str, Course]) -> None:
    """The same pods, scaled by how busy their processors are: it scales too, and both are told side by side."""
    for whose, course in courses.items():
        tell(f"{whose}: {_told(course)}")
    theirs = courses["the cluster's"]
    assert theirs.replicas.called(theirs.up) is not None, "its autoscaler never saw the load: this compares nothing"
    assert len({course.summary.total.sent for course in courses.values()}) == 1


def _told(course: Course) -> str:
    replicas, summary, up, down = course.replicas, course.summary, course.up, course.down
    called, served = ("never" if at is None else f"{at:.1f} s" for at in (replicas.called(up), replicas.served(up)))
    parts = zip(("low", "high", "calm"), summary.steps, strict=True)
    in_time = ", ".join(f"{name} {part.attainment}" for name, part in parts)
    return (
        f"a step from {LOW[0]:g} to {HIGH[0]:g} requests/s: a scale call after {called}, a new pod Ready after"
        f" {served}; at most {replicas.most(up, down)} replicas, {replicas.seconds(summary.began, down + CALM[1]):.0f}"
        f" replica-seconds; in time by the clients {in_time}, all {summary.total.attainment}; {summary.total},"
        f" {dict(summary.kinds)}"
    )
