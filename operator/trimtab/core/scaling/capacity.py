"""How long a batch takes, learned from what was executed, and what a replica can therefore serve in time."""

import math
from dataclasses import dataclass

from trimtab.api.aimodel import AIModelSpec
from trimtab.api.shared import Percentile
from trimtab.core.scaling.lateness import Lateness, lateness_of
from trimtab.core.scaling.queueing import Replica
from trimtab.units import RequestsPerSecond, Seconds, seconds

HALF_LIFE = Seconds(1_800.0)
"""What was measured half an hour ago counts half: long enough for noise, short enough for a new driver or neighbour."""
LEAST_WEIGHT = 1.5
"""Windows of samples, after forgetting, before a fit is believed at all: one is not enough, two are."""
LEAST_SPREAD = 0.25
"""Standard deviation of batch sizes, over their mean, from which on a slope can be told from noise."""
OUTLIER = 3.0
"""A batch time more than so many times away from what is expected, either way, counts a tenth ..."""
OUTLIER_WEIGHT = 0.1
MOST_SURPRISE = 4.0
"""... until nothing else was seen for so many windows (2 min at 30 s): the world has changed, and is learned anew."""
DIGITS = 9
"""Significant digits kept: the sums are the same after they were stored as JSON."""

SHARES: dict[Percentile, float] = {"P50": 0.5, "P90": 0.9, "P95": 0.95, "P99": 0.99}
"""Of requests, that `objectives.latency.target` is about."""
LARGEST_BATCH = 4096
"""Of the API; a batch beyond it is not planned with, whatever was seen."""
LEAST_BUSY = 0.2
"""Utilisation down to which idle replicas are bought for the objective's sake.

Below it, a single execution takes about as long as the target allows, and more replicas would hardly help. It also
answers for a target that no number of replicas keeps, so that a service time that wanders across that border moves
nothing by leaps.
"""
PLANNED = 0.7
"""Of the late requests that the objective allows, how many certain demand is planned with: a first price is on the safe
side. What is aimed at once lateness is seen, `price.AIM`, is nearer to it."""
VARIABILITY = 0.5
"""Of Poisson arrivals at services that all take the same time: M/D/c. That arrivals come in bursts besides is for the
outlook to know."""


@dataclass(frozen=True, kw_only=True)
class ServiceTimes:
    """Sums over samples (batch size b, batch time t in seconds), each weighted by its age; all zero is nothing known.

    `largest` is the largest mean batch of all samples, `surprise` for how many windows there was nothing but outliers,
    `assumed` how much of the weight is left of a profile (see `scaling.prior`).
    """

    weight: float = 0.0
    b: float = 0.0
    bb: float = 0.0
    t: float = 0.0
    bt: float = 0.0
    largest: float = 0.0
    surprise: float = 0.0
    assumed: float = 0.0

    @property
    def known(self) -> bool:
        """Tell whether there is enough to fit."""
        return self.weight >= LEAST_WEIGHT

    def learned(self, batch_size: float, batch_time: Seconds, *, since: Seconds, share: float = 1.0) -> "ServiceTimes":
        """Return the sums with one more sample, after forgetting for the time `since` the last one.

        `share` is how much of the sample's window was not in the last one, 0 to 1: windows overlap where it is looked
        more often, and what was seen twice is not known twice.
        """
        strange = self.known and not 1.0 / OUTLIER <= batch_time / self.batch_time(batch_size) <= OUTLIER
        surprise = self.surprise + share if strange else 0.0
        known = ServiceTimes() if surprise >= MOST_SURPRISE else self
        anew = known is not self
        kept = 0.5 ** (max(0.0, since) / HALF_LIFE)
        weight = share * (OUTLIER_WEIGHT if strange and not anew else 1.0)
        return ServiceTimes(
            weight=_stored(known.weight * kept + weight),
            b=_stored(known.b * kept + weight * batch_size),
            bb=_stored(known.bb * kept + weight * batch_size**2),
            t=_stored(known.t * kept + weight * batch_time),
            bt=_stored(known.bt * kept + weight * batch_size * batch_time),
            largest=_stored(max(known.largest, batch_size)),
            surprise=0.0 if anew else _stored(surprise),
            assumed=_stored(known.assumed * kept),
        )

    def batch_time(self, size: float) -> Seconds:
        """Return the expected time of one execution of a batch, by least squares of T(b) = a + c b; rising in `size`.

        Where all batches had about one size, nothing is known of the slope: then smaller batches are taken to need as
        long, larger ones in proportion longer, which is never optimistic. A negative `a`, a time that grows faster than
        the batch, is believed for larger batches only; smaller ones then take their proportion.

        Raises:
            ZeroDivisionError: nothing is known.
        """
        mean_b, mean_t = self.b / self.weight, self.t / self.weight
        in_proportion = mean_t * size / mean_b
        variance = self.bb / self.weight - mean_b**2
        slope = 0.0
        if variance > (LEAST_SPREAD * mean_b) ** 2:
            slope = (self.bt / self.weight - mean_b * mean_t) / variance
        if slope <= 0.0:
            return Seconds(max(mean_t, in_proportion))
        fitted = mean_t + slope * (size - mean_b)
        return Seconds(max(fitted, in_proportion) if slope * mean_b > mean_t else fitted)


