"""What `kubectl apply -k config/default` would put into a cluster, and how Argo CD would judge what it manages."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
KINDS = ("AIModel", "InferencePool")
READING = {"get", "list", "watch"}


def manifests(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what a kustomization builds, as far as resources and generated ConfigMaps go: ours patch nothing.

    kustomize adds a hash to the name of a generated ConfigMap, and to where it is mentioned; here it goes without.
    """
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert set(kustomization) <= {"apiVersion", "kind", "resources", "namespace", "configMapGenerator"}, folder
    for generated in kustomization.get("configMapGenerator", ()):
        yield {
            "kind": "ConfigMap",
            "metadata": {"name": generated["name"], "namespace": kustomization["namespace"]},
            "data": {name: (folder / name).read_text() for name in generated["files"]},
        }
    for resource in kustomization.get("resources", ()):
        path = (folder / resource).resolve()
        if path.is_dir():
            yield from manifests(path)
        else:
            yield from yaml.safe_load_all(path.read_text())


@pytest.fixture(scope="module")
def installed() -> dict[tuple[str, str], dict[str, Any]]:
    """Return everything that an installation applies, by kind and name."""
    found = list(manifests(CONFIG / "default"))
    by_key = {(manifest["kind"], manifest["metadata"]["name"]): manifest for manifest in found}
    assert len(by_key) == len(found)
    return by_key


