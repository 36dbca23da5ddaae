"""Clients lose no request while replicas come and go, a node is drained, and the operator dies again and again."""

import threading
import time

from e2e.install import SYSTEM
from e2e.report import Failure, failures
from e2e.scene import Client, Scene
from operator_world import tell

RATE, KILLS, KILL_EVERY_S, PATIENCE_S = 20.0, 3, 20.0, 240.0
LONGEST_S = 900.0


class Killer(threading.Thread):
    """Ends the operator's pod at once, every so many seconds."""

    def __init__(self, scene: Scene) -> None:
        """Begin."""
        super().__init__(daemon=True)
        self.kills = 0
        self.enough = threading.Event()
        self._cluster = scene.cluster
        self.start()

    def run(self) -> None:
        """Kill until it is enough."""
        while not self.enough.wait(KILL_EVERY_S):
            for pod in self._cluster.pods(SYSTEM):
                name = pod["metadata"]["name"]
                self._cluster.kubectl(
                    "delete", "pod", "-n", SYSTEM, name, "--grace-period=0", "--force", "--wait=false"
                )
                self.kills += 1


def test_no_request_is_lost_on_the_way(scene: Scene) -> None:
    """Streams over HTTP and gRPC through scale-up, scale-down, a drained node; only what a killed pod had may fail."""
    scene.pool()
    scene.claim()
    scene.model("echo", replicas=2)
    scene.is_serving("echo", 2)
    home, other = scene.cluster.workers()
    clients = {
        protocol: scene.begin(scene.load(protocol=protocol, name="echo", rates=((RATE, LONGEST_S),)), node=home)
        for protocol in ("http", "grpc")
    }
    killer = Killer(scene)
    moments: list[tuple[str, float]] = []

    def stage(name: str, began: float) -> None:
        moments.append((name, time.monotonic() - began))

    began = time.monotonic()
    scene.edit("echo", replicas=4)
    scene.is_serving("echo", 4, PATIENCE_S)
    stage("2 to 4 replicas", began)

    began = time.monotonic()
    scene.edit("echo", replicas=2)
    scene.until(lambda: _gone(scene, 2), "two replicas to be gone", PATIENCE_S)
    stage("4 to 2 replicas, with their end", began)

    began = time.monotonic()
    scene.cluster.kubectl("drain", other, "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=180s")
    scene.cluster.kubectl("uncordon", other)
    scene.is_serving("echo", 2, PATIENCE_S)
    stage("a node drained", began)
    scene.until(lambda: killer.kills >= KILLS, "the operator to be killed often enough to show something")
    killer.enough.set()
    killer.join()

    began = time.monotonic()
    victim = scene.serving("echo")[0]
    scene.cluster.kubectl("delete", "pod", "-n", scene.namespace, victim, "--grace-period=0", "--force")
    scene.is_serving("echo", 2, PATIENCE_S)
    stage("a pod killed", began)

    told = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in moments)
    tell(f"{told}; the operator was killed {killer.kills} times")
    lost = [each for protocol, client in clients.items() for each in _lost(protocol, client, victim)]
    assert lost == []


def _gone(scene: Scene, left: int) -> bool:
    """Tell whether only so many pods of the model are left, those on their way out among them."""
    return len(scene.cluster.api.list("v1/Pod", scene.namespace, "trimtab.io/model=echo")) == left


def _lost(protocol: str, client: Client, victim: str) -> list[Failure]:
    """Return the failures that are not of the pod that was killed; a refused connection in that moment is."""
    report = client.stop()
    summary = report.whole()
    told = f"{summary.total.sent} sent, {summary.total.failed} failed {dict(summary.kinds)}"
    tell(f"{protocol}: {told}, {summary.resent} sent again; {summary.total.latency_ms}")
    return [each for each in failures(report, beside=[victim]) if each.pod or each.kind != "refused"]
