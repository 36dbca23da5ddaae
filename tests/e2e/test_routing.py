"""New replicas get their share, although gRPC clients stay with the pod that they found first."""

import time

from e2e.report import first_shared, shares
from e2e.scene import Scene
from operator_world import tell

CLIENTS, REPLICAS, SHARE = 20, 4, 0.15
AGE_S = 60.0  # how long Triton lets a connection live


def test_long_lived_clients_spread_over_new_replicas(scene: Scene) -> None:
    """Twenty clients with one connection each, one replica that becomes four: each soon carries 15 % at least."""
    scene.pool()
    scene.claim()
    scene.model("echo", replicas=1)
    scene.is_serving("echo")
    clients = scene.begin(
        scene.load("echo", mode="hold", connections=CLIENTS, every=0.5, seconds=3 * AGE_S, target_ms=1000)
    )
    scene.until(lambda: len(clients.so_far().seconds) >= 10, "ten seconds of one replica")

    scene.edit("echo", replicas=REPLICAS)
    asked = time.time()
    scene.is_serving("echo", REPLICAS)
    ready = time.time()
    report = clients.end()

    pods = scene.serving("echo")
    since = first_shared(report, pods, share=SHARE)
    assert since is not None, f"there was no time at which every pod had its share: {report.whole().pods}"
    last = shares(report, report.seconds[-60].at, report.seconds[-1].at)
    tell(
        f"{REPLICAS} replicas Ready after {ready - asked:.1f} s, each with {SHARE:.0%} of the requests "
        f"{since - ready:.1f} s later; in the last minute {sorted(last.values())}; {report.whole().total}"
    )
    assert since - ready < 2 * AGE_S
    assert report.whole().total.failed == 0
