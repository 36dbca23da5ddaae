"""What stands in a model's way: objects of others under its children's names, quotas, admission policies."""

from collections.abc import Iterator
from typing import Any

import pytest

from controlplane import ApiError, ControlPlane
from controlplane.operator_process import OperatorProcess
from stories import (
    AUTOSCALER,
    BUDGET,
    DEPLOYMENT,
    MODEL,
    POLICY,
    SERVICE,
    Manifest,
    Outcomes,
    Place,
    seconds_of_quiet,
    story,
    told,
)

ADMISSION = "admissionregistration.k8s.io/v1"


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, control_plane: ControlPlane, operator: OperatorProcess
) -> Iterator[Outcomes]:
    """Return what came of each story of this file."""
    with told(request, control_plane) as running:
        yield running
    assert operator.running
    assert "a bug" not in operator.log


FOREIGN: dict[str, tuple[str, Manifest]] = {
    DEPLOYMENT: (
        "deployment-cpu",
        {
            "selector": {"matchLabels": {"app": "mine"}},
            "replicas": 0,
            "template": {
                "metadata": {"labels": {"app": "mine"}},
                "spec": {"containers": [{"name": "mine", "image": "example.org/mine:1"}]},
            },
        },
    ),
    SERVICE: ("service", {"selector": {"app": "mine"}, "ports": [{"port": 80}]}),
    AUTOSCALER: (
        "autoscaler-cpu",
        {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "mine"}, "maxReplicas": 2},
    ),
    BUDGET: ("budget", {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "mine"}}}),
    POLICY: ("policy", {"podSelector": {"matchLabels": {"app": "mine"}}}),
}


@story
def test_an_object_of_somebody_else_is_never_adopted(place: Place) -> None:
    """Whatever kind it is: it is left alone and named, all other children are made, and its end is enough."""
    mine = {}
    for kind, (name, spec) in FOREIGN.items():
        version, _, short = kind.rpartition("/")
        about = {"name": name, "namespace": place.namespace}
        mine[kind] = place.api.create({"apiVersion": version, "kind": short, "metadata": about, "spec": spec})
        place.model(name.removesuffix("-cpu"))

    for kind, (name, _) in FOREIGN.items():
        model, short = name.removesuffix("-cpu"), kind.rpartition("/")[2]
        said = place.says("Ready", "False", "Conflict", model)
        assert said.startswith(
            f"{short} {name} is there already and was made by somebody else; it is left alone. "
            "Delete or rename it, or give the AIModel another name"
        )
        assert place.says("Stalled", "True", "Conflict", model) in said
        assert len(place.children(model)) == 5
        found = place.get(kind, name)
        assert written_by(found) == written_by(mine[kind])
        assert (found["spec"], found["metadata"].get("labels")) == (mine[kind]["spec"], None)
    for kind, (name, _) in FOREIGN.items():
        place.api.delete(kind, name, place.namespace)
    for name, _ in FOREIGN.values():
        place.is_ready(name.removesuffix("-cpu"))


def written_by(manifest: Manifest) -> set[str]:
    """Return who has written the fields of an object, but for the controllers' status."""
    return {each["manager"] for each in manifest["metadata"]["managedFields"] if "subresource" not in each}


def quota(place: Place, **hard: str) -> None:
    """Apply a ResourceQuota and wait until it is enforced."""
    about = {"name": "quota", "namespace": place.namespace}
    amounts = {name.replace("__", "/").replace("_", "."): amount for name, amount in hard.items()}
    place.api.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": about, "spec": {"hard": amounts}})
    place.until(
        lambda: (place.get("v1/ResourceQuota", "quota").get("status") or {}).get("hard") == amounts, "the quota"
    )


