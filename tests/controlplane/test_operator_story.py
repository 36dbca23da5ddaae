"""What a user sees: the README's manifest applied, served, pinned, paused, changed, deleted on a real API server."""

import copy
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from controlplane import Api, ControlPlane, until
from controlplane.operator_process import OperatorProcess

ROOT = Path(__file__).parents[2]
MODEL = "trimtab.io/v1alpha1/AIModel"
POOL = "trimtab.io/v1alpha1/InferencePool"
CHILDREN = (
    "apps/v1/Deployment",
    "v1/Service",
    "autoscaling/v2/HorizontalPodAutoscaler",
    "policy/v1/PodDisruptionBudget",
    "networking.k8s.io/v1/NetworkPolicy",
)
Manifest = dict[str, Any]


def readme_manifests(namespace: str) -> list[Manifest]:
    """Return the objects that the README shows, moved to a namespace."""
    blocks = [block.partition("```")[0] for block in (ROOT / "README.md").read_text().split("```yaml\n")[1:]]
    manifests = [document for block in blocks for document in yaml.safe_load_all(block)]
    for manifest in manifests:
        manifest["metadata"]["namespace"] = namespace
    return manifests


class Person:
    """Somebody at a terminal with kubectl, and the plugin on the PATH."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        scripts = Path(sys.executable).parent
        self.kubectl = str(plane.binaries["kubectl"])
        self.namespace = namespace
        self.environment = {
            "PATH": f"{scripts}:{os.environ['PATH']}",
            "HOME": str(plane.layout.folder),
            "KUBECONFIG": str(plane.kubeconfig),
            "PYTHONPATH": str(ROOT / "operator"),
        }

    def types(self, *words: str, typed: str | None = None) -> str:
        """Run kubectl in the namespace and return what it prints; it must succeed."""
        return self._run([self.kubectl, "--namespace", self.namespace, *words], typed)

    def trimtab(self, *words: str) -> str:
        """Run `trimtab` and return what it prints; it must succeed."""
        return self._run([sys.executable, "-m", "trimtab.app", *words], None)

    def _run(self, command: list[str], typed: str | None) -> str:
        done = subprocess.run(
            command, env=self.environment, input=typed, capture_output=True, text=True, timeout=90, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def person(control_plane: ControlPlane, namespace: str) -> Person:
    """Return somebody who may do everything."""
    return Person(control_plane, namespace)


@pytest.fixture
def model(operator: OperatorProcess, api: Api, namespace: str) -> Iterator[Manifest]:
    """Return the README's model, applied with its pool, once it is Ready."""
    assert operator.running
    for manifest in readme_manifests(namespace):
        api.apply(manifest)
    yield until(lambda: ready(api, namespace), what="the model to be Ready", seconds=60)
    for manifest in readme_manifests(namespace):
        api.delete(f"{manifest['apiVersion']}/{manifest['kind']}", manifest["metadata"]["name"], namespace)


def condition(manifest: Manifest | None, kind: str) -> Manifest:
    """Return a condition of an object, empty where it has none."""
    conditions: list[Manifest] = ((manifest or {}).get("status") or {}).get("conditions") or []
    return next((each for each in conditions if each["type"] == kind), {})


def ready(api: Api, namespace: str, name: str = "fraud-scorer") -> Manifest | None:
    """Return the model if it is Ready."""
    found = api.get(MODEL, name, namespace)
    return found if condition(found, "Ready").get("status") == "True" else None


def deployment(api: Api, namespace: str) -> Manifest:
    """Return the model's Deployment."""
    found = api.get("apps/v1/Deployment", "fraud-scorer-l4", namespace)
    assert found is not None
    return found


def children(api: Api, namespace: str) -> list[str]:
    """Return what is left of all children."""
    return [f"{kind} {each['metadata']['name']}" for kind in CHILDREN for each in api.list(kind, namespace)]


def test_the_readme_as_a_user_types_it(operator: OperatorProcess, person: Person, api: Api) -> None:
    """Ten lines of YAML become a serving model that `kubectl wait` waits for and `kubectl get` shows; then all goes."""
    assert operator.running
    typed = "\n---\n".join(json.dumps(manifest) for manifest in readme_manifests(person.namespace))
    person.types("apply", "--server-side", "-f", "-", typed=typed)
    person.types("wait", "--for=condition=Ready", "aim/fraud-scorer", "--timeout=60s")
    table = person.types("get", "aim,tpool")

    assert {line.split("/")[-1].partition(" ")[0] for line in children(api, person.namespace)} >= {"Deployment"}
    assert "fraud-scorer" in table
    assert max(map(len, table.splitlines())) <= 120
    status = (api.get(MODEL, "fraud-scorer", person.namespace) or {})["status"]
    assert status["url"] == f"http://fraud-scorer.{person.namespace}.svc:8000/v2/models/fraud-scorer"
    assert status["cost"] == {"hourly": "0.80", "currency": "USD"}
    assert (status["replicas"], status["readyReplicas"]) == (1, 1)

    person.types("delete", "aim/fraud-scorer", "tpool/gpu-main")
    until(lambda: not children(api, person.namespace), what="every child to go", seconds=60)


