"""Read the pods' own pages between two ticks: which models, how often, and who is woken by what they tell.

A step in traffic is seen in a second or two, where Prometheus takes up to three scrapes. All of it is a supplement:
what cannot be read, or is not read, changes nothing.
"""

import asyncio
import datetime as dt
import logging
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from trimtab.api.kinds import AIMODEL
from trimtab.api.objects import ObjectKey
from trimtab.core.scaling.observation import NoData
from trimtab.core.scaling.readings import (
    LONGEST_IN_FORCE,
    PodCount,
    Reading,
    Round,
    SizedFor,
    ended_at,
    measured_since,
    step_in,
)
from trimtab.core.untrusted import entry, text
from trimtab.reconcile.live import LiveFacts
from trimtab.reconcile.ports import ClusterReader, PageReader
from trimtab.render.names import model_label
from trimtab.units import RequestsPerSecond, Seconds

logger = logging.getLogger(__name__)

READS_PER_SECOND = 200.0
"""Of the whole operator: a page costs it 0.2 to 0.4 ms of processor time, so a tenth of a core at the most."""
EVERY, SPARINGLY = Seconds(0.5), Seconds(4.0)
"""Between two rounds of a model's pods; where pages are scarce, as many pods are left out as make it the second."""
ALL = 10_000  # ten times as many replicas as a model may have
TURN = Seconds(0.1)
ROUNDS = 16
"""Kept of a model: at two a second, they reach as far back as a step takes to be certain."""
ALERT = Seconds(8.0)
"""For how long all pods of a model are read once some of them look like a step."""
LEAST_GROWTH = 1.1
"""Of what was read last, from which on it is worth another decision."""
LONGEST_SILENCE = Seconds(300.0)
"""Between two tries of a pod that does not answer: each doubles the time."""
DARK_AFTER = Seconds(30.0)
"""Without any answer at all, after which the log says so, once."""


@dataclass(frozen=True)
class PagesRead:
    """One finished round, for whoever counts them: how many pods answered and did not, whether there was a step."""

    answered: int
    silent: int
    step: bool


@dataclass
class _Pod:
    """A pod that should answer; `silent` counts its failures in a row."""

    address: str
    silent: int = 0
    next_at: float = 0.0


@dataclass
class _Step:
    """A step that goes on: when it was found and began, its rate as last measured, and by which the model was woken."""

    found_at: float
    began: Seconds
    rate: float
    woken_by: float


@dataclass
class _Track:
    """What is known of one model's pages; all times are of the monotonic clock."""

    next_at: float
    pods: dict[str, _Pod] = field(default_factory=dict)
    rounds: deque[Round] = field(default_factory=lambda: deque(maxlen=ROUNDS))
    is_read: bool = False
    alert_until: float = 0.0
    step: _Step | None = None


