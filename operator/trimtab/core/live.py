"""A model's Deployments, as the API server last told."""

from collections.abc import Iterable
from dataclasses import dataclass

from trimtab.api.annotations import VARIANT_LABEL
from trimtab.api.kinds import DEPLOYMENT, Manifest
from trimtab.core.snapshot import ModelSnapshot
from trimtab.core.untrusted import count, entry, part, text
from trimtab.units import Replicas


@dataclass(frozen=True, kw_only=True)
class LiveDeployment:
    """One Deployment: what it is asked for, and what its controller says.

    `asked` is `spec.replicas`, None where it cannot be read. `exists`, `updated` and `ready` count pods: all, those of
    the present template, those that answer; `leaving` those that were deleted and end their work, which are not in
    `exists`, and which an API server before 1.35 does not tell. `refusal` says why pods could not be created.
    `observed` tells that the controller has seen the present spec, `overdue` that it gave up waiting for it to work.
    """

    name: str
    variant: str
    asked: Replicas | None
    exists: Replicas
    updated: Replicas
    ready: Replicas
    leaving: Replicas
    observed: bool
    overdue: bool
    refusal: str


def live_deployments(snapshot: ModelSnapshot) -> tuple[LiveDeployment, ...]:
    """Return the Deployments of a model, by name; one that is being deleted counts until it is gone: its pods serve."""
    found = (_read(key.name, child) for key, child in snapshot.children.items() if key.kind == DEPLOYMENT.kind)
    return tuple(sorted(found, key=lambda deployment: deployment.name))


def of_variant(deployments: Iterable[LiveDeployment], variant: str) -> LiveDeployment | None:
    """Return the Deployment that runs on a variant, None if there is none."""
    return next((deployment for deployment in deployments if deployment.variant == variant), None)


def _read(name: str, manifest: Manifest) -> LiveDeployment:
    seen, present = count(manifest, "status", "observedGeneration"), count(manifest, "metadata", "generation")
    failure = entry(manifest, "status", "conditions", key="type", named="ReplicaFailure")
    progress = entry(manifest, "status", "conditions", key="type", named="Progressing")
    asked = count(manifest, "spec", "replicas")
    return LiveDeployment(
        name=name,
        variant=text(manifest, "metadata", "labels", VARIANT_LABEL),
        asked=None if asked is None else Replicas(asked),
        exists=_pods(manifest, "replicas"),
        updated=_pods(manifest, "updatedReplicas"),
        ready=_pods(manifest, "readyReplicas"),
        leaving=_pods(manifest, "terminatingReplicas"),
        observed=(seen or 0) >= (present or 0),
        overdue=part(progress, "reason") == "ProgressDeadlineExceeded" and part(progress, "status") == "False",
        refusal=text(failure, "message") if part(failure, "status") == "True" else "",
    )


def _pods(manifest: Manifest, field: str) -> Replicas:
    """Return a count of the status; the controller leaves out what is zero."""
    return Replicas(count(manifest, "status", field) or 0)
