"""What will be asked for some time ahead, as a distribution: learned from what came after what, and calibrated by it.

Rates are taken as square roots: Poisson noise is the same at any rate there, and a time without requests is a number
like others. One horizon ahead, the root is a weighted sum of the roots of the last rate and of the last minute's, by
least squares with forgetting; the weights are never negative, so that more requests never predict fewer. What that
misses is counted in bins, and the distribution is the prediction plus what was missed: whatever traffic is like, its
own surprises are what is planned with. (Rolling forecasts with empirical residuals: Hyndman and Athanasopoulos,
Forecasting: Principles and Practice, section 5.5.)
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate, pairwise

from trimtab.core.scaling.observation import RatePoint, Sample
from trimtab.units import RequestsPerSecond, Seconds

HALF_LIFE = Seconds(3_600.0)
"""What was seen an hour ago counts half: long enough for rare bursts, short enough for the next part of a day."""
STEP = Seconds(5.0)
"""Between the points of the past: a scrape interval."""
MINUTE = Seconds(60.0)
LONGEST = Seconds(780.0)
"""The farthest horizon that the past at hand, a quarter of an hour, can teach about; beyond it, this one is taken."""
NEAREST = Seconds(10.0)
PRIOR_SPREAD = 0.25
"""Standard deviation of the logarithm of growth within a minute, until it is known: conversation traffic shows 0.1 to
0.2, and bursts more. It grows with the root of the horizon."""
PRIOR_WEIGHT = 5.0
"""Points that this assumption is worth, against those that were seen."""
PRIOR_LEVEL, PRIOR_SLOPE = 20.0, 1.0
"""... and that no level of its own, and half a weight for either rate, are worth, where rates keep one replica busy."""
UNUSUAL = 3.0
"""Standard deviations above the mean, beyond which a rate is not like those that were learned from."""
NOISE = 0.05
"""In roots: a rate that is counted is never known better than that."""
LEAST_ROOT = 0.3
"""Of a replica's capacity, in roots: below it the assumed spread shrinks no more."""
EDGES = tuple(sorted(sign * 0.03 * 1.5**power for power in range(14) for sign in (-1.0, 1.0)))
"""Of the bins, in roots of about four replicas' capacities: narrow near 0, and wide enough for a hundred replicas."""
CENTRES = (1.2 * EDGES[0], *((a + b) / 2.0 for a, b in pairwise(EDGES)), 1.2 * EDGES[-1])
LEAST_PROBABILITY = 1e-5
SHORTEST_SPREAD = Seconds(15.0)
LEAST_SQUARE = 1e-6
DECIMALS, WEIGHT_DIGITS = 4, 4
"""Kept of sums, and significant digits of the weights of bins: they are the same after they were stored as JSON. Bins
that are rarely hit would never fade were they rounded to decimals: half a thousandth is what one in two loses."""
LEAST_WEIGHT = 1e-3
"""Of a bin; less is forgotten: ten half-lives after one point."""
MOST_ROOT = 100.0
"""Of any rate, which is what 40 000 replicas serve: nothing beyond it can be planned for, and sums stay finite."""
KEPT = 0.5 ** (STEP / HALF_LIFE)
SMALL = 0.15
"""In roots: a miss that is less is none that anybody would start a replica for."""
COMMON = 0.05
"""Share of the points that missed by as much, from which on such a miss counts in full."""


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What came `horizon` after what: sums for least squares of y = a + b x + c z, and how often it missed by how much.

    `squares` are the sums of 1, x, z, xx, xz, zz; `products` those of y, xy, zy; `missed` the weights of the bins.
    """

    squares: tuple[float, ...] = (0.0,) * 6
    products: tuple[float, ...] = (0.0,) * 3
    missed: tuple[float, ...] = (0.0,) * len(CENTRES)

    @property
    def weight(self) -> float:
        """How many points it was learned from, after forgetting."""
        return self.squares[0]

    @property
    def is_possible(self) -> bool:
        """Tell whether points can have these sums: no mean square is less than the square of its mean."""
        one, x, z, xx, _, zz = self.squares
        y, xy, zy = self.products
        known = one > 0.0 or not any((x, z, y, xy, zy))
        return known and max(x * x, z * z) <= 1.001 * one * max(xx, zz) + 1.0

    def weights(self) -> tuple[float, float, float]:
        """Return the level and the weights of the last rate and of the last minute's, none of the two negative."""
        one, x, z, xx, xz, zz = self.squares
        y, xy, zy = self.products
        one += PRIOR_LEVEL
        xx, zz, xy, zy = xx + PRIOR_SLOPE, zz + PRIOR_SLOPE, xy + PRIOR_SLOPE / 2.0, zy + PRIOR_SLOPE / 2.0
        # The two slopes after the level is eliminated: the normal equations of what is around the means.
        xx, xz, zz, xy, zy = xx - x * x / one, xz - x * z / one, zz - z * z / one, xy - x * y / one, zy - z * y / one
        xx, zz = max(xx, LEAST_SQUARE), max(zz, LEAST_SQUARE)  # sums are rounded, and anybody may have written them
        both = max(xx * zz - xz * xz, LEAST_SQUARE)
        last, minute = (xy * zz - zy * xz) / both, (zy * xx - xy * xz) / both
        if last < 0.0:
            last, minute = 0.0, max(0.0, zy / zz)
        elif minute < 0.0:
            last, minute = max(0.0, xy / xx), 0.0
        return (y - last * x - minute * z) / one, last, minute

    def predicted(self, last: float, minute: float) -> float:
        """Return the root to be expected after these.

        What was learned holds for rates as they were. What lies beyond them is new, and taken to stay: after an hour of
        steady traffic, its mean would else be the best guess however much came now.
        """
        level, by_last, by_minute = self.weights()
        most, most_minute = self._usual(minute)
        new = max(0.0, last - most, minute - most_minute)
        return max(0.0, level + by_last * min(last, most) + by_minute * min(minute, most_minute)) + new

    def _usual(self, minute: float) -> tuple[float, float]:
        """Return up to where rates are usual, and means over a minute: three standard deviations above their mean."""
        one, x, z, xx, _, zz = self.squares
        return _above(one, x, xx, minute), _above(one, z, zz, minute)

    def with_point(self, last: float, minute: float, came: float, horizon: Seconds) -> "Learned":
        """Return what is known after one more point, a step after the last one."""
        miss = came - self.predicted(last, minute)
        place = bisect_left(EDGES, miss)
        counts = self._counts(place, horizon) if miss > SMALL else 1.0
        missed = [weight * KEPT for weight in self.missed]
        missed[place] += counts
        new = (1.0, last, minute, last * last, last * minute, minute * minute)
        return Learned(
            squares=tuple(
                round(old * KEPT + counts * more, DECIMALS) for old, more in zip(self.squares, new, strict=True)
            ),
            products=tuple(
                round(old * KEPT + counts * came * factor, DECIMALS)
                for old, factor in zip(self.products, (1.0, last, minute), strict=True)
            ),
            missed=tuple(map(_stored, missed)),
        )

    def _counts(self, place: int, horizon: Seconds) -> float:
        """Return what a point that missed upwards counts, up to 1.

        One jump is missed by all points for a whole horizon. The first of its kind counts as one point, else what
        happened once would be planned for as if it took a part of all time; what comes again soon counts in full.
        """
        share = sum(self.missed[place:]) / (sum(self.missed) + PRIOR_WEIGHT)
        return min(1.0, max(STEP / horizon, share / COMMON))


