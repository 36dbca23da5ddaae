"""Each field of a spec does something: another value, and something else is decided, said or rendered."""

import copy
from typing import Any

import pytest

from api_examples import KINDS, MODEL, POOL, nodes, schema_of
from fakes.measured import measured, sample
from fakes.snapshots import NOW
from trimtab.api.aimodel import parse_spec
from trimtab.api.identity import ModelIdentity
from trimtab.api.kinds import Manifest
from trimtab.core.health.cost import prices_known
from trimtab.core.pool_health import PoolSnapshot, pool_status
from trimtab.core.pools import resolve_pool
from trimtab.core.scaling.decide import decide
from trimtab.core.snapshot import ModelSnapshot, PoolFound
from trimtab.render.children import render_children
from trimtab.render.profile import render_profile
from trimtab.render.settings import PodSettings, RenderSettings, Serving

SETTINGS = RenderSettings(
    pod=PodSettings(triton_image="registry.example/triton:1", runtime_image="registry.example/r:1")
)
OCI = {"oci": {"image": "registry.example/m:1", "path": "a", "pullPolicy": "IfNotPresent"}}
VOLUME = {"persistentVolumeClaim": {"claimName": "m", "path": "a"}}
TOLERATION = {"key": "a", "operator": "Equal", "value": "b", "effect": "NoExecute", "tolerationSeconds": 1}
ELSEWHERE = {"poolRef": {"name": "gpu-main", "namespace": "platform"}}
BATCHES = {"serving": {"triton": {"maxBatchSize": 8, "dynamicBatching": {"preferredBatchSizes": [4]}}}}
GPU = {"name": "l4", "resourceName": "nvidia.com/gpu"}
CONSENT = {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"team": "a"}}}}
WINDOW = {"name": "day", "start": "0 8 * * *", "duration": "4h", "minReplicas": 2, "maxReplicas": 3}
WINDOWS: Manifest = {"scaling": {"schedules": [WINDOW]}}
PRICED: Manifest = {"variants": [{"name": "l4", "pricePerHour": "0.80"}]}

# field -> another value, and what the spec has to say besides for it to matter
MODEL_FIELDS: dict[str, tuple[object, Manifest]] = {
    "poolRef.name": ("gone", {}),
    "poolRef.namespace": ("platform", {}),
    "replicas": (5, {}),
    "model.name": ("other", {}),
    "model.source.uri": ("gs://other/m", {}),
    "model.source.oci.image": ("registry.example/m:2", {"model": {"source": OCI}}),
    "model.source.oci.path": ("b", {"model": {"source": OCI}}),
    "model.source.oci.pullPolicy": ("Always", {"model": {"source": OCI}}),
    "model.source.persistentVolumeClaim.claimName": ("n", {"model": {"source": VOLUME}}),
    "model.source.persistentVolumeClaim.path": ("b", {"model": {"source": VOLUME}}),
    "model.digest": ("sha256:" + "0" * 64, {}),
    "model.credentialsSecretRef.name": ("s3-reader", {}),
    "serving.variant": ("cpu", {}),
    "serving.image": ("registry.example/triton:2", {}),
    "serving.resources.requests.cpu": ("500m", {}),
    "serving.resources.requests.memory": ("1Gi", {}),
    "serving.resources.requests.ephemeral-storage": ("1Gi", {}),
    "serving.resources.limits.cpu": ("4", {}),
    "serving.resources.limits.memory": ("4Gi", {}),
    "serving.resources.limits.ephemeral-storage": ("4Gi", {}),
    "serving.sharedMemory": ("1Gi", {}),
    "serving.triton.maxBatchSize": (16, BATCHES),
    "serving.triton.instancesPerReplica": (2, {}),
    "serving.triton.dynamicBatching.maxQueueDelay": ("5ms", BATCHES),
    "serving.triton.dynamicBatching.preferredBatchSizes": ([8], BATCHES),
    "serving.triton.queuePolicy": ("FirstComeFirstServed", {}),
    "serving.triton.warmUp": ("ZeroData", {}),
    "serving.startup.timeout": ("1h", {}),
    "serving.drain.timeout": ("5m", {}),
    "serving.env[].name": ("OMP_B", {"serving": {"env": [{"name": "OMP_A", "value": "1"}]}}),
    "serving.env[].value": ("2", {"serving": {"env": [{"name": "OMP_A", "value": "1"}]}}),
    "serving.labels": ({"team": "a"}, {}),
    "serving.nodeSelector": ({"zone": "a"}, {}),
    "serving.tolerations[].key": ("c", {"serving": {"tolerations": [TOLERATION]}}),
    "serving.tolerations[].operator": ("Exists", {"serving": {"tolerations": [TOLERATION]}}),
    "serving.tolerations[].value": ("c", {"serving": {"tolerations": [TOLERATION]}}),
    "serving.tolerations[].effect": ("NoSchedule", {"serving": {"tolerations": [TOLERATION]}}),
    "serving.tolerations[].tolerationSeconds": (2, {"serving": {"tolerations": [TOLERATION]}}),
    "serving.imagePullSecrets[].name": ("b", {"serving": {"imagePullSecrets": [{"name": "a"}]}}),
    "serving.priorityClassName": ("high", {}),
    "serving.allowedClients[].namespace": ("shop", {"serving": {"allowedClients": [{}]}}),
    "serving.allowedClients[].podLabels": ({"app": "a"}, {"serving": {"allowedClients": [{}]}}),
    "objectives.latency.target": ("5s", {}),
    "objectives.latency.percentile": ("P50", {}),
    "budget.hourly": ("0.90", {"budget": {"hourly": "0.70"}, "scaling": {"minReplicas": 1}}),
    "scaling.minReplicas": (2, {}),
    "scaling.maxReplicas": (3, {"replicas": 9}),
    "scaling.schedules[].name": ("night", WINDOWS),
    "scaling.schedules[].start": ("0 11 * * *", WINDOWS),
    "scaling.schedules[].duration": ("1h", WINDOWS),
    "scaling.schedules[].timeZone": ("Asia/Tokyo", WINDOWS),
    "scaling.schedules[].minReplicas": (3, WINDOWS),
    "scaling.schedules[].maxReplicas": (2, {"replicas": 9} | WINDOWS),
    "scaling.autoscaler": ("None", {}),
    "scaling.mode": ("Advisory", {}),
    "profile.timeLimit": ("10m", {"profile": {}}),
}
POOL_FIELDS: dict[str, tuple[object, Manifest]] = {
    "currency": ("EUR", PRICED),
    "metrics.sourceRef.name": ("team-b", {"metrics": {"sourceRef": {"name": "team-a"}}}),
    "allowedModels.namespaces.from": ("All", {}),
    "allowedModels.code": ("Allow", {"allowedModels": {"namespaces": {"from": "All"}}}),
    "allowedModels.namespaces.selector.matchLabels": ({"team": "b"}, {"allowedModels": CONSENT}),
    "variants[].name": ("l40s", {}),
    "variants[].resourceName": ("amd.com/gpu", {"variants": [GPU]}),
    "variants[].acceleratorsPerReplica": (2, {"variants": [GPU]}),
    "variants[].nodeSelector": ({"zone": "a"}, {}),
    **{
        f"variants[].tolerations[].{name}": (value, {"variants": [{"name": "l4", "tolerations": [TOLERATION]}]})
        for name, value in {
            "key": "c", "operator": "Exists", "value": "c", "effect": "NoSchedule", "tolerationSeconds": 2,
        }.items()
    },
    "variants[].pricePerHour": ("0.70", PRICED),
}  # fmt: skip


