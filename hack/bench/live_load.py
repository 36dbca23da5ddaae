"""Many models under traffic that changes slowly: what measuring, deciding and telling costs."""

from __future__ import annotations

import math
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from bench import measure
from bench.live_scene import BASE_RATE, Scene
from bench.meter import Meter
from controlplane.progress import step

PERIOD_S = 240  # of a slow wave: from the trough to the peak and back
TROUGH, PEAK = 0.5 * BASE_RATE, 2.5 * BASE_RATE
QUESTIONS = ("/api/v1/query", "/api/v1/query_range")
Series = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Load:
    """What `models` cost in `seconds`.

    `blind_share` is how many of the models were not measured, over all looks once a second.
    `tick_most_s` is the smallest bucket's bound that no tick exceeded, None where one took more than the largest.
    `writes` are the operator's, by verb and resource; `replicas` are all pods asked for at the beginning and the end.
    """

    models: int
    seconds: float
    requests_per_s: float
    ticks: int
    tick_mean_s: float
    tick_most_s: float | None
    questions_per_tick: float
    measured: int
    blind_share: float
    replicas: tuple[int, int]
    cpu_s: float
    peak_bytes: int
    writes: dict[str, int] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)


def load(scene: Scene, seconds: int) -> Load:
    """Let the traffic of each model go up and down in a wave of its own, and measure for a while."""
    models = scene.scenario.models
    for number in range(models):
        scene.drive(number, list(_wave(number / models, seconds + 60)))
    meter = Meter(scene.plane, operator=scene.operator.name)
    mark, before, spent, asked = scene.plane.audit.mark(), _Numbers.of(scene), meter.read(), _asked(scene)
    began, blind = scene.world.now_s, list[float]()

    def look() -> None:
        meter.read()
        blind.append(_page(scene.operator.metrics_url)["trimtab_models_blind", ()])

    with step(f"{models} models under changing traffic", usually=f"{seconds} s"):
        scene.wait(seconds, look=look)
    took, after, used = scene.world.now_s - began, _Numbers.of(scene), meter.read()
    requests = scene.requests(mark)
    ticks = after.ticks - before.ticks
    cpu_seconds = {component: each - spent.get(component, 0.0) for component, each in used.items()}
    return Load(
        models=models,
        seconds=took,
        requests_per_s=models * (TROUGH + PEAK) / 2,
        ticks=int(ticks),
        tick_mean_s=(after.tick_seconds - before.tick_seconds) / max(1.0, ticks),
        tick_most_s=after.longest_since(before),
        questions_per_tick=(after.questions - before.questions) / max(1.0, ticks),
        measured=int(after.models),
        blind_share=sum(blind) / max(1, len(blind)) / models,
        replicas=(asked, _asked(scene)),
        cpu_s=cpu_seconds.get(scene.operator.name, 0.0),
        peak_bytes=meter.operator_peak_bytes,
        writes=measure.writes(requests, scene.user),
        cpu_seconds=cpu_seconds,
    )


def _wave(phase: float, seconds: int) -> Iterator[float]:
    for second in range(seconds):
        height = (1 - math.cos(2 * math.pi * (second / PERIOD_S + phase))) / 2
        yield TROUGH + (PEAK - TROUGH) * height


def _asked(scene: Scene) -> int:
    return sum(each["spec"]["replicas"] for each in scene.plane.admin.list("apps/v1/Deployment"))


@dataclass(frozen=True)
class _Numbers:
    """What the operator and Prometheus count of themselves."""

    ticks: float
    tick_seconds: float
    buckets: dict[float, float]
    questions: float
    models: float

    @classmethod
    def of(cls, scene: Scene) -> _Numbers:
        ours = _page(scene.operator.metrics_url)
        theirs = _page(f"{scene.plane.layout.prometheus_url}/metrics")
        asked = (
            value
            for (name, labels), value in theirs.items()
            if name == "prometheus_http_requests_total" and dict(labels).get("handler") in QUESTIONS
        )
        return cls(
            ticks=ours["trimtab_tick_seconds_count", ()],
            tick_seconds=ours["trimtab_tick_seconds_sum", ()],
            buckets={
                float(dict(labels)["le"]): value
                for (name, labels), value in ours.items()
                if name == "trimtab_tick_seconds_bucket"
            },
            questions=sum(asked),
            models=ours["trimtab_models", ()],
        )

    def longest_since(self, before: _Numbers) -> float | None:
        ticks = self.ticks - before.ticks
        for bound, count in sorted(self.buckets.items()):
            if count - before.buckets[bound] >= ticks:
                return None if math.isinf(bound) else bound
        return None


def _page(url: str) -> dict[Series, float]:
    with urllib.request.urlopen(url, timeout=10.0) as answer:  # noqa: S310 - of our own processes, on loopback
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }
