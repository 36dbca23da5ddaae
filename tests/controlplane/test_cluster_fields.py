"""What only a real API server knows: field managers, rollouts, refusals, kinds that come and go."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from controlplane import Api, ControlPlane
from fakes.manifests import deployment, model, owned_by, service
from fakes.worlds import eventually, running
from trimtab.adapters.cluster.cluster import Cluster
from trimtab.adapters.cluster.connection import Call, connect
from trimtab.adapters.cluster.reflector import Timings
from trimtab.api.kinds import (
    AIMODEL,
    DEPLOYMENT,
    EVENT,
    HORIZONTAL_POD_AUTOSCALER,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    POD_MONITOR,
    SERVICE,
    Kind,
    Manifest,
)
from trimtab.api.objects import EventRecord, NotFoundError, ObjectKey, RefusedError

SECONDS_TO_LOOK_FOR_ABSENT_KINDS = 0.3
DEFINITION = "apiextensions.k8s.io/v1"


@pytest.fixture
async def cluster(control_plane: ControlPlane) -> AsyncIterator[Cluster]:
    """Run the adapter as an administrator."""
    timings = Timings(absent=SECONDS_TO_LOOK_FOR_ABSENT_KINDS)
    async with running(control_plane.kubeconfig, lambda _: None, timings) as cluster:
        yield cluster


@pytest.fixture
async def owner(api: Api, namespace: str) -> Manifest:
    """Create a model."""
    return await asyncio.to_thread(api.create, model(namespace))


def _child(kind: Kind, owner: Manifest) -> Manifest:
    """Return the smallest child of a kind."""
    specs: dict[Kind, Manifest] = {
        DEPLOYMENT: deployment(owner, replicas=0)["spec"],
        SERVICE: service(owner)["spec"],
        HORIZONTAL_POD_AUTOSCALER: {
            "minReplicas": 1,
            "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "fraud-cpu"},
        },
        POD_DISRUPTION_BUDGET: {"maxUnavailable": 1, "selector": {"matchLabels": {"a": "b"}}},
        NETWORK_POLICY: {
            "podSelector": {"matchLabels": {"a": "b"}},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"port": 8000, "protocol": "TCP"}]}],
        },
    }
    metadata = {"name": "child", **owned_by(owner)}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": specs[kind]}


@pytest.mark.parametrize(
    "kind",
    [DEPLOYMENT, SERVICE, HORIZONTAL_POD_AUTOSCALER, POD_DISRUPTION_BUDGET, NETWORK_POLICY],
    ids=lambda kind: kind.kind,
)
async def test_the_birth_is_handed_over_whole(
    cluster: Cluster, api: Api, owner: Manifest, namespace: str, kind: Kind
) -> None:
    """After the first apply the birth owns a Deployment's replicas at most, and nothing in the spec has changed."""
    born = await cluster.create(kind, _child(kind, owner))
    rendered = _child(kind, owner)
    rendered["spec"].pop("replicas", None)

    applied = await cluster.apply(kind, rendered, uid=born["metadata"]["uid"])

    assert applied["spec"] == born["spec"]
    assert applied["metadata"].get("generation") == born["metadata"].get("generation")
    assert "managedFields" not in applied["metadata"]
    live = await asyncio.to_thread(api.get, f"{kind.api_version}/{kind.kind}", "child", namespace)
    assert live is not None
    owned = {
        (entry["manager"], entry["operation"]): entry["fieldsV1"]
        for entry in live["metadata"]["managedFields"]
        if entry["manager"].startswith("trimtab") and not entry.get("subresource")
    }
    birth = owned.pop(("trimtab-birth", "Update"), None)
    assert list(owned) == [("trimtab", "Apply")]
    assert birth == ({"f:spec": {"f:replicas": {}}} if kind == DEPLOYMENT else None)