@dataclass
class Readings:
    """Reads pages in rounds, one of a model at a time. `now` is the wall clock, `clock` the monotonic one.

    `wake` has a model decided on at once. `spread` parts models that came together.
    """

    cluster: ClusterReader
    reader: PageReader
    facts: LiveFacts
    wake: Callable[[ObjectKey], None]
    now: Callable[[], dt.datetime]
    observe: Callable[[PagesRead], None] = field(default=lambda _: None)
    clock: Callable[[], float] = time.monotonic
    spread: Callable[[], float] = field(default=random.random)
    _tracks: dict[ObjectKey, _Track] = field(default_factory=dict, init=False)
    _allowance: float = field(default=READS_PER_SECOND, init=False)
    _share: int = field(default=ALL, init=False)
    _interval: Seconds = field(default=EVERY, init=False)
    _turned_at: float | None = field(default=None, init=False)
    _answered_at: float | None = field(default=None, init=False)
    _dark: bool = field(default=False, init=False)

    async def run(self) -> None:
        """Read until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                for model in self.due():
                    group.create_task(self.round(model))
                await asyncio.sleep(TURN)

    def due(self) -> list[ObjectKey]:
        """Return the models whose round is due and may be afforded; each is to be read next."""
        now = self.clock()
        since = 0.0 if self._turned_at is None else now - self._turned_at
        self._turned_at, self._allowance = now, min(READS_PER_SECOND, self._allowance + READS_PER_SECOND * since)
        self._follow(now)
        self._ration()
        waiting = ((track.next_at, model) for model, track in self._tracks.items() if not track.is_read)
        chosen = []
        for next_at, model in sorted(waiting):
            if next_at > now or self._allowance <= 0.0:
                break
            self._allowance -= max(1, min(self._share, len(self._tracks[model].pods)))
            self._tracks[model].is_read = True
            chosen.append(model)
        return chosen

    async def round(self, model: ObjectKey) -> None:
        """Read the pages of a model's pods, side by side; wake it where they tell of a step."""
        track = self._tracks[model]
        try:
            await self._round(model, track)
        except Exception:
            logger.exception("a bug in reading pods; Prometheus is left", extra={"object": str(model)})
            track.next_at = self.clock() + LONGEST_SILENCE
        finally:
            track.is_read = False

    async def _round(self, model: ObjectKey, track: _Track) -> None:
        self._find_pods(model, track)
        began = self.clock()
        is_alert = began < track.alert_until
        awake = sorted(uid for uid, pod in track.pods.items() if pod.next_at <= began)
        asked = awake if is_alert else awake[: self._share]
        track.next_at = began + (EVERY if is_alert else self._interval)
        name = text(self.cluster.get(AIMODEL, model), "spec", "model", "name") or model.name
        pages = await asyncio.gather(*(self.reader.read(track.pods[uid].address, name) for uid in asked))
        told = dict(zip(asked, pages, strict=True))
        track.rounds.append({uid: page for uid, page in told.items() if isinstance(page, PodCount)})
        self._note_silence(track, told)
        self.observe(PagesRead(len(track.rounds[-1]), len(asked) - len(track.rounds[-1]), self._judge(model, track)))

    def _judge(self, model: ObjectKey, track: _Track) -> bool:
        """Tell whether there is a step; make it evidence, and wake the model where that is news."""
        sized, now = self.facts.sized.get(model), self.clock()
        if sized is None:
            return False
        if track.step is not None and now - track.step.found_at > LONGEST_IN_FORCE:
            track.step = None
        reading = self._step(track, sized, now)
        if reading is None:
            self._look_closer(track, sized, now)
            return False
        self.facts.read(model, reading, self.now())
        if track.step is not None and reading.rate > LEAST_GROWTH * track.step.woken_by:
            track.step.woken_by = reading.rate
            self.wake(model)
        return True

    def _step(self, track: _Track, sized: SizedFor, now: float) -> Reading | None:
        """Return what a step brings: a new one, or one beyond the last; else the last one, measured again."""
        known = 0.0 if track.step is None else track.step.rate
        found = step_in(track.rounds, replace(sized, rate=RequestsPerSecond(max(sized.rate, known))))
        if found is not None:
            woken_by = 0.0 if track.step is None else track.step.woken_by
            began = Seconds(ended_at(track.rounds) - found.window)
            track.step = _Step(found_at=now, began=began, rate=found.rate, woken_by=woken_by)
            return found
        again = None if track.step is None else measured_since(track.rounds, track.step.began)
        if track.step is None or again is None or again.rate <= sized.rate:
            return None
        track.step.rate = again.rate
        return again

    def _look_closer(self, track: _Track, sized: SizedFor, now: float) -> None:
        """Have all pods read where those that were look like a step: alone they are no evidence."""
        share = len(track.rounds[-1]) / max(1, len(track.pods))
        if share < 1.0 and now >= track.alert_until and step_in(track.rounds, _part(sized, share)) is not None:
            track.alert_until, track.next_at = now + ALERT, now

    def _follow(self, now: float) -> None:
        """Have a track for each model that was decided on by what was measured, and for no other."""
        wanted = self.facts.sized
        for model in self._tracks.keys() - wanted.keys():
            if not self._tracks[model].is_read:
                del self._tracks[model]
        for model in wanted.keys() - self._tracks.keys():
            self._tracks[model] = track = _Track(next_at=now + self.spread() * self._interval)
            self._find_pods(model, track)

    def _ration(self) -> None:
        """Work out how many pods of one model are read in a round, and how long it is to its next."""
        sizes = [max(1, len(track.pods)) for track in self._tracks.values()]
        self._share = ALL
        if sum(sizes) > READS_PER_SECOND * EVERY:
            self._share = max(1, int(READS_PER_SECOND * SPARINGLY / len(sizes)))
        self._interval = Seconds(max(EVERY, sum(min(self._share, size) for size in sizes) / READS_PER_SECOND))

    def _find_pods(self, model: ObjectKey, track: _Track) -> None:
        """Take over the pods that serve now; what is known of their silence stays."""
        found = {}
        for pod in self.cluster.pods(model.namespace, model_label(model.name)):
            uid, address = text(pod, "metadata", "uid"), text(pod, "status", "podIP")
            ready = text(entry(pod, "status", "conditions", key="type", named="Ready"), "status") == "True"
            if uid and address and ready and "deletionTimestamp" not in pod["metadata"]:
                known = track.pods.get(uid)
                found[uid] = known if known is not None and known.address == address else _Pod(address)
        track.pods = found

    def _note_silence(self, track: _Track, told: dict[str, PodCount | NoData]) -> None:
        """Ask pods less often that do not answer; say once that none does."""
        now, fault = self.clock(), ""
        for uid, page in told.items():
            pod = track.pods.get(uid)
            if isinstance(page, NoData):
                fault = page.message
            if pod is not None:
                pod.silent = pod.silent + 1 if isinstance(page, NoData) else 0
                pod.next_at = now + min(LONGEST_SILENCE, EVERY * 2.0**pod.silent) if pod.silent else 0.0
        if track.rounds[-1]:
            self._answered_at = now
            if self._dark:
                self._dark = False
                logger.info("pods answer direct readings again")
        elif fault:
            self._answered_at = now if self._answered_at is None else self._answered_at
            if not self._dark and now - self._answered_at >= DARK_AFTER:
                self._dark = True
                logger.warning(
                    "no pod's metrics can be read directly, so a step in traffic is seen by Prometheus alone; see "
                    "whether a NetworkPolicy keeps the operator from them",
                    extra={"because": fault},
                )


def _part(sized: SizedFor, share: float) -> SizedFor:
    """Return what a decision was planned with, for a share of the pods."""
    return replace(sized, rate=RequestsPerSecond(sized.rate * share))
