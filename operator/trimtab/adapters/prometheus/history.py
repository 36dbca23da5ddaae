"""The demand of the last quarter of an hour, kept here and extended, so that it is not asked for at every tick."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from threading import Lock

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
    """Rates by time, in whole seconds of Prometheus' clock; what lies before `until` is known or lost for good."""

    until: int
    tried: int
    rates: dict[int, float] = field(default_factory=dict)


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
                kept = {at: rate for at, rate in past.rates.items() if due.end - SPAN_SECONDS <= at < due.start}
                fresh = {at: rate for at, rate in answer.get(model, {}).items() if due.start <= at <= due.end}
                self._pasts[model] = _Past(until=due.end, tried=past.tried, rates=kept | fresh)

    def of(self, model: Key, now: float) -> tuple[RatePoint, ...]:
        """Return what is known of a model, oldest first."""
        with self._lock:
            past = self._pasts.get(model)
            rates = sorted(past.rates.items()) if past else []
        return tuple(
            RatePoint(ago=Seconds(now - at), rate=RequestsPerSecond(rate))
            for at, rate in rates
            if math.ceil(now) - SPAN_SECONDS - STEP_SECONDS <= at <= now
        )

    def _forget(self, end: int) -> None:
        """Drop models that nobody asks about any more, and all that a clock which was set back calls the future."""
        gone = [
            model for model, past in self._pasts.items() if not end - SPAN_SECONDS <= past.tried <= end + STEP_SECONDS
        ]
        for model in gone:
            del self._pasts[model]
