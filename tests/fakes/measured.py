"""What was measured of a model, and what is remembered of it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from fakes.snapshots import NOW
from trimtab.core.scaling.capacity import Promise, ServiceTimes
from trimtab.core.scaling.forecast import CENTRES, HORIZONS, STEP, DemandMemory, Learned, unit_of
from trimtab.core.scaling.memory import Level, ScalingMemory
from trimtab.core.scaling.observation import (
    LatencyDistribution,
    LatencyPoint,
    NoData,
    NoDataReason,
    Observation,
    RatePoint,
    Sample,
)
from trimtab.core.scaling.price import Price
from trimtab.core.snapshot import ModelSnapshot
from trimtab.units import Replicas, RequestsPerSecond, Seconds

EPOCH = int(NOW.timestamp())
LOST = NoData(NoDataReason.UNREACHABLE, "Prometheus does not answer")


def learned(*pairs: tuple[float, float], since: float = 30.0, times: ServiceTimes | None = None) -> ServiceTimes:
    """Return what is learned from batches of a size that took a time, one in each window."""
    known = times or ServiceTimes()
    for size, time in pairs:
        known = known.learned(size, Seconds(time), since=Seconds(since))
    return known


LINEAR = learned((1, 0.022), (2, 0.024), (4, 0.028), (8, 0.036))
"""20 ms and 2 ms for each request: a replica that never rests serves 222.2 requests/s in batches of 8, and about three
quarters of it within 80 ms."""

CERTAIN = DemandMemory(
    unit=unit_of(RequestsPerSecond(8.0 / 0.036)),
    until=EPOCH - 60.0,
    learned=(Learned(missed=tuple(1e6 * (centre == 0.0) for centre in CENTRES)),) * HORIZONS,
)
"""Demand that always came as it was expected: what is decided follows from the rate alone."""


def promise(target: float = 0.08, *, max_batch: int | None = None, delay: float = 0.001, instances: int = 1) -> Promise:
    """Return a promise about nine-and-ninety of a hundred requests."""
    return Promise(
        target=Seconds(target), percentile=0.99, delay=Seconds(delay), max_batch=max_batch, instances=instances
    )


def past_of(rates: Iterable[float]) -> tuple[RatePoint, ...]:
    """Return rates of the past, a step apart, the last of them now."""
    told = list(rates)
    return tuple(
        RatePoint(ago=Seconds(STEP * (len(told) - 1 - at)), rate=RequestsPerSecond(rate))
        for at, rate in enumerate(told)
    )


def steady(rate: float, points: int = 40) -> tuple[RatePoint, ...]:
    """Return a past in which nothing changed."""
    return past_of([rate] * points)


def ending(rates: Sequence[float]) -> Sample:
    """Return a sample of just now with its past, the last rate being its own."""
    return replace(sample(rates[-1], history=past_of(rates)), age=Seconds(0.0))


def sample(
    arrivals: float, *, pending: float = 0.0, missing: int = 0, history: tuple[RatePoint, ...] | None = None
) -> Sample:
    """Return a fresh sample of two replicas; without another past, it was always so."""
    return Sample(
        age=Seconds(2.0),
        window=Seconds(30.0),
        pods=2,
        missing=missing,
        arrivals=RequestsPerSecond(arrivals),
        completions=RequestsPerSecond(arrivals),
        failures=RequestsPerSecond(0.0),
        pending=pending,
        history=steady(arrivals) if history is None else history,
    )


def timed(arrivals: float, *, within: float = 0.9, target: float = 0.08, at_p99: float = 0.12) -> Sample:
    """Return a fresh sample of two replicas, with a latency of which a share kept its target, and of the rest."""
    points = ((within, target), (0.99, at_p99))
    told = LatencyDistribution(
        points=tuple(LatencyPoint(quantile=share, latency=Seconds(latency)) for share, latency in points),
        requests=30.0 * arrivals,
        source="PodSummaries",
        resolution=Seconds(0.001),
    )
    return replace(sample(arrivals), latency=told)


def levels(*pairs: tuple[int, int]) -> tuple[Level, ...]:
    """Return levels by how many seconds ago they began."""
    return tuple(Level(at=EPOCH - ago, replicas=Replicas(replicas)) for ago, replicas in pairs)


def watched(replicas: int, seconds: int = 600) -> tuple[Level, ...]:
    """Return what a hold needs: one number wanted each half a minute."""
    return levels(*((ago, replicas) for ago in range(seconds, 0, -30)))


def remembered(
    wanted: Iterable[Level] = (), moves: Iterable[Level] = (), times: ServiceTimes = LINEAR
) -> ScalingMemory:
    """Return a memory of the variant l4, with certain demand; its price is that of one that is certain too."""
    return ScalingMemory(
        variant="l4",
        times=times,
        learned_at=EPOCH - 60,
        wanted=tuple(wanted),
        moves=tuple(moves),
        demand=CERTAIN,
        price=Price(log=0.0),
    )


def measured(seen: ModelSnapshot, observation: Observation, memory: ScalingMemory | None = None) -> ModelSnapshot:
    """Return a snapshot with an observation, and a memory of service times unless another is given."""
    return replace(seen, observation=observation, memory=remembered() if memory is None else memory)