def leaves(kind: str) -> set[str]:
    """Return the fields of a spec that hold a value themselves: no object's, and a list's or map's as a whole."""
    every = [(path.removeprefix(f"{kind}.spec."), node) for path, node in nodes(schema_of(KINDS[kind]), kind)]
    inner = {path for path, node in every if path.endswith("[]") and "properties" not in node}
    return {
        path
        for path, node in every
        if not path.startswith(kind) and "properties" not in node and not path.endswith(".*")
        if path not in inner and "properties" not in node.get("items", {})
    }


def merged(spec: Manifest, more: Manifest) -> Manifest:
    """Return a spec with another one laid over it."""
    both = copy.deepcopy(spec)
    for name, value in more.items():
        inner = isinstance(value, dict) and isinstance(both.get(name), dict) and name != "source"
        both[name] = merged(both[name], value) if inner else copy.deepcopy(value)
    return both


def with_value(spec: Manifest, field: str, value: object) -> Manifest:
    """Return a spec with one field set; `[]` is the first entry of a list."""
    changed = copy.deepcopy(spec)
    at: Any = changed
    *parents, last = field.split(".")
    for part in parents:
        at = at.setdefault(part.removesuffix("[]"), {})
        at = at[0] if part.endswith("[]") else at
    at[last] = value
    return changed


def effect(model: Manifest, pool: Manifest, home: str = "default") -> object:
    """Return all that the pure rooms make of a model and its pool, which lies in `home`."""
    spec, about = parse_spec({"spec": model}), ModelIdentity("default", "fraud", "uid", 1)
    found = (home, "gpu-main") == (spec.pool_ref.namespace or "default", spec.pool_ref.name)
    resolved = resolve_pool(spec, "default", {"spec": pool} if found else None, {"team": "a"})
    if not isinstance(resolved, PoolFound):
        return resolved
    snapshot = ModelSnapshot(
        now=NOW, model=about, spec=spec, annotations={}, written_status={}, pool=resolved, children={},
    )  # fmt: skip
    decision = decide(measured(snapshot, sample(1.0)))
    serving = Serving(
        model=about, spec=spec, variant=resolved.variant, replicas=decision.replicas, pinned=decision.pinned,
        ceiling=decision.ceiling, code=resolved.spec.allowed_models.code,
    )  # fmt: skip
    known = pool_status(PoolSnapshot(NOW, home, "gpu-main", 1, {}, resolved.spec, "", (), metric_sources=("team-a",)))
    profile = () if spec.profile is None else render_profile(serving, SETTINGS, spec.profile)
    children = (*render_children(serving, SETTINGS), *profile)
    return decision, decide(snapshot), prices_known(resolved, NOW), children, known.conditions


def test_every_field_is_in_the_tables() -> None:
    """A field that lands without its behaviour fails here."""
    assert set(MODEL_FIELDS) == leaves("AIModel")
    assert set(POOL_FIELDS) == leaves("InferencePool")


@pytest.mark.parametrize("field", MODEL_FIELDS)
def test_a_field_of_a_model_acts(field: str) -> None:
    """Changed alone, it changes what is decided or rendered."""
    value, besides = MODEL_FIELDS[field]
    before = merged(MODEL["spec"], besides)

    assert effect(with_value(before, field, value), PRICED) != effect(before, PRICED)


@pytest.mark.parametrize("field", POOL_FIELDS)
def test_a_field_of_a_pool_acts(field: str) -> None:
    """Changed alone, it changes what is decided, rendered or said of a model that uses the pool."""
    value, besides = POOL_FIELDS[field]
    before = merged(POOL["spec"], besides)
    home = "platform" if field.startswith("allowedModels") else "default"
    model = merged(MODEL["spec"], ELSEWHERE if home == "platform" else {})

    assert effect(model, with_value(before, field, value), home) != effect(model, before, home)
