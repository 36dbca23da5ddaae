"""What to remember of a decision and of the sample that it was taken on."""

from dataclasses import replace

from trimtab.core.live import live_deployments
from trimtab.core.scaling.capacity import LARGEST_BATCH, ServiceTimes
from trimtab.core.scaling.decision import Decision
from trimtab.core.scaling.memory import LONGEST_BATCH, SHORTEST_BATCH, ScalingMemory, with_decision, with_recommendation
from trimtab.core.scaling.observation import NoData
from trimtab.core.snapshot import ModelSnapshot, PoolUnusable
from trimtab.units import Seconds


def remember(snapshot: ModelSnapshot, decision: Decision) -> ScalingMemory:
    """Return the memory after a decision; the one before where the pool has no metric source.

    What was decided blind is no recommendation: it leaves a gap, and a long gap is no agreement on fewer replicas.
    """
    if snapshot.observation is None:
        return snapshot.memory
    now = int(snapshot.now.timestamp())
    memory = _learned(snapshot)
    if decision.wanted is not None:
        memory = with_recommendation(memory, decision.wanted, now)
    return with_decision(memory, decision.replicas, now)


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
    known = memory if memory.variant == variant else replace(memory, times=ServiceTimes(), learned_at=None)
    since = observation.window
    if known.learned_at is not None and known.learned_at <= now:  # clocks may go back
        since = Seconds(measured_at - known.learned_at)
    if since <= 0:
        return memory
    share = min(1.0, since / observation.window)
    times = known.times.learned(size, time, since=since, share=share)
    return replace(known, variant=variant, times=times, learned_at=measured_at)