async def test_a_refusal_brings_the_servers_own_words(
    cluster: Cluster, api: Api, owner: Manifest, namespace: str
) -> None:
    """A schema, a quota and a missing namespace are told apart, and each says what it is about."""
    wrong = service(owner)
    wrong["spec"]["ports"][0]["port"] = 0
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none", "namespace": namespace}}
    await asyncio.to_thread(api.create, {**quota, "spec": {"hard": {"count/deployments.apps": "0"}}})
    nowhere = service(owner)
    nowhere["metadata"]["namespace"] = "nowhere"

    with pytest.raises(RefusedError, match=r"ports\[0\]\.port"):
        await cluster.create(SERVICE, wrong)
    with pytest.raises(RefusedError, match="exceeded quota: none"):
        await _create_until_refused(cluster, owner)
    with pytest.raises(NotFoundError, match='namespaces "nowhere" not found'):
        await cluster.create(SERVICE, nowhere)
    status, uid = {"observedGeneration": "one"}, owner["metadata"]["uid"]
    with pytest.raises(RefusedError, match="observedGeneration"):
        await cluster.write_status(AIMODEL, ObjectKey(namespace, "fraud"), status, uid=uid)


async def _create_until_refused(cluster: Cluster, owner: Manifest) -> None:
    """Create Deployments: a new quota is enforced once its controller has counted."""
    for number in range(100):
        await cluster.create(DEPLOYMENT, deployment(owner, f"fraud-{number}", replicas=0))
        await asyncio.sleep(0.05)


async def test_a_path_that_a_name_would_change_is_never_sent(control_plane: ControlPlane) -> None:
    """A name that is none cannot lead a request to another object."""
    connection = await connect(str(control_plane.kubeconfig))
    try:
        for name in ("..", "a/../b", "a?b", "a#b", "a%2fb", "", "a b", "ä"):
            with pytest.raises(RefusedError, match="no path of an object"):
                await connection.request(Call("GET", SERVICE.path("default", name) + "/x"))
    finally:
        await connection.close()


async def test_an_event_says_what_it_is_about(cluster: Cluster, api: Api, owner: Manifest, namespace: str) -> None:
    """`kubectl describe` finds it by the object's uid."""
    event = EventRecord(AIMODEL, ObjectKey(namespace, "fraud"), owner["metadata"]["uid"], "Warning", "Conflict", "why")

    await cluster.record(event)
    await cluster.record(event)

    events = await asyncio.to_thread(api.list, f"{EVENT.api_version}/{EVENT.kind}", namespace)
    ours = [each for each in events if each["involvedObject"].get("uid") == owner["metadata"]["uid"]]
    assert [(each["type"], each["reason"], each["message"]) for each in ours] == [("Warning", "Conflict", "why")] * 2
    assert ours[0]["source"]["component"] == "trimtab"


async def test_a_kind_that_comes_later_is_found_and_one_that_goes_is_missed(
    cluster: Cluster, api: Api, owner: Manifest, namespace: str
) -> None:
    """Pod monitors are a capability while their definition is there; their objects go with it."""
    monitor = {
        "apiVersion": POD_MONITOR.api_version,
        "kind": POD_MONITOR.kind,
        "metadata": {"name": "fraud", **owned_by(owner)},
    }
    assert cluster.synced()
    assert cluster.capabilities().pod_monitors is False

    await asyncio.to_thread(api.create, _pod_monitor_definition())
    try:
        await eventually(lambda: cluster.capabilities().pod_monitors, what="pod monitors to be found")
        await cluster.create(POD_MONITOR, monitor)
    finally:
        await asyncio.to_thread(api.delete, f"{DEFINITION}/CustomResourceDefinition", _pod_monitor_definition_name())

    await eventually(lambda: not cluster.capabilities().pod_monitors, what="pod monitors to be missed")
    assert cluster.get(POD_MONITOR, ObjectKey(namespace, "fraud")) is None


def _pod_monitor_definition_name() -> str:
    return f"{POD_MONITOR.plural}.{POD_MONITOR.group}"


def _pod_monitor_definition() -> Manifest:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": POD_MONITOR.version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": DEFINITION,
        "kind": "CustomResourceDefinition",
        "metadata": {"name": _pod_monitor_definition_name()},
        "spec": {
            "group": POD_MONITOR.group,
            "names": {"kind": POD_MONITOR.kind, "plural": POD_MONITOR.plural, "singular": "podmonitor"},
            "scope": "Namespaced",
            "versions": [version],
        },
    }
