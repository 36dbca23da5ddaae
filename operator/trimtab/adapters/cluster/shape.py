"""Which kinds are read, how much of each object is kept, and by what it is found again."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trimtab.api.kinds import AIMODEL, CHILD_KINDS, INFERENCEPOOL, NAMESPACE, POD, POD_MONITOR, Kind, Manifest
from trimtab.api.objects import ObjectKey, key_of
from trimtab.render.names import MANAGED_BY, MANAGED_BY_LABEL, MODEL_LABEL

POD_METADATA = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "labels",
    "ownerReferences",
    "creationTimestamp",
    "deletionTimestamp",
)
NAMESPACE_METADATA = ("name", "uid", "resourceVersion", "labels", "annotations", "deletionTimestamp")


@dataclass(frozen=True)
class Source:
    """One kind to read: of which objects, and whether a cluster may do without the kind."""

    kind: Kind
    label_selector: str = ""
    optional: bool = False


SOURCES = (
    Source(AIMODEL),
    Source(INFERENCEPOOL),
    Source(NAMESPACE),
    Source(POD, label_selector=MODEL_LABEL),
    *(Source(kind, f"{MANAGED_BY_LABEL}={MANAGED_BY}", optional=kind == POD_MONITOR) for kind in CHILD_KINDS),
)


def owner_term(namespace: str, uid: str) -> Hashable:
    """Return the term for what an object of this uid controls."""
    return ("owner", namespace, uid)


def pod_term(namespace: str, model_label: str) -> Hashable:
    """Return the term for the pods of a model."""
    return ("pod", namespace, model_label)


def pool_term(pool: ObjectKey) -> Hashable:
    """Return the term for the models that refer to a pool."""
    return ("pool", pool)


def terms(kind: Kind, manifest: Manifest) -> Iterator[Hashable]:
    """Yield what an object is found by beside its key; anybody may have written it, in any shape."""
    namespace = key_of(manifest).namespace
    if kind in CHILD_KINDS:
        for owner in _list(manifest["metadata"].get("ownerReferences")):
            if _mapping(owner).get("controller") is True:
                yield owner_term(namespace, str(owner.get("uid")))
    elif kind == POD:
        yield pod_term(namespace, str(_mapping(manifest["metadata"].get("labels")).get(MODEL_LABEL)))
    elif kind == AIMODEL:
        reference = _mapping(_mapping(manifest.get("spec")).get("poolRef"))
        if isinstance(pool := reference.get("name"), str):
            elsewhere = reference.get("namespace")
            yield pool_term(ObjectKey(elsewhere if isinstance(elsewhere, str) else namespace, pool))


def reduced(kind: Kind, manifest: Manifest) -> Manifest:
    """Return what is kept of an object: nothing that nobody reads, since thousands are kept.

    An object inside a list does not say its kind and version, one in a watch does: they are always put in, lest
    every relist look like a change.
    """
    return {"apiVersion": kind.api_version, "kind": kind.kind, **REDUCTIONS.get(kind, _whole)(manifest)}


def _whole(manifest: Manifest) -> Manifest:
    metadata = {name: value for name, value in manifest["metadata"].items() if name != "managedFields"}
    return {**manifest, "metadata": metadata}


def _pod(manifest: Manifest) -> Manifest:
    spec = {"nodeName": node} if (node := _mapping(manifest.get("spec")).get("nodeName")) else {}
    return {"metadata": _some(manifest, POD_METADATA), "spec": spec, "status": manifest.get("status", {})}


def _namespace(manifest: Manifest) -> Manifest:
    return {"metadata": _some(manifest, NAMESPACE_METADATA)}


def _some(manifest: Manifest, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: manifest["metadata"][name] for name in names if name in manifest["metadata"]}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


REDUCTIONS: Mapping[Kind, Callable[[Manifest], Manifest]] = {POD: _pod, NAMESPACE: _namespace}
