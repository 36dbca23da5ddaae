"""What a decision leaves to say: what one replica more would bring, and what might help better."""

from trimtab.core.prices import price_of
from trimtab.core.scaling.capacity import promise_of
from trimtab.core.scaling.decision import NextReplica
from trimtab.core.scaling.observation import Sample
from trimtab.core.scaling.proposal import Given
from trimtab.units import Replicas

ALONE = 1.05
"""Mean batch up to which requests are executed one by one."""
MOSTLY_WAITING = 0.5
"""Share of a request's time in the queue from which on batching would help."""
UNEVEN = 1.5
"""The busiest replica's requests over the mean, from which on the others are idle for no use."""


def next_replica_of(given: Given, replicas: Replicas) -> NextReplica | None:
    """Return what one more than `replicas` would cost and bring; None where demand or capacity is not known."""
    if given.sizing is None or given.sizing.capacity is None:
        return None
    return NextReplica(
        hourly=price_of(given.variant),
        within_now=given.sizing.within(replicas),
        within_then=given.sizing.within(replicas + 1),
    )


def hint_of(given: Given) -> str:
    """Return what would help better than more replicas, empty if nothing is known to."""
    sample = given.observation
    if not isinstance(sample, Sample):
        return ""
    promise = promise_of(given.spec)
    capacity = None if given.sizing is None else given.sizing.capacity
    if capacity is not None and capacity.alone > promise.target:
        return "raise objectives.latency.target, or make the model faster: more replicas do not shorten one execution"
    if _queues_one_by_one(sample) and (promise.max_batch or 1) == 1:
        return "allow batching (serving.triton.maxBatchSize) before buying accelerators: requests queue one by one"
    if sample.busiest is not None and sample.busiest > UNEVEN:
        return (
            f"spread requests: the busiest replica has {sample.busiest:.1f} times the mean. A Service spreads "
            "connections only, so open more of them, or put a gateway before it"
        )
    return ""


def _queues_one_by_one(sample: Sample) -> bool:
    if sample.batch_size is None or sample.batch_time is None or sample.queue_time is None:
        return False
    waiting = sample.queue_time / (sample.queue_time + sample.batch_time)
    return sample.batch_size <= ALONE and waiting > MOSTLY_WAITING
