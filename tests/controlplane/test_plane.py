"""The control plane that all other tests of this folder stand on: what it plays is real enough to be believed."""

import contextlib
import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from controlplane import Api, ApiError, ControlPlane, Options, until
from controlplane.bootstrap import is_true

Manifest = dict[str, Any]

RESTRICTED = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
GPU_TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
BARE = Options(controller_manager=False, scheduler=False, kwok=False)


def pod(namespace: str, name: str, **spec: object) -> Manifest:
    """Return a pod with one init container and one container that answers on a port named `metrics`."""
    container = {"name": "main", "image": "image", "securityContext": RESTRICTED}
    ports = [{"name": "metrics", "containerPort": 8002}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name, "trimtab.io/model": name}},
        "spec": {
            "initContainers": [container | {"name": "init"}],
            "containers": [container | {"ports": ports}],
            **spec,
        },
    }


def deployment(namespace: str, name: str) -> Manifest:
    """Return a Deployment of one such pod."""
    template = pod(namespace, name)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": template["spec"]},
        },
    }


def config_map(namespace: str, name: str, **metadata: object) -> Manifest:
    """Return an empty ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace, **metadata}}


def ask(url: str) -> Any:  # noqa: ANN401 - JSON
    """Return the data of one of Prometheus' answers."""
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - Prometheus on loopback
        return json.load(answer)["data"]


def present(api: Api, kind: str, name: str, namespace: str) -> Manifest:
    """Return an object that must be there."""
    found = api.get(kind, name, namespace)
    assert found is not None
    return found


def conditions(api: Api, namespace: str, name: str) -> dict[str, Manifest]:
    """Return a pod's conditions by type."""
    found = api.get("v1/Pod", name, namespace) or {}
    return {each["type"]: each for each in found.get("status", {}).get("conditions", [])}


def gone(api: Api, path: str) -> bool:
    """Tell whether a question is answered 410, by the status or by an event in the stream."""
    try:
        answer = api.request("GET", path)
    except ApiError as error:
        return error.code == 410
    return bool(answer["type"] == "ERROR" and answer["object"]["code"] == 410)


@pytest.fixture(scope="module", autouse=True)
def autoscaled(api: Api) -> Iterator[str]:
    """Have a Deployment with an autoscaler of at least two replicas from the start: its controller looks every 15 s."""
    name = "test-autoscaled"
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    api.apply(deployment(name, "web"))
    api.apply(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "namespace": name},
            "spec": {
                "minReplicas": 2,
                "maxReplicas": 2,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            },
        }
    )
    yield name
    api.delete("v1/Namespace", name)


def test_gpu_nodes_carry_what_discovery_and_clouds_would_say(api: Api) -> None:
    """Several accelerators, each as a resource, as labels and behind a taint."""
    nodes = {node["metadata"]["name"]: node for node in api.list("v1/Node", selector="nvidia.com/gpu.present=true")}

    products = {node["metadata"]["labels"]["nvidia.com/gpu.product"] for node in nodes.values()}
    assert products == {"NVIDIA-L4", "NVIDIA-A100-SXM4-40GB", "NVIDIA-H100-80GB-HBM3"}
    for node in nodes.values():
        labels, status = node["metadata"]["labels"], node["status"]
        assert is_true(node, "Ready")
        assert status["allocatable"]["nvidia.com/gpu"] == labels["nvidia.com/gpu.count"]
        assert {"topology.kubernetes.io/zone", "node.kubernetes.io/instance-type"} <= set(labels)
        assert [taint["key"] for taint in node["spec"]["taints"]] == ["nvidia.com/gpu"]


def test_a_gpu_pod_is_scheduled_where_its_gpu_is_and_becomes_ready(api: Api, namespace: str) -> None:
    """The scheduler counts GPUs, follows labels and respects taints: without the toleration the pod waits."""
    wanted = {"nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}}
    tolerant, shy = (
        pod(namespace, "tolerant", tolerations=[GPU_TOLERATION], **wanted),
        pod(namespace, "shy", **wanted),
    )
    for manifest in (tolerant, shy):
        manifest["spec"]["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": "8"}}
        api.create(manifest)

    until(lambda: is_true(api.get("v1/Pod", "tolerant", namespace), "Ready"), what="the tolerant pod to be Ready")
    found = present(api, "v1/Pod", "tolerant", namespace)
    waiting = until(lambda: conditions(api, namespace, "shy").get("PodScheduled"), what="the scheduler's word on shy")

    assert found["spec"]["nodeName"] == "h100-1"
    assert (waiting["status"], waiting["reason"]) == ("False", "Unschedulable")


def test_pods_share_the_fate_of_their_namespace(api: Api, namespace: str, fate: Callable[..., None]) -> None:
    """Init containers and containers end with the code and the message of a test's choice, or are never ready."""
    fates = {"init-fails": "initContainerStatuses", "crash-loop": "containerStatuses", "never-ready": ""}
    for name in fates:
        fate(name, exit_code=3, message=f"why {name}")
        api.create(pod(namespace, name))

    for name, statuses in fates.items():
        ready = until(lambda name=name: conditions(api, namespace, name).get("Ready"), what=f"{name} to be played")  # type: ignore[misc] # mypy does not infer lambdas with defaults
        found = present(api, "v1/Pod", name, namespace)
        assert ready["status"] == "False"
        if statuses:
            (status,) = found["status"][statuses]
            assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
            assert status["lastState"]["terminated"]["exitCode"] == 3
            assert status["lastState"]["terminated"]["message"] == f"why {name}"