def _stored(weight: float) -> float:
    return float(f"{weight:.{WEIGHT_DIGITS}g}") if weight >= LEAST_WEIGHT else 0.0


def _above(one: float, total: float, squares: float, assumed: float) -> float:
    """Return three standard deviations above the mean, together with what is assumed until it is known."""
    weight = one + PRIOR_WEIGHT
    mean = (total + PRIOR_WEIGHT * assumed) / weight
    noise = (PRIOR_SPREAD * assumed / 2.0) ** 2 + NOISE**2
    spread = (squares + PRIOR_WEIGHT * (assumed**2 + noise)) / weight - mean**2
    return mean + UNUSUAL * math.sqrt(max(spread, 0.0))


HORIZONS = 3
"""Soon, after half a start, and after a whole one."""


@dataclass(frozen=True, kw_only=True)
class DemandMemory:
    """What was learned of demand up to `until` (seconds since the epoch), for each of the horizons.

    `unit` is the root of the rate that counts as 1: of about four replicas' capacity when learning began.
    """

    unit: float = 0.0
    until: float = 0.0
    learned: tuple[Learned, ...] = (Learned(),) * HORIZONS

    def fits(self, unit: float) -> bool:
        """Tell whether the bins still suit a replica: they are too narrow, or too wide, for one four times as fast."""
        return 0.5 <= self.unit / unit <= 2.0  # noqa: PLR2004 - roots

    def informed(self, points: float) -> bool:
        """Tell whether so many points were learned from, for every horizon."""
        return all(each.weight >= points for each in self.learned)


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """Demand `horizon` ahead: rates in ascending order, each with its probability; `now` is the last one."""

    horizon: Seconds
    now: RequestsPerSecond
    rates: tuple[RequestsPerSecond, ...]
    chances: tuple[float, ...]

    @property
    def mean(self) -> RequestsPerSecond:
        """The expected rate."""
        return RequestsPerSecond(sum(rate * chance for rate, chance in zip(self.rates, self.chances, strict=True)))

    def at(self, quantile: float) -> RequestsPerSecond:
        """Return the rate that is not exceeded with a probability, 0 to 1."""
        so_far = accumulate(self.chances)
        return next(
            (rate for rate, chance in zip(self.rates, so_far, strict=True) if chance >= quantile), self.rates[-1]
        )


