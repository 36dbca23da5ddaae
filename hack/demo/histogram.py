"""Durations counted in buckets that are 0.1 % wide: as good as exact, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

WIDTH = 0.001
"""Relative: a quantile is off by at most half of it, plus half a microsecond."""
_SCALE = 1 / math.log1p(WIDTH)
_SMALLEST_US = 1.0  # Triton's own resolution; what is shorter counts as this


def bucket(duration_us: float) -> int:
    """Return the number of the bucket of a duration."""
    return int(math.log(duration_us) * _SCALE) if duration_us > _SMALLEST_US else 0


@dataclass
class Histogram:
    """How many durations fell into which bucket; `buckets` has those that are not empty."""

    buckets: dict[int, int] = field(default_factory=dict)

    def add(self, durations_us: Iterable[float]) -> None:
        """Count some durations."""
        buckets, log, scale = self.buckets, math.log, _SCALE  # this is where the time goes: see test_cost
        for duration in durations_us:
            index = int(log(duration) * scale) if duration > _SMALLEST_US else 0
            buckets[index] = buckets.get(index, 0) + 1

    def add_same(self, duration_us: float, times: int) -> None:
        """Count one duration several times."""
        index = bucket(duration_us)
        self.buckets[index] = self.buckets.get(index, 0) + times

    def merge(self, other: Histogram) -> None:
        """Count all that another one has counted."""
        for index, times in other.buckets.items():
            self.buckets[index] = self.buckets.get(index, 0) + times

    @property
    def count(self) -> int:
        """How many durations were counted."""
        return sum(self.buckets.values())

    def quantile(self, share: float) -> float:
        """Return the duration in microseconds that a `share` of all stays within, NaN where there is none."""
        return self.quantiles([share])[0]

    def quantiles(self, shares: Iterable[float]) -> list[float]:
        """Return several quantiles, for ascending `shares`, in one pass."""
        if not self.buckets:
            return [math.nan for _ in shares]
        ordered = sorted(self.buckets.items())
        total, position, seen, found = self.count, 0, ordered[0][1], []
        for share in shares:
            rank = max(1, math.ceil(share * total))
            while seen < rank:
                position += 1
                seen += ordered[position][1]
            found.append(_middle(ordered[position][0]))
        return found


def merged(parts: Iterable[Histogram]) -> Histogram:
    """Return one histogram of all that the parts have counted."""
    whole = Histogram()
    for part in parts:
        whole.merge(part)
    return whole


def _middle(index: int) -> float:
    return math.exp((index + 0.5) / _SCALE)