def _stored(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What a replica is held to, and how it gathers batches.

    `percentile` is a share (0.99); `delay` how long a request may wait for others to share its batch; `max_batch` None
    where it is the model's own business; `instances` copies of the model in a replica. `fresh_first` tells that who has
    waited too long already is served after the others.
    """

    target: Seconds
    percentile: float
    delay: Seconds
    max_batch: int | None
    instances: int
    fresh_first: bool = False

    @property
    def late(self) -> float:
        """The share of requests that may be late."""
        return 1.0 - self.percentile


def promise_of(spec: AIModelSpec) -> Promise:
    """Return what the replicas of a model are held to.

    Instances that are left to the model's own configuration count as one: Triton's default, and never optimistic.
    """
    triton = spec.serving.triton
    return Promise(
        target=seconds(spec.objectives.latency.target),
        percentile=SHARES[spec.objectives.latency.percentile],
        delay=seconds(triton.dynamic_batching.max_queue_delay),
        max_batch=triton.max_batch_size,
        instances=triton.instances_per_replica or 1,
        # without a size, the model's own config.pbtxt, which we do not see, has its say
        fresh_first=triton.queue_policy == "FreshFirst" and triton.max_batch_size is not None,
    )


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What one replica serves within the promise: `rate`, in batches of `batch`, each taking `batch_time`.

    `most` is the rate at which it never rests, `lateness` the share of requests that is late at any rate. `alone` is
    how long a request takes that nothing else hinders; above the target, no number of replicas helps.
    """

    batch: int
    batch_time: Seconds
    most: RequestsPerSecond
    lateness: Lateness
    alone: Seconds

    @property
    def rate(self) -> RequestsPerSecond:
        """Requests per second at which as many are late as is planned."""
        return RequestsPerSecond(self.most * self.lateness.sustained)


def capacity_of(times: ServiceTimes, promise: Promise) -> Capacity:
    """Return what one replica can serve in time, in batches of the size that serves most.

    A batch is feasible if it leaves time for the one before it: delay + 2 T(b) <= target (Nexus, SOSP 2019, section
    4.1). Sizes are doubled from 1 up, and the largest allowed is tried too. A request alone is always served, at
    `LEAST_BUSY` at least.

    Raises:
        ZeroDivisionError: nothing is known of service times.
    """
    largest = promise.max_batch or min(LARGEST_BATCH, max(1, math.ceil(times.largest)))
    best = _in_batches(1, times, promise)
    for size in sorted({*(2**power for power in range(1, largest.bit_length())), largest}):
        if promise.delay + 2.0 * times.batch_time(size) > promise.target:
            break
        best = max(best, _in_batches(size, times, promise), key=lambda capacity: capacity.rate)
    return best


def _in_batches(size: int, times: ServiceTimes, promise: Promise) -> Capacity:
    batch_time = times.batch_time(size)
    replica = Replica(slots=promise.instances * size, service=batch_time, variability=VARIABILITY)
    patience = Seconds(promise.target - promise.delay - batch_time)
    least = LEAST_BUSY if size == 1 else 0.0
    return Capacity(
        batch=size,
        batch_time=batch_time,
        most=replica.capacity,
        lateness=lateness_of(replica, patience, PLANNED * promise.late, least, fresh_first=promise.fresh_first),
        alone=Seconds(promise.delay + times.batch_time(1)),
    )