def horizons(start: Seconds) -> tuple[Seconds, ...]:
    """Return the horizons for a start that takes so long, until it is seen to be needed included."""
    longest = min(LONGEST, max(NEAREST, start))
    return NEAREST, Seconds(max(NEAREST, longest / 2.0)), longest


def unit_of(capacity: RequestsPerSecond) -> float:
    """Return the root that counts as 1 where one replica serves so much."""
    return 2.0 * math.sqrt(capacity)


def outlook(sample: Sample, memory: DemandMemory, start: Seconds, unit: float, index: int = HORIZONS - 1) -> Outlook:
    """Return what to expect at one of the horizons, the farthest unless another is named."""
    known = memory if memory.unit and memory.fits(unit) else DemandMemory(unit=unit)
    last, minute = _Past(sample, sample.age + MINUTE + STEP).roots(known.unit)
    learned, horizon = known.learned[index], horizons(start)[index]
    expected = learned.predicted(last, minute)
    spread = PRIOR_SPREAD * math.sqrt(max(horizon, SHORTEST_SPREAD) / MINUTE) * max(expected, LEAST_ROOT) / 2.0
    assumed = _assumed(round(4.0 * math.log2(spread)) / 4.0)
    total = sum(learned.missed) + PRIOR_WEIGHT
    rates, chances = [], []
    for centre, seen, guess in zip(CENTRES, learned.missed, assumed, strict=True):
        chance = (seen + PRIOR_WEIGHT * guess) / total
        if chance >= LEAST_PROBABILITY:
            chances.append(chance)
            rates.append(RequestsPerSecond((max(0.0, expected + centre) * known.unit) ** 2))
    certain = sum(chances)
    return Outlook(
        horizon=horizon,
        now=sample.arrivals,
        rates=tuple(rates),
        chances=tuple(chance / certain for chance in chances),
    )


def with_past(memory: DemandMemory, sample: Sample, now: float, start: Seconds, unit: float) -> DemandMemory:
    """Return what is known after the points of a sample's past that are newer than what was learned from."""
    known = memory if memory.unit and memory.fits(unit) else DemandMemory(unit=unit, until=memory.until)
    until = known.until if known.until <= now else 0.0  # clocks may go back
    past = _Past(sample, now - until + horizons(start)[-1] + MINUTE + STEP)
    learned = list(known.learned)
    for point in past.since(now - until - STEP / 2.0):
        came, _ = past.roots(known.unit, point)
        for index, horizon in enumerate(horizons(start)):
            before = past.nearest(past.points[point].ago + horizon)
            if before is not None:
                last, minute = past.roots(known.unit, before)
                learned[index] = learned[index].with_point(last, minute, came, horizon)
    return replace(known, until=round(now - sample.age, DECIMALS), learned=tuple(learned))


class _Past:
    """The points of a sample's past since a time, with the sample itself as the last one, oldest first."""

    def __init__(self, sample: Sample, ago: float) -> None:
        newest = RatePoint(ago=sample.age, rate=sample.arrivals)
        past = sample.history[_first_since(sample.history, ago) :]
        before = (point for point in past if point.ago >= sample.age + STEP / 2.0 and 0.0 <= point.rate < math.inf)
        self.points = [*before, newest]

    def roots(self, unit: float, point: int = -1) -> tuple[float, float]:
        """Return the roots of a point's rate and of the mean in the minute that ends with it."""
        end = len(self.points) + point + 1 if point < 0 else point + 1
        first = _first_since(self.points, self.points[end - 1].ago + MINUTE - STEP / 2.0)
        minute = self.points[min(first, end - 1) : end]
        return (
            min(MOST_ROOT, math.sqrt(self.points[end - 1].rate) / unit),
            min(MOST_ROOT, math.sqrt(sum(each.rate for each in minute) / len(minute)) / unit),
        )

    def since(self, ago: float) -> range:
        """Return the points that are newer than a time."""
        return range(_first_since(self.points, ago), len(self.points))

    def nearest(self, ago: float) -> int | None:
        """Return the point nearest to a time, None if there is none within half a step."""
        index = _first_since(self.points, ago + STEP / 2.0)
        found = index < len(self.points) and self.points[index].ago >= ago - STEP / 2.0
        return index if found else None


def _first_since(points: Sequence[RatePoint], ago: float) -> int:
    """Return the first point that is not older than a time."""
    return bisect_left(points, -ago, key=lambda point: -point.ago)


@cache
def _assumed(log2_spread: float) -> tuple[float, ...]:
    """Return the probabilities of the bins for a normal distribution around 0."""
    spread = 2.0**log2_spread
    below = [0.0, *(0.5 + 0.5 * math.erf(edge / (spread * math.sqrt(2.0))) for edge in EDGES), 1.0]
    return tuple(upper - lower for lower, upper in pairwise(below))
