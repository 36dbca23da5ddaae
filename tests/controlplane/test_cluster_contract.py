"""What every cluster promises to the shell: the fake in memory and the adapter on a real API server alike.

The real one runs with exactly the rights of config/rbac/operator.yaml.
"""

import copy
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from controlplane import Api, ControlPlane
from fakes.manifests import deployment, model, owned_by, service
from fakes.worlds import RealOthers, World, eventually, fake_world, running
from trimtab.api.kinds import AIMODEL, DEPLOYMENT, POD, SERVICE, Manifest
from trimtab.api.objects import (
    AlreadyExistsError,
    Change,
    ConflictError,
    EventRecord,
    NotFoundError,
    ObjectKey,
)

ROLE = Path(__file__).parents[2] / "config" / "rbac" / "operator.yaml"
NOBODY = "00000000-0000-0000-0000-000000000000"


def grant_operator(api: Api) -> None:
    """Give the plane's operator the rights that the installation gives it."""
    role = next(manifest for manifest in yaml.safe_load_all(ROLE.read_text()) if manifest["kind"] == "ClusterRole")
    api.apply(role)
    group = "rbac.authorization.k8s.io"
    api.apply(
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "contract-operator"},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role["metadata"]["name"]},
            "subjects": [{"apiGroup": group, "kind": "Group", "name": "system:serviceaccounts:trimtab-system"}],
        }
    )


@pytest.fixture(params=["fake", "real"])
def plane(request: pytest.FixtureRequest) -> tuple[ControlPlane, Api, str] | None:
    """Return a plane with a namespace, or None for the fake."""
    if request.param == "fake":
        return None
    control_plane: ControlPlane = request.getfixturevalue("control_plane")
    grant_operator(control_plane.admin)
    return control_plane, control_plane.admin, request.getfixturevalue("namespace")


@pytest.fixture
async def world(plane: tuple[ControlPlane, Api, str] | None) -> AsyncIterator[World]:
    """Return a synced cluster and the others who change it."""
    if plane is None:
        yield fake_world()
        return
    control_plane, api, namespace = plane
    changes: list[Change] = []
    async with running(control_plane.kubeconfig_for("trimtab-operator"), changes.append) as cluster:
        yield World(cluster, RealOthers(api), namespace, changes)


@pytest.fixture
async def owner(world: World) -> Manifest:
    """Return a model that the cluster knows."""
    made = await world.others.add(AIMODEL, model(world.namespace))
    await eventually(lambda: world.cluster.get(AIMODEL, world.key("fraud")), what="the model")
    return made


async def test_what_was_created_is_read_at_once(world: World, owner: Manifest) -> None:
    """The reader knows an object as soon as its creation has returned, by its key and by its owner."""
    made = await world.cluster.create(DEPLOYMENT, deployment(owner, replicas=3))

    assert world.cluster.get(DEPLOYMENT, world.key("fraud-cpu")) == made
    assert list(world.cluster.children(world.namespace, owner["metadata"]["uid"])) == [made]
    assert made["spec"]["replicas"] == 3
    assert made["metadata"]["uid"]
    assert made["metadata"]["generation"] == 1


async def test_create_leaves_alone_what_exists(world: World, owner: Manifest) -> None:
    """An object of that name, whoever made it, is an error and stays as it is."""
    foreign = deployment(owner, replicas=1)
    del foreign["metadata"]["ownerReferences"], foreign["metadata"]["labels"]
    await world.others.add(DEPLOYMENT, foreign)

    with pytest.raises(AlreadyExistsError, match="fraud-cpu"):
        await world.cluster.create(DEPLOYMENT, deployment(owner, replicas=3))

    left = await world.others.look(DEPLOYMENT, world.key("fraud-cpu"))
    assert left is not None
    assert left["spec"]["replicas"] == 1
    assert list(world.cluster.children(world.namespace, owner["metadata"]["uid"])) == []


async def test_apply_drops_what_is_no_longer_rendered(world: World, owner: Manifest) -> None:
    """Fields that the birth or an earlier apply mentioned, and this one does not, go away; those of others stay."""
    born = service(owner)
    born["metadata"]["annotations"] = {"of/birth": "1", "of/all": "1"}
    born["spec"]["selector"]["of-birth"] = "yes"
    born["spec"]["ports"].append({"name": "grpc", "port": 8001})
    uid = (await world.cluster.create(SERVICE, born))["metadata"]["uid"]
    await world.others.edit(SERVICE, world.key("fraud"), {"metadata": {"annotations": {"of/somebody": "1"}}})

    first = service(owner)
    first["metadata"]["annotations"] = {"of/first": "1", "of/all": "2"}
    await world.cluster.apply(SERVICE, first, uid=uid)
    second = service(owner)
    second["metadata"]["annotations"] = {"of/all": "3"}
    applied = await world.cluster.apply(SERVICE, second, uid=uid)

    assert applied["metadata"]["annotations"] == {"of/all": "3", "of/somebody": "1"}
    assert [port["port"] for port in applied["spec"]["ports"]] == [8000]
    assert "of-birth" not in applied["spec"]["selector"]
    assert world.cluster.get(SERVICE, world.key("fraud")) == applied


