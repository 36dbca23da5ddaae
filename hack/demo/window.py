"""The sliding windows of Triton's summaries, as its metrics library keeps them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from demo.histogram import Histogram, merged

MAX_AGE_S = 60.0
AGE_BUCKETS = 5
SLOT_S = MAX_AGE_S / AGE_BUCKETS
"""The library's defaults, which Triton leaves alone: quantiles are of the last 48 to 60 s, moving on every 12 s."""


@dataclass
class Window:
    """The distribution of the last minute of one duration; times are seconds of one clock, and never go back."""

    began_s: float
    _slots: dict[int, Histogram] = field(default_factory=dict)

    def slot(self, now_s: float) -> Histogram:
        """Return where durations of this moment are counted, and forget those that are too old."""
        number = self._number(now_s)
        found = self._slots.get(number)
        if found is None:
            found = self._slots[number] = Histogram()
            for old in [each for each in self._slots if each <= number - AGE_BUCKETS]:
                del self._slots[old]
        return found

    def quantiles(self, now_s: float, shares: Iterable[float]) -> list[float]:
        """Return quantiles in microseconds, for ascending `shares`, NaN where nothing happened for a minute."""
        oldest = self._number(now_s) - AGE_BUCKETS
        return merged(slot for number, slot in self._slots.items() if number > oldest).quantiles(shares)

    def _number(self, now_s: float) -> int:
        return int((now_s - self.began_s) / SLOT_S)
