"""What is rendered, against a real API server: taken as it is, read back as it was, put right when it was edited."""

import contextlib
import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from controlplane import Api, ApiError, until
from samples import SAMPLES, SETTINGS, changed, load, only, serving_of
from trimtab.api.inferencepool import Variant
from trimtab.api.kinds import Manifest
from trimtab.render.children import render_children
from trimtab.render.deployment import birth, render_deployment
from trimtab.render.divergence import needs_apply, overwritten
from trimtab.render.names import BIRTH_FIELD_MANAGER, FIELD_MANAGER
from trimtab.render.profile import render_profile
from trimtab.render.settings import Serving
from trimtab.units import Replicas

Edit = Callable[[Any], object]


@dataclass(frozen=True)
class Placed:
    """The children of a model that is really there."""

    api: Api
    serving: Serving
    children: tuple[Manifest, ...]

    def child(self, kind: str) -> Manifest:
        """Return what was rendered, the first of its kind."""
        return next(child for child in self.children if child["kind"] == kind)

    def live(self, child: Manifest) -> Manifest:
        """Return a child as it stands in the cluster."""
        about = child["metadata"]
        found = self.api.get(f"{child['apiVersion']}/{child['kind']}", about["name"], about["namespace"])
        assert found is not None
        return found

    def edit(self, child: Manifest, change: Edit) -> None:
        """Change a child as somebody with `kubectl edit` would."""

        def changed(live: Manifest) -> Manifest:
            change(live)
            return live

        self.put(child, changed)

    def put(self, child: Manifest, new: Callable[[Manifest], Manifest]) -> None:
        """Write what `new` makes of the live object, again if a controller has written its status in between."""
        path = self.api.path(f"{child['apiVersion']}/{child['kind']}", *_place(child))

        def written() -> bool:
            try:
                self.api.request("PUT", path, new(self.live(child)))
            except ApiError as error:
                if error.reason != "Conflict":
                    raise
                return False
            return True

        until(written, what=f"the {child['kind']} to be written")

    def diverged(self) -> list[str]:
        """Return the kinds of the children that would be applied."""
        return [child["kind"] for child in self.children if needs_apply(child, self.live(child))]


def _place(child: Manifest) -> tuple[str, str]:
    return child["metadata"]["namespace"], child["metadata"]["name"]


def born_strictly(api: Api, manifest: Manifest) -> Manifest:
    """Create an object as its birth; a field that the server does not know is an error."""
    path = api.path(f"{manifest['apiVersion']}/{manifest['kind']}", manifest["metadata"]["namespace"])
    query = f"?fieldManager={BIRTH_FIELD_MANAGER}&fieldValidation=Strict"
    made: Manifest = api.request("POST", path + query, manifest)
    return made


def place(api: Api, namespace: str, sample: Path, **changes: Any) -> Placed:  # noqa: ANN401 - fields of Serving
    """Create a sample's pool and model, and the model's children as they are born."""
    manifests = load(sample)
    pool, model = only(manifests, "InferencePool"), only(manifests, "AIModel")
    for manifest in (pool, model):
        manifest["metadata"]["namespace"] = namespace
    model["spec"]["poolRef"].pop("namespace", None)
    born_strictly(api, pool)
    serving = serving_of(sample, namespace=namespace, uid=born_strictly(api, model)["metadata"]["uid"], **changes)
    children = render_children(serving, SETTINGS)
    if serving.spec.profile is not None:
        children += render_profile(serving, SETTINGS, serving.spec.profile)
    for child in children:
        born_strictly(api, birth(child, serving.replicas))
    return Placed(api, serving, children)


@pytest.fixture(params=SAMPLES, ids=lambda sample: sample.stem)
def placed(request: pytest.FixtureRequest, api: Api, namespace: str) -> Placed:
    """Return the children of each sample in turn."""
    return place(api, namespace, request.param)


@pytest.fixture
def first(api: Api, namespace: str) -> Placed:
    """Return the children of the first sample."""
    return place(api, namespace, SAMPLES[0])


def test_what_was_born_and_applied_is_contained_in_what_is_there(placed: Placed) -> None:
    """Defaults, addresses and status that the server adds are no divergence, after a birth and after an apply."""
    assert placed.diverged() == []

    for child in placed.children:
        placed.api.apply(child, FIELD_MANAGER)

    assert placed.diverged() == []


