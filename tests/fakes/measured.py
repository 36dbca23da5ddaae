"""What was measured of a model, and what is remembered of it."""

from collections.abc import Iterable
from dataclasses import replace

from fakes.snapshots import NOW
from trimtab.core.scaling.capacity import ServiceTimes
from trimtab.core.scaling.memory import Level, ScalingMemory
from trimtab.core.scaling.observation import NoData, NoDataReason, Observation, RatePoint, Sample
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
"""20 ms and 2 ms for each request: within 80 ms, a replica serves 149.4 requests/s in batches of 8."""


def steady(rate: float, points: int = 40, step: float = 5.0) -> tuple[RatePoint, ...]:
    """Return a past in which nothing changed."""
    return tuple(RatePoint(ago=Seconds(step * (points - 1 - at)), rate=RequestsPerSecond(rate)) for at in range(points))


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


def levels(*pairs: tuple[int, int]) -> tuple[Level, ...]:
    """Return levels by how many seconds ago they began."""
    return tuple(Level(at=EPOCH - ago, replicas=Replicas(replicas)) for ago, replicas in pairs)


def watched(replicas: int, seconds: int = 600) -> tuple[Level, ...]:
    """Return what a hold needs: one number wanted each half a minute."""
    return levels(*((ago, replicas) for ago in range(seconds, 0, -30)))


def remembered(
    wanted: Iterable[Level] = (), moves: Iterable[Level] = (), times: ServiceTimes = LINEAR
) -> ScalingMemory:
    """Return a memory of the variant l4."""
    return ScalingMemory(variant="l4", times=times, learned_at=EPOCH - 60, wanted=tuple(wanted), moves=tuple(moves))


def measured(seen: ModelSnapshot, observation: Observation, memory: ScalingMemory | None = None) -> ModelSnapshot:
    """Return a snapshot with an observation, and a memory of service times unless another is given."""
    return replace(seen, observation=observation, memory=remembered() if memory is None else memory)
