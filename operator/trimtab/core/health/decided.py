"""A decision as the status carries it."""

from trimtab.api.model_status import OneMore, PolicyStep, ScalingDecision
from trimtab.core.health.measured import percent
from trimtab.core.health.standing import Standing
from trimtab.core.prices import written
from trimtab.core.scaling.decision import Decision, NextReplica
from trimtab.core.untrusted import shown

PAUSED = "Paused"
MAX_TEXT = 512  # characters of a step or a hint, of the CRD


def decided(standing: Standing) -> ScalingDecision | None:
    """Return the decision, None where none was carried out; while paused, that what is there stays."""
    decision = standing.decision
    if standing.is_paused and standing.target is not None:
        stays = standing.target.asked or 0
        message = "paused: 1 replica stays as it is" if stays == 1 else f"paused: {stays} replicas stay as they are"
        return ScalingDecision(desired_replicas=stays, bound_by=PAUSED, message=message)
    return None if decision is None else _told(decision)


def _told(decision: Decision) -> ScalingDecision:
    return ScalingDecision(
        desired_replicas=decision.replicas,
        wanted_replicas=decision.wanted,
        bound_by=decision.bound_by,
        message=decision.message,
        trail=tuple(
            PolicyStep(policy=step.policy, replicas=step.replicas, because=shown(step.because)[:MAX_TEXT])
            for step in decision.trail
        ),
        hint=decision.hint or None,
        next_replica=None if decision.next_replica is None else _one_more(decision.next_replica),
    )


def _one_more(more: NextReplica) -> OneMore:
    return OneMore(
        hourly=written(more.hourly),
        within_target_percent_now=percent(more.within_now),
        within_target_percent_then=percent(more.within_then),
    )
