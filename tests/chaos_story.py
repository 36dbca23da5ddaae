"""What users do to many models, in an order drawn by chance, and how the ends of two such stories are compared.

Each end is the same whether the operator saw every step or slept through some: replicas that are held because they run
would tell of the past, so a model is pinned for good or not at all.
"""

import copy
import json
import random
import re
import reprlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from controlplane import Api
from stories import CHILDREN, MODEL, POOL, model_manifest

Manifest = dict[str, Any]
Change = Callable[[random.Random, Manifest], None]

GPU = {"resourceName": "nvidia.com/gpu", "pricePerHour": "1.00"}
VARIANTS = ({"name": "l4", **GPU}, {"name": "a100", **GPU}, {"name": "cpu", "pricePerHour": "0.10"})

MADE_UP = frozenset(
    {
        "uid", "resourceVersion", "creationTimestamp", "lastTransitionTime", "clusterIP", "clusterIPs", "nodePort",
        "generation", "observedGeneration",  # how many changes were seen one by one
        "trail",  # how a number was come to is told of the moment at which it was written last
        "managedFields",  # the same fields are held by a birth, or by an apply where a change was seen after it
        "deployment.kubernetes.io/revision",
        "trimtab.io/applied", "trimtab.io/pod-template",  # hashes of the uid, among others
    }
)  # fmt: skip
PRIVATE = re.compile(r"trimtab-private=[0-9a-f]{32}")  # made from the uid


@dataclass(frozen=True)
class Step:
    """Something that a user does to a model: deletes it, applies it with a spec, or one after the other at once."""

    model: str
    deletes: bool
    spec: Manifest | None

    def do(self, api: Api, namespace: str) -> str | None:
        """Do it, and return the uid of the model that there is now."""
        if self.deletes:
            api.delete(MODEL, self.model, namespace)
        if self.spec is None:
            return None
        uid: str = api.apply(model_manifest(self.model, namespace, **self.spec))["metadata"]["uid"]
        return uid


def steps(chance: random.Random, models: int) -> list[Step]:
    """Return what is done to some models, each one's steps in their order, and mixed with those of others."""
    stories = [list(_life(chance, f"model-{number}")) for number in range(models)]
    order = [number for number, story in enumerate(stories) for _ in story]
    chance.shuffle(order)
    remaining = [iter(story) for story in stories]
    return [next(remaining[number]) for number in order]


def _life(chance: random.Random, name: str) -> Iterator[Step]:
    """Yield creation, some changes, and for two of five models an end, and for half of these another life."""
    yield from _years(chance, name, deletes=False)
    fate = chance.random()
    if fate < 0.2:
        yield Step(name, deletes=True, spec=None)
    elif fate < 0.3:
        yield Step(name, deletes=True, spec=None)
        yield from _years(chance, name, deletes=False)
    elif fate < 0.4:
        yield from _years(chance, name, deletes=True)


def _years(chance: random.Random, name: str, *, deletes: bool) -> Iterator[Step]:
    spec: Manifest = {"poolRef": {"name": "gpus"}}
    CHANGES["variant"](chance, spec)
    yield Step(name, deletes, copy.deepcopy(spec))
    for change in chance.sample(sorted(CHANGES), chance.randint(0, 3)):
        CHANGES[change](chance, spec)
        yield Step(name, deletes=False, spec=copy.deepcopy(spec))


def _serving(spec: Manifest) -> Manifest:
    serving: Manifest = spec.setdefault("serving", {})
    return serving


CHANGES: dict[str, Change] = {
    "source": lambda chance, spec: spec.update(model={"source": {"uri": f"s3://models/fraud/{chance.randint(8, 99)}"}}),
    "pin": lambda chance, spec: spec.update(replicas=chance.randint(0, 3)),
    "variant": lambda chance, spec: _serving(spec).update(variant=chance.choice(VARIANTS)["name"]),
    "labels": lambda chance, spec: _serving(spec).update(labels={"team": f"team-{chance.randint(1, 9)}"}),
    "clients": lambda chance, spec: _serving(spec).update(allowedClients=[{"podLabels": {"n": f"{chance.random()}"}}]),
    "autoscaler": lambda _, spec: spec.update(scaling={"maxReplicas": 3, "autoscaler": "None"}),
}  # fmt: skip


def end_state(api: Api, namespace: str) -> dict[str, Any]:
    """Return everything of ours in a namespace, what is made up by servers and clocks taken out.

    Owners are called by what they are now: `uid of NAME` in an owner reference, or `uid of nobody`.
    """
    models = api.list(MODEL, namespace)
    owners = {model["metadata"]["uid"]: model["metadata"]["name"] for model in models}
    found = {
        f"{kind} {each['metadata']['name']}": each
        for kind in (POOL, *CHILDREN)
        for each in api.list(kind, namespace)
        if (kind, each["metadata"]["name"]) != ("v1/Service", "kubernetes")
    } | {f"{MODEL} {model['metadata']['name']}": model for model in models}
    for name, each in found.items():
        if name.partition(" ")[0] in CHILDREN:
            each["status"] = _counts(each)
    pods = sorted(_pod(pod) for pod in api.list("v1/Pod", namespace))
    plain = {name: _without_made_up(each, owners) for name, each in found.items()} | {"pods": pods}
    text = PRIVATE.sub("trimtab-private", json.dumps(plain).replace(namespace, "NAMESPACE"))
    stated: dict[str, Any] = json.loads(text)
    return stated


def _counts(child: Manifest) -> Manifest:
    status = child.get("status") or {}
    return {name: status.get(name, 0) for name in ("replicas", "readyReplicas", "updatedReplicas")}


def _pod(pod: Manifest) -> str:
    labels = pod["metadata"]["labels"]
    state = "going" if "deletionTimestamp" in pod["metadata"] else pod["status"].get("phase")
    return f"{labels['trimtab.io/model']} on {labels['trimtab.io/variant']}: {state}"


def _without_made_up(value: Any, owners: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        return [_without_made_up(each, owners) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {name: _without_made_up(each, owners) for name, each in value.items() if name not in MADE_UP}
    if "blockOwnerDeletion" in value:
        kept["uid"] = f"uid of {owners.get(value['uid'], 'nobody')}"
    return kept


def differences(one: Any, other: Any, where: str = "") -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield where two states differ, a line for each."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted({*one, *other}):
            yield from differences(one.get(name), other.get(name), f"{where}/{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{where}[{number}]")
    elif one != other:
        yield f"{where}: {reprlib.repr(one)} is {reprlib.repr(other)}"
