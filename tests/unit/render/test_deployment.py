"""What rolls a pod, and what does not; how a rollout goes on; what a Deployment is born with."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from samples import SAMPLES, SETTINGS, changed, serving_of
from trimtab.api.fetch import FETCH_PLAN_VARIABLE
from trimtab.api.inferencepool import Variant
from trimtab.api.kinds import Manifest
from trimtab.render.autoscaler import render_autoscaler
from trimtab.render.children import render_children
from trimtab.render.deployment import birth, render_deployment
from trimtab.render.names import POD_SETTINGS_ANNOTATION, POD_TEMPLATE_ANNOTATION
from trimtab.render.settings import FetchResources, PodSettings, Serving
from trimtab.units import Replicas

GPU, CPU = SAMPLES[:2]
THEN = SETTINGS.pod
NOW = PodSettings(
    triton_image="nvcr.io/nvidia/tritonserver:27.01-py3",
    runtime_image="ghcr.io/trimtab/runtime:0.2.0",
    fetch_resources=FetchResources(memory_limit="4Gi"),
    allow_private_addresses=True,
    allowed_endpoints=("minio.minio.svc:9000",),
)
"""What another version of the operator, with other defaults, would render with."""

every_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)


def living(serving: Serving, live: Manifest) -> Serving:
    """Return a serving whose Deployment is there already."""
    return replace(serving, live_deployments={live["metadata"]["name"]: live})


def template_of(serving: Serving, settings: PodSettings = NOW) -> Any:  # noqa: ANN401 - JSON values
    """Return the pod template that would be applied."""
    return render_deployment(serving, settings)["spec"]["template"]


def shorter(serving: Serving) -> Serving:
    """Return a serving whose user has asked for less time to drain."""
    return changed(serving, "serving.drain.timeout", "7s")


@every_sample
def test_no_setting_of_the_operator_rolls_a_pod(sample: Path) -> None:
    """Another default image, runtime, fetch resources or address rule waits until the user or the pool changes."""
    serving = serving_of(sample)
    live = render_deployment(serving, THEN)

    assert template_of(living(serving, live)) == live["spec"]["template"]
    assert render_deployment(living(serving, live), NOW) == live


@every_sample
def test_no_decision_rolls_a_pod(sample: Path) -> None:
    """Neither replicas, nor a pin, nor what the cluster offers, is part of what a pod is."""
    serving = serving_of(sample)

    for replicas in (0, 1, 7):
        other = replace(serving, replicas=Replicas(replicas), pinned=not serving.pinned, pod_monitors=True)
        assert template_of(other, THEN) == template_of(serving, THEN)


@every_sample
def test_a_users_change_moves_the_pods_to_todays_settings(sample: Path) -> None:
    """They restart anyway: then they get the image that new pods get."""
    serving = serving_of(sample)
    live = render_deployment(serving, THEN)

    moved = render_deployment(living(shorter(serving), live), NOW)

    assert moved["spec"]["template"] == template_of(shorter(serving), NOW)
    assert moved["spec"]["template"]["spec"]["initContainers"][0]["image"] == NOW.runtime_image


@pytest.mark.parametrize("annotation", [POD_SETTINGS_ANNOTATION, POD_TEMPLATE_ANNOTATION])
@pytest.mark.parametrize("value", [None, "{}", "nonsense"])
def test_annotations_that_are_gone_or_edited_move_the_pods_to_todays_settings(
    annotation: str, value: str | None
) -> None:
    """Taking an annotation away is how a person asks for it; what does not fit together is not believed."""
    serving = serving_of(GPU)
    live = render_deployment(serving, THEN)
    if value is None:
        del live["metadata"]["annotations"][annotation]
    else:
        live["metadata"]["annotations"][annotation] = value

    assert template_of(living(serving, live)) == template_of(serving, NOW)


@pytest.mark.parametrize("metadata", [{}, {"annotations": None}])
def test_a_deployment_without_annotations_is_no_obstacle(metadata: Manifest) -> None:
    """Whoever has removed all of them gets today's pods."""
    serving = serving_of(GPU)
    live = {"metadata": {"name": "fraud-scorer-l4", **metadata}}

    rendered = render_deployment(replace(serving, live_deployments={"fraud-scorer-l4": live}), NOW)

    assert rendered["spec"]["template"] == template_of(serving, NOW)


def test_settings_from_an_annotation_gain_nobody_anything() -> None:
    """Settings that somebody wrote into the annotation are believed only if the pods were rendered with them."""
    serving = serving_of(GPU)
    live = render_deployment(serving, THEN)
    forged = json.loads(live["metadata"]["annotations"][POD_SETTINGS_ANNOTATION]) | {"allowPrivateAddresses": True}
    live["metadata"]["annotations"][POD_SETTINGS_ANNOTATION] = json.dumps(forged)

    assert template_of(living(serving, live), THEN) == template_of(serving, THEN)


def plan_of(template: Any) -> Any:  # noqa: ANN401 - JSON values
    """Return what the init container of a template is told to do."""
    environment = template["spec"]["initContainers"][0]["env"]
    return json.loads(next(each["value"] for each in environment if each["name"] == FETCH_PLAN_VARIABLE))


