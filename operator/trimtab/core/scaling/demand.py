"""What will be asked for by the time that a replica started now would answer."""

from collections import deque
from dataclasses import dataclass
from itertools import accumulate

from trimtab.core.scaling.observation import RatePoint, Sample
from trimtab.units import RequestsPerSecond, Seconds

NEAR = Seconds(60.0)
QUANTILE = 0.95
"""Of the growths seen: one start in twenty comes too late for a rise like those of the last quarter of an hour."""
LEAST_GROWTH, MOST_GROWTH = 1.0, 3.0
UNKNOWN_GROWTH = 1.2
FALLING = 0.9
"""Of the rate one horizon ago: below it demand falls, and is not only uneven."""
LEAST_STARTS = 12
"""Points of the past from which growth can be read, before their quantile is believed: a minute at 5 s."""
SMOOTHING = 3
"""Neighbouring points averaged, so that chance between two scrapes does not pass for growth."""


@dataclass(frozen=True, kw_only=True)
class Demand:
    """The rate expected at most within `horizon`: `now` times `growth`."""

    rate: RequestsPerSecond
    now: RequestsPerSecond
    growth: float
    horizon: Seconds


def expected_demand(sample: Sample, horizon: Seconds) -> Demand:
    """Return the demand to be ready for: the larger of what comes now and the last minute's mean, and its growth."""
    near = [point.rate for point in sample.history if point.ago <= NEAR]
    mean = sum(near) / len(near) if near else 0.0
    now = RequestsPerSecond(max(0.0, sample.arrivals, mean))
    growth = LEAST_GROWTH if is_falling(sample, horizon) else growth_within(sample.history, horizon)
    return Demand(rate=RequestsPerSecond(now * growth), now=now, growth=growth, horizon=horizon)


def is_falling(sample: Sample, horizon: Seconds) -> bool:
    """Tell whether demand is well below what it was one `horizon` ago: the morning's rise says nothing of the evening.

    The past may be known up to half a minute ago only, the present always. A dip that is over soon costs nothing: what
    was wanted before it is kept for a whole hold.
    """
    points = _smoothed(sample.history)
    before = next((point for point in reversed(points) if point.ago >= horizon), None)
    return before is not None and min(points[-1].rate, sample.arrivals) < FALLING * before.rate


def growth_within(history: tuple[RatePoint, ...], horizon: Seconds) -> float:
    """Return by how much demand has grown at most within `horizon`, in all but one of twenty cases of the past.

    A case is a time whose horizon has passed; it weighs as much as its rate, since growth from a trickle is chance.
    """
    cases = _cases(_smoothed(history), horizon)
    if len(cases) < LEAST_STARTS:
        return UNKNOWN_GROWTH
    cases.sort()
    so_far = list(accumulate(weight for _, weight in cases))
    growth = next(ratio for (ratio, _), weight in zip(cases, so_far, strict=True) if weight >= QUANTILE * so_far[-1])
    return min(MOST_GROWTH, max(LEAST_GROWTH, growth))


def _cases(points: list[RatePoint], horizon: Seconds) -> list[tuple[float, float]]:
    """Return the ratio of the highest rate within `horizon` after each point to its own, and its own.

    One pass from the newest to the oldest; `ahead` holds what may still be the highest, the highest first.
    """
    cases: list[tuple[float, float]] = []
    ahead: deque[RatePoint] = deque()
    for start in reversed(points):
        while ahead and ahead[0].ago < start.ago - horizon:
            ahead.popleft()
        if ahead and start.ago >= horizon and start.rate > 0.0:
            cases.append((ahead[0].rate / start.rate, start.rate))
        while ahead and ahead[-1].rate <= start.rate:
            ahead.pop()
        ahead.append(start)
    return cases


def _smoothed(history: tuple[RatePoint, ...]) -> list[RatePoint]:
    windows = (history[end - SMOOTHING : end] for end in range(SMOOTHING, len(history) + 1))
    return [
        RatePoint(ago=window[-1].ago, rate=RequestsPerSecond(sum(point.rate for point in window) / SMOOTHING))
        for window in windows
    ]
