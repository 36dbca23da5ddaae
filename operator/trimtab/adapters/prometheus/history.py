"""The demand of the last quarter of an hour, kept here and extended, so that it is not asked for at every tick."""

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import overload

from trimtab.adapters.prometheus.answers import Key
from trimtab.adapters.prometheus.promql import SCRAPE_SECONDS
from trimtab.core.scaling.observation import RatePoint
from trimtab.units import RequestsPerSecond, Seconds

STEP_SECONDS = 5
SPAN_SECONDS = 900
EVERY_SECONDS = 30
SETTLE_SECONDS = 2 * SCRAPE_SECONDS
"""How much of the end is asked for again: a scrape is dated by its beginning and may take the rest of its interval."""


@dataclass
class _Past:
    """Rates at rising `times`, in whole seconds of Prometheus' clock; what lies before `until` is known, or lost.

    As arrays, a quarter of an hour of one model is 3 kB, and was 18 kB as a mapping.
    """

    until: int
    tried: int
    times: "array[int]" = field(default_factory=lambda: array("q"))
    rates: "array[float]" = field(default_factory=lambda: array("d"))


class _Points(Sequence[RatePoint]):
    """Rates at times, seen from `now`. The points are made as they are read: kept, those of a model are 19 kB."""

    def __init__(self, now: float, times: "array[int]", rates: "array[float]") -> None:
        self._now, self._times, self._rates = now, times, rates

    def __len__(self) -> int:
        return len(self._times)

    def __iter__(self) -> Iterator[RatePoint]:
        return map(self._point, self._times, self._rates)

    @overload
    def __getitem__(self, index: int) -> RatePoint: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[RatePoint]: ...

    def __getitem__(self, index: int | slice) -> RatePoint | Sequence[RatePoint]:
        if isinstance(index, slice):
            return _Points(self._now, self._times[index], self._rates[index])
        return self._point(self._times[index], self._rates[index])

    def _point(self, at: int, rate: float) -> RatePoint:
        return RatePoint(ago=Seconds(self._now - at), rate=RequestsPerSecond(rate))


@dataclass(frozen=True)
class Due:
    """What to ask for now: these models, from `start` to `end`, in whole seconds and multiples of the step."""

    models: frozenset[Key]
    start: int
    end: int


class History:
    """The past of all models, whatever pool they are in; safe for threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pasts: dict[Key, _Past] = {}

    def due(self, models: Collection[Key], now: float) -> Due | None:
        """Return what shall be asked for, None where all is fresh, and take it for tried.

        Models of which nothing is known come alone, before those that are only to be extended: the two ask for
        different lengths, and a tick shall have one such question.
        """
        end = int(now) // STEP_SECONDS * STEP_SECONDS
        with self._lock:
            self._forget(end)
            first = end - SPAN_SECONDS
            for model in models:
                self._pasts.setdefault(model, _Past(until=first, tried=end - EVERY_SECONDS))
            waiting = [model for model in models if self._pasts[model].tried <= end - EVERY_SECONDS]
            behind = [model for model in waiting if self._pasts[model].until < end - SPAN_SECONDS // 2]
            chosen = frozenset(behind or waiting)
            for model in chosen:
                self._pasts[model].tried = end
            start = min((self._pasts[model].until - SETTLE_SECONDS for model in chosen), default=end)
        return Due(chosen, max(start, first), end) if chosen else None

    def put(self, due: Due, answer: Mapping[Key, Mapping[int, float]]) -> None:
        """Take in an answer; times for which it has nothing become unknown, also where they were known."""
        with self._lock:
            for model in due.models & self._pasts.keys():
                past = self._pasts[model]
                first, last = (bisect_left(past.times, at) for at in (due.end - SPAN_SECONDS, due.start))
                fresh = sorted(each for each in answer.get(model, {}).items() if due.start <= each[0] <= due.end)
                times, rates = past.times[first:last], past.rates[first:last]
                times.extend(at for at, _ in fresh)
                rates.extend(rate for _, rate in fresh)
                self._pasts[model] = _Past(due.end, past.tried, times, rates)

    def note(self, model: Key, at: float, rate: float) -> None:
        """Take in what a tick has found, until the past is asked for again; a tick in the same step adds nothing."""
        with self._lock:
            past = self._pasts.get(model)
            time_ = int(at)
            if past is not None and (not past.times or time_ >= past.times[-1] + STEP_SECONDS // 2 + 1):
                times, rates = past.times[:], past.rates[:]
                times.append(time_)
                rates.append(rate)
                self._pasts[model] = _Past(past.until, past.tried, times, rates)

    def of(self, model: Key, now: float) -> Sequence[RatePoint]:
        """Return what is known of a model, oldest first, and seen from `now`."""
        with self._lock:
            past = self._pasts.get(model)  # is replaced and never changed
        if past is None:
            return ()
        first = bisect_left(past.times, math.ceil(now) - SPAN_SECONDS - STEP_SECONDS)
        last = bisect_right(past.times, now)
        return _Points(now, past.times[first:last], past.rates[first:last]) if first < last else ()

    def _forget(self, end: int) -> None:
        """Drop models that nobody asks about any more, and all that a clock which was set back calls the future."""
        gone = [
            model for model, past in self._pasts.items() if not end - SPAN_SECONDS <= past.tried <= end + STEP_SECONDS
        ]
        for model in gone:
            del self._pasts[model]
