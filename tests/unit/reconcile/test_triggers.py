"""What a change wakes, and what it does not."""

from fakes.cluster import FakeCluster
from trimtab.api.kinds import AIMODEL, DEPLOYMENT, INFERENCEPOOL, NAMESPACE, POD, SERVICE, Kind, Manifest
from trimtab.api.objects import Change, ObjectKey
from trimtab.reconcile.queue import Key, Lane, WorkQueue
from trimtab.reconcile.triggers import CHILD_DELAY, GATHER_DELAY, POOL_DELAY, Triggers, Wish, wishes
from trimtab.render.names import APPLIED_ANNOTATION, model_label

LONG = "m" * 200 + ".v2"


def model(name: str = "fraud", pool: object = None, **metadata: object) -> Manifest:
    """Return an AIModel in namespace shop."""
    reference = {"name": "gpu"} if pool is None else pool
    about = {"namespace": "shop", "name": name, "uid": f"uid-{name}", "generation": 1, **metadata}
    return {"kind": "AIModel", "metadata": about, "spec": {"poolRef": reference}}


def change(kind: Kind, old: Manifest | None, new: Manifest | None) -> Change:
    """Return what a watch would tell."""
    about = (new or old or {})["metadata"]
    return Change(kind, ObjectKey(about.get("namespace", ""), about["name"]), old, new)


def child(replicas: int | None = None, owner: str | None = "fraud") -> Manifest:
    """Return a child of a model, or of nobody."""
    owners = [{"kind": "AIModel", "name": owner, "uid": "u", "controller": True}] if owner else []
    status = {} if replicas is None else {"replicas": replicas}
    return {"metadata": {"namespace": "shop", "name": "c", "ownerReferences": owners}, "status": status}


def pod(label: str) -> Manifest:
    """Return a pod with the label of a model."""
    return {"metadata": {"namespace": "shop", "name": "p", "labels": {"trimtab.io/model": label}}}


A_MODEL = Key(AIMODEL, ObjectKey("shop", "fraud"))
ITS_POOL = Key(INFERENCEPOOL, ObjectKey("shop", "gpu"))


def test_a_new_model_goes_first_and_its_pool_counts_it_a_little_later() -> None:
    """Somebody waits for `kubectl apply`; nobody waits for a pool's sums."""
    assert list(wishes(FakeCluster(), change(AIMODEL, None, model()))) == [
        Wish(A_MODEL, lane=Lane.FIRST),
        Wish(ITS_POOL, POOL_DELAY),
    ]


def test_a_model_that_moves_to_another_pool_concerns_both() -> None:
    """The pool that it left counts it no more."""
    moved = model(pool={"name": "big", "namespace": "platform"}, generation=2)
    found = {wish.key for wish in wishes(FakeCluster(), change(AIMODEL, model(), moved))}

    assert found == {A_MODEL, ITS_POOL, Key(INFERENCEPOOL, ObjectKey("platform", "big"))}


def test_a_status_that_was_written_does_not_push_in() -> None:
    """Our own writes come back as changes; they wait behind what users ask for."""
    written = {**model(), "status": {"replicas": 3}}

    assert list(wishes(FakeCluster(), change(AIMODEL, model(), written))) == [Wish(A_MODEL, GATHER_DELAY)]


def test_an_annotation_is_something_that_a_user_asks_for() -> None:
    """Pausing does not change the generation."""
    paused = model(annotations={"trimtab.io/paused": "true"})

    assert Wish(A_MODEL, lane=Lane.FIRST) in list(wishes(FakeCluster(), change(AIMODEL, model(), paused)))


def test_a_pool_reference_of_any_shape_wakes_no_pool_and_raises_nothing() -> None:
    """An object that was stored under a looser schema must not stop the watch of all the others."""
    for shape in ("gpu", ["gpu"], {"name": 7}, {}):
        odd = model(pool=shape)
        assert [wish.key for wish in wishes(FakeCluster(), change(AIMODEL, None, odd))] == [A_MODEL]


