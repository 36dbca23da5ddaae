"""Whether the replicas found a node, and have the model in memory."""

import re
from collections import Counter

from trimtab.api.conditions import ConditionType, Reason
from trimtab.core.findings import Finding
from trimtab.core.health.pods import Stage
from trimtab.core.health.standing import Standing
from trimtab.core.snapshot import PoolFound
from trimtab.core.untrusted import MAX_READ

_LONGEST_GIVEN_NAME = 58  # characters of a ReplicaSet's name that its pods keep; five random ones follow


def model_loaded(standing: Standing) -> Finding:
    """Say whether Triton has the model in memory; if not, in the words of whoever failed.

    Judged by the present template: what an older one has in memory is not what is asked for.
    """
    kind, failure = ConditionType.MODEL_LOADED, standing.failure
    if standing.works or standing.serves_present:
        also = f"; another replica has trouble: {failure.message}" if failure else ""
        message = f"Triton has the model in memory{also}"
        return Finding(type=kind, status="True", reason=Reason.LOADED, message=message)
    if failure is not None:
        return Finding(type=kind, status="False", reason=failure.reason, message=failure.message)
    if standing.desired == 0:
        return Finding(type=kind, status="False", reason=Reason.NO_REPLICAS, message="no replica is asked for")
    stages = Counter(each.stage for each in standing.present)
    counted = ", ".join(f"{stages[stage]} {stage}" for stage in Stage if stages[stage])
    message = f"no replica has the model in memory yet: {counted or 'no pod is there yet'}"
    return Finding(type=kind, status="Unknown", reason=Reason.LOADING, message=message)


def capacity_available(standing: Standing) -> Finding:
    """Say whether every replica found a node; if not, in the words of the scheduler or of who refused the pod."""
    kind, target = ConditionType.CAPACITY_AVAILABLE, standing.target
    if target is not None and target.refusal:
        message = f"pods cannot be created: {without_pod_names(target.refusal, target.name)}"
        return Finding(type=kind, status="False", reason=Reason.PODS_REFUSED, message=message)
    waiting = [each.unscheduled for each in standing.replicas if each.unscheduled]
    if waiting:
        count = f"{len(waiting)} of {standing.desired} replicas wait for a node"
        return Finding(
            type=kind, status="False", reason=_why_waiting(standing, min(waiting)), message=f"{count}: {min(waiting)}"
        )
    if standing.desired == 0:
        return Finding(type=kind, status="Unknown", reason=Reason.NO_REPLICAS, message="no replica is asked for")
    placed = sum(each.stage not in {Stage.WAITING, Stage.ENDED} for each in standing.replicas)
    if max(placed, target.ready if target else 0) >= standing.desired:
        return Finding(type=kind, status="True", reason=Reason.SCHEDULED, message="every replica has a node")
    message = f"{placed} of {standing.desired} replicas have a node so far"
    return Finding(type=kind, status="Unknown", reason=Reason.PROGRESSING, message=message)


def without_pod_names(said: str, deployment: str) -> str:
    """Return a text without the names of a Deployment's pods: each attempt has another, and another text is a write."""
    begins = f"{deployment}-" if len(deployment) < _LONGEST_GIVEN_NAME else deployment[:_LONGEST_GIVEN_NAME]
    name = rf"(?<![-0-9a-z]){re.escape(begins)}[-0-9a-z]*[0-9a-z]{{5}}(?![-0-9a-z])"
    return re.sub(name, f"{deployment}-*", said[:MAX_READ])


def _why_waiting(standing: Standing, said: str) -> Reason:
    """Return whether it is accelerators that are lacking, or something else that more accelerators would not mend."""
    pool = standing.snapshot.pool
    resource = pool.variant.resource_name if isinstance(pool, PoolFound) else None
    lacking = resource is not None and f"Insufficient {resource}" in said
    return Reason.WAITING_FOR_ACCELERATOR if lacking else Reason.UNSCHEDULABLE
