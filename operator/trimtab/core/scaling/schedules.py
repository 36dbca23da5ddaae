"""The policy that follows a model's schedules: in a window, other bounds hold than at all other times."""

from trimtab.core.scaling.decision import BoundBy
from trimtab.core.scaling.memory import LONGEST_HOLD
from trimtab.core.scaling.proposal import Given, Proposal, replicas_of
from trimtab.core.scaling.windows import next_of

KEPT_BEFORE = LONGEST_HOLD
"""Ten minutes before a window nothing that it needs is given back: a start that was quicker than those before it moves
the time from which it counts, and what was just started must not go for that."""


def follow_schedule(given: Given, proposal: Proposal) -> Proposal:
    """Keep to the bounds of the windows that are open, or open by the time that a replica started now would answer.

    They are a person's word like minReplicas and maxReplicas: at once, past the budget, and below a pin.
    """
    name, bounds = "FollowSchedule", given.scheduled
    if not given.spec.scaling.schedules:
        return proposal.left(name, "scaling.schedules is empty")
    was = f"it was {proposal.replicas}, {proposal.because}"
    untouched = proposal.bound_by is BoundBy.MIN_REPLICAS and proposal.replicas != bounds.least
    if bounds.least_by and (proposal.replicas < bounds.least or untouched):
        return proposal.moved(name, bounds.least, BoundBy.SCHEDULE, f"{bounds.least_by}; {was}")
    if bounds.most_by and proposal.replicas > bounds.most:
        return proposal.moved(name, bounds.most, BoundBy.SCHEDULE, f"{bounds.most_by}; {was}")
    return _kept_for_the_next(given, proposal, bounds.least_by)


def _kept_for_the_next(given: Given, proposal: Proposal, standing: str) -> Proposal:
    """Keep what runs as far as a window that opens soon asks for it."""
    name, asked = "FollowSchedule", 0 if given.running is None else replicas_of(given.running)
    coming = next_of(given.spec.scaling, given.now)
    for window in coming:
        kept = min(asked, window.schedule.min_replicas, given.bounds[1])
        if window.begins <= given.now + KEPT_BEFORE and proposal.replicas < kept:
            opens = f"schedule {window.schedule.name} begins at {window.opens()}, so what runs is kept for it"
            because = f"{opens}; it was {proposal.replicas}, {proposal.because}"
            return proposal.moved(name, kept, BoundBy.SCHEDULE, because)
    if standing:
        return proposal.left(name, standing)
    if not coming:
        return proposal.left(name, "no schedule can be followed: see SchedulesValid")
    return proposal.left(name, f"no window is open; {coming[0].schedule.name} begins at {coming[0].opens()}")
