"""What a profile Job has measured, and how much it counts beside what traffic shows.

It counts as `PRIOR_WINDOWS` of live samples, spread evenly over the sizes that were measured, and is forgotten like
these. A profile that is wrong by a factor that passes for an outlier is thrown away with all that was known, as any
knowledge is that four windows contradict: see `ServiceTimes.learned`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from trimtab.api.shared import Percentile
from trimtab.core.scaling.capacity import ServiceTimes
from trimtab.units import RequestsPerSecond, Seconds

MOST_NOTES = 2
MOST_OF_A_NOTE = 100
"""Characters, all of them ASCII: what is remembered stays small."""
PRIOR_WINDOWS = 4.0
"""Two minutes of traffic: after ten it counts for a sixth, and a slope that traffic never shows is known still."""


@dataclass(frozen=True, kw_only=True)
class MeasuredBatch:
    """How long a batch of one size takes."""

    size: int
    time: Seconds


@dataclass(frozen=True, kw_only=True)
class MeasuredLoad:
    """What so many requests at a time came to: the rate, and latency by percentile."""

    concurrency: int
    rate: RequestsPerSecond
    p50: Seconds
    p90: Seconds
    p95: Seconds
    p99: Seconds


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What was measured on a variant. `key` stands for files, way of serving, accelerator; `job` is the Job's uid."""

    key: str
    job: str
    variant: str
    accelerator: str
    batches: tuple[MeasuredBatch, ...]
    loads: tuple[MeasuredLoad, ...]
    notes: tuple[str, ...] = ()

    def prior(self) -> ServiceTimes:
        """Return what was measured as sums over samples."""
        share = PRIOR_WINDOWS / len(self.batches)
        return ServiceTimes(
            weight=PRIOR_WINDOWS,
            b=share * sum(each.size for each in self.batches),
            bb=share * sum(each.size**2 for each in self.batches),
            t=share * sum(each.time for each in self.batches),
            bt=share * sum(each.size * each.time for each in self.batches),
            largest=float(max(each.size for each in self.batches)),
            assumed=PRIOR_WINDOWS,
        )

    def rate_within(self, target: Seconds, percentile: Percentile) -> RequestsPerSecond | None:
        """Return the highest rate that was answered within a target, None if that was none."""
        met = [each.rate for each in self.loads if _LATENCY[percentile](each) <= target]
        return max(met, default=None)


_LATENCY: dict[Percentile, Callable[[MeasuredLoad], Seconds]] = {
    "P50": lambda load: load.p50,
    "P90": lambda load: load.p90,
    "P95": lambda load: load.p95,
    "P99": lambda load: load.p99,
}


def prior_of(profile: Profile | None, variant: str) -> ServiceTimes:
    """Return what a profile tells of a variant; nothing if it is of another, or there is none."""
    return profile.prior() if profile is not None and profile.variant == variant else ServiceTimes()


def added(times: ServiceTimes, prior: ServiceTimes) -> ServiceTimes:
    """Return what is known with a prior beside it."""
    return ServiceTimes(
        weight=times.weight + prior.weight,
        b=times.b + prior.b,
        bb=times.bb + prior.bb,
        t=times.t + prior.t,
        bt=times.bt + prior.bt,
        largest=max(times.largest, prior.largest),
        surprise=times.surprise,
        assumed=times.assumed + prior.assumed,
    )