@story
def test_a_quota_on_deployments_is_told_in_its_own_words(place: Place) -> None:
    """The Deployment is refused and named with what the quota says; when there is room it is made."""
    quota(place, count__deployments_apps="1")
    place.model()

    said = place.says("Ready", "False", "ChildRefused")

    assert said.startswith("Deployment model-cpu is refused: ")
    assert "exceeded quota: quota, requested: count/deployments.apps=1, used: count/deployments.apps=1" in said
    assert place.says("Stalled", "True", "ChildRefused") == said
    assert len(place.children()) == 5
    place.api.delete("v1/ResourceQuota", "quota", place.namespace)
    place.is_ready()


@story
def test_a_quota_on_pods_is_told_in_its_own_words(place: Place) -> None:
    """Who refuses the pods is the quota, who tells is the ReplicaSet; when there is room they are made."""
    quota(place, pods="1")
    place.model()

    said = place.says("CapacityAvailable", "False", "PodsRefused")

    assert said.startswith("pods cannot be created: ")
    assert "exceeded quota: quota, requested: pods=1, used: pods=1, limited: pods=1" in said
    assert place.says("Ready", "False", "PodsRefused") == said
    assert place.says("Stalled", "True", "PodsRefused") == said
    place.api.delete("v1/ResourceQuota", "quota", place.namespace)
    place.is_ready()


@story
def test_a_quota_on_accelerators_is_told_in_its_own_words(place: Place) -> None:
    """A quota without a GPU left refuses the pods of a model on GPUs, and of nobody else."""
    place.pool({"name": "l4", "resourceName": "nvidia.com/gpu"}, name="gpu")
    quota(place, requests_nvidia_com__gpu="0")
    place.model(poolRef={"name": "gpu"})

    said = place.says("Ready", "False", "PodsRefused")

    assert "exceeded quota: quota, requested: requests.nvidia.com/gpu=1, used: requests.nvidia.com/gpu=0" in said
    place.api.delete("v1/ResourceQuota", "quota", place.namespace)
    place.is_ready()


def admit(place: Place, kind: str, what: str, **spec: Any) -> None:  # noqa: ANN401 - JSON
    """Let an admission policy stand over this namespace."""
    name = f"{place.namespace}-{what}"
    here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": place.namespace}}}
    actions = {"validationActions": ["Deny"]} if kind.startswith("Validating") else {}
    place.api.apply({"apiVersion": ADMISSION, "kind": kind, "metadata": {"name": name}, "spec": spec})
    binding = {"policyName": name, "matchResources": here, **actions}
    place.api.apply({"apiVersion": ADMISSION, "kind": f"{kind}Binding", "metadata": {"name": name}, "spec": binding})


def dismiss(place: Place, kind: str, what: str) -> None:
    """Take the policy away again."""
    for each in (f"{kind}Binding", kind):
        place.api.delete(f"{ADMISSION}/{each}", f"{place.namespace}-{what}")


def about(group: str, resource: str) -> Manifest:
    """Return what a policy is about: one resource, as it is created and changed."""
    rule = {"apiGroups": [group], "apiVersions": ["*"], "resources": [resource], "operations": ["CREATE", "UPDATE"]}
    return {"resourceRules": [rule]}


@story
def test_a_policy_that_refuses_a_child_is_told_in_its_own_words(place: Place) -> None:
    """The Service is refused and named with what the policy says, the rest is made; it follows the policy's end."""
    admit(
        place,
        "ValidatingAdmissionPolicy",
        "services",
        failurePolicy="Fail",
        matchConstraints=about("", "services"),
        validations=[{"expression": "object.metadata.name == 'x'", "message": "services need a ticket: ask Ann"}],
    )
    place.until(lambda: is_refused(place), "the policy to be in force")
    place.model()

    said = place.says("Ready", "False", "ChildRefused")

    assert "Service model is refused: " in said
    assert "Service model-headless is refused: " in said
    assert "denied request: services need a ticket: ask Ann" in said
    assert place.says("Stalled", "True", "ChildRefused") in said
    assert sorted(place.children()) == [
        "Deployment model-cpu", "HorizontalPodAutoscaler model-cpu", "NetworkPolicy model", "PodDisruptionBudget model",
    ]  # fmt: skip
    dismiss(place, "ValidatingAdmissionPolicy", "services")
    place.is_ready()


