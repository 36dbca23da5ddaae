"""What the store believes, and whom it tells."""

import logging
from typing import Any

import pytest

from trimtab.adapters.cluster.shape import pool_term, reduced, terms
from trimtab.adapters.cluster.store import REMEMBERED_DELETIONS, Store
from trimtab.api.kinds import AIMODEL, DEPLOYMENT, NAMESPACE, POD, SERVICE, Kind, Manifest
from trimtab.api.objects import Change, ObjectKey, key_of

KEY = ObjectKey("shop", "fraud")


def at(version: int | str, uid: str = "one", name: str = "fraud", **more: Any) -> Manifest:  # noqa: ANN401 - JSON
    """Return a Service as of a resource version."""
    metadata = {"name": name, "namespace": "shop", "uid": uid, "resourceVersion": str(version)}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, **more}


def listed(*manifests: Manifest, kind: Kind = SERVICE) -> dict[ObjectKey, Manifest]:
    """Return what a list of these gives the store."""
    return {key_of(manifest): reduced(kind, manifest) for manifest in manifests}


class Told(list[Change]):
    """The changes that were told, as pairs of versions."""

    def versions(self) -> list[tuple[str | None, str | None]]:
        """Return old and new of each change."""
        return [(_version(change.old), _version(change.new)) for change in self]


def _version(manifest: Manifest | None) -> str | None:
    return None if manifest is None else manifest["metadata"]["resourceVersion"]


@pytest.fixture
def told() -> Told:
    """Return what was told."""
    return Told()


@pytest.fixture
def store(told: Told) -> Store:
    """Return an empty store."""
    return Store(told.append)


def test_an_older_event_never_undoes_our_own_write(store: Store, told: Told) -> None:
    """An event that was sent before our write arrives after it, and is no news."""
    store.put(SERVICE, at(5))
    store.put(SERVICE, at(9, spec={"ours": True}))

    store.put(SERVICE, at(7, spec={"old": True}))
    store.drop(SERVICE, at(8))
    store.put(SERVICE, at(9, spec={"ours": True}))

    assert store.get(SERVICE, KEY) == at(9, spec={"ours": True})
    assert told.versions() == [(None, "5"), ("5", "9")]


def test_versions_are_compared_as_numbers(store: Store) -> None:
    """9 comes before 10."""
    store.put(SERVICE, at(9))
    store.put(SERVICE, at(10))

    assert store.get(SERVICE, KEY) == at(10)


def test_an_event_whose_version_says_nothing_is_believed(store: Store) -> None:
    """An opaque version is neither older nor newer: the last word counts."""
    store.put(SERVICE, at(9))
    store.put(SERVICE, at("x7"))
    store.put(SERVICE, at(3))

    assert store.get(SERVICE, KEY) == at(3)


def test_a_deletion_of_the_predecessor_leaves_the_successor(store: Store) -> None:
    """Deleted and made anew under the same name: the late event is about the first."""
    store.put(SERVICE, at(9, uid="two"))

    store.drop(SERVICE, at(8, uid="one"))

    assert store.get(SERVICE, KEY) == at(9, uid="two")


def test_what_we_deleted_does_not_come_back(store: Store, told: Told) -> None:
    """Neither an event nor a list from before the deletion brings it back; a successor is welcome."""
    store.put(SERVICE, at(5))

    store.drop_deleted(SERVICE, KEY, "one")
    store.put(SERVICE, at(6))
    store.replace(SERVICE, listed(at(6)), "7", restored=False)
    store.drop(SERVICE, at(8))
    store.put(SERVICE, at(9, uid="two"))

    assert told.versions() == [(None, "5"), ("5", None), (None, "9")]


def test_an_answer_to_a_write_that_arrives_after_the_deletion_brings_nobody_back(store: Store, told: Told) -> None:
    """Answers and events come by different ways: an object that others have deleted stays gone."""
    store.put(SERVICE, at(5))
    store.drop(SERVICE, at(8))

    store.put(SERVICE, at(6))
    store.replace(SERVICE, listed(at(7)), "7", restored=False)

    assert told.versions() == [(None, "5"), ("5", None)]


def test_a_deletion_that_only_a_list_told_of_is_as_good(store: Store, told: Told) -> None:
    """What a list has missed and is older than it stays gone."""
    store.put(SERVICE, at(5))
    store.replace(SERVICE, {}, "8", restored=False)

    store.put(SERVICE, at(6))

    assert told.versions() == [(None, "5"), ("5", None)]


def test_an_object_that_had_lost_its_label_comes_back(store: Store) -> None:
    """A watch by label calls it deleted; with the label it is there again, under the same uid and a later version."""
    store.put(SERVICE, at(5))
    store.drop(SERVICE, at(8))

    store.put(SERVICE, at(9))

    assert store.get(SERVICE, KEY) == at(9)


def test_a_restored_past_has_no_deletions_of_the_future(store: Store) -> None:
    """What was deleted after the copy was made is there again, and changes of it are believed."""
    store.put(SERVICE, at(5))
    store.drop(SERVICE, at(800))
    store.drop_deleted(SERVICE, KEY, "one")

    store.replace(SERVICE, listed(at(5)), "10", restored=True)
    store.put(SERVICE, at(11))

    assert store.get(SERVICE, KEY) == at(11)


def test_our_deletions_are_remembered_for_a_while_only(store: Store) -> None:
    """The memory of deletions has an end."""
    for number in range(REMEMBERED_DELETIONS + 1):
        store.drop_deleted(SERVICE, KEY, str(number))

    store.put(SERVICE, at(1, uid="0"))
    assert store.get(SERVICE, KEY) == at(1, uid="0")
    store.put(SERVICE, at(2, uid="1", name="other"))
    assert store.get(SERVICE, ObjectKey("shop", "other")) is None


