"""What status says of latency is what clients see, at three loads."""

import math
import time
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from e2e.report import Report
from e2e.scene import Scene
from e2e.summaries import WINDOW_S, bounds
from operator_world import tell

LOADS = {"light": 2.0, "half": 10.0, "near": 16.0}
"""Requests per second for two replicas that answer ten each."""
TARGET_MS, CALM_S = 250, 60.0
CONNECTIONS = 512
"""Enough that no request waits for one. With 64, near capacity, all were with old requests: of the new ones 5 % were in
time for the clients, who count from when a request was due, and 80 % for the servers, who count from when it came."""
LOOKS, EVERY_S = 5, 12.0
"""A status is looked at so often, once a minute of load is behind it: what chance does to a single minute evens out."""
REPLICAS, PATIENCE_S = 2, 300.0
SURE = 3.0
"""Standard deviations that chance may take a share away from what it is in the long run."""
ROUGH = 0.01
"""Of all requests: what Triton's own quantiles may be off where few requests are late (0.95 with an error of 0.005,
0.9 with 0.01), and what status rounds."""
OUTSIDE = 0.05
"""Of all requests: what may be in time for the servers and late for the clients, who count the network and their own
slowness. Such a difference was seen with seven processes for each processor, and 0.02 with three."""


@dataclass(frozen=True)
class Look:
    """What was said of a model's requests of about the last minute, as shares in time, 0 to 1."""

    at: float
    status: float
    least: float
    most: float
    latency: str


def test_status_tells_of_attainment_what_clients_count(scene: Scene) -> None:
    """Light, half and nearly full: the share in time in status lies within the stated bound of the clients' own."""
    scene.pool()
    scene.claim()
    for name in LOADS:
        objectives = {"latency": {"target": f"{TARGET_MS}ms", "percentile": "P90"}}
        scene.model(name, "slow", objectives=objectives, replicas=REPLICAS)
    for name in LOADS:
        scene.is_serving(name, REPLICAS)
    lasts = CALM_S + LOOKS * EVERY_S + 120.0  # they are told when it is enough: old requests are answered last
    how: dict[str, Any] = {"connections": CONNECTIONS, "age": 3.0, "target_ms": TARGET_MS, "timeout": PATIENCE_S}
    clients = {
        name: scene.begin(scene.load(name, rates=((rate, lasts),), seed=seed, **how))
        for seed, (name, rate) in enumerate(LOADS.items())
    }

    began, looks = time.monotonic(), {name: list[Look]() for name in LOADS}
    for number in range(LOOKS):
        time.sleep(max(0.0, began + CALM_S + number * EVERY_S - time.monotonic()))
        for name in LOADS:
            looks[name].append(_look(scene, name, number))
    reports = {name: client.stop() for name, client in clients.items()}

    for name, report in reports.items():
        _compare(name, report, looks[name])


def _look(scene: Scene, name: str, number: int) -> Look:
    """Have the status written whole, as a changed spec makes it, and read it.

    Else a share that has moved by less than a tenth is not written, and five minutes may pass until it is.
    """
    scene.edit(name, scaling={"maxReplicas": REPLICAS + 3 + number})
    generation = scene.get(name)["metadata"]["generation"]
    scene.until(lambda: scene.get(name)["status"].get("observedGeneration") == generation, f"a fresh status of {name}")
    latency = scene.get(name)["status"]["latency"]
    least, most = bounds(scene.cluster, scene.namespace, name, TARGET_MS / 1000) or (0.0, 1.0)
    shown = f"{latency['percentile']} {latency['observed']}, give or take {latency['resolution']}"
    return Look(time.time(), float(latency["withinTargetPercent"]) / 100, least, most, shown)


def _compare(name: str, report: Report, looks: list[Look]) -> None:
    """Tell of both, and insist that the clients' share lies where Triton's quantiles say that it must."""
    theirs = fmean(_in_time(report, look.at) for look in looks)
    said = fmean(look.status for look in looks)
    least, most = (fmean(getattr(look, end) for look in looks) for end in ("least", "most"))
    seen = sum(each.answered for each in report.between(looks[0].at - WINDOW_S, looks[-1].at))
    chance = ROUGH + SURE * math.sqrt(theirs * (1 - theirs) / seen)
    tell(
        f"{name}, {LOADS[name]:g} requests/s: in time by the clients {theirs:.1%} of {seen}, by status {said:.1%}"
        f" (difference {said - theirs:+.1%}), surely {least:.1%} to {most:.1%}, by chance {chance:.1%} more or less;"
        f" status at last: {looks[-1].latency}; the clients': {report.whole().total.latency_ms}"
    )
    assert least - chance - OUTSIDE <= theirs <= most + chance
    assert least - chance <= said <= most + chance


def _in_time(report: Report, at: float) -> float:
    """Return the share in time of the answers that a summary covered which was read at some time."""
    seconds = report.between(at - WINDOW_S, at)
    return 1.0 - sum(each.late for each in seconds) / sum(each.answered for each in seconds)
