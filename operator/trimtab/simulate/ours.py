"""Trimtab itself in a simulated world: the operator's own decision, on what its metric source would have told it."""

import datetime as dt
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from trimtab.api.aimodel import AIModelSpec
from trimtab.api.annotations import VARIANT_LABEL
from trimtab.api.identity import ModelIdentity
from trimtab.api.inferencepool import InferencePoolSpec
from trimtab.api.kinds import DEPLOYMENT, Manifest
from trimtab.core.scaling.capacity import SHARES
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.decision import Decision
from trimtab.core.scaling.memory import ColdStart, ScalingMemory, with_cold_starts
from trimtab.core.scaling.observation import (
    LatencyDistribution,
    LatencyPoint,
    NoData,
    NoDataReason,
    Observation,
    RatePoint,
    Sample,
)
from trimtab.core.scaling.proposal import TICK
from trimtab.core.scaling.remember import remember
from trimtab.core.snapshot import ChildKey, ModelSnapshot, PoolFound
from trimtab.render.triton import SUMMARY_QUANTILES
from trimtab.simulate.setting import Setting
from trimtab.simulate.view import Signal, View
from trimtab.units import RequestsPerSecond, Seconds, duration_text

EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
MODEL = ModelIdentity("simulated", "model", "0", 1)
DEPLOYMENT_KEY = ChildKey(DEPLOYMENT.kind, "model-gpu")
SCRAPE = 5
"""Seconds between scrapes, and how old what is known is at worst: pods are scraped one after the other."""
WINDOW = 30
SEEN = WINDOW - SCRAPE
"""Seconds between the first and the last of the six scrapes in a window: what `increase` extrapolates from."""
STEP, SPAN = 5, 900
"""Of the demand of the past: between its points, and how far back, in seconds."""
NEW = 10
"""Seconds between the first and the last of the three scrapes that demand is taken from."""
QUANTILES = tuple(float(each.partition(":")[0]) for each in SUMMARY_QUANTILES.split(","))
SUMMARY = 60
"""Seconds that Triton's summaries look back."""


def spec_of(setting: Setting) -> AIModelSpec:
    """Return the spec of an AIModel that a setting simulates; it needs the pool of `pool_of`."""
    service = setting.service
    percentile = min(SHARES, key=lambda name: abs(SHARES[name] - setting.percentile))
    triton: dict[str, object] = {"maxBatchSize": service.max_batch, "instancesPerReplica": service.instances}
    if service.max_delay > 0.0:
        triton |= {"dynamicBatching": {"maxQueueDelay": duration_text(service.max_delay)}}
    return AIModelSpec.model_validate(
        {
            "poolRef": {"name": "simulated"},
            "model": {"source": {"uri": "s3://simulated/model"}},
            "serving": {"triton": triton},
            "objectives": {"latency": {"target": duration_text(setting.target), "percentile": percentile}},
            "scaling": {"minReplicas": setting.min_replicas, "maxReplicas": setting.max_replicas},
        }
    )


def pool_of(setting: Setting) -> PoolFound:
    """Return a pool with one accelerator, at the price of a setting."""
    variant = {"name": "gpu", "resourceName": "nvidia.com/gpu", "pricePerHour": f"{setting.price:.6f}"}
    spec = InferencePoolSpec.model_validate({"variants": [variant]})
    return PoolFound("simulated", "simulated", spec, spec.variants[0])


def arrivals(view: View, seen: int, lag: int) -> RequestsPerSecond:
    """Return demand: what was completed, and by how much more waits than before."""
    waiting = view.total(Signal.WAITING, 1, lag) - view.total(Signal.WAITING, 1, lag + seen)
    return RequestsPerSecond(max(0.0, view.total(Signal.COMPLETIONS, seen, lag) + waiting) / seen)