def test_a_list_finds_what_no_event_told(store: Store, told: Told) -> None:
    """What is missing is gone, what is new is there, what is the same is not told again."""
    for name in ("same", "changed", "lost"):
        store.put(SERVICE, at(5, uid=name, name=name))
    told.clear()

    store.replace(
        SERVICE,
        listed(at(5, uid="same", name="same"), at(8, uid="changed", name="changed"), at(7, uid="new", name="new")),
        "9",
        restored=False,
    )

    assert {change.key.name: (_version(change.old), _version(change.new)) for change in told} == {
        "lost": ("5", None),
        "changed": ("5", "8"),
        "new": (None, "7"),
    }


def test_a_list_does_not_undo_what_came_after_it(store: Store) -> None:
    """What we wrote while a list was under way is newer than the list, whether it is in there or not."""
    store.put(SERVICE, at(12, name="made", uid="made"))
    store.put(SERVICE, at(13))

    store.replace(SERVICE, listed(at(5)), "10", restored=False)

    assert store.get(SERVICE, ObjectKey("shop", "made")) is not None
    assert store.get(SERVICE, KEY) == at(13)


def test_a_list_after_a_restore_is_right_alone(store: Store) -> None:
    """When time itself went back, versions of before mean nothing."""
    store.put(SERVICE, at(500, uid="ghost", name="ghost"))
    store.put(SERVICE, at(600))

    store.replace(SERVICE, listed(at(5)), "10", restored=True)

    assert list(store.list(SERVICE)) == [at(5)]


def test_one_kinds_list_leaves_the_others(store: Store) -> None:
    """A list speaks for its own kind."""
    store.put(SERVICE, at(5))

    store.replace(DEPLOYMENT, {}, "10", restored=False)

    assert store.get(SERVICE, KEY) is not None


def test_a_listed_object_equals_a_watched_one(store: Store, told: Told) -> None:
    """Inside a list objects do not say their kind: that alone must not look like a change."""
    store.put(SERVICE, at(5))
    bare = at(5)
    del bare["kind"], bare["apiVersion"]

    store.replace(SERVICE, listed(bare), "9", restored=False)

    assert told.versions() == [(None, "5")]


def test_a_listener_that_fails_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Its bug is logged, and the store has the object."""

    def fail(change: Change) -> None:
        raise ZeroDivisionError(change)

    store = Store(fail)
    with caplog.at_level(logging.ERROR):
        store.put(SERVICE, at(5))

    assert store.get(SERVICE, KEY) is not None
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    "spec",
    [
        None,
        [],
        "x",
        {},
        {"poolRef": None},
        {"poolRef": "gpus"},
        {"poolRef": []},
        {"poolRef": {"name": 7}},
        {"poolRef": {}},
    ],
)
def test_a_model_without_a_usable_pool_reference_belongs_to_none(store: Store, spec: object) -> None:
    """Objects of an older schema, or of none, are kept and found by no pool."""
    odd = at(1, spec=spec)

    store.put(AIMODEL, odd)

    assert store.get(AIMODEL, KEY) is not None
    assert list(terms(AIMODEL, odd)) == []


def test_a_pool_namespace_that_is_none_is_the_models_own(store: Store) -> None:
    """A null or a number in its place is no other namespace."""
    store.put(AIMODEL, at(1, spec={"poolRef": {"name": "gpus", "namespace": None}}))

    assert [place for place, _ in store.find(pool_term(ObjectKey("shop", "gpus")))] == [(AIMODEL, KEY)]


def test_a_pod_is_kept_without_what_nobody_reads(store: Store) -> None:
    """Metadata, the node and the status: a pod's spec is the larger half."""
    pod = at(1, spec={"nodeName": "gpu-1", "containers": [{"env": ["long"]}]}, status={"phase": "Running"})
    pod["metadata"] |= {"labels": {"trimtab.io/model": "fraud"}, "managedFields": [{}], "annotations": {"a": "b"}}

    kept = store.put(POD, pod)

    assert kept["spec"] == {"nodeName": "gpu-1"}
    assert kept["status"] == {"phase": "Running"}
    assert set(kept["metadata"]) == {"name", "namespace", "uid", "resourceVersion", "labels"}


def test_a_pod_that_waits_has_no_node(store: Store) -> None:
    """An unscheduled pod, or one without spec or status, is kept all the same."""
    assert store.put(POD, at(1))["spec"] == {}


def test_a_namespace_is_its_labels_and_annotations(store: Store) -> None:
    """What a pool's consent is decided by."""
    namespace = {
        "metadata": {"name": "shop", "uid": "n", "resourceVersion": "1", "labels": {"a": "b"}},
        "spec": {"x": 1},
    }

    kept = store.put(NAMESPACE, namespace)

    assert kept == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "shop", "uid": "n", "resourceVersion": "1", "labels": {"a": "b"}},
    }
    assert store.get(NAMESPACE, ObjectKey("", "shop")) == kept


@pytest.mark.parametrize("owners", [None, "x", [None], ["x"], [{"uid": "u"}], [{"uid": "u", "controller": "true"}]])
def test_nobody_owns_by_a_reference_that_is_none(owners: object) -> None:
    """Only a controller reference with the value true makes a child."""
    odd = at(1)
    odd["metadata"]["ownerReferences"] = owners

    assert list(terms(SERVICE, odd)) == []