def test_pods_are_made_in_a_namespace_that_enforces_the_restricted_profile(placed: Placed) -> None:
    """As many as were decided, admitted as they are."""
    selector = ",".join(f"{key}={value}" for key, value in _selector(placed).items())
    namespace = placed.serving.model.namespace

    pods = until(
        lambda: _when(placed.api.list("v1/Pod", namespace, selector), placed.serving.replicas), what="the model's pods"
    )

    deployment = placed.live(placed.child("Deployment"))
    assert not [each for each in deployment.get("status", {}).get("conditions", []) if each["type"] == "ReplicaFailure"]
    assert all("token" not in str(pod["spec"]["volumes"]) for pod in pods)


def test_controllers_leave_what_was_rendered_alone(api: Api, namespace: str) -> None:
    """The autoscaler has looked at its object and acted on it, the others at theirs, and nothing of ours has moved."""
    every = [place(api, namespace, sample) for sample in SAMPLES]

    for placed in every:
        autoscaler = placed.child("HorizontalPodAutoscaler")
        until(lambda: placed.live(autoscaler).get("status", {}).get("conditions"), what="the autoscaler's look")  # noqa: B023 - called at once

    assert [placed.diverged() for placed in every] == [[]] * len(every)
    for placed in every:
        assert placed.live(placed.child("Deployment"))["spec"]["replicas"] == placed.serving.replicas


def test_a_rollout_ends_where_no_accelerator_is_free(api: Api, namespace: str) -> None:
    """Two replicas hold every H100 of the fleet: the successor of one gets what that one leaves."""
    whole_half = Variant(
        name="h100",
        resource_name="nvidia.com/gpu",
        accelerators_per_replica=4,
        node_selector={"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"},
    )
    placed = place(api, namespace, SAMPLES[0], variant=whole_half, replicas=Replicas(2))
    deployment = placed.child("Deployment")
    until(lambda: _rolled_out(placed.live(deployment), 2), what="both replicas", seconds=60)

    changed_model = changed(placed.serving, "serving.drain.timeout", "7s")
    placed.api.apply(render_deployment(changed_model, SETTINGS.pod), FIELD_MANAGER)

    until(lambda: _rolled_out(placed.live(deployment), 2), what="both successors", seconds=60)
    assert {_grace(pod) for pod in placed.api.list("v1/Pod", namespace)} == {10 + 7 + 15}


def _rolled_out(live: Manifest, replicas: int) -> bool:
    status = live.get("status", {})
    counts = {status.get(field, 0) for field in ("replicas", "updatedReplicas", "readyReplicas")}
    return status.get("observedGeneration") == live["metadata"]["generation"] and counts == {replicas}


def _grace(pod: Manifest) -> int:
    seconds: int = pod["spec"]["terminationGracePeriodSeconds"]
    return seconds


def _selector(placed: Placed) -> dict[str, str]:
    labels: dict[str, str] = placed.child("Deployment")["spec"]["selector"]["matchLabels"]
    return labels


def _when(found: list[Manifest], count: int) -> list[Manifest]:
    return found if len(found) == count else []


def _pod(live: Manifest) -> Manifest:
    spec: Manifest = live["spec"]["template"]["spec"]
    return spec


def _triton(live: Manifest) -> Manifest:
    container: Manifest = _pod(live)["containers"][0]
    return container


EDITS: dict[str, tuple[str, Edit]] = {
    "another image": ("Deployment", lambda it: _triton(it).update(image="registry.example.com/other:1")),
    "an argument more": ("Deployment", lambda it: _triton(it)["args"].append("--log-verbose=1")),
    "a probe gone": ("Deployment", lambda it: _triton(it).pop("readinessProbe")),
    "less memory": ("Deployment", lambda it: _triton(it)["resources"]["requests"].update(memory="1Gi")),
    "another node": ("Deployment", lambda it: _pod(it)["nodeSelector"].update(disk="fast")),
    "no toleration": ("Deployment", lambda it: _pod(it).update(tolerations=[])),
    "another strategy": ("Deployment", lambda it: it["spec"].update(strategy={"type": "Recreate"})),
    "the settings gone": (
        "Deployment",
        lambda it: it["metadata"]["annotations"].pop("trimtab.io/pod-settings"),
    ),
    "egress opened": ("NetworkPolicy", lambda it: it["spec"]["egress"].append({})),
    "everybody let in": (
        "NetworkPolicy",
        lambda it: it["spec"]["ingress"][0]["from"][0].update(namespaceSelector={}),
    ),
    "nobody guarded": ("NetworkPolicy", lambda it: it["spec"]["podSelector"]["matchLabels"].update(more="1")),
    "another target": ("Service", lambda it: it["spec"]["ports"][0].update(targetPort=80)),
    "other pods": ("Service", lambda it: it["spec"]["selector"].update(track="canary")),
    "a higher ceiling": ("HorizontalPodAutoscaler", lambda it: it["spec"].update(maxReplicas=99)),
    "another metric": (
        "HorizontalPodAutoscaler",
        lambda it: it["spec"]["metrics"][0]["resource"]["target"].update(averageUtilization=10),
    ),
    "a looser budget": ("PodDisruptionBudget", lambda it: it["spec"].update(maxUnavailable=2)),
    "no label": ("Service", lambda it: it["metadata"]["labels"].pop("trimtab.io/model")),
    "no owner": ("PodDisruptionBudget", lambda it: it["metadata"].pop("ownerReferences")),
}


