"""What is known of models beside their objects: the last observation, and what decisions have left for the next."""

import asyncio
import datetime as dt
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from trimtab.api.objects import ClusterError, ObjectKey
from trimtab.core.live import live_deployments
from trimtab.core.scaling.decide import sized_for
from trimtab.core.scaling.decision import Decision
from trimtab.core.scaling.memory import (
    ScalingMemory,
    from_json,
    to_json,
    with_cold_starts,
    with_profile,
    with_recommendation,
)
from trimtab.core.scaling.observation import NoData, Observation
from trimtab.core.scaling.proposal import replicas_of
from trimtab.core.scaling.readings import LONGEST_IN_FORCE, Reading, SizedFor
from trimtab.core.scaling.remember import remember
from trimtab.core.scaling.starts import cold_starts
from trimtab.core.snapshot import ModelSnapshot, PoolUnusable
from trimtab.reconcile.ports import MemoryStore
from trimtab.units import Seconds, seconds

logger = logging.getLogger(__name__)

SAVE_EVERY = Seconds(60.0)


@dataclass
class LiveFacts:
    """Observations and memories, by model. Empty where the operator has no metric source.

    `on_decided` hears of each decision, `on_undecided` of each model for which there is none any more.
    """

    on_decided: Callable[[ModelSnapshot, Decision], None] = field(default=lambda *_: None)
    on_undecided: Callable[[ObjectKey], None] = field(default=lambda _: None)
    _observations: dict[ObjectKey, tuple[Observation, dt.datetime]] = field(default_factory=dict, init=False)
    _readings: dict[ObjectKey, tuple[Reading, dt.datetime]] = field(default_factory=dict, init=False)
    _sized: dict[ObjectKey, SizedFor] = field(default_factory=dict, init=False)
    _memories: dict[ObjectKey, ScalingMemory] = field(default_factory=dict, init=False)
    _unsaved: set[ObjectKey] = field(default_factory=set, init=False)
    _restored: set[ObjectKey] = field(default_factory=set, init=False)

    def observed(self, model: ObjectKey, observation: Observation, at: dt.datetime) -> None:
        """Take note of what was measured last, and when."""
        self._observations[model] = (observation, at)

    def unobserved(self, model: ObjectKey) -> bool:
        """Take note that nobody measures a model, and tell whether somebody did before."""
        self._forget_readings(model)
        return self._observations.pop(model, None) is not None

    def read(self, model: ObjectKey, reading: Reading, at: dt.datetime) -> None:
        """Take note of what a model's pods said directly; it is forgotten after a while, and then says nothing."""
        self._readings[model] = (reading, at)

    @property
    def sized(self) -> Mapping[ObjectKey, SizedFor]:
        """What the last decision on each model was planned with, where it was planned by what was measured."""
        return self._sized

    def added_to(self, snapshot: ModelSnapshot) -> ModelSnapshot:
        """Return a snapshot with what is known of its model."""
        key = _key(snapshot)
        known, profile = self._observations.get(key), self._memories.get(key, ScalingMemory()).profile
        if known is None or isinstance(snapshot.pool, PoolUnusable):
            return replace(snapshot, memory=replace(snapshot.memory, profile=profile))
        observation = _aged(*known, snapshot.now)
        longest = seconds(snapshot.spec.serving.startup.timeout)
        starts = cold_starts(snapshot.pods, snapshot.pool.variant.name, longest)
        memory, now = self._memories.get(key, ScalingMemory()), int(snapshot.now.timestamp())
        if key in self._restored:
            memory = _with_what_runs(memory, snapshot, now)
        memory = with_cold_starts(memory, starts, now)
        return replace(snapshot, observation=observation, memory=memory, reading=self._reading(key, snapshot.now))

    def decided(self, snapshot: ModelSnapshot, decision: Decision) -> None:
        """Remember what a decision leaves for the next."""
        self.on_decided(snapshot, decision)
        key, profile = _key(snapshot), snapshot.memory.profile
        if snapshot.observation is None:
            known = self._memories.get(key, ScalingMemory())
            if profile is not None and known.profile != profile:
                self._memories[key] = with_profile(known, profile)
                self._unsaved.add(key)
            return
        memory = remember(snapshot, decision)
        sized = sized_for(snapshot, decision)
        if sized is not None:
            self._sized[key] = sized
        elif not isinstance(snapshot.observation, NoData):  # blind, it is still what was planned with
            self._sized.pop(key, None)
        if self._memories.get(key) != memory:
            self._memories[key] = memory
            self._unsaved.add(key)
        self._restored.discard(key)

    def undecided(self, model: ObjectKey) -> None:
        """Take note that nothing is decided for a model now: it is paused, its spec or its pool cannot be used."""
        self._forget_readings(model)
        self.on_undecided(model)

    def forget(self, model: ObjectKey) -> None:
        """Forget a model that is gone."""
        self.undecided(model)
        self._observations.pop(model, None)
        self._restored.discard(model)
        if self._memories.pop(model, None) is not None:
            self._unsaved.add(model)

    def _reading(self, model: ObjectKey, now: dt.datetime) -> Reading | None:
        known = self._readings.get(model)
        if known is None:
            return None
        reading, at = known
        age = Seconds(reading.age + max(0.0, (now - at).total_seconds()))
        return replace(reading, age=age) if age <= LONGEST_IN_FORCE else None

    def _forget_readings(self, model: ObjectKey) -> None:
        self._readings.pop(model, None)
        self._sized.pop(model, None)

    def restore(self, stored: Mapping[ObjectKey, str]) -> None:
        """Take back what an operator before this one has remembered."""
        for model, text in stored.items():
            if model not in self._memories:
                self._memories[model] = from_json(text)
                self._restored.add(model)

    def unsaved(self) -> Iterator[tuple[ObjectKey, str | None]]:
        """Yield what has changed since it was saved, None for what is to be forgotten; it counts as saved then."""
        changed, self._unsaved = self._unsaved, set()
        for model in sorted(changed):
            memory = self._memories.get(model)
            yield model, None if memory is None else to_json(memory)

    def not_saved(self, models: Mapping[ObjectKey, str | None]) -> None:
        """Take back that these were saved: it did not work."""
        self._unsaved |= models.keys()


