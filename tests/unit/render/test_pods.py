"""What the pods are: what Triton is told, how it starts and leaves, and where it runs."""

import pytest

from samples import SAMPLES, SETTINGS, UID, changed, serving_of
from trimtab.api.inferencepool import Variant
from trimtab.api.kinds import Manifest
from trimtab.render.pod import pod_template
from trimtab.render.services import model_url
from trimtab.render.settings import Serving
from trimtab.render.triton import model_config, resources

GPU, CPU, MOUNTED, LARGE, MEASURED = SAMPLES
POD = SETTINGS.pod


def pod_of(serving: Serving) -> Manifest:
    """Return the pod spec."""
    spec: Manifest = pod_template(serving, POD)["spec"]
    return spec


def triton_of(serving: Serving) -> Manifest:
    """Return Triton's container."""
    container: Manifest = pod_of(serving)["containers"][0]
    return container


def test_triton_has_time_to_finish_before_it_is_killed() -> None:
    """Grace period > leaving the Services + exit timeout: an idle keep-alive connection uses up all of that."""
    serving = changed(serving_of(GPU), "serving.drain.timeout", "90s")

    grace = pod_of(serving)["terminationGracePeriodSeconds"]
    (exit_timeout,) = (a for a in triton_of(serving)["args"] if a.startswith("--exit-timeout-secs="))
    settle = triton_of(serving)["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert exit_timeout == "--exit-timeout-secs=90"
    assert grace >= settle + 90 + 10


def test_grpc_clients_move_on_to_new_pods() -> None:
    """Connections age, with as much grace as a drain gives to what is in flight."""
    arguments = triton_of(changed(serving_of(GPU), "serving.drain.timeout", "90s"))["args"]

    assert "--grpc-max-connection-age=60000" in arguments
    assert "--grpc-max-connection-age-grace=90000" in arguments


@pytest.mark.parametrize(("timeout", "failures"), [("20m", 600), ("11s", 6), ("10s", 5)])
def test_a_start_may_take_as_long_as_the_user_said(timeout: str, failures: int) -> None:
    """The startup probe gives up no earlier; liveness waits for it."""
    probe = triton_of(changed(serving_of(GPU), "serving.startup.timeout", timeout))["startupProbe"]

    assert probe["failureThreshold"] == failures
    assert probe["failureThreshold"] * probe["periodSeconds"] >= int(timeout[:-1]) * (60 if timeout[-1] == "m" else 1)


def test_ready_is_asked_of_the_model_that_callers_name() -> None:
    """The server's own readiness covers every model that ever failed in it."""
    serving = serving_of(MOUNTED)

    assert triton_of(serving)["readinessProbe"]["httpGet"]["path"] == "/v2/models/ranker/ready"
    assert model_url(serving.model, serving.spec) == "http://ranking.search.svc:8000/v2/models/ranker"
    other = serving_of(GPU)
    assert model_url(other.model, other.spec) == "http://fraud-scorer.default.svc:8000/v2/models/fraud-scorer"


def test_a_pod_without_accelerators_sees_none() -> None:
    """NVIDIA's images ask for all of a node's GPUs by an environment variable; ours says none."""
    hidden = {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}

    assert hidden in triton_of(serving_of(CPU))["env"]
    assert hidden not in triton_of(serving_of(GPU))["env"]
    assert "--allow-gpu-metrics=false" in triton_of(serving_of(CPU))["args"]
    assert "--allow-gpu-metrics=true" in triton_of(serving_of(GPU))["args"]


def test_a_pod_with_accelerators_tolerates_the_taint_of_their_nodes() -> None:
    """Each toleration once: the resource's own, the variant's, the user's."""
    tolerations = pod_of(serving_of(LARGE))["tolerations"]
    twice = changed(serving_of(LARGE), "serving.tolerations", tolerations)

    assert [each["key"] for each in tolerations] == [
        "nvidia.com/gpu",
        "example.com/dedicated",
        "cloud.google.com/gke-spot",
    ]
    assert pod_of(twice)["tolerations"] == tolerations
    assert "tolerations" not in pod_of(serving_of(CPU))


def test_a_pod_gets_no_token_and_fits_the_restricted_profile() -> None:
    """Neither container may gain a privilege or write to its image."""
    pod = pod_of(serving_of(LARGE))

    assert pod["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in pod
    assert pod["securityContext"]["runAsNonRoot"] is True
    for container in (*pod["initContainers"], *pod["containers"]):
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_users_words_reach_the_pod_and_never_replace_ours() -> None:
    """Labels, node selector, pull secrets and priority are added; where both speak, the pool and the operator win."""
    serving = serving_of(LARGE)
    for path, value in (
        ("serving.labels", {"team": "nlp", "trimtab.io/model": "another"}),
        ("serving.nodeSelector", {"disk": "fast", "nvidia.com/gpu.product": "any"}),
        ("serving.imagePullSecrets", [{"name": "registry"}]),
        ("serving.priorityClassName", "serving"),
    ):
        serving = changed(serving, path, value)

    template = pod_template(serving, POD)

    assert template["metadata"]["labels"]["team"] == "nlp"
    assert template["metadata"]["labels"]["trimtab.io/model"] == "summarizer-13b"
    assert template["spec"]["nodeSelector"] == {"disk": "fast", "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}
    assert template["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert template["spec"]["priorityClassName"] == "serving"


@pytest.mark.parametrize(
    ("requests", "limits", "expected"),
    [
        ({"cpu": "4"}, {}, {"requests": {"cpu": "4"}}),
        ({"memory": "8Gi"}, {}, {"requests": {"cpu": "1", "memory": "8Gi"}}),
        ({}, {"cpu": "500m"}, {"requests": {"cpu": "500m"}, "limits": {"cpu": "500m"}}),
    ],
)
def test_a_processor_request_is_always_there(
    requests: dict[str, str], limits: dict[str, str], expected: Manifest
) -> None:
    """The autoscaler's target is a share of it, and a Triton without one starves beside its neighbours."""
    serving = changed(serving_of(CPU), "serving.resources", {"requests": requests, "limits": limits})

    assert resources(serving) == expected


@pytest.mark.parametrize(("asked", "count"), [(None, "1"), (4, "4")])
def test_a_replica_takes_as_many_accelerators_as_its_variant_says(asked: int | None, count: str) -> None:
    """In requests and limits alike: extended resources know no difference."""
    variant = Variant(name="gpu", resource_name="nvidia.com/gpu", accelerators_per_replica=asked)
    amounts = resources(serving_of(GPU, variant=variant))

    assert amounts["requests"]["nvidia.com/gpu"] == amounts["limits"]["nvidia.com/gpu"] == count


@pytest.mark.parametrize(
    ("accelerators", "copies", "groups"),
    [
        (1, 2, [{"count": 2, "kind": "KIND_GPU"}]),
        (2, 4, [{"count": 2, "kind": "KIND_GPU"}]),
        (2, 1, [{"count": 1, "kind": "KIND_GPU", "gpus": [0]}]),
        (
            2,
            3,
            [{"count": 2, "kind": "KIND_GPU", "gpus": [0]}, {"count": 1, "kind": "KIND_GPU", "gpus": [1]}],
        ),
        (None, 3, [{"count": 3, "kind": "KIND_CPU"}]),
    ],
)
def test_a_replica_holds_as_many_copies_as_the_user_said(
    accelerators: int | None, copies: int, groups: list[Manifest]
) -> None:
    """Triton makes a group's count on each of the group's GPUs: they add up to the copies."""
    gpu = Variant(name="gpu", resource_name="nvidia.com/gpu", accelerators_per_replica=accelerators)
    variant = Variant(name="cpu") if accelerators is None else gpu
    serving = changed(serving_of(GPU, variant=variant), "serving.triton.instancesPerReplica", copies)

    assert model_config(serving)["instance_group"] == groups


def test_what_the_user_leaves_open_is_left_to_the_model() -> None:
    """No batch size, copies or preferred sizes of ours: config.pbtxt, or Triton, says them."""
    config = model_config(serving_of(GPU))

    assert set(config) == {"dynamic_batching"}
    assert "preferred_batch_size" not in config["dynamic_batching"]


def test_fresh_requests_go_before_late_ones_and_none_is_rejected() -> None:
    """The queue's timeout is three quarters of the objective; late requests wait, and the queue has no bound."""
    policy = model_config(serving_of(GPU))["dynamic_batching"]["default_queue_policy"]

    assert policy == {"timeout_action": "DELAY", "default_timeout_microseconds": 60_000}


def test_first_come_first_served_is_triton_without_a_policy() -> None:
    """Any timeout in a policy changes how Triton hands out batches, so there is none."""
    serving = changed(serving_of(GPU), "serving.triton.queuePolicy", "FirstComeFirstServed")

    assert set(model_config(serving)["dynamic_batching"]) == {"max_queue_delay_microseconds"}


def test_batches_are_gathered_as_the_user_said() -> None:
    """Sizes and delay arrive in Triton's units."""
    serving = changed(serving_of(CPU), "serving.triton.dynamicBatching.preferredBatchSizes", [16, 32])

    config = model_config(serving)

    assert config["max_batch_size"] == 64
    assert config["dynamic_batching"]["preferred_batch_size"] == [16, 32]
    assert config["dynamic_batching"]["max_queue_delay_microseconds"] == 2_000


def test_the_private_header_is_another_for_every_model() -> None:
    """Whoever knows one model's does not know the next one's; the same model keeps its own, so no pod rolls."""
    one, again, other = (
        next(a for a in triton_of(serving_of(GPU, uid=uid))["args"] if a.startswith("--http-restricted-api="))
        for uid in (UID, UID, UID.replace("6", "7"))
    )

    assert one == again
    assert one != other
