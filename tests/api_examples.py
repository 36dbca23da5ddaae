"""The smallest object of each kind, and how a test changes one field of it."""

import copy
from dataclasses import dataclass
from typing import Any

from controlplane.api import Api, ApiError
from trimtab.api.crd import DEFINITIONS, crd_manifest
from trimtab.api.kinds import AIMODEL, INFERENCEPOOL, Kind, Manifest

NAMESPACE = "default"

MODEL: Manifest = {
    "apiVersion": AIMODEL.api_version,
    "kind": AIMODEL.kind,
    "metadata": {"name": "fraud", "namespace": NAMESPACE},
    "spec": {
        "poolRef": {"name": "gpu-main"},
        "model": {"source": {"uri": "s3://models/fraud/2026-11-01"}},
        "objectives": {"latency": {"target": "80ms"}},
        "scaling": {"maxReplicas": 12},
    },
}
POOL: Manifest = {
    "apiVersion": INFERENCEPOOL.api_version,
    "kind": INFERENCEPOOL.kind,
    "metadata": {"name": "gpu-main", "namespace": NAMESPACE},
    "spec": {"variants": [{"name": "l4"}]},
}
SMALLEST = {AIMODEL.kind: MODEL, INFERENCEPOOL.kind: POOL}
KINDS = {AIMODEL.kind: AIMODEL, INFERENCEPOOL.kind: INFERENCEPOOL}


@dataclass(frozen=True)
class SchemaRule:
    """One CEL rule: where it stands (`AIModel.spec.serving.env[].name`, `*` for a map's values), and what it says."""

    at: str
    message: str


def schema_of(kind: Kind) -> dict[str, Any]:
    """Return the schema of a kind as its CRD has it."""
    (definition,) = (definition for definition in DEFINITIONS if definition.kind == kind)
    schema: dict[str, Any] = crd_manifest(definition)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def nodes(schema: dict[str, Any], path: str) -> list[tuple[str, dict[str, Any]]]:
    """Return a schema and all below it, each with its path."""
    found = [(path, schema)]
    for name, inner in schema.get("properties", {}).items():
        found += nodes(inner, f"{path}.{name}")
    if "items" in schema:
        found += nodes(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        found += nodes(schema["additionalProperties"], f"{path}.*")
    return found


def all_rules() -> tuple[SchemaRule, ...]:
    """Return every CEL rule of both kinds."""
    return tuple(
        SchemaRule(at, rule["message"])
        for name, kind in KINDS.items()
        for at, node in nodes(schema_of(kind), name)
        for rule in node.get("x-kubernetes-validations", ())
    )


def changed(kind: str, path: str, value: object) -> Manifest:
    """Return the smallest object of a kind with one value in place; `path` is like `spec.variants.0.name`."""
    manifest = copy.deepcopy(SMALLEST[kind])
    at: Any = manifest
    *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
    for part in parents:
        at = at[part] if isinstance(part, int) else at.setdefault(part, {})
    at[last] = value
    return manifest


def try_to_create(api: Api, manifest: Manifest) -> Manifest:
    """Return what the server would make of an object; it is strict about unknown fields, and keeps nothing."""
    path = api.path(f"{manifest['apiVersion']}/{manifest['kind']}", NAMESPACE)
    made: Manifest = api.request("POST", f"{path}?dryRun=All&fieldValidation=Strict", manifest)
    return made


def refusal(api: Api, manifest: Manifest) -> str:
    """Return the words with which the server refuses an object; raises AssertionError if it would take it."""
    try:
        try_to_create(api, manifest)
    except ApiError as error:
        return str(error)
    raise AssertionError(f"the server takes {manifest['spec']}")