def test_a_pin_by_kubectl_scale_and_its_end_by_unpin(model: Manifest, person: Person, api: Api, namespace: str) -> None:
    """`kubectl scale` fixes the number, beyond the maximum only up to it; `trimtab unpin` gives it back."""
    del model
    person.types("scale", "aim/fraud-scorer", "--replicas=3")
    until(lambda: deployment(api, namespace)["spec"]["replicas"] == 3, what="3 replicas")
    until(lambda: condition_decision(api, namespace) == ("Pin", 3), what="the pin in the status")
    person.types("scale", "aim/fraud-scorer", "--replicas=99")
    until(lambda: deployment(api, namespace)["spec"]["replicas"] == 12, what="the maximum of 12 replicas")

    said = person.trimtab("unpin", "fraud-scorer", "--namespace", namespace)

    assert "was pinned to 99" in said
    assert "replicas" not in (api.get(MODEL, "fraud-scorer", namespace) or {})["spec"]
    assert "not pinned" in person.trimtab("unpin", "fraud-scorer", "--namespace", namespace)


def condition_decision(api: Api, namespace: str) -> tuple[str, int]:
    """Return what bound the last decision, and the number."""
    decision = (api.get(MODEL, "fraud-scorer", namespace) or {})["status"].get("decision") or {}
    return decision.get("boundBy", ""), decision.get("desiredReplicas", -1)


def test_a_paused_model_is_left_alone(model: Manifest, person: Person, api: Api, namespace: str) -> None:
    """While the annotation is there nothing of the model is changed; afterwards what was asked for is done."""
    del model
    person.types("annotate", "aim/fraud-scorer", "trimtab.io/paused=true")
    until(lambda: paused(api, namespace) == "True", what="Paused in the status")
    person.types("scale", "aim/fraud-scorer", "--replicas=2")
    until(lambda: observed(api, namespace), what="the status to follow the new generation")
    assert deployment(api, namespace)["spec"]["replicas"] == 1

    person.types("annotate", "aim/fraud-scorer", "trimtab.io/paused-")

    until(lambda: deployment(api, namespace)["spec"]["replicas"] == 2, what="2 replicas")
    until(lambda: paused(api, namespace) is None, what="Paused to go")


def paused(api: Api, namespace: str) -> str | None:
    """Return the status of the condition Paused."""
    return condition(api.get(MODEL, "fraud-scorer", namespace), "Paused").get("status")


def observed(api: Api, namespace: str) -> bool:
    """Tell whether the status is about the present generation."""
    found = api.get(MODEL, "fraud-scorer", namespace) or {}
    return bool(found["status"]["observedGeneration"] == found["metadata"]["generation"])


@pytest.mark.parametrize("kind", CHILDREN)
def test_a_child_that_is_edited_or_deleted_comes_back(model: Manifest, api: Api, namespace: str, kind: str) -> None:
    """Whatever somebody does to a child by hand is undone; labels of others stay."""
    del model
    child = next(each for each in api.list(kind, namespace) if each["metadata"]["name"].startswith("fraud-scorer"))
    name = child["metadata"]["name"]
    edited = copy.deepcopy(child)
    edited["metadata"]["labels"].pop("app.kubernetes.io/name")
    edited["metadata"]["labels"]["team"] = "a"
    edited["metadata"].pop("managedFields")
    api.request("PUT", api.path(kind, namespace, name), edited)

    def label() -> object:
        found = api.get(kind, name, namespace)
        return found and found["metadata"]["labels"].get("app.kubernetes.io/name")

    until(lambda: label() == "triton", what=f"the label of {kind} {name} to come back")
    mended = api.get(kind, name, namespace)
    assert mended is not None
    assert mended["metadata"]["labels"]["team"] == "a"

    api.delete(kind, name, namespace)
    until(
        lambda: (
            (api.get(kind, name, namespace) or {"metadata": {"uid": None}})["metadata"]["uid"]
            not in {None, child["metadata"]["uid"]}
        ),
        what=f"{kind} {name} to come back",
    )


def test_a_change_of_the_spec_reaches_the_pods(model: Manifest, api: Api, namespace: str) -> None:
    """A new source rolls the pods; the old ones serve until the new ones do."""
    del model
    change = {"spec": {"model": {"source": {"uri": "s3://models/fraud/2026-11-24"}}}}
    api.patch(MODEL, "fraud-scorer", change, namespace=namespace)

    def plan() -> str:
        template = deployment(api, namespace)["spec"]["template"]["spec"]
        return str(next(each["value"] for each in template["initContainers"][0]["env"] if "PLAN" in each["name"]))

    until(lambda: "fraud/2026-11-24" in plan(), what="the new source in the pod template")
    until(lambda: ready(api, namespace), what="the model to be Ready again", seconds=60)


def test_pods_run_under_the_restricted_profile(model: Manifest, api: Api, namespace: str) -> None:
    """The namespace enforces it: the pods are there, so nothing of theirs was refused."""
    del model
    labels = (api.get("v1/Namespace", namespace) or {})["metadata"]["labels"]

    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    pods = api.list("v1/Pod", namespace, "trimtab.io/model=fraud-scorer")
    assert [pod["spec"]["automountServiceAccountToken"] for pod in pods] == [False]
