"""Snapshots of one model, as the shell would gather them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from trimtab.api.aimodel import AIModelSpec
from trimtab.api.annotations import VARIANT_LABEL
from trimtab.api.conditions import Condition
from trimtab.api.identity import ModelIdentity
from trimtab.api.inferencepool import InferencePoolSpec
from trimtab.api.kinds import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, POD, SERVICE, Manifest
from trimtab.api.model_status import AIModelStatus
from trimtab.core.health import Trouble, model_status
from trimtab.core.scaling.decide import decide
from trimtab.core.snapshot import ChildKey, ModelSnapshot, PoolFound, PoolUnusable

NOW = datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)
MODEL = ModelIdentity(namespace="payments", name="fraud", uid="0f3a", generation=3)
URL = "http://fraud.payments.svc:8000/v2/models/fraud"
SELECTOR = "trimtab.io/model=fraud"

L4 = {"name": "l4", "resourceName": "nvidia.com/gpu", "pricePerHour": "0.80"}
H100 = {"name": "h100", "resourceName": "nvidia.com/gpu", "acceleratorsPerReplica": 2, "pricePerHour": "4.10"}
CPU = {"name": "cpu"}


def model_spec(  # noqa: PLR0913 - each is one field of a spec that tests turn on its own
    *,
    least: int = 1,
    most: int = 5,
    pin: int | None = None,
    variant: str | None = None,
    autoscaler: str = "HorizontalPodAutoscaler",
    mode: str = "Active",
    percentile: str = "P99",
    budget: str | None = None,
    model: Mapping[str, Any] | None = None,
) -> AIModelSpec:
    """Return the spec of a model on the pool `gpus` of its own namespace."""
    return AIModelSpec.model_validate(
        {
            "poolRef": {"name": "gpus"},
            "model": model or {"source": {"uri": "s3://models/fraud"}},
            "objectives": {"latency": {"target": "80ms", "percentile": percentile}},
            "scaling": {"minReplicas": least, "maxReplicas": most, "autoscaler": autoscaler, "mode": mode},
            **({} if budget is None else {"budget": {"hourly": budget}}),
            **({} if pin is None else {"replicas": pin}),
            **({} if variant is None else {"serving": {"variant": variant}}),
        }
    )


def pool_spec(*variants: Mapping[str, Any], allowed: Mapping[str, Any] | None = None) -> Manifest:
    """Return the spec of a pool, with the variants l4, h100 and cpu unless others are given."""
    spec: Manifest = {"variants": [dict(variant) for variant in variants or (L4, H100, CPU)]}
    return spec if allowed is None else spec | {"allowedModels": {"namespaces": dict(allowed)}}


def pool_found(variant: str = "l4", *variants: Mapping[str, Any]) -> PoolFound:
    """Return the pool `gpus`, with the variant that the model runs on."""
    spec = InferencePoolSpec.model_validate(pool_spec(*variants))
    return PoolFound("payments", "gpus", spec, next(each for each in spec.variants if each.name == variant))


def deployment(  # noqa: PLR0913 - each is one number that a Deployment's controller tells on its own
    variant: str = "l4",
    *,
    asked: object = 1,
    exists: object = None,
    ready: object = None,
    updated: object = None,
    observed: int = 1,
    conditions: Iterable[Manifest] = (),
) -> Manifest:
    """Return a Deployment of the model; all that exist are ready and of the present template unless said otherwise."""
    exists = asked if exists is None else exists
    return {
        "kind": DEPLOYMENT.kind,
        "metadata": {"name": f"fraud-{variant}", "generation": 1, "labels": {VARIANT_LABEL: variant}},
        "spec": {"replicas": asked},
        "status": {
            "observedGeneration": observed,
            "replicas": exists,
            "readyReplicas": exists if ready is None else ready,
            "updatedReplicas": exists if updated is None else updated,
            "conditions": list(conditions),
        },
    }


def autoscaler(variant: str = "l4") -> Manifest:
    """Return the autoscaler of a variant."""
    return {"kind": HORIZONTAL_POD_AUTOSCALER.kind, "metadata": {"name": f"fraud-{variant}"}}


SERVICE_OF_MODEL: Manifest = {"kind": SERVICE.kind, "metadata": {"name": "fraud"}}


def children(*manifests: Manifest) -> dict[ChildKey, Manifest]:
    """Return manifests by their keys."""
    return {ChildKey(manifest["kind"], manifest["metadata"]["name"]): manifest for manifest in manifests}


def pod(  # noqa: PLR0913 - each is one thing that a kubelet or the scheduler tells on its own
    name: str = "fraud-l4-6d4cf56db6-x7k2p",
    *,
    variant: str = "l4",
    template: str = "6d4cf56db6",
    born: str = "2026-11-24T09:00:00Z",
    ready: bool = False,
    node: str = "node-1",
    initialized: bool = True,
    unschedulable: str | None = None,
    fetch: Mapping[str, Any] | None = None,
    triton: Mapping[str, Any] | None = None,
) -> Manifest:
    """Return a pod of the model, reduced to what health reads."""
    conditions = [
        {"type": "Ready", "status": str(ready)},
        {"type": "Initialized", "status": str(initialized)},
        {
            "type": "PodScheduled",
            "status": str(unschedulable is None),
            **({} if unschedulable is None else {"reason": "Unschedulable", "message": unschedulable}),
        },
    ]
    return {
        "kind": POD.kind,
        "metadata": {
            "name": name,
            "creationTimestamp": born,
            "labels": {VARIANT_LABEL: variant, "pod-template-hash": template},
        },
        "spec": {"nodeName": "" if unschedulable is not None else node},
        "status": {
            "phase": "Running" if ready else "Pending",
            "conditions": conditions,
            "initContainerStatuses": [] if fetch is None else [{"name": "fetch", **fetch}],
            "containerStatuses": [] if triton is None else [{"name": "triton", **triton}],
        },
    }


def terminated(code: int, message: str = "", reason: str = "Error", restarts: int = 0) -> Manifest:
    """Return the status of a container that ended and waits for its next start."""
    ended = {"exitCode": code, "reason": reason, "message": message}
    return {
        "ready": False,
        "restartCount": restarts,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}},
        "lastState": {"terminated": ended},
    }


def waiting(reason: str, message: str = "", image: str = "triton.example/server:1") -> Manifest:
    """Return the status of a container that was never started."""
    return {"ready": False, "image": image, "state": {"waiting": {"reason": reason, "message": message}}}


def snapshot(  # noqa: PLR0913 - the fields of a snapshot
    *manifests: Manifest,
    spec: AIModelSpec | None = None,
    pool: PoolFound | PoolUnusable | None = None,
    pods: Iterable[Manifest] = (),
    annotations: Mapping[str, str] | None = None,
    written_status: Mapping[str, object] | None = None,
    now: datetime = NOW,
) -> ModelSnapshot:
    """Return a snapshot with these children."""
    return ModelSnapshot(
        now=now,
        model=MODEL,
        spec=spec or model_spec(),
        annotations=annotations or {},
        written_status=written_status or {},
        pool=pool or pool_found(),
        children=children(*manifests),
        pods=tuple(pods),
    )


def status_of(seen: ModelSnapshot, *troubles: Trouble) -> AIModelStatus:
    """Return the status as the shell asks for it: with a decision where one was carried out."""
    idle = isinstance(seen.pool, PoolUnusable) or seen.annotations.get("trimtab.io/paused") == "true"
    return model_status(seen, None if idle else decide(seen), troubles, url=URL, selector=SELECTOR)


def condition(status: AIModelStatus, kind: str) -> Condition | None:
    """Return a condition by its type, None if it is not there."""
    return next((each for each in status.conditions if each.type == kind), None)


def told(status: AIModelStatus, kind: str) -> tuple[str, str]:
    """Return status and reason of a condition that must be there."""
    found = condition(status, kind)
    assert found is not None, f"no {kind} among {[each.type for each in status.conditions]}"
    return found.status, str(found.reason)


def message(status: AIModelStatus, kind: str) -> str:
    """Return the message of a condition that must be there."""
    found = condition(status, kind)
    assert found is not None, f"no {kind} among {[each.type for each in status.conditions]}"
    return found.message