async def keep(facts: LiveFacts, store: MemoryStore, every: Seconds = SAVE_EVERY) -> None:
    """Save what changes, once in a while, until cancelled; then once more."""
    try:
        while True:
            await asyncio.sleep(every)
            await save(facts, store)
    finally:
        await save(facts, store)


async def save(facts: LiveFacts, store: MemoryStore) -> None:
    """Save what has changed; what cannot be saved now is saved the next time."""
    changed = dict(facts.unsaved())
    if not changed:
        return
    try:
        await store.save(changed)
    except ClusterError as error:
        facts.not_saved(changed)
        logger.warning("what was learned is not saved; it is tried again", extra={"because": str(error)})


def _aged(observation: Observation, at: dt.datetime, now: dt.datetime) -> Observation:
    """Return an observation with the age that it has by now: one that nobody renews grows old, and is stale one day."""
    if isinstance(observation, NoData):
        return observation
    return replace(observation, age=Seconds(observation.age + max(0.0, (now - at).total_seconds())))


def _with_what_runs(memory: ScalingMemory, snapshot: ModelSnapshot, now: int) -> ScalingMemory:
    """Return a memory to which what runs counts as wanted now, so that it is kept for a hold.

    A process that was killed takes up to `SAVE_EVERY` of its memory along, perhaps the very rise that all this is for.
    """
    asked = max((replicas_of(each) for each in live_deployments(snapshot)), default=0)
    return with_recommendation(memory, asked, now)


def _key(snapshot: ModelSnapshot) -> ObjectKey:
    return ObjectKey(snapshot.model.namespace, snapshot.model.name)
