"""The status of one model."""

from trimtab.api.aimodel import AIModelSpec
from trimtab.api.conditions import ConditionType, Reason
from trimtab.api.model_status import AIModelStatus, ModelVersion
from trimtab.core.findings import Finding, Occasion, dated
from trimtab.core.health.cost import cost_of, prices_known, within_budget
from trimtab.core.health.decided import decided
from trimtab.core.health.measured import latency_of, metrics_fresh, objectives_met, traffic_balanced
from trimtab.core.health.profiled import profile_of, profiled
from trimtab.core.health.progress import capacity_available, model_loaded
from trimtab.core.health.schedules import schedules_valid
from trimtab.core.health.size import fitted
from trimtab.core.health.standing import Standing, Trouble
from trimtab.core.health.summary import activity, ready, refusals
from trimtab.core.scaling.decision import Decision
from trimtab.core.snapshot import ModelSnapshot

MAX_VERSION = 1100  # characters, of the CRD
MAX_LABEL = 63


def model_status(
    snapshot: ModelSnapshot, decision: Decision | None, troubles: tuple[Trouble, ...], *, url: str | None, selector: str
) -> AIModelStatus:
    """Return what is to be said about a model, in at most 4 KiB: the same in an unchanged world, to the byte.

    `decision` is None where none was carried out: the pool cannot be used, or the model is paused. `url` is where its
    Service is called, `selector` selects its pods.
    """
    standing = Standing(snapshot, decision)
    behind = _not_started(standing, troubles) or (model_loaded(standing), capacity_available(standing))
    paused = (_paused(),) if standing.is_paused else ()
    findings = (
        ready(standing, troubles, behind),
        *activity(standing, troubles, behind),
        *behind,
        *objectives_met(snapshot),
        *metrics_fresh(snapshot),
        *traffic_balanced(snapshot),
        prices_known(snapshot.pool, snapshot.now),
        *within_budget(standing.deployments, snapshot.pool, snapshot.spec.budget),
        *schedules_valid(snapshot),
        *profiled(snapshot),
        *paused,
    )
    status = AIModelStatus(
        observed_generation=snapshot.model.generation,
        replicas=standing.exists,
        ready_replicas=standing.ready,
        selector=selector,
        url=url,
        variant=standing.variant[:MAX_LABEL] if standing.variant else None,
        version=ModelVersion(serving=version_of(snapshot.spec)) if standing.serves_present else None,
        latency=latency_of(snapshot),
        decision=decided(standing),
        cost=cost_of(standing.deployments, snapshot.pool),
        profile=profile_of(snapshot),
        conditions=dated(
            findings,
            Occasion(now=snapshot.now, generation=snapshot.model.generation, written_status=snapshot.written_status),
        ),
    )
    return fitted(status)


def _not_started(standing: Standing, troubles: tuple[Trouble, ...]) -> tuple[Finding, ...]:
    """Return what stands behind `Ready` of a model that is refused before anything could start; else nothing."""
    refused = refusals(standing, troubles)
    if not refused or standing.deployments:
        return ()
    return tuple(
        Finding(type=kind, status="Unknown", reason=refused[0].reason, message="nothing was started: see Ready")
        for kind in (ConditionType.MODEL_LOADED, ConditionType.CAPACITY_AVAILABLE)
    )


def version_of(spec: AIModelSpec) -> str:
    """Return which files are served: the digest asked for, else the source as one text."""
    source = spec.model.source
    if spec.model.digest is not None:
        return spec.model.digest
    if source.oci is not None:
        return _at(f"oci://{source.oci.image}", source.oci.path)
    if source.persistent_volume_claim is not None:
        return _at(f"pvc://{source.persistent_volume_claim.claim_name}", source.persistent_volume_claim.path)
    return _at(source.uri or "", None)


def _at(place: str, path: str | None) -> str:
    return (place if path is None else f"{place}/{path}")[:MAX_VERSION]


def _paused() -> Finding:
    return Finding(
        type=ConditionType.PAUSED,
        status="True",
        reason=Reason.PAUSED_BY_ANNOTATION,
        message="nothing is changed while the annotation trimtab.io/paused is true: remove it to go on",
    )
