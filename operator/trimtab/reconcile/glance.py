"""A glance at a model at each tick: decide on what was measured, and find out whether a whole look is worth its price.

A whole look renders six children, compares them with those there are, and draws up the status: 4 ms, of which the
decision is a tenth. Between two moves of its replicas nothing of that comes out differently for a model.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from trimtab.api.kinds import AIMODEL, DEPLOYMENT, INFERENCEPOOL, NAMESPACE, Manifest
from trimtab.api.objects import ObjectKey, key_of
from trimtab.core.gist import Gist, carried_out_alike, gist_of, is_news
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.memory import ScalingMemory
from trimtab.core.snapshot import Capabilities, ChildKey, ModelSnapshot
from trimtab.reconcile.gather import pool_of, profile_pods
from trimtab.reconcile.live import LiveFacts
from trimtab.reconcile.ports import ClusterReader
from trimtab.render.names import model_label
from trimtab.units import Seconds

WHOLE_EVERY = Seconds(60.0)
"""How long glances may do for a model: what they miss, if anything, and what is told seldom, comes at most so late."""


@dataclass(frozen=True)
class Grounds:
    """Everything in the cluster that a look is drawn from: by equal grounds and decisions it comes to the same.

    `model` is its uid, generation, spec, annotations and time of deletion. Its status is no ground: what is to be
    written into it is compared with what is there then.
    """

    model: tuple[object, ...]
    pool: object
    namespace: object
    capabilities: Capabilities
    pods: tuple[Manifest, ...]
    children: tuple[Manifest, ...]

    def makes_same_children(self, other: "Grounds") -> bool:
        """Tell whether both lead to the same children by the same decision."""
        mine, theirs = ((each.model, each.pool, each.namespace, each.capabilities) for each in (self, other))
        return mine == theirs


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a whole look that came to its end was drawn from, and came to.

    `in_place` are all children as they were found or made; none where one of them was in trouble. Until `good_until`
    they need not be rendered again, and glances may do.
    """

    snapshot: ModelSnapshot
    grounds: Grounds
    gist: Gist
    in_place: Mapping[ChildKey, Manifest]
    good_until: datetime

    def is_good(self, now: datetime) -> bool:
        """Tell whether it is neither too old nor, by a clock that was set back, of the future."""
        return self.snapshot.now <= now < self.good_until


@dataclass
class Glances:
    """What whole looks have left. `now` is the wall clock; `spread` parts models that were looked at together."""

    cluster: ClusterReader
    facts: LiveFacts
    now: Callable[[], datetime]
    spread: Callable[[], float] = field(default=lambda: random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, no secret
    _seen: dict[ObjectKey, Seen] = field(default_factory=dict, init=False)

    def is_enough(self, key: ObjectKey) -> bool:
        """Decide for a model on what was measured last; tell whether a whole look would come to nothing else.

        Only then is the decision remembered: else the whole look takes it anew, and carries it out.
        """
        seen, manifest, now = self._seen.get(key), self.cluster.get(AIMODEL, key), self.now()
        if seen is None or manifest is None or not seen.is_good(now):
            return False
        if grounds_of(self.cluster, manifest, seen.snapshot) != seen.grounds:
            return False
        status = manifest.get("status")
        written = status if isinstance(status, dict) else {}
        snapshot = self.facts.added_to(replace(seen.snapshot, now=now, written_status=written))
        decision = decide(snapshot)
        if is_news(gist_of(snapshot, decision), after=seen.gist):
            return False
        self.facts.decided(snapshot, decision)
        return True

    def begin(self, key: ObjectKey) -> Seen | None:
        """Return what the last whole look has left and forget it: one that does not come to its end leaves nothing."""
        return self._seen.pop(key, None)

    def end(self, seen: Seen) -> None:
        """Take note of a whole look that came to its end."""
        model = seen.snapshot.model
        kept = replace(
            seen.snapshot, observation=None, reading=None, memory=ScalingMemory(), written_status={}
        )  # 20 kB a model
        self._seen[ObjectKey(model.namespace, model.name)] = replace(seen, snapshot=kept)

    def next_whole(self) -> datetime:
        """Return when the children of a model that are rendered now are to be rendered again at the latest."""
        return self.now() + timedelta(seconds=WHOLE_EVERY * self.spread())


def grounds_of(cluster: ClusterReader, manifest: Manifest, snapshot: ModelSnapshot) -> Grounds:
    """Return what a look at a model is drawn from now; `snapshot` says which pool it uses."""
    about, key = manifest["metadata"], key_of(manifest)
    marks = tuple(about.get(name) for name in ("uid", "generation", "annotations", "deletionTimestamp"))
    pool = cluster.get(INFERENCEPOOL, pool_of(snapshot.spec, key.namespace))
    namespace = cluster.get(NAMESPACE, ObjectKey("", key.namespace))
    return Grounds(
        model=(*marks, manifest.get("spec")),
        pool=None if pool is None else pool.get("spec"),
        namespace=None if namespace is None else namespace["metadata"].get("labels"),
        capabilities=cluster.capabilities(),
        pods=(*cluster.pods(key.namespace, model_label(key.name)), *profile_pods(cluster, snapshot.spec, key)),
        children=tuple(cluster.children(key.namespace, about["uid"])),
    )


def still_in_place(
    before: Seen | None, snapshot: ModelSnapshot, grounds: Grounds, gist: Gist
) -> Mapping[ChildKey, Manifest]:
    """Return the children if each is as it was found or made before, and would be rendered the same; else none."""
    if before is None or not before.is_good(snapshot.now):
        return {}
    if not (before.grounds.makes_same_children(grounds) and carried_out_alike(before.gist, gist)):
        return {}
    live = snapshot.children
    same = all(key in live and wish_of(live[key]) == wish_of(child) for key, child in before.in_place.items())
    return {key: live[key] for key in before.in_place} if same else {}


def wish_of(child: Manifest) -> Manifest:
    """Return what of a child is compared with what is rendered: neither its status nor what each change counts up."""
    kept = {name: value for name, value in child.items() if name not in ("status", "metadata", "spec")}
    about = {name: each for name, each in child["metadata"].items() if name not in ("resourceVersion", "generation")}
    spec = child.get("spec")
    if child.get("kind") == DEPLOYMENT.kind and isinstance(spec, dict):
        spec = {name: value for name, value in spec.items() if name != "replicas"}
    return {**kept, "metadata": about, "spec": spec}
