"""The policies, in the order in which they have their say; those of what people said are in `bounds`.

Each takes the proposal so far and returns it, moved or not, with one step that names the policy.
"""

from itertools import pairwise

from trimtab.core.live import LiveDeployment
from trimtab.core.scaling.bounds import advise_only, obey_pin, respect_budget, stay_in_bounds
from trimtab.core.scaling.capacity import promise_of
from trimtab.core.scaling.decision import BoundBy
from trimtab.core.scaling.memory import in_force
from trimtab.core.scaling.observation import Sample
from trimtab.core.scaling.proposal import Given, Policy, Proposal, replicas_of
from trimtab.core.scaling.schedules import follow_schedule
from trimtab.units import Seconds

MOST_GAP = Seconds(30.0)
"""Between two recommendations that still agree, of which there is one in 15 s: half a hold, so that none is blind."""
RISE_PERIOD = Seconds(15.0)
LEAST_FALL = 1
LEAST_RISE = 4
"""Replicas that may always be added in a rise period; with doubling, what an autoscaler of Kubernetes does."""


def meet_objective(given: Given, proposal: Proposal) -> Proposal:
    """Propose what the expected demand needs within the latency objective.

    Replicas that are not measured never raise the number; they keep it from falling as if they were as busy as the
    others.
    """
    name = "MeetObjective"
    sample, sizing, running = given.observation, given.sizing, given.running
    if not isinstance(sample, Sample):
        return proposal.left(name, "nothing is measured")
    if sizing is None:
        return _by_what_waits(given, sample, running, proposal)
    because = sizing.explained(promise_of(given.spec))
    asked = 0 if running is None else replicas_of(running)
    if min(asked, sizing.with_missing) > max(sizing.replicas, min(asked, sizing.kept)):
        because += f"; {sample.missing} replicas are not measured, and taken to be as busy as the others"
        return proposal.moved(name, min(asked, sizing.with_missing), BoundBy.OBJECTIVE, because)
    if min(asked, sizing.kept) > sizing.replicas:
        because += f"; {sizing.replicas} would be started for that, and {sizing.kept} are worth being kept"
        return proposal.moved(name, min(asked, sizing.kept), BoundBy.OBJECTIVE, because)
    return proposal.moved(name, sizing.replicas, BoundBy.OBJECTIVE, because)


