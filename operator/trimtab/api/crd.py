"""The CustomResourceDefinitions, generated from the models: `trimtab crds` writes them to crds/."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel

from trimtab.api.aimodel import AIModel
from trimtab.api.inferencepool import InferencePool
from trimtab.api.kinds import AIMODEL, INFERENCEPOOL, Kind, Manifest
from trimtab.api.structural import structural_schema

HEADER = "# Generated from operator/trimtab/api by `make crds`: edit the models there, not this file.\n"

_READY = '.status.conditions[?(@.type=="Ready")]'
_TYPE_META = {
    "apiVersion": {"type": "string", "maxLength": 64, "description": "Version of the API: trimtab.io/v1alpha1."},
    "kind": {"type": "string", "maxLength": 64, "description": "Kind of the object."},
    "metadata": {"type": "object"},  # the server describes it, and refuses that we do
}


@dataclass(frozen=True)
class Column:
    """One column of `kubectl get`; a wide one needs `-o wide`."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False


AGE = Column("Age", ".metadata.creationTimestamp", "date")


@dataclass(frozen=True)
class Definition:
    """What a CRD says beside its schema."""

    kind: Kind
    model: type[BaseModel]
    short_name: str
    columns: tuple[Column, ...]
    scale: bool = False

    @property
    def filename(self) -> str:
        """The file in crds/."""
        return f"{self.kind.group}_{self.kind.plural}.yaml"


DEFINITIONS = (
    Definition(
        AIMODEL,
        AIModel,
        "aim",
        (
            Column("Ready", f"{_READY}.status"),
            Column("Replicas", ".status.readyReplicas", "integer"),
            Column("Desired", ".status.decision.desiredReplicas", "integer"),
            Column("Latency", ".status.latency.observed"),
            Column("Target", ".spec.objectives.latency.target"),
            Column("Cost/h", ".status.cost.hourly"),
            Column("Reason", f"{_READY}.reason"),
            AGE,
            Column("Variant", ".status.variant", wide=True),
            Column("Pool", ".spec.poolRef.name", wide=True),
            Column("Version", ".status.version.serving", wide=True),
        ),
        scale=True,
    ),
    Definition(
        INFERENCEPOOL,
        InferencePool,
        "tpool",
        (
            Column("Ready", f"{_READY}.status"),
            Column("Models", ".status.models", "integer"),
            Column("Accelerators", ".status.accelerators", "integer"),
            Column("Cost/h", ".status.hourly"),
            Column("Reason", f"{_READY}.reason"),
            AGE,
        ),
    ),
)


def render_crds() -> dict[str, str]:
    """Return the YAML text of each CRD by its file name in crds/."""
    return {definition.filename: HEADER + _yaml(crd_manifest(definition)) for definition in DEFINITIONS}


def crd_manifest(definition: Definition) -> Manifest:
    """Return one CustomResourceDefinition."""
    kind = definition.kind
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{kind.group}", "labels": {"app.kubernetes.io/part-of": "trimtab"}},
        "spec": {
            "group": kind.group,
            "scope": "Namespaced",
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
                "shortNames": [definition.short_name],
                "categories": ["trimtab"],
            },
            "versions": [
                {
                    "name": kind.version,
                    "served": True,
                    "storage": True,
                    "subresources": _subresources(scale=definition.scale),
                    "additionalPrinterColumns": list(_columns(definition.columns)),
                    "schema": {"openAPIV3Schema": _root_schema(definition.model)},
                }
            ],
        },
    }


def _root_schema(model: type[BaseModel]) -> dict[str, Any]:
    schema = structural_schema(model)
    return {**schema, "properties": {**_TYPE_META, **schema["properties"]}}


def _subresources(*, scale: bool) -> dict[str, Any]:
    paths = {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    return {"status": {}, **({"scale": paths} if scale else {})}


def _columns(columns: Iterable[Column]) -> Iterable[dict[str, Any]]:
    for column in columns:
        wide = {"priority": 1} if column.wide else {}
        yield {"name": column.name, "type": column.type, "jsonPath": column.path, **wide}


class _Dumper(yaml.SafeDumper):
    """YAML for people: no anchors, and lists set in from their key."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the base class asks of each value
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002
        super().increase_indent(flow, indentless=False)


def _yaml(manifest: Manifest) -> str:
    return yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