@every_sample
def test_consent_to_code_restarts_nothing_that_works_without_it(sample: Path) -> None:
    """A pool that begins to allow code has models that are none: they are left alone until they change anyway."""
    serving = serving_of(sample)
    live = render_deployment(serving, THEN)

    consented = replace(serving, code="Allow")

    assert render_deployment(living(consented, live), THEN) == live
    assert plan_of(template_of(living(shorter(consented), live)))["code"] == "Allow"


def test_consent_reaches_the_container_that_fetches_and_is_remembered() -> None:
    """A new Deployment gets it, and keeps it over the operator's other settings; without it nothing is said."""
    serving = replace(serving_of(GPU), code="Allow")
    live = render_deployment(serving, THEN)

    assert plan_of(live["spec"]["template"])["code"] == "Allow"
    assert render_deployment(living(serving, live), NOW) == live
    assert "code" not in plan_of(template_of(serving_of(GPU)))


def test_consent_that_is_taken_back_is_taken_from_the_pods() -> None:
    """The next ones refuse a model that is a program; the settings are today's then, since they restart anyway."""
    serving = serving_of(GPU)
    live = render_deployment(replace(serving, code="Allow"), THEN)

    assert template_of(living(serving, live)) == template_of(serving, NOW)


def test_consent_is_the_pools_and_not_a_setting_of_the_operator() -> None:
    """Whatever the settings say, and whatever somebody wrote into the annotation."""
    serving = serving_of(GPU)
    live = render_deployment(serving, THEN)
    forged = json.loads(live["metadata"]["annotations"][POD_SETTINGS_ANNOTATION]) | {"code": "Allow"}
    live["metadata"]["annotations"][POD_SETTINGS_ANNOTATION] = json.dumps(forged)

    assert template_of(living(serving, live), THEN.model_copy(update={"code": "Allow"})) == template_of(serving, THEN)


def test_a_deployment_leaves_replicas_to_the_autoscaler() -> None:
    """They are said once, at birth, in a copy: what is applied ever after has none."""
    children = render_children(serving_of(GPU), SETTINGS)
    deployment = next(child for child in children if child["kind"] == "Deployment")

    born = [birth(child, Replicas(3)) for child in children]

    assert "replicas" not in deployment["spec"]
    assert [child["spec"].get("replicas") for child in born if child["kind"] == "Deployment"] == [3]
    assert [child for child in born if child["kind"] != "Deployment"] == [
        child for child in children if child["kind"] != "Deployment"
    ]


@pytest.mark.parametrize(
    ("resource", "replicas", "unavailable"),
    [("nvidia.com/gpu", 0, 0), ("nvidia.com/gpu", 1, 0), ("nvidia.com/gpu", 2, 1), (None, 1, 0), (None, 5, 0)],
)
def test_a_rollout_does_not_wait_for_an_accelerator_that_nobody_has(
    resource: str | None, replicas: int, unavailable: int
) -> None:
    """Of several, one old replica makes room; a single one serves until its successor does."""
    variant = Variant(name="any", resource_name=resource)
    serving = serving_of(GPU, variant=variant, replicas=Replicas(replicas))

    strategy = render_deployment(serving, THEN)["spec"]["strategy"]

    assert strategy["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": unavailable}


def test_a_rollout_is_given_up_no_earlier_than_its_slowest_start() -> None:
    """Pulling and fetching come before the time that the user gave to loading."""
    assert render_deployment(serving_of(GPU), THEN)["spec"]["progressDeadlineSeconds"] == 1_800 + 20 * 60


@pytest.mark.parametrize(
    ("sample", "fields", "bounds"),
    [
        (GPU, {"replicas": Replicas(3)}, (3, 3)),
        (GPU, {"replicas": Replicas(0)}, (1, 1)),
        (CPU, {"replicas": Replicas(3)}, (3, 10)),
        (CPU, {"replicas": Replicas(3), "pinned": True}, (3, 3)),
        (CPU, {"replicas": Replicas(0), "pinned": True}, (1, 1)),
        (CPU, {"replicas": Replicas(12)}, (12, 12)),
        (CPU, {"replicas": Replicas(3), "ceiling": Replicas(5)}, (3, 5)),
        (CPU, {"replicas": Replicas(6), "ceiling": Replicas(5)}, (6, 6)),
    ],
)
def test_the_autoscaler_holds_the_decision_or_rises_from_it(
    sample: Path, fields: dict[str, Any], bounds: tuple[int, int]
) -> None:
    """Fixed on accelerators and under a pin; upwards to the ceiling by the processor elsewhere; never 0."""
    spec = render_autoscaler(serving_of(sample, **fields))["spec"]

    assert (spec["minReplicas"], spec["maxReplicas"]) == bounds


def test_no_autoscaler_is_rendered_where_the_user_wants_none() -> None:
    """`scaling.autoscaler: None` leaves it out, and nothing else."""
    serving = serving_of(GPU)

    kinds = [child["kind"] for child in render_children(changed(serving, "scaling.autoscaler", "None"), SETTINGS)]

    assert kinds == ["NetworkPolicy", "Deployment", "Service", "Service", "PodDisruptionBudget"]