def test_an_edit_by_hand_is_noticed_and_put_right(first: Placed) -> None:
    """Whatever of ours is changed in a child: that child diverges, and an apply restores what was rendered."""
    for child in first.children:
        first.api.apply(child, FIELD_MANAGER)

    for what, (kind, change) in EDITS.items():
        first.edit(first.child(kind), change)
        assert first.diverged() == [kind], what

        first.api.apply(first.child(kind), FIELD_MANAGER)
        assert first.diverged() == [], what


BEYOND_AN_APPLY: dict[str, tuple[str, Edit]] = {
    "another port": ("Service", lambda it: it["spec"]["ports"][0].update(port=80)),
    "another mount": ("Deployment", lambda it: _triton(it)["volumeMounts"][1].update(mountPath="/scratch")),
    "another volume": ("Deployment", lambda it: _pod(it)["volumes"][1].update(emptyDir=None, configMap={"name": "x"})),
}


@pytest.mark.parametrize("what", BEYOND_AN_APPLY)
def test_an_edit_that_an_apply_cannot_undo_is_overwritten(first: Placed, what: str) -> None:
    """An edited key leaves two entries, of which the server refuses one or keeps both; overwriting leaves ours."""
    kind, change = BEYOND_AN_APPLY[what]
    child = first.child(kind)
    first.api.apply(child, FIELD_MANAGER)

    first.edit(child, change)
    noticed = first.diverged()
    with contextlib.suppress(ApiError):
        first.api.apply(child, FIELD_MANAGER)
    first.put(child, lambda live: overwritten(child, live))

    assert noticed == [kind]
    assert first.diverged() == []
    assert len(_triton(first.live(first.child("Deployment")))["volumeMounts"]) == 3
    assert len(first.live(first.child("Service"))["spec"]["ports"]) == 2


def test_a_model_without_downloads_gets_its_egress_closed_again(api: Api, namespace: str) -> None:
    """An empty list that we own is put back to empty, though the server does not store it."""
    (mounted,) = (sample for sample in SAMPLES if "oci:" in sample.read_text())
    placed = place(api, namespace, mounted)
    policy = placed.child("NetworkPolicy")
    placed.api.apply(policy, FIELD_MANAGER)

    placed.edit(policy, lambda it: it["spec"].update(egress=[{}]))
    noticed = placed.diverged()
    placed.api.apply(policy, FIELD_MANAGER)

    assert noticed == ["NetworkPolicy"]
    assert "egress" not in placed.live(policy)["spec"]
    assert placed.diverged() == []


def _join(live: Manifest) -> None:
    """Add what admission webhooks and people add: labels, a sidecar with its volume, a variable, a port."""
    live["metadata"]["labels"]["team"] = "payments"
    live["metadata"]["annotations"]["sidecar.example.com/status"] = "injected"
    pod = _pod(live)
    sidecar = copy.deepcopy(_triton(live)) | {"name": "proxy", "ports": [{"containerPort": 15001}]}
    for field in ("startupProbe", "readinessProbe", "livenessProbe"):
        sidecar.pop(field)
    _triton(live)["env"].insert(0, {"name": "PROXY", "value": "on"})
    _triton(live)["volumeMounts"].insert(0, {"name": "proxy", "mountPath": "/proxy"})
    pod["volumes"].insert(0, {"name": "proxy", "emptyDir": {}})
    pod["containers"].insert(0, sidecar)


def test_what_others_add_is_none_of_our_business(first: Placed) -> None:
    """Labels, sidecars and volumes of others are no divergence, and an apply would not take them away."""
    deployment = first.child("Deployment")
    first.api.apply(deployment, FIELD_MANAGER)

    first.edit(deployment, _join)
    unnoticed = first.diverged()
    after = first.api.apply(deployment, FIELD_MANAGER)

    assert unnoticed == []
    assert [each["name"] for each in after["spec"]["template"]["spec"]["containers"]] == ["proxy", "triton"]


def test_replicas_are_nobodys_divergence(first: Placed) -> None:
    """Whoever scales the Deployment is not fought by an apply."""
    deployment = first.child("Deployment")

    first.edit(deployment, lambda live: live["spec"].update(replicas=0))

    assert first.diverged() == []
