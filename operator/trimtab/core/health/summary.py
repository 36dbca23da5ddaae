"""The conditions that sum up: `Ready`, and kstatus' `Reconciling` and `Stalled`.

`Ready` says whether the model answers as its user asked for it. So it stays True while a new template fails and the
replicas of before serve on, and while a replica is missing. It is False where the spec is refused, even if older
replicas answer: `kubectl wait` must not take a refused spec for a served one. And it is False for a model pinned to 0,
since whoever waits wants to call it; the reason `ScaledToZero`, with nothing stalled, says that nothing is wrong.
"""

from collections.abc import Sequence

from trimtab.api.conditions import ConditionType, Reason
from trimtab.core.findings import Finding
from trimtab.core.health.standing import Standing, Trouble
from trimtab.core.snapshot import PoolUnusable


def ready(standing: Standing, troubles: Sequence[Trouble], behind: Sequence[Finding]) -> Finding:
    """Say whether the model answers; `behind` are `ModelLoaded` and `CapacityAvailable`, the first False explains."""
    refused = refusals(standing, troubles)
    if refused:
        still = f"; {_answering(standing.ready, 'still answer')}" if standing.ready else ""
        return _not_ready(refused[0].reason, _told(refused) + still)
    if standing.ready > 0:
        return _serving(standing)
    return _silent(standing, troubles, behind)


def activity(standing: Standing, troubles: Sequence[Trouble], behind: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return `Stalled` while somebody has to change something, `Reconciling` while it is worked on, else nothing."""
    refused = refusals(standing, troubles)
    if refused:
        return (_true(ConditionType.STALLED, refused[0].reason, _told(refused)),)
    hopeless = _hopeless(standing, behind)
    if hopeless is not None:
        return (hopeless,)
    if standing.is_paused or (standing.settled and not troubles):
        return ()
    if troubles:
        return (_true(ConditionType.RECONCILING, troubles[0].reason, _told(troubles)),)
    cause = _cause(behind)
    if cause is not None:
        return (_true(ConditionType.RECONCILING, cause.reason, cause.message),)
    return (_true(ConditionType.RECONCILING, Reason.PROGRESSING, _way_to_go(standing)),)


def refusals(standing: Standing, troubles: Sequence[Trouble]) -> tuple[Trouble, ...]:
    """Return what of the spec cannot be done until somebody changes something, the pool first."""
    found = tuple(trouble for trouble in troubles if trouble.needs_change)
    pool = standing.snapshot.pool
    if isinstance(pool, PoolUnusable):
        return (Trouble(reason=pool.reason, message=pool.message, needs_change=True), *found)
    return found


def _serving(standing: Standing) -> Finding:
    """Say who answers, and how it is with those that the present spec asks for."""
    if not standing.has_service:
        return _not_ready(Reason.PROGRESSING, "replicas are ready, but there is no Service yet to call them by")
    old = f"{_answering(standing.ready, 'of before answer')}, those of the present spec"
    if standing.failure is not None and not standing.works:
        message = f"{old} do not: {standing.failure.message}"
    elif standing.target is None or standing.target.ready == 0:
        message = f"{old} are not ready yet"
    elif standing.ready > standing.desired:
        message = f"{standing.ready} replicas answer, of which {standing.desired} shall stay"
    else:
        message = f"{standing.ready} of {standing.desired} replicas answer"
    return Finding(type=ConditionType.READY, status="True", reason=Reason.SERVING, message=message)


def _silent(standing: Standing, troubles: Sequence[Trouble], behind: Sequence[Finding]) -> Finding:
    """Say why nothing answers."""
    if troubles:
        return _not_ready(troubles[0].reason, _told(troubles))
    if standing.target is None and standing.is_paused:
        return _not_ready(Reason.PAUSED_BY_ANNOTATION, "paused before anything was made")
    if standing.target is not None and standing.desired == 0:
        message = "scaled to 0 replicas, so nothing answers: scale it up, or run `kubectl trimtab unpin`"
        return _not_ready(Reason.SCALED_TO_ZERO, message)
    cause = _cause(behind)
    if cause is not None:
        return _not_ready(cause.reason, cause.message)
    return _not_ready(Reason.PROGRESSING, behind[0].message)


def _cause(behind: Sequence[Finding]) -> Finding | None:
    """Return what stands in the way, None if it only takes time."""
    return next(
        (finding for finding in behind if finding.status == "False" and finding.reason != Reason.NO_REPLICAS), None
    )


def _hopeless(standing: Standing, behind: Sequence[Finding]) -> Finding | None:
    """Return what no waiting mends: a failure that repeats itself, a refused pod, a rollout past its deadline."""
    failure, target = standing.failure, standing.target
    if failure is not None and failure.hopeless and not standing.works:
        return _true(ConditionType.STALLED, failure.reason, failure.message)
    refused = next((finding for finding in behind if finding.reason == Reason.PODS_REFUSED), None)
    if refused is not None:
        return _true(ConditionType.STALLED, refused.reason, refused.message)
    if target is not None and target.overdue and not standing.settled:
        causes = [finding.message for finding in behind if finding.status != "True"] or ["see its pods"]
        message = f"the replicas are not ready long after they should have been: {'; '.join(causes)}"
        return _true(ConditionType.STALLED, Reason.START_OVERDUE, message)
    return None


def _answering(ready: int, words: str) -> str:
    return f"1 replica {words}s" if ready == 1 else f"{ready} replicas {words}"


def _way_to_go(standing: Standing) -> str:
    """Return what is still to do, in numbers."""
    target = standing.target
    if target is None:
        return "there is no Deployment yet"
    parts = [f"{target.ready} of {standing.desired} replicas are ready, {target.updated} run the present template"]
    if len(standing.deployments) > 1:
        names = ", ".join(each.variant or each.name for each in standing.deployments if each is not target)
        parts.append(f"replicas on {names} stay until then")
    return "; ".join(parts)


def _told(troubles: Sequence[Trouble]) -> str:
    return "; ".join(trouble.message for trouble in troubles)


def _not_ready(reason: Reason, message: str) -> Finding:
    return Finding(type=ConditionType.READY, status="False", reason=reason, message=message)


def _true(kind: ConditionType, reason: Reason, message: str) -> Finding:
    return Finding(type=kind, status="True", reason=reason, message=message)
