"""Ticks: every pool's models are measured together, and each is looked at with what came of it."""

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from trimtab.api.kinds import AIMODEL, INFERENCEPOOL, Manifest
from trimtab.api.objects import ObjectKey, key_of
from trimtab.core.scaling.decide import TICK
from trimtab.core.scaling.observation import ModelRef, NoData
from trimtab.core.untrusted import entries, text
from trimtab.reconcile.live import LiveFacts
from trimtab.reconcile.ports import ClusterReader, MetricSource
from trimtab.reconcile.queue import Key, WorkQueue
from trimtab.render.names import model_label
from trimtab.units import Seconds

logger = logging.getLogger(__name__)

ANSWERS_AFTER = dt.timedelta(seconds=12)
"""Two scrapes and what a third may be late: a pod that is Ready for longer must have been seen."""


@dataclass(frozen=True)
class Ticked:
    """One finished tick, for whoever counts them: how many models were measured, how many without a result."""

    models: int
    blind: int
    seconds: Seconds


@dataclass
class Observer:
    """Measures what serves. `now` is the wall clock, which pods' times are compared with."""

    cluster: ClusterReader
    source: MetricSource
    facts: LiveFacts
    queue: WorkQueue
    now: Callable[[], dt.datetime]
    observe: Callable[[Ticked], None] = field(default=lambda _: None)

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
        wanted = {self._ref(model): model for model in self.cluster.models_of_pool(pool)}
        if not wanted:
            return 0, 0
        observations = await self.source.observe(wanted)
        at, blind = self.now(), 0
        for ref, model in wanted.items():
            observation = observations[ref]
            blind += isinstance(observation, NoData)
            self.facts.observed(model, observation, at)
            self.queue.add(Key(AIMODEL, model))
        return len(wanted), blind

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