async def test_apply_leaves_replicas_where_the_scale_has_put_them(world: World, owner: Manifest) -> None:
    """A Deployment is born with replicas; no apply touches them, neither the first nor one after a scale."""
    uid = (await world.cluster.create(DEPLOYMENT, deployment(owner, replicas=3)))["metadata"]["uid"]

    first = await world.cluster.apply(DEPLOYMENT, deployment(owner), uid=uid)
    await world.cluster.scale(DEPLOYMENT, world.key("fraud-cpu"), 7, uid=uid)
    scaled = world.cluster.get(DEPLOYMENT, world.key("fraud-cpu"))
    second = await world.cluster.apply(DEPLOYMENT, deployment(owner), uid=uid)

    assert first["spec"]["replicas"] == 3
    assert scaled is not None
    assert scaled["spec"]["replicas"] == 7
    assert second["spec"]["replicas"] == 7


async def test_applying_the_same_again_changes_nothing(world: World, owner: Manifest) -> None:
    """The first apply after a birth starts no rollout, and the second is not even a new version."""
    made = await world.cluster.create(DEPLOYMENT, deployment(owner, replicas=0))
    uid = made["metadata"]["uid"]

    first = await world.cluster.apply(DEPLOYMENT, deployment(owner), uid=uid)
    await eventually(lambda: _is_settled(world), what="the Deployment's controller to have seen it")
    before = world.cluster.get(DEPLOYMENT, world.key("fraud-cpu"))
    second = await world.cluster.apply(DEPLOYMENT, deployment(owner), uid=uid)

    assert first["spec"] == made["spec"]
    assert first["metadata"]["generation"] == 1
    assert before is not None
    assert second["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


def _is_settled(world: World) -> bool:
    """Tell whether nobody will write the Deployment any more; nobody ever does in memory."""
    found = world.cluster.get(DEPLOYMENT, world.key("fraud-cpu")) or {}
    conditions = found.get("status", {}).get("conditions", [])
    return world.namespace == "test" or {"Available", "Progressing"} <= {each["type"] for each in conditions}


async def test_apply_to_another_object_of_that_name_is_a_conflict(world: World, owner: Manifest) -> None:
    """An object that was deleted and made anew is not the one that was meant, and is left alone."""
    made = await world.cluster.create(SERVICE, service(owner))
    other = service(owner)
    other["metadata"]["annotations"] = {"changed": "yes"}

    with pytest.raises(ConflictError):
        await world.cluster.apply(SERVICE, other, uid=NOBODY)

    assert world.cluster.get(SERVICE, world.key("fraud")) == made


async def test_apply_never_makes_what_is_gone(world: World, owner: Manifest) -> None:
    """Applying to an object that somebody has deleted is a conflict, and there is no such object afterwards."""
    with pytest.raises(ConflictError):
        await world.cluster.apply(SERVICE, service(owner), uid=NOBODY)

    assert await world.others.look(SERVICE, world.key("fraud")) is None


async def test_overwriting_mends_what_an_apply_cannot(world: World, owner: Manifest) -> None:
    """The whole spec is put over an object as of one version; the next apply owns all of it, as after a birth."""
    made = await world.cluster.create(SERVICE, service(owner))
    changed = copy.deepcopy(made)
    changed["spec"]["ports"][0]["port"] = 80
    changed["metadata"]["annotations"] = {"of/overwriting": "1"}
    written = await world.cluster.overwrite(SERVICE, changed)

    assert [port["port"] for port in written["spec"]["ports"]] == [80]
    assert world.cluster.get(SERVICE, world.key("fraud")) == written
    with pytest.raises(ConflictError):
        await world.cluster.overwrite(SERVICE, changed)
    applied = await world.cluster.apply(SERVICE, service(owner), uid=made["metadata"]["uid"])
    assert [port["port"] for port in applied["spec"]["ports"]] == [8000]
    await world.others.remove(SERVICE, world.key("fraud"))
    with pytest.raises(ConflictError):
        await world.cluster.overwrite(SERVICE, changed)


async def test_scale_of_another_or_no_object_is_an_error(world: World, owner: Manifest) -> None:
    """A scale is meant for one uid: another's is a conflict, a missing one is not found."""
    await world.cluster.create(DEPLOYMENT, deployment(owner, replicas=1))

    with pytest.raises(ConflictError):
        await world.cluster.scale(DEPLOYMENT, world.key("fraud-cpu"), 5, uid=NOBODY)
    with pytest.raises(NotFoundError):
        await world.cluster.scale(DEPLOYMENT, world.key("absent"), 5, uid=NOBODY)

    left = await world.others.look(DEPLOYMENT, world.key("fraud-cpu"))
    assert left is not None
    assert left["spec"]["replicas"] == 1


async def test_delete_is_done_for_the_object_that_was_meant_only(world: World, owner: Manifest) -> None:
    """Once it returns the reader does not know it any more; a namesake stays; what is gone is no error."""
    uid = (await world.cluster.create(SERVICE, service(owner)))["metadata"]["uid"]

    await world.cluster.delete(SERVICE, world.key("fraud"), uid=NOBODY)
    assert await world.others.look(SERVICE, world.key("fraud")) is not None

    await world.cluster.delete(SERVICE, world.key("fraud"), uid=uid)
    assert world.cluster.get(SERVICE, world.key("fraud")) is None
    assert await world.others.look(SERVICE, world.key("fraud")) is None

    await world.cluster.delete(SERVICE, world.key("fraud"), uid=uid)


async def test_what_a_finalizer_holds_is_still_there(world: World, owner: Manifest) -> None:
    """Deleting an object that somebody's finalizer holds marks it, and the reader shows that."""
    held = service(owner)
    held["metadata"]["finalizers"] = ["example.com/hold"]
    uid = (await world.cluster.create(SERVICE, held))["metadata"]["uid"]

    await world.cluster.delete(SERVICE, world.key("fraud"), uid=uid)

    found = world.cluster.get(SERVICE, world.key("fraud"))
    assert found is not None
    assert found["metadata"]["deletionTimestamp"]

    await world.others.edit(SERVICE, world.key("fraud"), {"metadata": {"finalizers": None}})
    await eventually(lambda: world.cluster.get(SERVICE, world.key("fraud")) is None, what="the Service to go")


async def test_a_status_is_replaced_whatever_stood_there(world: World, owner: Manifest) -> None:
    """Fields that somebody else wrote go away, and a status is no new generation."""
    uid, key = owner["metadata"]["uid"], world.key("fraud")
    await world.others.edit(AIMODEL, key, {"status": {"url": "http://elsewhere", "replicas": 99}}, "status")

    await world.cluster.write_status(AIMODEL, key, {"observedGeneration": 1, "readyReplicas": 2}, uid=uid)

    found = world.cluster.get(AIMODEL, key)
    assert found is not None
    assert found["status"] == {"observedGeneration": 1, "readyReplicas": 2}
    assert found["metadata"]["generation"] == 1
    assert await world.others.look(AIMODEL, key) is not None


async def test_a_status_for_another_or_no_object_is_an_error(world: World, owner: Manifest) -> None:
    """A status is meant for one uid, and never makes an object."""
    with pytest.raises(ConflictError):
        await world.cluster.write_status(AIMODEL, world.key("fraud"), {"replicas": 1}, uid=NOBODY)
    with pytest.raises(NotFoundError):
        await world.cluster.write_status(AIMODEL, world.key("absent"), {"replicas": 1}, uid=owner["metadata"]["uid"])

    left = await world.others.look(AIMODEL, world.key("fraud"))
    assert left is not None
    assert left.get("status", {}).get("replicas") is None


async def test_who_owns_an_object_is_asked_of_the_server(world: World, owner: Manifest) -> None:
    """Metadata comes from the server, for what the reader does not watch too."""
    foreign = service(owner)
    foreign["metadata"] = {"name": "fraud", "namespace": world.namespace}
    made = await world.others.add(SERVICE, foreign)

    found = await world.cluster.owner_of(SERVICE, world.key("fraud"))

    assert found is not None
    assert found["uid"] == made["metadata"]["uid"]
    assert await world.cluster.owner_of(SERVICE, world.key("absent")) is None


async def test_children_are_what_an_owner_controls(world: World, owner: Manifest) -> None:
    """A child carries a controller reference with the owner's uid; to mention it is not enough."""
    await world.cluster.create(DEPLOYMENT, deployment(owner, replicas=0))
    await world.cluster.create(SERVICE, service(owner))
    mentioned = service(owner, "mentioned")
    mentioned["metadata"] |= owned_by(owner, controller=False)
    await world.cluster.create(SERVICE, mentioned)

    children = list(world.cluster.children(world.namespace, owner["metadata"]["uid"]))

    assert {(child["kind"], child["metadata"]["name"]) for child in children} == {
        ("Deployment", "fraud-cpu"),
        ("Service", "fraud"),
    }
    assert list(world.cluster.children("elsewhere", owner["metadata"]["uid"])) == []


async def test_pods_are_found_by_their_model(world: World) -> None:
    """A pod is found by the value of its label, and not after it is gone."""
    await world.others.add(POD, _pod(world.namespace, "one", "fraud"))
    await world.others.add(POD, _pod(world.namespace, "two", "fraud"))
    await world.others.add(POD, _pod(world.namespace, "other", "forecast"))

    await eventually(lambda: len(_names(world, "fraud")) == 2 and _names(world, "forecast"), what="the pods")
    assert _names(world, "fraud") == {"one", "two"}
    assert _names(world, "forecast") == {"other"}

    await world.others.remove(POD, world.key("one"))
    await eventually(lambda: _names(world, "fraud") == {"two"}, what="the pod to go")


def _names(world: World, label: str) -> set[str]:
    return {pod["metadata"]["name"] for pod in world.cluster.pods(world.namespace, label)}


def _pod(namespace: str, name: str, label: str) -> Manifest:
    restricted = {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {"name": "triton", "image": "triton.example/server:1", "securityContext": restricted}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"trimtab.io/model": label}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }


async def test_a_pools_models_follow_their_references(world: World) -> None:
    """A model is found by the pool that it refers to now; without a namespace that is its own."""
    here, there = ObjectKey(world.namespace, "gpus"), ObjectKey("shared", "gpus")
    await world.others.add(AIMODEL, model(world.namespace, "near"))
    await world.others.add(AIMODEL, model(world.namespace, "far", "shared"))
    await eventually(lambda: list(world.cluster.models_of_pool(there)), what="the models")

    assert list(world.cluster.models_of_pool(here)) == [world.key("near")]
    assert list(world.cluster.models_of_pool(there)) == [world.key("far")]

    await world.others.edit(AIMODEL, world.key("far"), {"spec": {"poolRef": {"namespace": None}}})
    await eventually(lambda: not list(world.cluster.models_of_pool(there)), what="the reference to change")
    assert set(world.cluster.models_of_pool(here)) == {world.key("near"), world.key("far")}


async def test_every_change_is_told_with_what_was_and_what_is(world: World) -> None:
    """A new object has no past, one that is gone no present, and nothing is told twice."""
    await world.others.add(AIMODEL, model(world.namespace))
    await eventually(lambda: world.cluster.get(AIMODEL, world.key("fraud")), what="the model")
    await world.others.edit(AIMODEL, world.key("fraud"), {"spec": {"replicas": 2}})
    await eventually(lambda: len(_told(world)) == 2, what="the edit to be told")
    await world.others.remove(AIMODEL, world.key("fraud"))
    await eventually(lambda: len(_told(world)) == 3, what="the deletion to be told")

    new, changed, gone = _told(world)
    assert new.old is None
    assert new.new is not None
    assert changed.old == new.new
    assert changed.new is not None
    assert changed.new["spec"]["replicas"] == 2
    assert changed.new["metadata"]["generation"] == 2
    assert gone.old == changed.new
    assert gone.new is None


