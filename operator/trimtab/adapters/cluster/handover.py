"""How what a birth owns is handed over to server-side apply.

A created object's fields belong to `trimtab-birth` by Update, the defaults that the server filled in among them. Were
they left there, a field that is no longer rendered would stay for ever, held by its birth. So before the first apply
they are given to `trimtab` by Apply, which then drops what the new manifest does not mention, and the server puts
defaults back. Tried on 1.36 with every kind of child: applying the same manifest after this leaves its spec as it is.
"""

from typing import Any

from trimtab.api.kinds import DEPLOYMENT, Kind, Manifest
from trimtab.render.names import BIRTH_FIELD_MANAGER, FIELD_MANAGER

Fields = dict[str, Any]

SPEC, REPLICAS = "f:spec", "f:replicas"


def handed_over(kind: Kind, live: Manifest) -> list[Fields] | None:
    """Return the managedFields of an object after the hand-over, None where there is nothing to hand over."""
    entries: list[Fields] = live["metadata"].get("managedFields") or []
    births = [entry for entry in entries if _is(entry, BIRTH_FIELD_MANAGER, "Update")]
    given: Fields = {}
    kept: list[Fields] = []
    for entry in births:
        keeps, gives = _split(kind, entry.get("fieldsV1") or {})
        given = _union(given, gives)
        kept += [{**entry, "fieldsV1": keeps}] if keeps else []
    if not given:
        return None
    applied = [entry for entry in entries if _is(entry, FIELD_MANAGER, "Apply")]
    for entry in applied:
        given = _union(given, entry.get("fieldsV1") or {})
    others = [entry for entry in entries if entry not in births and entry not in applied]
    ours = {**births[0], "manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": given}
    return [*others, ours, *kept]


def _is(entry: Fields, manager: str, operation: str) -> bool:
    return (entry.get("manager"), entry.get("operation"), entry.get("subresource")) == (manager, operation, None)


def _split(kind: Kind, fields: Fields) -> tuple[Fields, Fields]:
    """Return what a birth keeps, a Deployment's `spec.replicas`, and what it gives."""
    spec = fields.get(SPEC) or {}
    if kind != DEPLOYMENT or REPLICAS not in spec:
        return {}, fields
    others = {name: value for name, value in spec.items() if name != REPLICAS}
    rest = {name: value for name, value in fields.items() if name != SPEC}
    return {SPEC: {REPLICAS: spec[REPLICAS]}}, ({**rest, SPEC: others} if others else rest)


def _union(one: Fields, other: Fields) -> Fields:
    """Return the fields that are in either set."""
    return {**one, **{name: _union(one.get(name, {}), inner) for name, inner in other.items()}}
