"""What runs of many policies say of each other: frontiers, tuned knobs, and how sure one may be of it."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from statistics import fmean

from trimtab.simulate.outcome import HOUR, Outcome

LEAST_LATE = 1e-6
"""Share of late requests below which differences are chance; between points it is interpolated by its logarithm."""
RESAMPLES = 1_000
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What a policy came to over a part of a trace."""

    arrivals: float
    violations: float
    gpu_hours: float
    replica_changes: int = 0

    @property
    def attainment(self) -> float:
        """Share of the arrivals that were in time, 0 to 1; 1 where nobody came."""
        return 1.0 - min(1.0, self.violations / self.arrivals) if self.arrivals else 1.0


@dataclass(frozen=True, kw_only=True)
class Point:
    """A place on a frontier: what one setting of a knob attains, and what it costs in GPU-hours; means over seeds."""

    knob: float | None
    attainment: float
    gpu_hours: float


def tally(outcome: Outcome) -> Tally:
    """Return what an outcome came to where it is judged."""
    return Tally(
        arrivals=outcome.arrivals,
        violations=outcome.violations,
        gpu_hours=outcome.gpu_hours,
        replica_changes=outcome.replica_changes,
    )


def earlier(outcome: Outcome, arrivals: Sequence[float], since: int) -> Tally:
    """Return what it came to before, from second `since` on; moves of the replicas are not counted there."""
    part = slice(since, outcome.since)
    return Tally(
        arrivals=float(sum(arrivals[part])),
        violations=float(sum(outcome.late[part])),
        gpu_hours=sum(outcome.billed[part]) / HOUR,
    )


def point(knob: float | None, tallies: Sequence[Tally]) -> Point:
    """Return the mean over seeds; each request and each hour counts the same."""
    arrivals = sum(each.arrivals for each in tallies)
    late = sum(min(each.arrivals, each.violations) for each in tallies)
    return Point(
        knob=knob,
        attainment=1.0 - late / arrivals if arrivals else 1.0,
        gpu_hours=fmean(each.gpu_hours for each in tallies),
    )


def tuned(points: Iterable[Point], attainment: float) -> Point:
    """Return the cheapest point that attains so much; where none does, the one that attains most."""
    known = list(points)
    enough = [each for each in known if each.attainment >= attainment]
    if enough:
        return min(enough, key=lambda each: each.gpu_hours)
    return max(known, key=lambda each: (each.attainment, -each.gpu_hours))


def hours_at(points: Sequence[Point], attainment: float) -> float | None:
    """Return the fewest GPU-hours at which a frontier attains so much, None where it never does.

    `points` are in the order of the knob; between two neighbours, one above and one below, it is interpolated.
    """
    reached = [each.gpu_hours for each in points if each.attainment >= attainment]
    level = _late(attainment)
    for first, second in pairwise(points):
        if (first.attainment >= attainment) != (second.attainment >= attainment):
            share = (level - _late(first.attainment)) / (_late(second.attainment) - _late(first.attainment))
            reached.append(first.gpu_hours + share * (second.gpu_hours - first.gpu_hours))
    return min(reached, default=None)


def attainment_at(points: Sequence[Point], gpu_hours: float) -> float | None:
    """Return the most that a frontier attains for so many GPU-hours, None where even its cheapest point costs more."""
    reached = [each.attainment for each in points if each.gpu_hours <= gpu_hours]
    for first, second in pairwise(points):
        if (first.gpu_hours <= gpu_hours) != (second.gpu_hours <= gpu_hours):
            share = (gpu_hours - first.gpu_hours) / (second.gpu_hours - first.gpu_hours)
            late = _late(first.attainment) + share * (_late(second.attainment) - _late(first.attainment))
            reached.append(1.0 - math.exp(late))
    return max(reached, default=None)


def _late(attainment: float) -> float:
    return math.log(max(LEAST_LATE, 1.0 - attainment))


def geometric_mean(ratios: Sequence[float]) -> float | None:
    """Return the geometric mean, None of nothing."""
    return math.exp(fmean(math.log(ratio) for ratio in ratios)) if ratios else None


def interval(
    seeds: int, statistic: Callable[[Sequence[int]], float | None], *, resamples: int = RESAMPLES
) -> tuple[float, float] | None:
    """Return the interval in which a statistic lies with 95 % confidence, by a bootstrap over seeds.

    `statistic` gets the seeds to use, with repetitions. Policies are compared on the same seeds, so it is paired: a
    resample in which it cannot be told counts as infinite. None where it cannot be told of all seeds together, or
    there is but one.
    """
    if seeds < 2 or statistic(range(seeds)) is None:  # noqa: PLR2004 - of one seed nothing is known
        return None
    random = Random(seeds)  # noqa: S311 - chance that can be repeated is the point
    drawn = (statistic([random.randrange(seeds) for _ in range(seeds)]) for _ in range(resamples))
    values = sorted(math.inf if value is None else value for value in drawn)
    tail = (1.0 - CONFIDENCE) / 2.0
    return values[int(tail * resamples)], values[math.ceil((1.0 - tail) * resamples) - 1]
