"""What a fresh plane is given before anybody uses it: nodes, the right to discover pods, fates by namespace, CRDs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from controlplane.api import Api, ApiError, until
from controlplane.nodes import Manifest, Node, manifest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

READY_S = 60.0  # measured: 2 to 4 s; the rest is for machines that do much else

DISCOVERY = (
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "prometheus"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}],
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "prometheus"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "prometheus"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "prometheus"}],
    },
)

# Copies the annotations kwok.trimtab.io/* of a namespace to the pods created in it, so that a test can decide what
# becomes of pods that somebody else makes. Annotations that a pod brings along win.
_INHERITED = """
has(namespaceObject.metadata.annotations) ?
  Object{metadata: Object.metadata{annotations: namespaceObject.metadata.annotations.transformMapEntry(
    key, value,
    key.startsWith("kwok.trimtab.io/") && !(has(object.metadata.annotations) && key in object.metadata.annotations),
    {key: value})}} :
  Object{}
"""
FATES = (
    {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": "fates"},
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}
                ]
            },
            "reinvocationPolicy": "Never",
            "failurePolicy": "Fail",
            "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": _INHERITED}}],
        },
    },
    {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": "fates"},
        "spec": {"policyName": "fates"},
    },
)


def establish(api: Api, folder: Path) -> list[str]:
    """Apply every CustomResourceDefinition in `folder`, wait until each is served, and return their names.

    Raises:
        FileNotFoundError: there is none.
    """
    names = []
    for file in sorted(folder.glob("*.yaml")):
        for crd in yaml.safe_load_all(file.read_text()):
            if crd and crd["kind"] == "CustomResourceDefinition":
                api.apply(crd)
                names.append(crd["metadata"]["name"])
    if not names:
        raise FileNotFoundError(f"no CustomResourceDefinition in {folder}: name a folder with *.yaml files of them")
    for name in names:
        until(lambda name=name: _established(api, name), what=f"{name} to be served", seconds=READY_S)  # type: ignore[misc]
    return names


def install_rights(api: Api, config: Path) -> None:
    """Apply the operator's namespace, its account and its rights, as an installation from `config` would."""
    rbac = config / "rbac"
    resources = yaml.safe_load((rbac / "kustomization.yaml").read_text())["resources"]
    for file in (config / "manager" / "namespace.yaml", *(rbac / name for name in resources)):
        for found in yaml.safe_load_all(file.read_text()):
            api.apply(found)


def add_nodes(api: Api, nodes: Iterable[Node]) -> None:
    """Create the nodes and wait until each is Ready and free of the taint that newborn nodes carry."""
    expected = set()
    for node in nodes:
        try:
            api.create(manifest(node))
        except ApiError as error:
            if error.reason != "AlreadyExists":  # as it is in a folder that was kept
                raise
        expected.add(node.name)
    until(lambda: expected <= _usable(api), what=f"nodes {', '.join(sorted(expected))} to be Ready", seconds=READY_S)


def _established(api: Api, name: str) -> bool:
    return is_true(api.get("apiextensions.k8s.io/v1/CustomResourceDefinition", name), "Established")


def _usable(api: Api) -> set[str]:
    return {
        node["metadata"]["name"]
        for node in api.list("v1/Node")
        if is_true(node, "Ready")
        and not any(taint["key"].startswith("node.kubernetes.io/") for taint in node["spec"].get("taints", []))
    }


def is_true(found: Manifest | None, condition: str) -> bool:
    """Tell whether an object is there and has `condition` with status True."""
    conditions = ((found or {}).get("status") or {}).get("conditions") or []
    return any(each["type"] == condition and each["status"] == "True" for each in conditions)