def test_a_pool_that_changes_wakes_its_models_and_one_whose_status_changes_does_not() -> None:
    """Consent, variants and prices concern every model of the pool; our own sums concern none."""
    cluster = FakeCluster()
    cluster.put(AIMODEL, model())
    old: Manifest = {"metadata": {"namespace": "shop", "name": "gpu", "uid": "p", "generation": 1}}
    new: Manifest = {"metadata": {**old["metadata"], "generation": 2}}

    assert {wish.key for wish in wishes(cluster, change(INFERENCEPOOL, old, new))} == {A_MODEL, ITS_POOL}
    assert [wish.key for wish in wishes(cluster, change(INFERENCEPOOL, old, {**old, "status": {}}))] == [ITS_POOL]


def test_a_namespace_whose_labels_change_wakes_its_models() -> None:
    """A pool may admit namespaces by label: consent can come and go without a change of pool or model."""
    cluster = FakeCluster()
    cluster.put(AIMODEL, model())
    cluster.put(AIMODEL, {**model(), "metadata": {**model()["metadata"], "namespace": "elsewhere"}})
    plain: Manifest = {"metadata": {"name": "shop", "labels": {}}}
    labelled: Manifest = {"metadata": {"name": "shop", "labels": {"team": "a"}}}

    assert [wish.key for wish in wishes(cluster, change(NAMESPACE, plain, labelled))] == [A_MODEL]
    assert list(wishes(cluster, change(NAMESPACE, labelled, labelled))) == []


def test_a_pod_wakes_the_model_whose_label_it_carries() -> None:
    """Also where the model's name is too long for a label and stands there in its hashed form."""
    cluster = FakeCluster()
    cluster.put(AIMODEL, model())
    cluster.put(AIMODEL, model(LONG))

    assert [wish.key for wish in wishes(cluster, change(POD, None, pod("fraud")))] == [A_MODEL]
    assert [wish.key for wish in wishes(cluster, change(POD, pod(model_label(LONG)), None))] == [
        Key(AIMODEL, ObjectKey("shop", LONG))
    ]
    assert list(wishes(cluster, change(POD, None, pod("stranger")))) == []


def test_a_child_wakes_its_owner_and_a_stranger_wakes_nobody() -> None:
    """Owner references decide, not names."""
    assert list(wishes(FakeCluster(), change(SERVICE, child(), None))) == [Wish(A_MODEL, CHILD_DELAY)]
    assert list(wishes(FakeCluster(), change(SERVICE, None, child(owner=None)))) == []


def test_replicas_that_come_or_go_concern_the_pool() -> None:
    """What a pool's models cost together follows the number of replicas, not their readiness."""
    cluster = FakeCluster()
    cluster.put(AIMODEL, model())

    soon = Wish(A_MODEL, GATHER_DELAY)

    assert list(wishes(cluster, change(DEPLOYMENT, child(1), child(2)))) == [soon, Wish(ITS_POOL, POOL_DELAY)]
    assert list(wishes(cluster, change(DEPLOYMENT, child(2), child(2)))) == [soon]


def test_what_somebody_did_to_a_child_is_looked_at_before_what_is_told_of_it() -> None:
    """A status, an apply of ours that comes back and a number of replicas can be gathered; a label taken off cannot."""
    plain = {**child(2), "kind": "Deployment", "spec": {"replicas": 2}}
    about = plain["metadata"]
    applied = {**plain, "metadata": {**about, "annotations": {APPLIED_ANNOTATION: "a"}, "resourceVersion": "2"}}
    changes = {
        "born": (None, plain),
        "told": (plain, {**plain, "status": {"replicas": 1}}),
        "scaled": (plain, {**plain, "spec": {"replicas": 3}}),
        "applied": (plain, applied),
        "edited": (plain, {**plain, "metadata": {**about, "labels": {"team": "risk"}}}),
        "deleted": (plain, None),
    }

    delays = {
        name: next(wishes(FakeCluster(), change(DEPLOYMENT, old, new))).delay for name, (old, new) in changes.items()
    }

    assert [name for name, delay in delays.items() if delay == CHILD_DELAY] == ["edited", "deleted"]
    assert [name for name, delay in delays.items() if delay == GATHER_DELAY] == ["born", "told", "scaled", "applied"]


async def test_wishes_reach_the_queue() -> None:
    """What is to be looked at now waits now; the pool comes when its time has come."""
    cluster, queue = FakeCluster(), WorkQueue()
    Triggers(cluster, queue).on_change(change(AIMODEL, None, model()))

    assert len(queue) == 1
    assert queue.anybody_first()
    queue.close()
