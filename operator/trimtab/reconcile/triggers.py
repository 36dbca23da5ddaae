"""Which models and pools a change concerns: from what happened to an object to the keys that are to be looked at."""

from collections.abc import Iterator
from dataclasses import dataclass

from trimtab.api.kinds import AIMODEL, DEPLOYMENT, INFERENCEPOOL, NAMESPACE, POD, Manifest
from trimtab.api.objects import Change, ObjectKey, key_of
from trimtab.reconcile.glance import wish_of
from trimtab.reconcile.ports import ClusterReader
from trimtab.reconcile.queue import NO_DELAY, Key, Lane, WorkQueue
from trimtab.render.names import APPLIED_ANNOTATION, MODEL_LABEL, model_label, profile_label
from trimtab.units import Seconds

CHILD_DELAY = Seconds(0.25)
"""Until what somebody did to a child by hand is put right."""
GATHER_DELAY = Seconds(1.0)
"""A start, and each move of replicas, is a dozen changes of pods and of children's statuses, and our own writes that
come back: one look covers many."""
POOL_DELAY = Seconds(2.0)
"""A pool sums up its models: it looks once for all that changes within this time."""


@dataclass(frozen=True)
class Wish:
    """A key to look at, how soon, and in which lane."""

    key: Key
    delay: Seconds = NO_DELAY
    lane: Lane = Lane.LATER


@dataclass(frozen=True)
class Triggers:
    """Puts into the queue whatever a change concerns. It only wakes: what is to be done is found out by looking."""

    cluster: ClusterReader
    queue: WorkQueue

    def on_change(self, change: Change) -> None:
        """Wake the models and pools that a change concerns."""
        for wish in wishes(self.cluster, change):
            if wish.delay:
                self.queue.add_after(wish.key, wish.delay, wish.lane)
            else:
                self.queue.add(wish.key, wish.lane)


def wishes(cluster: ClusterReader, change: Change) -> Iterator[Wish]:
    """Yield what a change makes worth looking at."""
    match change.kind:
        case kind if kind == AIMODEL:
            asked = _generation(change.old) != _generation(change.new)
            if not asked:  # a status: most often our own
                yield Wish(Key(AIMODEL, change.key), GATHER_DELAY)
            else:
                yield Wish(Key(AIMODEL, change.key), lane=Lane.FIRST)
                for pool in {_pool(change.old, change.key), _pool(change.new, change.key)} - {None}:
                    yield Wish(Key(INFERENCEPOOL, pool), POOL_DELAY)  # type: ignore[arg-type] # None was taken out
        case kind if kind == INFERENCEPOOL:
            yield Wish(Key(INFERENCEPOOL, change.key))
            if _generation(change.old) != _generation(change.new):
                for model in cluster.models_of_pool(change.key):
                    yield Wish(Key(AIMODEL, model))
        case kind if kind == NAMESPACE:
            if _labels(change.old) != _labels(change.new):
                yield from _in_namespace(cluster, change.key.name)
        case kind if kind == POD:
            yield from _of_pod(cluster, change)
        case _:
            yield from _of_child(cluster, change)


def _in_namespace(cluster: ClusterReader, namespace: str) -> Iterator[Wish]:
    for model in cluster.list(AIMODEL, namespace):
        yield Wish(Key(AIMODEL, key_of(model)))


def _of_pod(cluster: ClusterReader, change: Change) -> Iterator[Wish]:
    """Yield the model whose label a pod carries; a name that is no label value is found by its hashed form."""
    label = _labels(change.new or change.old).get(MODEL_LABEL, "")
    plain = ObjectKey(change.key.namespace, label)
    if model_label(label) == label and cluster.get(AIMODEL, plain) is not None:
        yield Wish(Key(AIMODEL, plain), GATHER_DELAY)
        return
    for model in cluster.list(AIMODEL, change.key.namespace):
        if label in (model_label(model["metadata"]["name"]), profile_label(model["metadata"]["name"])):
            yield Wish(Key(AIMODEL, key_of(model)), GATHER_DELAY)


def _of_child(cluster: ClusterReader, change: Change) -> Iterator[Wish]:
    """Yield the owner of a child; and its pool, where it is a Deployment whose number of replicas changed."""
    owners = {_owner(change.old), _owner(change.new)} - {None}
    for name in owners:
        key = ObjectKey(change.key.namespace, str(name))
        yield Wish(Key(AIMODEL, key), CHILD_DELAY if _is_by_hand(change) else GATHER_DELAY)
        if change.kind == DEPLOYMENT and _replicas(change.old) != _replicas(change.new):
            pool = _pool(cluster.get(AIMODEL, key), key)
            if pool is not None:
                yield Wish(Key(INFERENCEPOOL, pool), POOL_DELAY)


def _is_by_hand(change: Change) -> bool:
    """Tell whether somebody else changed what we say of a child, or deleted it; an apply of ours changes its hash."""
    if change.old is None or change.new is None:
        return change.new is None
    return _applied(change.old) == _applied(change.new) and wish_of(change.old) != wish_of(change.new)


def _applied(child: Manifest) -> object:
    return (child["metadata"].get("annotations") or {}).get(APPLIED_ANNOTATION)


def _owner(manifest: Manifest | None) -> str | None:
    owners: list[Manifest] = ((manifest or {}).get("metadata") or {}).get("ownerReferences") or []
    return next(
        (str(each["name"]) for each in owners if each.get("controller") and each.get("kind") == AIMODEL.kind), None
    )


def _pool(manifest: Manifest | None, key: ObjectKey) -> ObjectKey | None:
    reference = ((manifest or {}).get("spec") or {}).get("poolRef")
    if not isinstance(reference, dict) or not isinstance(reference.get("name"), str):
        return None
    return ObjectKey(str(reference.get("namespace") or key.namespace), reference["name"])


def _generation(manifest: Manifest | None) -> object:
    about = (manifest or {}).get("metadata") or {}
    return about.get("uid"), about.get("generation"), (about.get("annotations") or {}), about.get("deletionTimestamp")


def _labels(manifest: Manifest | None) -> dict[str, str]:
    return ((manifest or {}).get("metadata") or {}).get("labels") or {}


def _replicas(manifest: Manifest | None) -> object:
    return ((manifest or {}).get("status") or {}).get("replicas")
