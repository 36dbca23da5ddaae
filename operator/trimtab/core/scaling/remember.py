"""What to remember of a decision and of the sample that it was taken on."""

from dataclasses import replace

from trimtab.core.live import live_deployments
from trimtab.core.scaling.capacity import LARGEST_BATCH, capacity_of, promise_of
from trimtab.core.scaling.decide import facts_of
from trimtab.core.scaling.decision import BoundBy, Decision
from trimtab.core.scaling.forecast import STEP, unit_of, with_past
from trimtab.core.scaling.memory import (
    LONGEST_BATCH,
    SHORTEST_BATCH,
    ScalingMemory,
    with_decision,
    with_recommendation,
)
from trimtab.core.scaling.observation import NoData, Sample
from trimtab.core.scaling.price import RISE, SEEN_LATE
from trimtab.core.scaling.prior import prior_of
from trimtab.core.scaling.proposal import INFORMED, Given, replicas_of
from trimtab.core.snapshot import ModelSnapshot, PoolUnusable
from trimtab.units import Seconds

OUT_OF_REACH = frozenset({BoundBy.BUDGET, BoundBy.MAX_REPLICAS, BoundBy.MODE, BoundBy.PIN, BoundBy.SCHEDULE})
"""What bounds a decision so that no price of lateness would raise it."""


def remember(snapshot: ModelSnapshot, decision: Decision) -> ScalingMemory:
    """Return the memory after a decision; the one before where the pool has no metric source.

    What was decided blind is no recommendation: it leaves a gap, and a long gap is no agreement on fewer replicas.
    """
    if snapshot.observation is None:
        return snapshot.memory
    now = int(snapshot.now.timestamp())
    memory = _learned(snapshot)
    if not isinstance(snapshot.pool, PoolUnusable):
        memory = _with_traffic(facts_of(snapshot), memory, decision)
    if decision.wanted is not None:
        memory = with_recommendation(memory, decision.wanted, now)
    return with_decision(memory, decision.replicas, now)


def _with_traffic(given: Given, memory: ScalingMemory, decision: Decision) -> ScalingMemory:
    """Return the memory with what a sample tells of demand, and of how many requests were late.

    A sample that is old, or lacks replicas, would teach a dip that never was; one less than half a step after the last
    one tells nothing new. Before demand is known a little, lateness says nothing of its price.
    """
    sample = given.observation
    if not isinstance(sample, Sample) or given.blindness or sample.missing or not memory.times.known:
        return memory
    promise = promise_of(given.spec)
    unit = unit_of(capacity_of(memory.times, promise).most)
    late = None if sample.latency is None else sample.latency.within(promise.target)
    price = memory.price
    since = Seconds(min(sample.window, given.now - sample.age - memory.demand.until))
    if 0.0 <= since < STEP / 2.0:
        return memory
    if late is not None and since > 0.0 and memory.demand.informed(INFORMED):
        most = RISE * _reach(given, decision) * since / SEEN_LATE
        price = price.steered(sample, 1.0 - late, promise.late, since=since, most=most)
    return replace(memory, price=price, demand=with_past(memory.demand, sample, given.now, given.start, unit))


def _reach(given: Given, decision: Decision) -> float:
    """Return how much a price may still lead to, 0 to 1: nothing where more replicas are forbidden.

    While those that were asked for are few of them ready, what is late is answered already.
    """
    running = given.running
    if decision.bound_by in OUT_OF_REACH or running is None:
        return 0.0
    return min(1.0, running.ready / max(1, replicas_of(running)))


def _learned(snapshot: ModelSnapshot) -> ScalingMemory:
    """Return the memory with the service times of a sample that is of the present variant alone."""
    memory, observation = snapshot.memory, snapshot.observation
    if isinstance(snapshot.pool, PoolUnusable) or observation is None or isinstance(observation, NoData):
        return memory
    variant = snapshot.pool.variant.name
    if any(each.exists and each.variant != variant for each in live_deployments(snapshot)):
        return memory
    size, time = observation.batch_size, observation.batch_time
    if size is None or not 1.0 <= size <= LARGEST_BATCH or time is None or not SHORTEST_BATCH <= time <= LONGEST_BATCH:
        return memory
    now = snapshot.now.timestamp()
    measured_at = int(now - observation.age)
    known = memory
    if memory.variant != variant:
        known = replace(memory, times=prior_of(memory.profile, variant), learned_at=None)
    since = observation.window
    if known.learned_at is not None and known.learned_at <= now:  # clocks may go back
        since = Seconds(measured_at - known.learned_at)
    if since <= 0:
        return memory
    share = min(1.0, since / observation.window)
    times = known.times.learned(size, time, since=since, share=share)
    return replace(known, variant=variant, times=times, learned_at=measured_at)
