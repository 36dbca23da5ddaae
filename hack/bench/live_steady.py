"""Traffic whose rate does not change: whether chance alone makes the operator write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.live_scene import SERVICE, Scene
from controlplane import Request
from controlplane.progress import step
from demo.service import Service

RATES = (0.0, 2.0, 50.0)
"""Requests/s, each of a third of the models."""
FAST = Service(base_s=SERVICE.base_s / 10, per_item_s=SERVICE.per_item_s / 10)
"""For the highest rate: with `SERVICE` it would need more replicas than models here may have."""
SETTLE_S = 360.0
"""Until a hold is over in which traffic began, and what it ends in was told."""
SPAN_S = 300.0
"""In which one write of a status is allowed."""


@dataclass(frozen=True)
class Steady:
    """What models with a steady rate cost: all figures are for each model and `SPAN_S`.

    `statuses` are writes of a status, `moves` changes of the scale; `most` are the statuses of the model with most.
    """

    rate: float
    models: int
    seconds: float
    statuses: float
    most: int
    moves: float


def service_of(number: int) -> Service:
    """Return how a model is served whose rate is one of `RATES`."""
    return FAST if _rate(number) == max(RATES) else SERVICE


def steady(scene: Scene, seconds: float = SPAN_S, settle: float = SETTLE_S) -> tuple[Steady, ...]:
    """Let traffic come at the same mean rates all the time, as a Poisson process, and count what is written."""
    models = range(scene.scenario.models)
    for number in models:
        scene.drive(number, [_rate(number)] * round(settle + seconds + 60.0))
    with step(f"{len(models)} models under steady traffic, until it is known", usually=f"{settle:.0f} s"):
        scene.wait(settle)
    mark, began = scene.plane.audit.mark(), scene.world.now_s
    with step(f"{len(models)} models under steady traffic", usually=f"{seconds:.0f} s"):
        scene.wait(seconds)
    took, requests = scene.world.now_s - began, scene.requests(mark)
    keys = {number: "/".join(scene.scenario.key(number)) for number in models}
    return tuple(
        told(requests, [key for number, key in keys.items() if _rate(number) == rate], rate=rate, seconds=took)
        for rate in RATES
    )


def told(requests: Sequence[Request], models: Sequence[str], *, rate: float, seconds: float) -> Steady:
    """Count what was written for some models, `namespace/name` each, in so many seconds."""
    statuses, moves = dict.fromkeys(models, 0), dict.fromkeys(models, 0)
    for each in requests:
        model = f"{each.namespace}/{each.name.partition('-')[0]}"
        if not each.writes or model not in statuses:
            continue
        statuses[model] += (each.resource, each.subresource) == ("aimodels", "status")
        moves[model] += (each.resource, each.subresource) == ("deployments", "scale")
    spans = max(1, len(models)) * seconds / SPAN_S
    return Steady(
        rate=rate,
        models=len(models),
        seconds=seconds,
        statuses=sum(statuses.values()) / spans,
        most=max(statuses.values(), default=0),
        moves=sum(moves.values()) / spans,
    )


def _rate(number: int) -> float:
    return RATES[number % len(RATES)]
