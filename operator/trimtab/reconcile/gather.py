"""Gather: from the stores to a snapshot. No decision is made here, and no call to the network."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from trimtab.api.aimodel import AIModelSpec, parse_spec
from trimtab.api.identity import ModelIdentity
from trimtab.api.inferencepool import InferencePoolSpec, parse_pool_spec
from trimtab.api.kinds import AIMODEL, DEPLOYMENT, INFERENCEPOOL, NAMESPACE, Manifest
from trimtab.api.objects import ObjectKey, key_of
from trimtab.core.pool_health import PoolSnapshot, PoolUser
from trimtab.core.pools import resolve_pool
from trimtab.core.prices import Listed, with_list_prices
from trimtab.core.provided import NOTHING_PROVIDED, Provided
from trimtab.core.snapshot import ChildKey, ModelSnapshot, PoolFound
from trimtab.reconcile.ports import ClusterReader
from trimtab.render.names import VARIANT_LABEL, model_label, profile_label

MAX_ERRORS_SHOWN = 3


@dataclass(frozen=True)
class InvalidObject:
    """An object that its own schema would refuse today; `problem` says which field, what is wrong, what to do."""

    model: ModelIdentity
    problem: str


def identity(manifest: Manifest) -> ModelIdentity:
    """Return who an object is."""
    about = manifest["metadata"]
    return ModelIdentity(about["namespace"], about["name"], about["uid"], int(about.get("generation", 0)))


def gather_model(
    cluster: ClusterReader, manifest: Manifest, now: datetime, provided: Provided = NOTHING_PROVIDED
) -> ModelSnapshot | InvalidObject:
    """Return everything that is known about a model."""
    model = identity(manifest)
    try:
        spec = parse_spec(manifest)
    except ValidationError as error:
        return InvalidObject(model, problem_of(error))
    pool_key = pool_of(spec, model.namespace)
    return ModelSnapshot(
        now=now,
        model=model,
        spec=spec,
        annotations=manifest["metadata"].get("annotations") or {},
        written_status=_mapping(manifest.get("status")),
        pool=resolve_pool(
            spec,
            model.namespace,
            cluster.get(INFERENCEPOOL, pool_key),
            _namespace_labels(cluster, model.namespace),
            provided.prices,
        ),
        children=children_of(cluster, model),
        pods=tuple(cluster.pods(model.namespace, model_label(model.name))),
        profile_pods=profile_pods(cluster, spec, ObjectKey(model.namespace, model.name)),
        capabilities=cluster.capabilities(),
    )


def gather_pool(
    cluster: ClusterReader, manifest: Manifest, now: datetime, provided: Provided = NOTHING_PROVIDED
) -> PoolSnapshot:
    """Return everything that is known about a pool and those who use it by its consent."""
    pool = identity(manifest)
    spec: InferencePoolSpec | None = None
    listed, problem = Listed(), ""
    try:
        spec, listed = with_list_prices(parse_pool_spec(manifest), provided.prices)
    except ValidationError as error:
        problem = problem_of(error)
    users = [] if spec is None else _users(cluster, manifest)
    return PoolSnapshot(
        now=now,
        namespace=pool.namespace,
        name=pool.name,
        generation=pool.generation,
        written_status=_mapping(manifest.get("status")),
        spec=spec,
        problem=problem,
        users=tuple(users),
        listed=listed,
        metric_sources=provided.metric_sources,
    )


def pool_of(spec: AIModelSpec, namespace: str) -> ObjectKey:
    """Return the key of the pool that a model of `namespace` refers to."""
    return ObjectKey(spec.pool_ref.namespace or namespace, spec.pool_ref.name)


def profile_pods(cluster: ClusterReader, spec: AIModelSpec, model: ObjectKey) -> tuple[Manifest, ...]:
    """Return the pods that measure a model; none where nobody asked for it."""
    return () if spec.profile is None else tuple(cluster.pods(model.namespace, profile_label(model.name)))


def children_of(cluster: ClusterReader, model: ModelIdentity) -> dict[ChildKey, Manifest]:
    """Return a model's children by kind and name."""
    return {
        ChildKey(child["kind"], child["metadata"]["name"]): child
        for child in cluster.children(model.namespace, model.uid)
    }


def problem_of(error: ValidationError) -> str:
    """Return what a stored object has wrong, field by field, and what to do."""
    faults = error.errors(include_url=False, include_input=False)
    shown = "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'spec'}: {fault['msg']}" for fault in faults[:MAX_ERRORS_SHOWN]
    )
    more = f"; and {len(faults) - MAX_ERRORS_SHOWN} more" if len(faults) > MAX_ERRORS_SHOWN else ""
    return (
        f"{shown}{more}. The object was stored under another version of the CRD: correct these fields and apply again"
    )


def _users(cluster: ClusterReader, pool: Manifest) -> list[PoolUser]:
    """Return who uses a pool with its consent, by Deployment: a change of variant may have two for a while."""
    users = []
    for key in sorted(cluster.models_of_pool(key_of(pool))):
        manifest = cluster.get(AIMODEL, key)
        if manifest is None:
            continue
        try:
            spec = parse_spec(manifest)
        except ValidationError:
            continue
        found = resolve_pool(spec, key.namespace, pool, _namespace_labels(cluster, key.namespace))
        if isinstance(found, PoolFound):
            users += _uses(cluster, identity(manifest), found)
    return users


def _uses(cluster: ClusterReader, model: ModelIdentity, pool: PoolFound) -> list[PoolUser]:
    deployed = {
        child["metadata"].get("labels", {}).get(VARIANT_LABEL, ""): _replicas(child)
        for child in cluster.children(model.namespace, model.uid)
        if child["kind"] == DEPLOYMENT.kind
    }
    deployed.setdefault(pool.variant.name, 0)
    return [PoolUser(model.namespace, model.name, variant, replicas) for variant, replicas in sorted(deployed.items())]


def _replicas(deployment: Manifest) -> int:
    replicas = _mapping(deployment.get("status")).get("replicas", 0)
    return replicas if isinstance(replicas, int) else 0


def _namespace_labels(cluster: ClusterReader, name: str) -> dict[str, str] | None:
    namespace = cluster.get(NAMESPACE, ObjectKey("", name))
    return None if namespace is None else dict(namespace["metadata"].get("labels") or {})


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
