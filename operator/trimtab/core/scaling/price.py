"""What a late request is worth in time of a replica, steered by how many were late."""

import math
from dataclasses import dataclass

from trimtab.core.scaling.observation import Sample
from trimtab.units import Seconds

AIM = 0.9
"""Of the late requests that the objective allows, how many are aimed at: what nobody foresees needs the rest."""
PACE = 0.25
"""How fast the price follows: it rises by a factor e in 20 minutes in which twice as many are late as are aimed at."""
RISE = 2.0
"""By how much its logarithm rises at most within `SEEN_LATE`: what it has led to has to be seen first."""
SEEN_LATE = Seconds(120.0)
"""Twice the time for which a late answer is told again: latencies are those of the last minute."""
FORGETTING = Seconds(21_600.0)
"""In which the logarithm returns to the first but for a part e: what one bad hour has taught is not true for ever."""
PERIOD = Seconds(300.0)
SMOOTHING = Seconds(600.0)
"""Half-life of the rate that lateness is compared with: a quiet minute says less than a busy one."""
FIRST = -0.75
"""Logarithm of the first price: demand that is not certain spares more by each replica than the slope alone says. The
cheapest constant prices that keep 99 % of real traffic lie from -2 (conversations) to 0.3 (bursts of completions);
what nobody has seen yet is begun with on the safe side."""
CHEAPEST, DEAREST = -2.0, 4.0
"""Of the price's logarithm: from a seventh to 55 times of what certain demand would need."""
MOST_ANSWERED = 1e12
"""Requests per second, more than which nobody answers: it was counted wrongly."""
DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class Price:
    """The logarithm of what a late request is worth, over what it would be were demand certain.

    `rate` is the smoothed rate of requests per second that were answered or failed.
    """

    log: float = FIRST
    rate: float = 0.0

    @property
    def factor(self) -> float:
        """How many times what certain demand would need."""
        return math.exp(self.log)

    def steered(self, sample: Sample, late: float, allowed: float, *, since: Seconds, most: float) -> "Price":
        """Return the price after a sample of which a share was `late`, where a share `allowed` may be; both 0 to 1.

        `since` is the time that no sample before this one has told of. The logarithm rises by `most` at the most: what
        a price has led to has to be seen first. What is not a number teaches nothing.
        """
        answered = sample.completions + sample.failures
        if not (0.0 <= answered <= MOST_ANSWERED and 0.0 <= late <= 1.0):
            return self
        kept = 0.5 ** (since / SMOOTHING)
        rate = answered if self.rate <= 0.0 else kept * self.rate + (1.0 - kept) * answered
        if rate <= 0.0:
            return self
        missed = since * (sample.completions * late + sample.failures)
        surplus = (missed / (AIM * allowed) - since * answered) / (rate * PERIOD)
        step = min(PACE * max(-1.0, surplus), most)
        log = FIRST + (self.log - FIRST) * math.exp(-since / FORGETTING) + step
        return Price(log=_stored(max(CHEAPEST, min(DEAREST, log))), rate=_stored(rate))


def _stored(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