def _by_what_waits(given: Given, sample: Sample, running: LiveDeployment | None, proposal: Proposal) -> Proposal:
    """Keep what runs while service times are not known; add replicas for requests that wait, at most as many again.

    Not while replicas are still on their way: what waits for them would be counted twice.
    """
    name = "MeetObjective"
    if running is None:
        return proposal.left(name, "how long a batch takes is not known yet, and nothing runs")
    asked, promise = replicas_of(running), promise_of(given.spec)
    slots = promise.instances * (promise.max_batch or 1)
    more = min(asked, int(sample.pending // slots)) if running.ready >= asked else 0
    if more:
        because = f"{sample.pending:.0f} requests wait, and how long a batch takes is not known yet"
        return proposal.moved(name, asked + more, BoundBy.OBJECTIVE, because)
    because = f"how long a batch takes is not known yet, so what Deployment {running.name} has is kept"
    return proposal.moved(name, asked, BoundBy.HELD, because)


def follow_readings(given: Given, proposal: Proposal) -> Proposal:
    """Take what the pods' own pages ask for, where that is more: they tell of a step before Prometheus does."""
    name, reading, sizing = "FollowReadings", given.reading, given.by_reading
    if reading is None:
        return proposal.left(name, "no direct reading tells of more")
    if sizing is None:
        return proposal.left(name, f"{reading.told()}, but how long a batch takes is not known yet")
    if sizing.replicas <= proposal.replicas:
        return proposal.left(name, f"{reading.told()}, which needs no more")
    because = f"{reading.told()}; {sizing.explained(promise_of(given.spec))}"
    return proposal.moved(name, sizing.replicas, BoundBy.OBJECTIVE, because)


def hold_while_blind(given: Given, proposal: Proposal) -> Proposal:
    """Keep the replicas that run where demand is not known: blind, a model is never made smaller.

    What is left of the evidence may still raise it. Where nobody measures and there is no accelerator, an autoscaler
    measures the processor by itself, and the proposal is only its lower bound. On another variant than before, a
    model starts with what it had, measured or not.
    """
    name = "HoldWhileBlind"
    running, nobody_measures = given.running, given.observation is None
    if nobody_measures and given.present is not None and given.by_processor:
        return proposal.left(name, "the HorizontalPodAutoscaler measures, and moves the replicas above this number")
    if running is None:
        return proposal.left(name, "nothing runs yet")
    kept = replicas_of(running)
    blindness = given.blindness or (f"nothing was measured on {given.variant.name}" if given.present is None else "")
    if not blindness:
        return proposal.left(name, "demand is known")
    if not nobody_measures and proposal.replicas > kept:
        return proposal.left(name, f"{blindness}, but what is known asks for more than the {kept} there are")
    because = f"{blindness}, so what Deployment {running.name} has is kept"
    return proposal.moved(name, kept, BoundBy.HELD if nobody_measures else BoundBy.METRICS_LOST, because)


def stabilise(given: Given, proposal: Proposal) -> Proposal:
    """Give replicas back only after a whole hold in which fewer were always enough; the largest of it is kept.

    A time that nobody watched is no agreement, so after one, and at the beginning, what runs is kept for a hold.
    """
    name = "Stabilise"
    if given.observation is None or given.running is None or proposal.replicas >= replicas_of(given.running):
        return proposal.left(name, "nothing is given back")
    asked = replicas_of(given.running)
    began = given.now - given.hold
    wanted = in_force(given.memory.wanted, began, given.now)
    times = [*(level.at for level in wanted), given.now]
    watched = times[0] <= began and all(later - earlier <= MOST_GAP for earlier, later in pairwise(times))
    held = min(asked, max(level.replicas for level in wanted)) if watched else asked
    if held <= proposal.replicas:
        return proposal.left(name, f"no more were wanted for {given.hold:.0f} s")
    now = f"it would be {proposal.replicas} now, {proposal.because}"
    since = "more were wanted" if watched else "demand was not watched throughout"
    return proposal.moved(name, held, BoundBy.STABILIZATION, f"{since} in the last {given.hold:.0f} s; {now}")


def limit_rate(given: Given, proposal: Proposal) -> Proposal:
    """Add at most 4 replicas or as many again in 15 s; give back at most half, or one, in a hold.

    A rate that nobody could have foreseen is more often a mistake than true, and what it costs grows with each step.
    """
    name = "LimitRate"
    if given.observation is None or given.running is None:
        return proposal.left(name, "there is nothing to move away from")
    asked = replicas_of(given.running)
    least = min((asked, *_decided_within(given, RISE_PERIOD)))
    ceiling = max(asked, least + max(LEAST_RISE, least))
    if proposal.replicas > ceiling:
        because = f"no more than {ceiling} within {RISE_PERIOD:.0f} s; it was {proposal.replicas}, {proposal.because}"
        return proposal.moved(name, ceiling, BoundBy.RATE_LIMIT, because)
    most = max((asked, *_decided_within(given, given.hold)))
    floor = min(asked, most - max(LEAST_FALL, most // 2))
    if proposal.replicas < floor:
        because = f"no fewer than {floor} within {given.hold:.0f} s; it was {proposal.replicas}, {proposal.because}"
        return proposal.moved(name, floor, BoundBy.RATE_LIMIT, because)
    return proposal.left(name, "neither too fast up nor too fast down")


def _decided_within(given: Given, time: Seconds) -> tuple[int, ...]:
    return tuple(level.replicas for level in in_force(given.memory.moves, given.now - time, given.now))


POLICIES: tuple[Policy, ...] = (
    meet_objective,
    follow_readings,
    hold_while_blind,
    stabilise,
    limit_rate,
    respect_budget,
    follow_schedule,
    obey_pin,
    stay_in_bounds,
    advise_only,
)
"""What is needed, then what is not known, then how fast; a person's word after all of these, since it is meant at once.

Blindness comes before stabilisation, so that a number that is only held is not taken for one that fell. The rate limit
comes after it, since it is about the step that is left. A pin, a number that somebody chose, goes before the budget,
and so do the bounds, of which the lower one is a promise to callers. The mode comes last: what it advises is what would
be done.
"""