def is_refused(place: Place) -> bool:
    """Tell whether a Service would be refused here."""
    probe = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "probe"}, "spec": {"ports": [{"port": 80}]}}
    try:
        place.api.request("POST", f"{place.api.path(SERVICE, place.namespace)}?dryRun=All", probe)
    except ApiError:
        return True
    return False


INSISTED = {
    ("apps", "deployments"): '[JSONPatch{op: "replace", path: "/spec/progressDeadlineSeconds", value: 77}]',
    ("autoscaling", "horizontalpodautoscalers"): '[JSONPatch{op: "replace", path: "/spec/minReplicas", value: 2}]',
    ("", "services"): '[JSONPatch{op: "add", path: "/spec/selector/tier", value: "b"}]',
}


@story
def test_a_policy_that_changes_what_we_render_is_not_fought_with(place: Place) -> None:
    """Its word is the last: after a try or two nothing is written any more, and the model serves."""
    for (group, resource), expression in INSISTED.items():
        mutation = {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}
        admit(
            place,
            "MutatingAdmissionPolicy",
            resource,
            failurePolicy="Fail",
            reinvocationPolicy="Never",
            matchConstraints=about(group, resource),
            mutations=[mutation],
        )
    place.until(lambda: is_changed(place), "the policy to be in force")
    mark = place.plane.audit.mark()
    place.model()
    place.is_ready()
    try:
        place.until(lambda: told_of_both(place), "two replicas, as the policy insists, and all to be told")
    except TimeoutError as error:
        raise TimeoutError(f"{error}; it says {place.get(MODEL, 'model')['status']}") from error
    quiet = place.plane.audit.mark()

    seconds_of_quiet(20)

    assert not place.writes(quiet, "model")
    assert len([each for each in place.writes(mark, "model-cpu") if each.resource == "deployments"]) <= 5
    assert place.get(DEPLOYMENT, "model-cpu")["spec"]["progressDeadlineSeconds"] == 77
    assert place.get(AUTOSCALER, "model-cpu")["spec"]["minReplicas"] == 2
    assert place.get(SERVICE, "model")["spec"]["selector"]["tier"] == "b"
    for _, resource in INSISTED:
        dismiss(place, "MutatingAdmissionPolicy", resource)
    place.edit(scaling={"maxReplicas": 3, "minReplicas": 3})
    place.until(lambda: len(place.pods()) == 3, "a wish of the user to be done as ever")
    place.is_ready()


def told_of_both(place: Place) -> bool:
    """Tell whether a status says all there is to say about two replicas: numbers may come some seconds later."""
    status = place.get(MODEL, "model")["status"]
    shown = status["readyReplicas"], status["cost"]["hourly"], place.condition("Ready")["message"]
    return shown == (2, "0.20", "2 of 2 replicas answer") and place.is_settled()


def is_changed(place: Place) -> bool:
    """Tell whether each of the kinds would be changed here: the server learns of one policy after the other."""
    deployment, autoscaler, service = (made_now(place, kind)["spec"] for kind in (DEPLOYMENT, AUTOSCALER, SERVICE))
    changed = (deployment["progressDeadlineSeconds"], autoscaler["minReplicas"], service["selector"].get("tier"))
    return changed == (77, 2, "b")


def made_now(place: Place, kind: str) -> Manifest:
    """Return what would become of an object that somebody creates here."""
    version, _, short = kind.rpartition("/")
    probe = {"apiVersion": version, "kind": short, "metadata": {"name": "probe"}, "spec": FOREIGN[kind][1]}
    made: Manifest = place.api.request("POST", f"{place.api.path(kind, place.namespace)}?dryRun=All", probe)
    return made
