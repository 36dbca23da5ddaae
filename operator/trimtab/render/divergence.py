"""Whether a child in the cluster still is what we rendered.

The server completes what it is given (defaults, addresses, status), and others add their own labels and sidecars. So
what we rendered has to be *contained* in the live object, by the rules that server-side apply merges by: what an apply
would put right is a divergence, what it would leave alone is none, or the same apply would be repeated for ever.
"""

import re
from fractions import Fraction
from typing import Any

from trimtab.api.kinds import DEPLOYMENT, Manifest
from trimtab.render.names import APPLIED_ANNOTATION

KEYS_OF_ENTRIES = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("port", "containerPort", "protocol"),
    "ownerReferences": ("uid",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
"""By field: what tells the entries of a list apart. Entries of others are none of our business; other lists are."""

OWNED_AS_A_WHOLE = frozenset({"selector", "podSelector", "labelSelector", "nodeSelector", "ingress", "egress"})
"""Values that mean something else with anything added: one more label, and a policy guards nobody."""

AMOUNTS = frozenset({"requests", "limits", "sizeLimit", "averageValue"})
"""Fields that hold quantities, or a map of them: `1000m` and `1` are one amount there, and two texts elsewhere."""

QUANTITY = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:[eE]([+-]?[0-9]{1,2})|([numkMGTPE]|[KMGTPE]i))?")
UNITS = {
    "n": Fraction(1, 1_000_000_000),
    "u": Fraction(1, 1_000_000),
    "m": Fraction(1, 1_000),
    **{unit: Fraction(1_000**power) for power, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": Fraction(1_024**power) for power, unit in enumerate("KMGTPE", start=1)},
}


def needs_apply(rendered: Manifest, live: Manifest) -> bool:
    """Tell whether a child has to be applied: something else was applied last, or somebody changed what we had said.

    A Deployment's `spec.replicas` is never looked at: it belongs to the autoscaler.
    """
    annotations = live.get("metadata", {}).get("annotations") or {}
    if annotations.get(APPLIED_ANNOTATION) != rendered["metadata"]["annotations"][APPLIED_ANNOTATION]:
        return True
    return not _contains(live, _without_replicas(rendered))


def overwritten(rendered: Manifest, live: Manifest) -> Manifest:
    """Return the live object with all that we render put over it, to be written where an apply was refused.

    Server-side apply tells the entries of a list apart by a key. Where somebody has edited that key (a Service's port,
    a mount path) or has given a volume another type, it would keep their entry beside ours, and the server refuses
    the two. Each field of `spec` that we render is ours entirely here; it still has the live object's resourceVersion.
    """
    ours, theirs = rendered["metadata"], live["metadata"]
    owners = {owner["uid"]: owner for owner in (*(theirs.get("ownerReferences") or ()), *ours["ownerReferences"])}
    about = {
        **theirs,
        "labels": {**(theirs.get("labels") or {}), **ours["labels"]},
        "annotations": {**(theirs.get("annotations") or {}), **ours["annotations"]},
        "ownerReferences": list(owners.values()),
    }
    return {**live, "metadata": about, "spec": {**live["spec"], **_without_replicas(rendered)["spec"]}}


def _contains(live: Any, rendered: Any, field: str = "") -> bool:  # noqa: ANN401 - JSON values
    """Tell whether a value of the live object holds all that we rendered; `field` is the nearest key above it."""
    if rendered in (None, "", []):  # the server does not store these; an empty map it does, and means something by it
        return live in (None, "", [])
    if field in OWNED_AS_A_WHOLE:
        return bool(live == rendered)
    if isinstance(rendered, dict):
        return isinstance(live, dict) and all(
            _contains(live.get(key), value, field if field in AMOUNTS else key) for key, value in rendered.items()
        )
    if isinstance(rendered, list):
        return isinstance(live, list) and _contains_entries(live, rendered, field)
    return bool(live == rendered) or (field in AMOUNTS and _same_amount(live, rendered))


def _contains_entries(live: list[Any], rendered: list[Any], field: str) -> bool:
    keys = KEYS_OF_ENTRIES.get(field)
    if keys is None:
        return len(live) == len(rendered) and all(map(_contains, live, rendered))
    found = {_key(entry, keys): entry for entry in live}
    return all(_contains(found.get(_key(entry, keys)), entry) for entry in rendered)


def _key(entry: Manifest, keys: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(entry.get(key) for key in keys)


def _same_amount(one: object, other: object) -> bool:
    first = amount(one)
    return first is not None and first == amount(other)


def amount(quantity: object) -> Fraction | None:
    """Return what a Kubernetes quantity amounts to, None for anything else."""
    match = QUANTITY.fullmatch(str(quantity))
    if match is None:
        return None
    digits, exponent, unit = match.groups()
    return Fraction(digits) * Fraction(10) ** int(exponent or 0) * UNITS.get(unit, Fraction(1))


def _without_replicas(rendered: Manifest) -> Manifest:
    if rendered["kind"] != DEPLOYMENT.kind:
        return rendered
    return {**rendered, "spec": {key: value for key, value in rendered["spec"].items() if key != "replicas"}}
