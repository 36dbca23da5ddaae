"""A step in the traffic of each of many models: how soon it is followed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from bench.live_scene import BASE_RATE, COLD_START_S, Scene
from bench.measure import percentile
from controlplane import Request
from controlplane.progress import step

SPREAD_S = 60.0
TAIL_S = 45.0  # a window of 30 s, a cold start, and some
FACTOR = 4.0
POD = "v1/Pod"


@dataclass(frozen=True)
class Spread:
    """Of durations in seconds; NaN where there are none."""

    p50: float
    p99: float
    most: float


@dataclass(frozen=True)
class Steps:
    """What came of `models` steps, each to `factor` times the traffic. `followed` is how many had a rise.

    `to_scale` is from the step to the API server's receipt of the first call that raises the scale, `to_ready` to when
    as many replicas as that call asked for were Ready (in whole seconds), `to_last_scale` to the last such call.
    `cpu_s` is the operator's processor time in the `seconds` that all of it took.
    """

    models: int
    factor: float
    cold_start_s: float
    followed: int
    to_scale: Spread
    to_ready: Spread
    to_last_scale: Spread
    cpu_s: float = 0.0
    seconds: float = 0.0


def steps(scene: Scene, seed: int = 0) -> Steps:
    """Let each model's traffic make one step at a random moment of a minute, and measure.

    The scene's audit log has to have requests.
    """
    random = Random(seed)  # noqa: S311 - chance that can be repeated is the point
    models = scene.scenario.models
    due = sorted((random.uniform(0.0, SPREAD_S), number) for number in range(models))
    began, spent = scene.world.now_s, scene.operator.cpu_seconds
    stepped: dict[str, dt.datetime] = {}
    with step(f"{models} steps in traffic", usually=f"{SPREAD_S + TAIL_S:.0f} s"):
        for at_s, number in due:
            scene.wait(began + at_s - scene.world.now_s)
            scene.drive(number, [BASE_RATE * FACTOR] * 600)
            stepped["/".join(scene.scenario.key(number))] = dt.datetime.now(dt.UTC)
        scene.wait(TAIL_S)
    took, spent = scene.world.now_s - began, scene.operator.cpu_seconds - spent
    # from the first call on, since what rises is told from the call before
    risen_by, ready = rises(scene.requests(0)), _ready_times(scene)
    first, last, there = [], [], []
    for model, at in stepped.items():
        risen = [each for each in risen_by.get(model, ()) if each.began > at]
        if not risen:
            continue
        first.append((risen[0].began - at).total_seconds())
        last.append((risen[-1].began - at).total_seconds())
        wanted, times = _replicas(risen[0]), ready.get(model, [])
        if len(times) >= wanted:
            there.append((times[wanted - 1] - at).total_seconds())
    return Steps(
        models=models,
        factor=FACTOR,
        cold_start_s=COLD_START_S,
        followed=len(first),
        to_scale=_spread(first),
        to_ready=_spread(there),
        to_last_scale=_spread(last),
        cpu_s=spent,
        seconds=took,
    )


def rises(requests: Sequence[Request]) -> dict[str, list[Request]]:
    """Return the accepted calls that raise a Deployment's scale, by model, the earliest first."""
    found: dict[str, list[Request]] = {}
    scale: dict[str, int] = {}
    for each in sorted(requests, key=lambda request: request.began):
        if each.resource == "deployments" and each.subresource == "scale" and each.writes:
            model = f"{each.namespace}/{each.name.partition('-')[0]}"
            before, scale[model] = scale.get(model, 1), _replicas(each)
            if scale[model] > before:
                found.setdefault(model, []).append(each)
    return found


def _replicas(call: Request) -> int:
    return int(call.raw["requestObject"]["spec"]["replicas"])


def _ready_times(scene: Scene) -> dict[str, list[dt.datetime]]:
    """Return when the pods that are Ready became so, by model, the earliest first."""
    found: dict[str, list[dt.datetime]] = {}
    for pod in scene.plane.admin.list(POD, None, "trimtab.io/model"):
        about = pod["metadata"]
        for condition in pod["status"].get("conditions", ()):
            if (condition["type"], condition["status"]) == ("Ready", "True"):
                model = f"{about['namespace']}/{about['labels']['trimtab.io/model']}"
                found.setdefault(model, []).append(dt.datetime.fromisoformat(condition["lastTransitionTime"]))
    return {model: sorted(times) for model, times in found.items()}


def _spread(durations: list[float]) -> Spread:
    ordered = sorted(durations)
    p50, p99, most = (percentile(ordered, share) for share in (0.5, 0.99, 1.0))
    nothing = float("nan")
    return Spread(*(nothing if each is None else each for each in (p50, p99, most)))
