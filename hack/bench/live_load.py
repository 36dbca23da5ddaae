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

WARM_S = 60.0
"""Of changing traffic before it is measured: the first rise of all models at once is a start, not what goes on."""
PERIOD_S = 240  # of a slow wave: from the trough to the peak and back; each model moves its replicas every other minute
TROUGH, PEAK = 0.5 * BASE_RATE, 2.5 * BASE_RATE
LOOK_EVERY_S = 5.0
"""Between two readings of the operator's page: with 1,000 models it is 700 kB, and costs it and us 0.1 s."""
ANSWER_S = 30.0
QUESTIONS = ("/api/v1/query", "/api/v1/query_range")
Series = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Load:
    """What `models` cost in `seconds`; `operator` is the folder of the one that was measured.

    `period` is that of their waves, in seconds.

    `blind_share` is how many of the models were not measured, over all looks, one each tick.
    `tick_most_s` is the smallest bucket's bound that no tick exceeded, None where one took more than the largest.
    `looks` are whole ones at models; `writes` are the operator's, by verb and resource; `replicas` are all pods asked
    for at the beginning and the end.
    """

    operator: str
    models: int
    seconds: float
    period: int
    requests_per_s: float
    ticks: int
    tick_mean_s: float
    tick_most_s: float | None
    questions_per_tick: float
    measured: int
    blind_share: float
    looks: int
    replicas: tuple[int, int]
    cpu_s: float
    peak_bytes: int
    writes: dict[str, int] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)


def load(scene: Scene, seconds: int, period: int = PERIOD_S) -> Load:
    """Let the traffic of each model go up and down in a wave of its own, and measure for a while."""
    models = scene.scenario.models
    for number in range(models):
        scene.drive(number, list(_wave(number / models, period, round(WARM_S) + seconds + 60)))
    with step(f"{models} models, until all their traffic changes", usually=f"{WARM_S:.0f} s"):
        scene.wait(WARM_S)
    meter = Meter(scene.plane, operator=scene.operator.name)
    mark, before, spent, asked = scene.plane.audit.mark(), _Numbers.of(scene), meter.read(), _asked(scene)
    began, blind = scene.world.now_s, list[float]()

    def look() -> None:
        meter.read()
        if scene.world.now_s >= began + len(blind) * LOOK_EVERY_S:
            blind.append(_number(scene.operator.metrics_url, "trimtab_models_blind"))

    with step(f"{models} models under changing traffic", usually=f"{seconds} s"):
        scene.wait(seconds, look=look)
    took, after, used = scene.world.now_s - began, _Numbers.of(scene), meter.read()
    requests = scene.requests(mark)
    ticks = after.ticks - before.ticks
    cpu_seconds = {component: each - spent.get(component, 0.0) for component, each in used.items()}
    return Load(
        operator=str(scene.folder.absolute()),
        models=models,
        seconds=took,
        period=period,
        requests_per_s=models * (TROUGH + PEAK) / 2,
        ticks=int(ticks),
        tick_mean_s=(after.tick_seconds - before.tick_seconds) / max(1.0, ticks),
        tick_most_s=after.longest_since(before),
        questions_per_tick=(after.questions - before.questions) / max(1.0, ticks),
        measured=int(after.models),
        blind_share=sum(blind) / max(1, len(blind)) / models,
        looks=int(after.looks - before.looks),
        replicas=(asked, _asked(scene)),
        cpu_s=cpu_seconds.get(scene.operator.name, 0.0),
        peak_bytes=meter.operator_peak_bytes,
        writes=measure.writes(requests, scene.user),
        cpu_seconds=cpu_seconds,
    )


def _wave(phase: float, period: int, seconds: int) -> Iterator[float]:
    for second in range(seconds):
        height = (1 - math.cos(2 * math.pi * (second / period + phase))) / 2
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
    looks: float

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
            looks=sum(
                value
                for (name, labels), value in ours.items()
                if name == "trimtab_reconciliations_total" and dict(labels).get("kind") == "AIModel"
            ),
        )

    def longest_since(self, before: _Numbers) -> float | None:
        ticks = self.ticks - before.ticks
        for bound, count in sorted(self.buckets.items()):
            if count - before.buckets[bound] >= ticks:
                return None if math.isinf(bound) else bound
        return None


def _number(url: str, name: str) -> float:
    """Return one gauge without labels, without reading all the others."""
    return next(float(line.split()[1]) for line in _text(url).splitlines() if line.startswith(f"{name} "))


def _text(url: str) -> str:
    with urllib.request.urlopen(url, timeout=ANSWER_S) as answer:  # noqa: S310 - of our own processes, on loopback
        return str(answer.read().decode())


def _page(url: str) -> dict[Series, float]:
    families = list(text_string_to_metric_families(_text(url)))
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }
