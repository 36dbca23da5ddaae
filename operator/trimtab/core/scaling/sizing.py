"""How many replicas demand asks for, at what one of them serves in time."""

import math
from dataclasses import dataclass

from trimtab.core.scaling.capacity import Capacity, Promise, ServiceTimes, capacity_of
from trimtab.core.scaling.demand import Demand, expected_demand
from trimtab.core.scaling.memory import MOST_REPLICAS
from trimtab.core.scaling.observation import Sample
from trimtab.units import Replicas, RequestsPerSecond, Seconds

ROUNDING = 1e-9
"""Replicas that are no reason for one more: 3.0000000001 is 3 and the processor's rounding."""


@dataclass(frozen=True, kw_only=True)
class Sizing:
    """`replicas` serve the expected demand in time.

    Were the replicas that are not measured as busy as the others, it would be `with_missing`. `capacity` is None where
    nothing is asked for, and service times are not known.
    """

    demand: Demand
    capacity: Capacity | None
    replicas: Replicas
    with_missing: Replicas

    def explained(self, promise: Promise) -> str:
        """Return the numbers in a sentence."""
        demand, capacity = self.demand, self.capacity
        if demand.rate <= 0.0 or capacity is None:
            return "no requests come"
        expected = (
            f"{_number(demand.rate)} requests/s expected within {demand.horizon:.0f} s "
            f"(now {_number(demand.now)}, growth {demand.growth:.2f})"
        )
        target = f"{promise.target * 1_000:g} ms"
        serves = f"one replica serves {_number(capacity.rate)}"
        if capacity.alone > promise.target:
            alone = f"{capacity.alone * 1_000:.3g} ms"
            return f"{expected}; {serves}, but none within {target}: a request that is alone takes {alone}"
        return f"{expected}; {serves} within {target} at p{promise.percentile * 100:g}"


def sizing_of(sample: Sample, times: ServiceTimes, promise: Promise, horizon: Seconds) -> Sizing | None:
    """Return how many replicas are needed, None where that cannot be known.

    That is so while service times are not, and where requests wait and none ends: then no traffic is measured because
    nothing moves. Where nothing is asked for, nothing needs to be known.
    """
    demand = expected_demand(sample, horizon)
    if demand.rate <= 0.0 and sample.pending > 0.0:
        return None
    if times.known:
        capacity = capacity_of(times, promise)
    elif demand.rate <= 0.0:
        return Sizing(demand=demand, capacity=None, replicas=Replicas(0), with_missing=Replicas(0))
    else:
        return None
    share = (sample.pods + sample.missing) / max(1, sample.pods)
    return Sizing(
        demand=demand,
        capacity=capacity,
        replicas=_enough(demand.rate, capacity),
        with_missing=_enough(RequestsPerSecond(demand.rate * max(1.0, share)), capacity),
    )


def _enough(rate: RequestsPerSecond, capacity: Capacity) -> Replicas:
    if rate <= 0.0:
        return Replicas(0)
    return Replicas(max(1, math.ceil(min(rate / capacity.rate, MOST_REPLICAS) - ROUNDING)))


def _number(rate: RequestsPerSecond) -> str:
    return f"{rate:.1f}" if rate >= 1.0 else f"{rate:.2g}"
