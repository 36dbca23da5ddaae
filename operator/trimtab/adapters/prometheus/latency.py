"""Many pods' quantiles of latency, as one distribution of all their requests."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from trimtab.core.scaling.observation import LatencyDistribution, LatencyPoint
from trimtab.units import Seconds

SOURCE = "PodSummaries"
DIGITS = 7  # of a second: Triton tells whole microseconds; smaller steps would only lose precision
_NOTHING = 1e-9  # of a share of requests: what adding up loses


@dataclass(frozen=True, kw_only=True)
class PodLatency:
    """What one pod says of itself: how many requests it completed, and its quantiles, rising, each with its latency."""

    completions: float
    quantiles: tuple[tuple[float, Seconds], ...]


@dataclass(frozen=True)
class _Knee:
    """At `latency` the share of requests that took at most so long goes from `below` to `up_to` at once."""

    latency: float
    below: float
    up_to: float


def mix(pods: Collection[PodLatency]) -> LatencyDistribution | None:
    """Return the distribution over all requests, each pod weighted by its completions; None where there were none.

    Between a pod's quantiles, and from zero to the first, requests are taken to be spread evenly. A point's error is
    how far it would be off if they were all at one end instead, pod by pod as it hurts most: for one pod it is 0, for
    many it is at most the distance from the fastest pod's to the slowest pod's.
    """
    told = [_rising(pod) for pod in pods if pod.completions > 0 and pod.quantiles]
    requests = sum(pod.completions for pod in told)
    if not told:
        return None
    shares = [(pod.completions / requests, pod.quantiles) for pod in told]
    spread, late, early = _spread(shares), _steps(shares, late=True), _steps(shares, late=False)
    points: list[LatencyPoint] = []
    for quantile in sorted({quantile for _, points_of_pod in shares for quantile, _ in points_of_pod}):
        latest = next((knee.latency for knee in late if knee.up_to >= quantile - _NOTHING), None)
        if latest is None:  # some pods do not say how slow their slowest requests are
            continue
        latency = max(_inverse(spread, quantile), points[-1].latency if points else 0.0)  # rounding must not turn it
        earliest = next(knee.latency for knee in early if knee.up_to > quantile + _NOTHING or knee is early[-1])
        error = max(latest - latency, latency - earliest, 0.0)
        points.append(LatencyPoint(quantile=quantile, latency=Seconds(latency), error=Seconds(error)))
    if not points:
        return None
    resolution = max(point.error for point in points)
    return LatencyDistribution(points=tuple(points), requests=requests, source=SOURCE, resolution=resolution)


def _rising(pod: PodLatency) -> PodLatency:
    """Return the pod with latencies that never fall: estimates of neighbouring quantiles may cross by a little."""
    highest, rising = 0.0, []
    for quantile, latency in sorted(pod.quantiles):
        highest = max(highest, latency)
        rising.append((quantile, Seconds(round(highest, DIGITS))))
    return replace(pod, quantiles=tuple(rising))


_Shares = Sequence[tuple[float, tuple[tuple[float, Seconds], ...]]]


def _spread(shares: _Shares) -> list[_Knee]:
    """Return the distribution if requests lie evenly between the quantiles: straight from each knee to the next."""
    slopes: dict[float, float] = defaultdict(float)
    jumps: dict[float, float] = defaultdict(float)
    for share, quantiles in shares:
        for (below, start), (above, end) in pairwise(((0.0, Seconds(0.0)), *quantiles)):
            if end > start:
                slope = share * (above - below) / (end - start)
                slopes[start] += slope
                slopes[end] -= slope
            else:
                jumps[end] += share * (above - below)
    return list(_sweep(slopes, jumps))


def _steps(shares: _Shares, *, late: bool) -> list[_Knee]:
    """Return the distribution if requests are as late as the quantiles allow, or as early."""
    jumps: dict[float, float] = defaultdict(float)
    for share, quantiles in shares:
        marks = (0.0, *(quantile for quantile, _ in quantiles), 1.0)
        places = (0.0, *(latency for _, latency in quantiles))
        for (below, above), place in zip(pairwise(marks), places[1:] if late else places, strict=False):
            jumps[place] += share * (above - below)
    return list(_sweep({}, jumps))


def _sweep(slopes: dict[float, float], jumps: dict[float, float]) -> Iterator[_Knee]:
    share = slope = before = 0.0
    for latency in sorted(slopes.keys() | jumps.keys()):
        below = share + slope * (latency - before)
        share = below + jumps.get(latency, 0.0)
        slope += slopes.get(latency, 0.0)
        before = latency
        yield _Knee(latency, below, share)


def _inverse(knees: Sequence[_Knee], quantile: float) -> float:
    """Return the smallest latency that so large a share of requests kept."""
    last = knees[0]
    for knee in knees:
        if knee.below >= quantile - _NOTHING and knee.below > last.up_to:
            share = min((quantile - last.up_to) / (knee.below - last.up_to), 1.0)
            return last.latency + max(share, 0.0) * (knee.latency - last.latency)
        if knee.up_to >= quantile - _NOTHING:
            return knee.latency
        last = knee
    return last.latency
