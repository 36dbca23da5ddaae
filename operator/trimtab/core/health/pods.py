"""Read from a pod's status how far one replica is."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from trimtab.api.annotations import VARIANT_LABEL
from trimtab.api.conditions import Reason
from trimtab.api.kinds import Manifest
from trimtab.core.health.containers import Failure, failure_of
from trimtab.core.untrusted import entries, entry, part, shown, text


class Stage(StrEnum):
    """How far a replica is."""

    WAITING = "waiting for a node"
    FETCHING = "fetching the model"
    LOADING = "loading the model"
    READY = "ready"
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True)
class Replica:
    """One pod. `template` tells a Deployment's pod templates apart; `unscheduled` are the scheduler's words."""

    variant: str
    template: str
    born: str
    stage: Stage
    unscheduled: str
    failure: Failure | None


def replicas_of(pods: Iterable[Manifest], variant: str) -> tuple[Replica, ...]:
    """Return the replicas on a variant; a pod that is being deleted is none any more.

    One that its node gave up stays as a pod that has ended, until the cluster clears it away.
    """
    replicas = (_read(pod) for pod in pods if not _is_over(pod))
    return tuple(replica for replica in replicas if replica.variant == variant)


def of_present_template(replicas: Iterable[Replica]) -> tuple[Replica, ...]:
    """Return the replicas of the template that was rolled out last: the one whose first pod is the youngest."""
    by_template: dict[str, list[Replica]] = {}
    for replica in replicas:
        by_template.setdefault(replica.template, []).append(replica)
    youngest = max(
        by_template, key=lambda template: (min(each.born for each in by_template[template]), template), default=""
    )
    return tuple(by_template.get(youngest, ()))


def _is_over(pod: Manifest) -> bool:
    gone = part(pod, "metadata", "deletionTimestamp") is not None
    return gone or text(pod, "status", "phase") == "Succeeded"


def _read(pod: Manifest) -> Replica:
    ready = part(entry(pod, "status", "conditions", key="type", named="Ready"), "status") == "True"
    scheduled = entry(pod, "status", "conditions", key="type", named="PodScheduled")
    ended = text(pod, "status", "phase") == "Failed"
    waits = not ended and part(scheduled, "status") == "False"
    stage = Stage.ENDED if ended else Stage.READY if ready else _stage(pod)
    return Replica(
        variant=text(pod, "metadata", "labels", VARIANT_LABEL),
        template=text(pod, "metadata", "labels", "pod-template-hash"),
        born=text(pod, "metadata", "creationTimestamp"),
        stage=stage,
        unscheduled=(text(scheduled, "message") or "the scheduler gives no reason") if waits else "",
        failure=_loss(pod) if ended else None if ready else _first_failure(pod),
    )


def _stage(pod: Manifest) -> Stage:
    if not text(pod, "spec", "nodeName"):
        return Stage.WAITING
    initialized = entry(pod, "status", "conditions", key="type", named="Initialized")
    return Stage.LOADING if part(initialized, "status") == "True" else Stage.FETCHING


def _loss(pod: Manifest) -> Failure:
    """Return why a node gave a pod up: it was evicted, or the node could not give it what it needs."""
    why, said = text(pod, "status", "reason") or "no reason given", text(pod, "status", "message")
    message = shown(f"a pod was given up by its node ({why}), and another one is tried: {said}".removesuffix(": "))
    return Failure(reason=Reason.REPLICA_LOST, message=message, hopeless=False)


def _first_failure(pod: Manifest) -> Failure | None:
    """Return what keeps the pod from getting ready: its init containers run one after the other before the rest."""
    started = (*entries(pod, "status", "initContainerStatuses"), *entries(pod, "status", "containerStatuses"))
    failures = (failure_of(container) for container in started if part(container, "ready") is not True)
    return next((failure for failure in failures if failure is not None), None)