class Past:
    """The demand of the last quarter of an hour."""

    def __init__(self) -> None:
        self._points: deque[tuple[int, RequestsPerSecond]] = deque(maxlen=SPAN // STEP + 1)

    def of(self, view: View) -> tuple[RatePoint, ...]:
        """Return what is known of it, oldest first."""
        self._extend(view)
        oldest = view.now - SPAN - STEP
        return tuple(
            RatePoint(ago=Seconds(float(view.now - at)), rate=rate) for at, rate in self._points if at >= oldest
        )

    def _extend(self, view: View) -> None:
        known = self._points[-1][0] if self._points else NEW - STEP
        for at in range(known + STEP, view.now - SCRAPE + 1, STEP):
            self._points.append((at, arrivals(view, NEW, view.now - at)))


class Starts:
    """How long replicas took to answer: the oldest that was asked for is taken to be the first to answer."""

    def __init__(self) -> None:
        self._waiting: deque[int] = deque()
        self._ready: int | None = None
        self._looked = 0
        self._ended: list[tuple[int, int]] = []

    def watch(self, view: View) -> None:
        """Look at the replicas at the end of a second."""
        if self._ready is not None:
            for _ in range(min(view.ready - self._ready, len(self._waiting))):
                self._ended.append((view.now, view.now - self._waiting.popleft()))
        while len(self._waiting) > view.starting:
            self._waiting.pop()
        while len(self._waiting) < view.starting:
            self._waiting.append(self._looked)
        self._ready, self._looked = view.ready, view.now

    def asked(self, view: View, replicas: int) -> None:
        """Take note of what is asked for now: replicas that do not answer yet go first."""
        surplus = max(0, view.ready + view.starting - replicas)
        gone = max(0, surplus - view.starting)
        self._ready = view.ready - gone
        self._waiting.extend([view.now] * max(0, replicas - view.ready - view.starting))

    def since_last(self, epoch: int) -> list[ColdStart]:
        """Return the starts that ended since they were asked for the last time."""
        ended, self._ended = self._ended, []
        return [ColdStart(at=epoch + at, scheduled=0, pulled=0, fetched=0, loaded=took, warm=0) for at, took in ended]


def observe(view: View, past: Past) -> Observation:
    """Return what Prometheus would tell at the end of a second: see `adapters.prometheus`."""
    pods = round(view.total(Signal.READY, 1, SCRAPE))
    seen = min(SEEN, view.now - SCRAPE)
    if pods < 1 or seen < SCRAPE:
        return NoData(NoDataReason.EMPTY, "no pod is old enough to have been measured; wait for one")
    completions, batches, work, latency = (
        view.total(signal, seen, SCRAPE) for signal in (Signal.COMPLETIONS, Signal.BATCHES, Signal.WORK, Signal.LATENCY)
    )
    executed = completions > 0.0 and batches > 0.0
    return Sample(
        age=Seconds(float(SCRAPE)),
        window=Seconds(float(WINDOW)),
        pods=pods,
        arrivals=arrivals(view, min(seen, NEW), SCRAPE),
        completions=RequestsPerSecond(completions / seen),
        failures=RequestsPerSecond(0.0),
        pending=view.total(Signal.WAITING, 1, SCRAPE),
        batch_size=max(1.0, completions / batches) if executed else None,
        batch_time=Seconds(work / completions) if executed else None,
        queue_time=Seconds(max(0.0, latency - work) / completions) if completions > 0.0 else None,
        latency=_latency(view, completions),
        history=past.of(view),
    )


def _latency(view: View, completions: float) -> LatencyDistribution | None:
    """Return what the pods' summaries tell together."""
    if completions <= 0.0:
        return None
    points = tuple(
        LatencyPoint(quantile=quantile, latency=view.latency_quantile(quantile, SUMMARY, SCRAPE))
        for quantile in QUANTILES
    )
    return LatencyDistribution(points=points, requests=completions, source="PodSummaries", resolution=Seconds(0.0))


def deployment(variant: str, view: View) -> Manifest:
    """Return the Deployment as the API server would tell it."""
    return {
        "kind": DEPLOYMENT.kind,
        "metadata": {"name": DEPLOYMENT_KEY.name, "generation": 1, "labels": {VARIANT_LABEL: variant}},
        "spec": {"replicas": view.asked},
        "status": {
            "observedGeneration": 1,
            "replicas": view.ready + view.starting,
            "updatedReplicas": view.ready + view.starting,
            "readyReplicas": view.ready,
        },
    }


@dataclass
class Trimtab:
    """An autoscaler for a simulated world; one for each run, since it learns.

    It observes, decides and remembers as the operator does at each tick, and leaves out what a cluster does between
    the decision and the Deployment's scale. `heard` is told of each decision, with the second it was taken in.
    """

    spec: AIModelSpec
    pool: PoolFound
    heard: Callable[[int, Decision], None] | None = None
    memory: ScalingMemory = field(default_factory=ScalingMemory)
    _starts: Starts = field(default_factory=Starts)
    _past: Past = field(default_factory=Past)

    @classmethod
    def on(cls, setting: Setting) -> "Trimtab":
        """Return Trimtab, untuned, for a model such as a setting describes."""
        return cls(spec_of(setting), pool_of(setting))

    def __call__(self, view: View) -> int | None:
        """Return how many replicas to ask for, None between two ticks."""
        self._starts.watch(view)
        if view.now % int(TICK):
            return None
        now = EPOCH + dt.timedelta(seconds=view.now)
        epoch = int(now.timestamp())
        snapshot = ModelSnapshot(
            now=now,
            model=MODEL,
            spec=self.spec,
            annotations={},
            written_status={},
            pool=self.pool,
            children={DEPLOYMENT_KEY: deployment(self.pool.variant.name, view)},
            observation=observe(view, self._past),
            memory=with_cold_starts(self.memory, self._starts.since_last(epoch - view.now), epoch),
        )
        decision = decide(snapshot)
        self.memory = remember(snapshot, decision)
        if self.heard is not None:
            self.heard(view.now, decision)
        self._starts.asked(view, decision.replicas)
        return decision.replicas
