"""The policies that do what people said: what it may cost, how many there shall be, and whether to act at all."""

import math
from decimal import Decimal

from trimtab.core.prices import price_of
from trimtab.core.scaling.decision import BoundBy
from trimtab.core.scaling.memory import MOST_REPLICAS
from trimtab.core.scaling.proposal import Given, Proposal, replicas_of
from trimtab.units import Replicas


def respect_budget(given: Given, proposal: Proposal) -> Proposal:
    """Take no more replicas than `budget.hourly` pays for, even if they miss the objective or run already.

    A price that is not known bounds nothing. Replicas that a former variant still has are not counted: they go.
    """
    name, budget, paid = "RespectBudget", given.spec.budget, _paid_for(given)
    if budget is None:
        return proposal.left(name, "spec.budget is not set")
    if paid is None:
        return proposal.left(name, f"variant {given.variant.name} has no pricePerHour, so the budget bounds nothing")
    pays = f"budget.hourly {budget.hourly} pays for {paid} at {given.variant.price_per_hour} each"
    if proposal.replicas > paid:
        return proposal.moved(name, paid, BoundBy.BUDGET, f"{pays}; it was {proposal.replicas}, {proposal.because}")
    return proposal.left(name, pays)


def obey_pin(given: Given, proposal: Proposal) -> Proposal:
    """Take exactly the number that a person asked for, zero included."""
    if given.spec.replicas is None:
        return proposal.left("ObeyPin", "spec.replicas is not set")
    return proposal.moved("ObeyPin", given.spec.replicas, BoundBy.PIN, "pinned by spec.replicas")


def stay_in_bounds(given: Given, proposal: Proposal) -> Proposal:
    """Stay at or below `maxReplicas`, pinned or not, and at or above `minReplicas` unless pinned; in a window, its own.

    What nobody has pinned lies within a window's bounds already.
    """
    name, bounds = "StayInBounds", given.scheduled
    if proposal.replicas > bounds.most:
        allows = bounds.most_by or "scaling.maxReplicas allows no more"
        bound_by = BoundBy.SCHEDULE if bounds.most_by else BoundBy.MAX_REPLICAS
        because = f"{allows}; it was {proposal.replicas}, {proposal.because}"
        return proposal.moved(name, bounds.most, bound_by, because)
    if proposal.replicas < bounds.least and given.spec.replicas is None:
        because = f"scaling.minReplicas allows no fewer; it was {proposal.replicas}, {proposal.because}"
        return proposal.moved(name, bounds.least, BoundBy.MIN_REPLICAS, because)
    return proposal.left(name, "within scaling.minReplicas and scaling.maxReplicas, or pinned")


def advise_only(given: Given, proposal: Proposal) -> Proposal:
    """In mode Advisory, keep what runs and say what would be; a person's pin and bounds are obeyed all the same.

    Beside an autoscaler that moves the replicas by itself, what runs must not become its lower bound: it could never
    come down again. There the bound is `minReplicas`, and the autoscaler is left alone.
    """
    name, (least, most), running = "AdviseOnly", given.bounds, given.running
    if given.spec.scaling.mode == "Active":
        return proposal.left(name, "scaling.mode is Active")
    if given.spec.replicas is not None:
        return proposal.left(name, "a pin is obeyed in mode Advisory too")
    if running is None:
        return proposal.left(name, "nothing runs yet")
    would = f"in mode Active it would be {proposal.replicas}, {proposal.because}"
    if given.by_processor:
        return _kept(proposal, least, f"scaling.mode Advisory leaves all above to the HorizontalPodAutoscaler; {would}")
    kept = max(least, min(replicas_of(running), most))
    return _kept(proposal, kept, f"scaling.mode Advisory keeps what Deployment {running.name} has; {would}")


def ceiling_of(given: Given) -> Replicas | None:
    """Return what an autoscaler that moves by itself may rise to, None where that is `scaling.maxReplicas`."""
    paid, (least, most) = _paid_for(given), given.bounds
    if paid is None or given.spec.scaling.mode == "Advisory":
        return None if most == given.spec.scaling.max_replicas else Replicas(most)
    return Replicas(max(least, min(paid, most)))


def _paid_for(given: Given) -> int | None:
    """Return how many replicas the budget pays for, None without one or without a price."""
    budget, price = given.spec.budget, price_of(given.variant)
    if budget is None or price is None:
        return None
    return math.floor(min(Decimal(budget.hourly) / price, Decimal(MOST_REPLICAS)))


def _kept(proposal: Proposal, replicas: int, because: str) -> Proposal:
    if replicas == proposal.replicas:
        return proposal.left("AdviseOnly", "what is decided is what there is")
    return proposal.moved("AdviseOnly", replicas, BoundBy.MODE, because)
