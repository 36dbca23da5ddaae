"""Ticks: every pool's models are measured together, and each is glanced at with what came of it."""

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from trimtab.api.kinds import AIMODEL, INFERENCEPOOL, Manifest
from trimtab.api.objects import ObjectKey, key_of
from trimtab.core.provided import unknown_source
from trimtab.core.scaling.observation import ModelRef, NoData, NoDataReason, Observation
from trimtab.core.scaling.proposal import TICK
from trimtab.core.untrusted import entries, text
from trimtab.reconcile.live import LiveFacts
from trimtab.reconcile.ports import ClusterReader, MetricSource
from trimtab.reconcile.queue import Key, Lane, WorkQueue
from trimtab.render.names import model_label
from trimtab.units import Seconds

logger = logging.getLogger(__name__)

SLICE = Seconds(0.01)
"""How long glances go on before whoever waits has a turn: 1,000 of them at once would keep a person waiting for 1 s."""
ANSWERS_AFTER = dt.timedelta(seconds=12)
"""Two scrapes and what a third may be late: a pod that is Ready for longer must have been seen."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The metric sources that the operator's administrator has set up: one for whoever names none, others by name."""

    default: MetricSource | None = None
    named: Mapping[str, MetricSource] = field(default_factory=dict)

    @property
    def exist(self) -> bool:
        """Whether there is any."""
        return self.default is not None or bool(self.named)

    async def observe(self, pool: ObjectKey, name: str, models: Collection[ModelRef]) -> Mapping[ModelRef, Observation]:
        """Return what is known of the models of a pool that names a source, or leaves the name empty."""
        source = self.named.get(name) if name else self.default
        if source is not None:
            return await source.observe(models)
        missing = NoData(NoDataReason.SOURCE_UNKNOWN, unknown_source(str(pool), name, self.named))
        return dict.fromkeys(models, missing)


@dataclass(frozen=True)
class Ticked:
    """One finished tick, for whoever counts them: how many models were measured, how many without a result."""

    models: int
    blind: int
    seconds: Seconds


@dataclass
class Observer:
    """Measures what serves. `now` is the wall clock, which pods' times are compared with.

    `is_enough` is a glance at one model: where it does not tell that all can stay as it is, the model is looked at.
    """

    cluster: ClusterReader
    sources: Sources
    facts: LiveFacts
    queue: WorkQueue
    now: Callable[[], dt.datetime]
    observe: Callable[[Ticked], None] = field(default=lambda _: None)
    is_enough: Callable[[ObjectKey], bool] = field(default=lambda _: False)

    async def run(self) -> None:
        """Tick until cancelled; a tick that takes long is followed by the next at once."""
        while True:
            started = time.monotonic()
            await self.tick()
            await asyncio.sleep(max(0.0, TICK - (time.monotonic() - started)))

    async def tick(self) -> None:
        """Measure the models of every pool once, the pools side by side."""
        started = time.monotonic()
        pools = [key_of(pool) for pool in self.cluster.list(INFERENCEPOOL)]
        measured = await asyncio.gather(*(self._measure(pool) for pool in pools))
        models, blind = (sum(numbers) for numbers in zip((0, 0), *measured, strict=True))
        self.observe(Ticked(models, blind, Seconds(time.monotonic() - started)))

    async def _measure(self, pool: ObjectKey) -> tuple[int, int]:
        models = tuple(self.cluster.models_of_pool(pool))
        name = text(self.cluster.get(INFERENCEPOOL, pool), "spec", "metrics", "sourceRef", "name")
        if not models or (not name and self.sources.default is None):
            for model in filter(self.facts.unobserved, models):
                self.queue.add(Key(AIMODEL, model))
            return 0, 0
        wanted = {self._ref(model): model for model in models}
        observations = await self.sources.observe(pool, name, wanted)
        at = self.now()
        for ref, model in wanted.items():
            self.facts.observed(model, observations[ref], at)
        await self._glance(models)
        return len(models), sum(isinstance(observations[ref], NoData) for ref in wanted)

    async def _glance(self, models: Iterable[ObjectKey]) -> None:
        """Glance at each model, and ask for a look where that is not enough; in slices, since others wait too."""
        ends = time.monotonic() + SLICE
        for model in models:
            if not self._is_enough(model):
                self.queue.add(Key(AIMODEL, model))
            if time.monotonic() >= ends:
                await asyncio.sleep(0)
                ends = time.monotonic() + SLICE

    def reconsider(self, model: ObjectKey) -> None:
        """Glance at a model between two ticks, and have it looked at before others where that is not enough."""
        if not self._is_enough(model):
            self.queue.add(Key(AIMODEL, model), Lane.FIRST)

    def _is_enough(self, model: ObjectKey) -> bool:
        try:
            return self.is_enough(model)
        except Exception:  # noqa: BLE001 - a bug: the look meets it too, and tells the log and the user
            return False

    def _ref(self, model: ObjectKey) -> ModelRef:
        label = model_label(model.name)
        settled = self.now() - ANSWERS_AFTER
        pods = sum(_is_ready_since(pod, settled) for pod in self.cluster.pods(model.namespace, label))
        return ModelRef(model.namespace, label, pods)


def _is_ready_since(pod: Manifest, time_: dt.datetime) -> bool:
    """Tell whether a pod has been Ready all the time since, and is not on its way out."""
    if "deletionTimestamp" in pod["metadata"]:
        return False
    for condition in entries(pod, "status", "conditions"):
        if text(condition, "type") == "Ready" and text(condition, "status") == "True":
            try:
                return dt.datetime.fromisoformat(text(condition, "lastTransitionTime")) <= time_
            except (TypeError, ValueError):
                return False
    return False