@pytest.fixture(scope="module")
def pod(installed: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    """Return the operator's pod spec."""
    spec: dict[str, Any] = installed["Deployment", "trimtab-operator"]["spec"]["template"]["spec"]
    return spec


def test_an_installation_brings_both_kinds(installed: dict[tuple[str, str], dict[str, Any]]) -> None:
    """The CRDs come with the operator, from the folder that is generated."""
    crds = [manifest for (kind, _), manifest in installed.items() if kind == "CustomResourceDefinition"]

    assert sorted(crd["spec"]["names"]["kind"] for crd in crds) == sorted(KINDS)


def test_the_operator_may_never_read_secrets_or_grant_rights(installed: dict[tuple[str, str], dict[str, Any]]) -> None:
    """No rule names Secrets, a wildcard, another identity, or a verb or resource that widens rights."""
    rules = installed["ClusterRole", "trimtab-operator"]["rules"]

    assert rules
    for rule in rules:
        words = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
        assert not words & {"*", "secrets", "escalate", "bind", "impersonate", "pods/exec", "serviceaccounts/token"}
        assert not any(word.startswith(("roles", "clusterroles")) for word in words)


def test_the_operator_never_writes_a_spec_of_its_users(installed: dict[tuple[str, str], dict[str, Any]]) -> None:
    """On its own kinds the operator reads, and writes only their status."""
    rules = installed["ClusterRole", "trimtab-operator"]["rules"]
    ours = [rule for rule in rules if "trimtab.io" in rule["apiGroups"]]
    writable = {resource for rule in ours for resource in rule["resources"] if set(rule["verbs"]) - READING}

    assert writable == {"aimodels/status", "inferencepools/status"}


def test_people_get_our_kinds_with_the_roles_that_they_have(
    installed: dict[tuple[str, str], dict[str, Any]],
) -> None:
    """View reads, edit writes models, admin writes pools too; nobody of them writes a status."""
    allowed: dict[str, set[str]] = {}
    for role in ("view", "edit", "admin"):
        manifest = installed["ClusterRole", f"trimtab-{role}"]
        assert manifest["metadata"]["labels"][f"rbac.authorization.k8s.io/aggregate-to-{role}"] == "true"
        allowed[role] = {
            resource
            for rule in manifest["rules"]
            for resource in rule["resources"]
            if role == "view" or set(rule["verbs"]) - READING
        }

    assert allowed["view"] >= {"aimodels", "inferencepools"}
    assert allowed["edit"] == {"aimodels", "aimodels/scale"}
    assert allowed["admin"] == {"inferencepools"}
    assert all(set(rule["verbs"]) <= READING for rule in installed["ClusterRole", "trimtab-view"]["rules"])


def test_the_role_is_bound_to_the_account_that_the_pod_runs_as(
    installed: dict[tuple[str, str], dict[str, Any]], pod: dict[str, Any]
) -> None:
    """Binding, account, Deployment and namespace name each other."""
    binding = installed["ClusterRoleBinding", "trimtab-operator"]
    (subject,) = binding["subjects"]
    account = installed["ServiceAccount", subject["name"]]
    deployment = installed["Deployment", "trimtab-operator"]

    assert ("ClusterRole", binding["roleRef"]["name"]) in installed
    assert pod["serviceAccountName"] == subject["name"]
    assert ("Namespace", subject["namespace"]) in installed
    assert {subject["namespace"]} == {manifest["metadata"]["namespace"] for manifest in (account, deployment)}


def test_the_operator_fits_the_restricted_profile_that_its_namespace_enforces(
    installed: dict[tuple[str, str], dict[str, Any]], pod: dict[str, Any]
) -> None:
    """The pod needs no privilege, no root and no writable image."""
    labels = installed["Namespace", "trimtab-system"]["metadata"]["labels"]
    (container,) = pod["containers"]

    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert f"USER {pod['securityContext']['runAsUser']}:" in (ROOT / "Dockerfile").read_text()


def test_two_operators_never_run_at_once(installed: dict[tuple[str, str], dict[str, Any]]) -> None:
    """One replica, and the old one is gone before the new one starts."""
    spec = installed["Deployment", "trimtab-operator"]["spec"]

    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()


def test_the_price_list_lies_where_the_operator_reads_it(
    installed: dict[tuple[str, str], dict[str, Any]], pod: dict[str, Any]
) -> None:
    """ConfigMap, volume, mount and setting name each other; until somebody says whose, no prices count."""
    (container,) = pod["containers"]
    settings = {entry["name"]: entry.get("value") for entry in container["env"]}
    (volume,) = (volume for volume in pod["volumes"] if volume["name"] == "prices")
    (mount,) = (mount for mount in container["volumeMounts"] if mount["name"] == "prices")
    prices = installed["ConfigMap", volume["configMap"]["name"]]

    assert settings["TRIMTAB_PRICES"] == f"{mount['mountPath']}/{next(iter(prices['data']))}"
    assert settings["TRIMTAB_PRICES_FOR"] == ""
    assert prices["metadata"]["namespace"] == installed["Deployment", "trimtab-operator"]["metadata"]["namespace"]


def test_every_image_of_ours_carries_the_version_of_this_source(pod: dict[str, Any]) -> None:
    """The manifests, the images' labels and the package say one version."""
    manifests_text = yaml.safe_dump(pod)
    tags = re.findall(r"ghcr\.io/trimtab/(operator|runtime):(\S+)", manifests_text)

    assert sorted(tags) == [("operator", VERSION), ("runtime", VERSION)]
    assert set(re.findall(r"^ARG VERSION=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)) == {VERSION}


def test_argo_cd_gets_the_same_health_for_both_kinds() -> None:
    """The ConfigMap patch holds health.lua word for word, once for each kind."""
    patch = yaml.safe_load((CONFIG / "argocd" / "argocd-cm.yaml").read_text())
    script = (CONFIG / "argocd" / "health.lua").read_text()

    assert patch["metadata"]["name"] == "argocd-cm"
    assert patch["data"] == {f"resource.customizations.health.trimtab.io_{kind}": script for kind in KINDS}


def condition(name: str, status: str, message: str, reason: str = "Serving") -> dict[str, Any]:
    """Return the part of a condition that the health script reads."""
    return {"type": name, "status": status, "reason": reason, "message": message}


READY = condition("Ready", "True", "3 of 3 replicas answer")
LOADING = condition("Ready", "False", "1 of 3 replicas answers")
ROLLING = condition("Reconciling", "True", "1 of 3 replicas is new")
AT_ZERO = condition("Ready", "False", "pinned to 0 replicas", "ScaledToZero")
NO_POOL = condition("Stalled", "True", "no pool gpu-main")
PAUSED = condition("Paused", "True", "paused by annotation")
MISSED = condition("ObjectivesMet", "False", "p99 is 120 ms, above 80 ms")
UNSEEN = "Waiting for the operator to see this generation"


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (None, ("Progressing", UNSEEN)),
        ({"observedGeneration": 1, "conditions": [READY]}, ("Progressing", UNSEEN)),
        ({"observedGeneration": 2}, ("Progressing", UNSEEN)),
        ({"observedGeneration": 2, "conditions": [LOADING]}, ("Progressing", "1 of 3 replicas answers")),
        ({"observedGeneration": 2, "conditions": [READY, MISSED]}, ("Healthy", "3 of 3 replicas answer")),
        ({"observedGeneration": 2, "conditions": [LOADING, NO_POOL]}, ("Degraded", "no pool gpu-main")),
        ({"observedGeneration": 2, "conditions": [READY, ROLLING]}, ("Progressing", "1 of 3 replicas is new")),
        ({"observedGeneration": 2, "conditions": [AT_ZERO]}, ("Suspended", "pinned to 0 replicas")),
        ({"observedGeneration": 2, "conditions": [READY, PAUSED]}, ("Suspended", "paused by annotation")),
        (
            {"observedGeneration": 2, "conditions": [LOADING, NO_POOL, PAUSED]},
            ("Degraded", "no pool gpu-main"),
        ),
    ],
)
def test_argo_cd_judges_by_what_keeps_a_model_from_serving(
    status: dict[str, Any] | None, verdict: tuple[str, str]
) -> None:
    """What is not there yet is Progressing; Stalled Degraded; paused and zero Suspended; Ready and at rest Healthy."""
    lua51 = pytest.importorskip("lupa.lua51", reason="lupa, which runs Argo CD's Lua, is not installed")
    lua = lua51.LuaRuntime(register_eval=False)
    resource = {"metadata": {"generation": 2}} if status is None else {"metadata": {"generation": 2}, "status": status}
    lua.globals().obj = lua.table_from(resource, recursive=True)

    health = lua.execute((CONFIG / "argocd" / "health.lua").read_text())

    assert (health.status, health.message) == verdict
