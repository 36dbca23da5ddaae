"""What really became of every request: the truth that estimates are measured against."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from demo.histogram import Histogram, merged

INTERVAL_S = 2
KEEP_S = 2 * 3600
US = 1e6

Entry = TypeVar("Entry")


class Failure(StrEnum):
    """Why a request got no answer."""

    NO_POD = "no pod was ready"
    REJECTED = "it waited longer than the queue policy allows"
    LOST = "its pod vanished"


@dataclass
class Account:
    """Requests of some time: those that arrived in it, and those that ended in it, answered or failed.

    `within` is how many were answered inside the objective, and `seconds` the sum of all answers' latencies.
    """

    arrived: int = 0
    completed: int = 0
    within: int = 0
    failed: int = 0
    seconds: float = 0.0

    @property
    def attainment(self) -> float:
        """The share of the requests that ended which were answered inside the objective, NaN where none ended."""
        ended = self.completed + self.failed
        return self.within / ended if ended else math.nan

    @property
    def mean_s(self) -> float:
        """The mean latency of the answers, NaN where there is none."""
        return self.seconds / self.completed if self.completed else math.nan


class Ledger:
    """Every request's fate, second by second; times are seconds of the world's clock.

    An answer's second is the one in which it ended. Latencies are kept as histograms of `INTERVAL_S`. What is older
    than `keep_s` is forgotten, except in `total`, `failures` and `completed_by`.
    """

    def __init__(self, objective_s: float, *, keep_s: int = KEEP_S) -> None:
        self.objective_s = objective_s
        self.total = Account()
        self.failures: Counter[Failure] = Counter()
        self.completed_by: Counter[str] = Counter()
        """Answers by the pod that gave them."""
        self._keep_s = keep_s
        self._seconds: dict[int, Account] = {}
        self._latencies: dict[int, Histogram] = {}

    def arrived(self, at_s: float) -> None:
        """Enter one arrival."""
        self._second(int(at_s)).arrived += 1
        self.total.arrived += 1

    def completed(self, at_s: float, latencies_us: Sequence[float], pod: str) -> None:
        """Enter the answers that a pod gave at one moment."""
        objective_us, number, spent = self.objective_s * US, len(latencies_us), sum(latencies_us) / US
        within = sum(latency <= objective_us for latency in latencies_us)
        for account in (self._second(int(at_s)), self.total):
            account.completed += number
            account.within += within
            account.seconds += spent
        self.completed_by[pod] += number
        interval = int(at_s) // INTERVAL_S
        found = self._latencies.get(interval)
        if found is None:
            found = self._latencies[interval] = Histogram()
            _forget(self._latencies, interval - self._keep_s // INTERVAL_S)
        found.add(latencies_us)

    def failed(self, at_s: float, why: Failure, number: int = 1) -> None:
        """Enter failures of one moment."""
        self._second(int(at_s)).failed += number
        self.total.failed += number
        self.failures[why] += number

    def between(self, first_s: float, end_s: float) -> Account:
        """Return the sum over the whole seconds from `first_s` (rounded) up to, and without, `end_s` (rounded)."""
        found = Account()
        for second in range(round(first_s), round(end_s)):
            each = self._seconds.get(second)
            if each is not None:
                found.arrived += each.arrived
                found.completed += each.completed
                found.within += each.within
                found.failed += each.failed
                found.seconds += each.seconds
        return found

    def latencies(self, first_s: float, end_s: float) -> Histogram:
        """Return the latencies of the answers given in all intervals that overlap with [first_s, end_s)."""
        wanted = range(int(first_s) // INTERVAL_S, math.ceil(end_s / INTERVAL_S))
        return merged(self._latencies[each] for each in wanted if each in self._latencies)

    def _second(self, second: int) -> Account:
        found = self._seconds.get(second)
        if found is None:
            found = self._seconds[second] = Account()
            _forget(self._seconds, second - self._keep_s)
        return found


def _forget(entries: dict[int, Entry], until: int) -> None:
    """Remove the entries up to `until`: they were made in the order of time, so the oldest come first."""
    while (oldest := next(iter(entries))) <= until:
        del entries[oldest]