def _told(world: World) -> list[Change]:
    return [change for change in world.changes if change.key == world.key("fraud") and change.kind == AIMODEL]


async def test_children_go_after_their_owner(world: World, owner: Manifest) -> None:
    """The garbage collector removes what a deleted model owned, without a word from us."""
    await world.cluster.create(SERVICE, service(owner))

    await world.others.remove(AIMODEL, world.key("fraud"))

    await eventually(
        lambda: not list(world.cluster.list(SERVICE, world.namespace)), what="the Service to go", seconds=60
    )


async def test_an_event_is_posted_or_dropped(world: World, owner: Manifest) -> None:
    """Recording an event never fails, however long its text and wherever its object."""
    event = EventRecord(AIMODEL, world.key("fraud"), owner["metadata"]["uid"], "Warning", "Conflict", "words " * 1000)

    await world.cluster.record(event)
    await world.cluster.record(event)
    await world.cluster.record(EventRecord(AIMODEL, ObjectKey("nowhere", "x" * 253), NOBODY, "Normal", "Gone", "gone"))


async def test_what_was_written_is_not_the_callers(world: World, owner: Manifest) -> None:
    """A manifest that the caller changes after it was written changes nothing that the reader shows."""
    mine = service(owner)
    await world.cluster.create(SERVICE, mine)
    shown = copy.deepcopy(world.cluster.get(SERVICE, world.key("fraud")))

    mine["metadata"]["labels"]["late"] = "yes"

    assert world.cluster.get(SERVICE, world.key("fraud")) == shown