def test_a_pod_recovers_when_its_fate_is_taken_away(api: Api, namespace: str, fate: Callable[..., None]) -> None:
    """What never became ready does so."""
    fate("never-ready")
    api.create(pod(namespace, "late"))
    until(lambda: conditions(api, namespace, "late").get("Ready"), what="the pod to be played")

    api.patch("v1/Pod", "late", {"metadata": {"annotations": {"kwok.trimtab.io/fate": None}}}, namespace=namespace)

    until(lambda: is_true(api.get("v1/Pod", "late", namespace), "Ready"), what="the pod to be Ready")


def test_children_go_when_their_owner_goes(api: Api, namespace: str) -> None:
    """The garbage collector follows owner references, also to a custom resource's children."""
    owner = api.create(config_map(namespace, "owner"))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    api.create(config_map(namespace, "child", ownerReferences=[reference]))
    api.create(config_map(namespace, "stranger"))

    api.delete("v1/ConfigMap", "owner", namespace)

    until(lambda: api.get("v1/ConfigMap", "child", namespace) is None, what="the child to be collected")
    assert api.get("v1/ConfigMap", "stranger", namespace) is not None


def test_the_audit_log_counts_each_request_once(
    control_plane: ControlPlane, api: Api, tenant: Api, namespace: str
) -> None:
    """Who, what, where, when, and what came of it."""
    mark = control_plane.audit.mark()
    for number in range(3):
        api.create(config_map(namespace, f"counted-{number}"))
    with pytest.raises(ApiError) as refused:
        tenant.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mine"}})

    made = control_plane.audit.requests(mark, user="admin", verb="create", resource="configmaps", namespace=namespace)
    refusals = control_plane.audit.requests(mark, user="tenant-a", verb="create", resource="namespaces")

    assert [request.name for request in made] == ["counted-0", "counted-1", "counted-2"]
    assert all(request.writes and request.seconds >= 0 for request in made)
    assert [request.began for request in made] == sorted(request.began for request in made)
    assert refused.value.code == 403
    assert [(request.code, request.writes) for request in refusals] == [(403, False)]


def test_kubectl_finds_its_way_with_the_kubeconfig(control_plane: ControlPlane) -> None:
    """A person can look into a plane; the kubeconfig is what `up` prints."""
    found = subprocess.run(
        [control_plane.binaries["kubectl"], "--kubeconfig", control_plane.kubeconfig, "get", "nodes", "-o", "name"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "node/h100-1" in found.stdout.splitlines()


def test_prometheus_runs_with_the_projects_scrape_configuration(
    control_plane: ControlPlane, api: Api, namespace: str
) -> None:
    """It loads config/prometheus/scrape.yaml and discovers a served model's pod by its label and port."""
    url = control_plane.start_prometheus()
    api.create(pod(namespace, "served"))

    def target() -> Manifest | None:
        targets = ask(f"{url}/api/v1/targets?state=active")["activeTargets"]
        return next((each for each in targets if each["labels"]["namespace"] == namespace), None)

    found = until(target, what="the pod to be discovered")

    assert found["scrapePool"] == "trimtab-models"
    assert found["labels"]["trimtab_model"] == "served"
    assert found["scrapeUrl"].endswith(":8002/metrics")


def test_two_planes_side_by_side_know_nothing_of_each_other(control_plane: ControlPlane, api: Api) -> None:
    """Each has its own ports, folder, users and objects."""
    with ControlPlane(BARE) as other:
        other.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "only-there"}})

        assert other.admin.get("v1/Namespace", "only-there") is not None
        assert api.get("v1/Namespace", "only-there") is None
        assert other.layout.folder != control_plane.layout.folder
        stranger = Api(
            "127.0.0.1",
            other.layout.apiserver_port,
            other.layout.certificate_authority,
            control_plane.people["admin"].token,
        )
        with contextlib.closing(stranger), pytest.raises(ApiError, match="Unauthorized"):
            stranger.list("v1/Namespace")


@pytest.fixture
def elsewhere() -> Iterator[ThreadPoolExecutor]:
    """One other thread, which has connections of its own."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_an_api_server_that_comes_back_remembers_objects_and_no_history(
    control_plane: ControlPlane, api: Api, namespace: str, elsewhere: ThreadPoolExecutor
) -> None:
    """While it is away it refuses; then all is as before, but old resource versions are gone: what a relist is for."""
    before = api.create(config_map(namespace, "kept"))
    elsewhere.submit(api.create, config_map(namespace, "newer")).result()
    control_plane.compact()
    try:
        control_plane.take_apiserver_away()
        with pytest.raises(ConnectionRefusedError):
            api.get("v1/ConfigMap", "kept", namespace)
    finally:
        control_plane.bring_apiserver_back()

    elsewhere.submit(api.create, config_map(namespace, "after")).result()
    assert api.get("v1/ConfigMap", "kept", namespace) == before
    old = before["metadata"]["resourceVersion"]
    for question in (f"resourceVersion={old}&resourceVersionMatch=Exact", f"resourceVersion={old}&watch=true"):
        assert gone(api, f"{api.path('v1/ConfigMap')}?{question}&timeoutSeconds=1")
    api.create(pod(namespace, "afterwards"))
    until(lambda: is_true(api.get("v1/Pod", "afterwards", namespace), "Ready"), what="a new pod to be Ready")


def test_the_autoscalers_controller_keeps_its_bounds(api: Api, autoscaled: str) -> None:
    """An autoscaler's minimum reaches its Deployment, and the pods become Ready."""

    def ready() -> bool:
        return bool(present(api, "apps/v1/Deployment", "web", autoscaled)["status"].get("readyReplicas") == 2)

    until(ready, what="two ready replicas")
