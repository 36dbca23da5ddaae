"""The Job that measures a model: the pod that serves it, alone with its client."""

from dataclasses import replace

import pytest

from samples import SAMPLES, SETTINGS, changed, serving_of
from trimtab.api.aimodel import ProfileSpec
from trimtab.api.kinds import Manifest
from trimtab.api.profile import PROFILE_PLAN_VARIABLE, ProfilePlan
from trimtab.render.deployment import render_deployment
from trimtab.render.names import MODEL_LABEL, model_label, profile_label, profile_name, selector
from trimtab.render.pod import pod_template
from trimtab.render.profile import profile_key, render_profile
from trimtab.render.settings import Serving

GPU, CPU, MOUNTED, LARGE, MEASURED = SAMPLES
WISH = ProfileSpec(time_limit="3m")


def job_of(serving: Serving) -> Manifest:
    """Return the Job."""
    _, job = render_profile(serving, SETTINGS, WISH)
    return job


def pod_of(serving: Serving) -> Manifest:
    """Return its pod template."""
    template: Manifest = job_of(serving)["spec"]["template"]
    return template


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_it_is_measured_as_it_is_served(sample: Manifest) -> None:
    """The same files, image, arguments, resources and nodes; what only callers need is left out."""
    serving = serving_of(sample)  # type: ignore[arg-type] # pytest knows it as a path
    measured, served = pod_of(serving)["spec"], pod_template(serving, SETTINGS.pod)["spec"]

    assert measured["initContainers"][0] == served["initContainers"][0]
    (triton,) = served["containers"]
    sidecar = measured["initContainers"][1]
    assert sidecar == {
        **{name: sidecar[name] for name in sidecar if name in triton and triton[name] == sidecar[name]},
        "restartPolicy": "Always",
    }
    assert set(triton) - set(sidecar) == {"lifecycle", "ports", "startupProbe", "readinessProbe", "livenessProbe"}
    for field in ("nodeSelector", "tolerations", "imagePullSecrets", "securityContext"):
        assert measured.get(field) == served.get(field)
    assert measured["automountServiceAccountToken"] is False
    assert "priorityClassName" not in measured


def test_nobody_calls_it_and_it_is_no_replica() -> None:
    """No Service, budget, policy or Deployment of any model selects its pods; one policy closes them."""
    serving = serving_of(GPU)
    policy, job = render_profile(serving, SETTINGS, WISH)
    pod_labels = job["spec"]["template"]["metadata"]["labels"]

    assert not selector(serving.model.name).items() <= pod_labels.items()
    assert pod_labels[MODEL_LABEL] not in {model_label(name) for name in (serving.model.name, pod_labels[MODEL_LABEL])}
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= pod_labels.items()
    assert policy["spec"]["ingress"] == []
    assert policy["spec"]["egress"]
    mounted, _ = render_profile(serving_of(MOUNTED), SETTINGS, WISH)
    assert mounted["spec"]["egress"] == []


def test_its_time_begins_on_a_node_and_ends() -> None:
    """One that waits for an accelerator has lost none of it: the Job itself has no deadline."""
    serving = changed(serving_of(GPU), "serving.startup.timeout", "10m")
    job = job_of(serving)
    (client,) = job["spec"]["template"]["spec"]["containers"]
    plan = next(each["value"] for each in client["env"] if each["name"] == PROFILE_PLAN_VARIABLE)

    assert "activeDeadlineSeconds" not in job["spec"]
    assert job["spec"]["template"]["spec"]["activeDeadlineSeconds"] == 1800 + 600 + 180 + 30
    assert job["spec"]["backoffLimit"] == 1
    read = ProfilePlan.model_validate_json(plan)
    assert (read.model, read.ready_within, read.measure_within) == ("fraud-scorer", 600.0, 180.0)


def test_one_that_has_said_why_it_failed_is_not_tried_again() -> None:
    """Nor a fetch that nothing mends; a pod that had to go for others does not count."""
    ignored, fetch, client = job_of(serving_of(GPU))["spec"]["podFailurePolicy"]["rules"]

    assert ignored["action"] == "Ignore"
    assert [(each["action"], each["onExitCodes"]["containerName"]) for each in (fetch, client)] == [
        ("FailJob", "fetch"),
        ("FailJob", "profile"),
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("objectives.latency.target", "5s"),
        ("scaling.maxReplicas", 50),
        ("serving.drain.timeout", "5m"),
        ("serving.startup.timeout", "1h"),
        ("serving.labels", {"team": "a"}),
        ("serving.allowedClients", [{"namespace": "shop"}]),
        ("serving.triton.queuePolicy", "FirstComeFirstServed"),
        ("serving.triton.warmUp", "ZeroData"),
    ],
)
def test_what_changes_no_measurement_is_not_measured_anew(path: str, value: object) -> None:
    """What is promised, how many there are, who may call."""
    serving = serving_of(GPU)

    assert profile_key(changed(serving, path, value), SETTINGS.pod) == profile_key(serving, SETTINGS.pod)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("model.source.uri", "s3://models/fraud/8"),
        ("model.digest", "sha256:" + "0" * 64),
        ("serving.image", "registry.example/triton:2"),
        ("serving.triton.maxBatchSize", 4),
        ("serving.env", [{"name": "OMP_NUM_THREADS", "value": "2"}]),
        ("serving.sharedMemory", "1Gi"),
        ("serving.nodeSelector", {"zone": "a"}),
        ("serving.resources.requests.cpu", "3"),
    ],
)
def test_what_changes_a_measurement_is_measured_anew(path: str, value: object) -> None:
    """Another key, and so another Job."""
    serving = serving_of(GPU)
    other = changed(serving, path, value)

    assert profile_key(other, SETTINGS.pod) != profile_key(serving, SETTINGS.pod)
    assert job_of(other)["metadata"]["name"] != job_of(serving)["metadata"]["name"]


def test_a_newer_operator_measures_no_fleet_anew() -> None:
    """A model keeps the default image that its pods were rendered with, and the key that goes with it."""
    born = render_deployment(serving_of(GPU), SETTINGS.pod)
    newer = SETTINGS.pod.model_copy(update={"triton_image": "nvcr.io/nvidia/tritonserver:27.01-py3"})
    living = replace(serving_of(GPU), live_deployments={born["metadata"]["name"]: born})

    assert profile_key(living, newer) == profile_key(serving_of(GPU), SETTINGS.pod)
    assert profile_key(serving_of(GPU), newer) != profile_key(serving_of(GPU), SETTINGS.pod)


@pytest.mark.parametrize("model", ["fraud", "fraud.v2", "m" * 253, "fraud-profile-0123456789"])
def test_its_names_are_legal_and_nobody_elses(model: str) -> None:
    """At most 63 characters, however long the model's own is; a label that no model has."""
    names = {profile_name(model, "a"), profile_name(model, "b"), profile_label(model)}

    assert len(names) == 3
    assert max(map(len, names)) <= 63
    assert model_label(profile_label(model)) != profile_label(model)


def test_without_accelerators_it_says_cpu() -> None:
    """What status tells of where it was measured."""
    annotations = job_of(serving_of(CPU))["metadata"]["annotations"]

    assert annotations["trimtab.io/profile-accelerator"] == "cpu"
    assert len(job_of(serving_of(LARGE))["metadata"]["name"]) <= 63
