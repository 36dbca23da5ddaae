"""The pipe for one model, from gathering to reporting, on a cluster in memory."""

import copy

import pytest

from fakes.cluster import Crash
from fakes.reconcile_world import MODEL, POOL, World, model, pool
from trimtab.api.kinds import (
    AIMODEL,
    CHILD_KINDS,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    INFERENCEPOOL,
    JOB,
    SERVICE,
    Kind,
    Manifest,
)
from trimtab.api.objects import ConflictError, ObjectKey, RefusedError, UnreachableError
from trimtab.reconcile.queue import Lane

L4 = {"name": "l4", "resourceName": "nvidia.com/gpu", "pricePerHour": "0.80"}
H100 = {"name": "h100", "resourceName": "nvidia.com/gpu", "pricePerHour": "4.10"}


def deployment(world: World, name: str = "fraud-l4") -> Manifest:
    """Return a Deployment that must be there."""
    found = world.child(DEPLOYMENT, name)
    assert found is not None
    return found


def verbs(world: World) -> list[tuple[str, str, str]]:
    """Return the writes so far as verb, kind and name."""
    return [(write.verb, write.kind.kind, write.key.name) for write in world.cluster.writes]


async def test_one_look_makes_every_child_and_says_so(world: World) -> None:
    """A model gets each child once, the Deployment with its first replicas; status follows in the same look."""
    await world.look()

    assert {kind for verb, kind, _ in verbs(world) if verb == "create"} == (
        {kind.kind for kind in CHILD_KINDS if kind != JOB}
    )
    assert deployment(world)["spec"]["replicas"] == 2
    assert [entry for entry in verbs(world) if entry[0] != "create"] == [("write_status", "AIModel", "fraud")]
    assert world.condition("Ready")["status"] == "False"
    assert world.condition("Reconciling")["status"] == "True"


async def test_a_world_at_rest_is_left_alone(world: World) -> None:
    """After all is said and done, looking writes nothing, nor does an operator that has just been started."""
    await world.look()
    world.become_ready()
    await world.look()
    assert world.condition("Ready")["status"] == "True"
    before = len(world.cluster.writes)

    for _ in range(3):
        world.restart()
        await world.look()

    assert len(world.cluster.writes) == before


async def test_a_start_costs_the_children_and_two_statuses(world: World) -> None:
    """One status when the children are there, one when the model serves."""
    await world.look()
    world.become_ready()
    await world.settle()

    assert [entry[0] for entry in verbs(world)].count("write_status") == 2


@pytest.mark.parametrize("after", [False, True], ids=["before-the-write", "after-the-write"])
async def test_dying_at_any_write_changes_nothing_in_the_end(after: bool) -> None:  # noqa: FBT001 - pytest's way
    """Whatever write the process dies at, its successor comes to the same end, and no child is made twice."""
    undisturbed = await _life(None, after=after)
    assert len(undisturbed.cluster.writes) > 10

    for number in range(1, len(undisturbed.cluster.writes) + 1):
        disturbed = await _life(number, after=after)
        assert disturbed.end_state() == undisturbed.end_state(), f"died at write {number}"
        made = [entry for entry in verbs(disturbed) if entry[0] == "create"]
        assert len(made) <= len(set(made)) + (0 if after else 1), f"died at write {number}"


async def _life(crash_at: int | None, *, after: bool) -> World:
    """Let a model be born, serve, be pinned, be unpinned; die once on the way, and go on as another process."""
    world = World()
    world.cluster.put(INFERENCEPOOL, pool())
    world.cluster.put(AIMODEL, model())
    if crash_at is not None:
        world.cluster.crash_at(crash_at, after=after)
    for replicas in (None, 5, None):
        world.edit(replicas=replicas)
        for _ in range(2):  # the second time as another process, if the first has died
            try:
                await world.settle()
            except Crash:
                world.restart()
        world.become_ready()
    await world.settle()
    return world


async def test_what_somebody_changed_by_hand_is_put_back(world: World) -> None:
    """A child that was edited is applied again, one that was deleted is made again; replicas are not ours."""
    await world.look()
    edited = copy.deepcopy(deployment(world))
    edited["spec"]["template"]["spec"]["containers"][0]["image"] = "example.org/other:1"
    edited["spec"]["replicas"] = 2
    world.cluster.put(DEPLOYMENT, edited)
    world.cluster.remove(SERVICE, ObjectKey("shop", "fraud"))

    await world.settle()

    assert deployment(world)["spec"]["template"]["spec"]["containers"][0]["image"] == "example.org/triton:1"
    assert world.child(SERVICE, "fraud") is not None


async def test_whoever_insists_on_another_value_is_answered_once(world: World) -> None:
    """An admission policy that changes what we render is not fought: one write for each new wish of ours."""
    world.cluster.admission = _insist_on_a_mirror
    await world.look()
    for _ in range(5):
        await world.look()
    before = verbs(world).count(("apply", "Deployment", "fraud-l4"))
    world.edit(serving={"startup": {"timeout": "30m"}})
    for _ in range(5):
        await world.look()

    assert before == 1
    assert verbs(world).count(("apply", "Deployment", "fraud-l4")) == 2


def _insist_on_a_mirror(manifest: Manifest) -> None:
    if manifest["kind"] == DEPLOYMENT.kind:
        manifest["spec"]["template"]["spec"]["containers"][0]["image"] = "mirror.example.org/triton:1"


async def test_a_stranger_of_the_same_name_is_never_touched(world: World) -> None:
    """An object that is not ours stays as it is; Ready says Conflict, and the other children are made."""
    stranger = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "fraud-l4", "namespace": "shop"}}
    world.cluster.put(DEPLOYMENT, {**stranger, "spec": {"replicas": 7}})

    await world.look()
    await world.look()

    assert deployment(world)["spec"] == {"replicas": 7}
    assert world.condition("Ready")["reason"] == "Conflict"
    assert "fraud-l4" in world.condition("Ready")["message"]
    assert world.condition("Stalled")["status"] == "True"
    assert world.child(SERVICE, "fraud") is not None
    assert not [entry for entry in verbs(world) if entry[0] in {"apply", "delete", "scale"}]


@pytest.mark.parametrize("kind", [DEPLOYMENT, SERVICE])
async def test_a_child_that_lost_its_owner_is_taken_back(world: World, kind: Kind) -> None:
    """What bears all our marks and belongs to nobody is ours: its owner reference was removed by hand."""
    await world.look()
    name = "fraud-l4" if kind == DEPLOYMENT else "fraud"
    child = world.child(kind, name)
    assert child is not None
    about = {key: value for key, value in child["metadata"].items() if key != "ownerReferences"}
    world.cluster.put(kind, {**child, "metadata": about})

    await world.settle()

    taken = world.child(kind, name)
    assert taken is not None
    assert taken["metadata"]["ownerReferences"] == child["metadata"]["ownerReferences"]
    assert taken["metadata"]["uid"] == child["metadata"]["uid"]


@pytest.mark.parametrize("missing", ["labels", "annotations"])
async def test_what_belongs_to_nobody_and_does_not_bear_our_marks_is_a_strangers(world: World, missing: str) -> None:
    """One mark is not enough: labels are copied, and a name may be a coincidence."""
    await world.look()
    child = deployment(world)
    about = {key: value for key, value in child["metadata"].items() if key not in {"ownerReferences", missing}}
    world.cluster.put(DEPLOYMENT, {**child, "metadata": about})

    await world.look()

    assert world.condition("Ready")["reason"] == "Conflict"
    assert "ownerReferences" not in deployment(world)["metadata"]


async def test_an_edit_that_an_apply_cannot_undo_is_overwritten(world: World) -> None:
    """The server refuses two ports of one name, ours beside the edited one; then the whole spec is put in place."""
    await world.look()
    service = copy.deepcopy(world.child(SERVICE, "fraud"))
    assert service is not None
    service["spec"]["ports"][0]["port"] = 80
    world.cluster.put(SERVICE, service)
    world.cluster.fail_next(RefusedError("duplicate value: http"), verb="apply", kind=SERVICE)

    await world.settle()

    mended = world.child(SERVICE, "fraud")
    assert mended is not None
    assert [port["port"] for port in mended["spec"]["ports"]] == [8000, 8001]
    assert verbs(world).count(("overwrite", "Service", "fraud")) == 1


async def test_what_is_refused_either_way_is_told_in_the_first_words(world: World) -> None:
    """The words about what we want say more than those about how we tried to get it."""
    await world.look()
    world.edit(scaling={"minReplicas": 3, "maxReplicas": 12})
    for verb, words in (("apply", "denied: ask Ann"), ("overwrite", "json patch denied")):
        world.cluster.fail_next(RefusedError(words), verb=verb, kind=HORIZONTAL_POD_AUTOSCALER)

    await world.look()

    message = world.condition("Ready")["message"]
    assert "HorizontalPodAutoscaler fraud-l4 is refused: denied: ask Ann" in message
    assert "json patch" not in message


async def test_the_address_of_a_service_that_is_somebody_elses_is_not_told(world: World) -> None:
    """Whoever calls `status.url` must reach the model, or find no address at all."""
    stranger = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "fraud", "namespace": "shop"}, "spec": {}}
    world.cluster.put(SERVICE, stranger)
    await world.look()
    assert "url" not in world.status()

    world.cluster.remove(SERVICE, ObjectKey("shop", "fraud"))
    await world.settle()

    assert world.status()["url"] == "http://fraud.shop.svc:8000/v2/models/fraud"


async def test_a_child_that_is_refused_is_told_in_the_servers_words(world: World) -> None:
    """A quota or policy that refuses one child keeps none of the others away, and is asked again later."""
    world.cluster.fail_next(
        RefusedError("exceeded quota: gpus, requested 2, limited 1"), verb="create", kind=DEPLOYMENT
    )

    outcome = await world.look()

    assert world.condition("Ready")["reason"] == "ChildRefused"
    assert "exceeded quota: gpus" in world.condition("Ready")["message"]
    assert world.child(SERVICE, "fraud") is not None
    assert outcome.look_again_in == 30.0
    await world.settle()
    assert world.child(DEPLOYMENT, "fraud-l4") is not None


async def test_a_scale_that_is_refused_is_told_in_the_servers_words(world: World) -> None:
    """A policy may forbid what we do to a child as well as the child."""
    await world.look()
    world.become_ready()
    await world.settle()
    world.edit(replicas=5)
    world.cluster.fail_next(RefusedError("policy: at most 3 replicas"), verb="scale")

    outcome = await world.look()

    assert world.condition("Ready")["reason"] == "ChildRefused"
    assert "at most 3 replicas" in world.condition("Ready")["message"]
    assert outcome.look_again_in == 30.0


async def test_an_api_server_that_is_away_is_not_a_reason_to_change_anything(world: World) -> None:
    """The error goes to whoever repeats the look; what was made stays."""
    await world.look()
    world.edit(scaling={"minReplicas": 3, "maxReplicas": 12})
    before = world.end_state()
    world.cluster.fail_next(UnreachableError("connection refused"), verb="apply")

    with pytest.raises(UnreachableError):
        await world.look()

    assert world.end_state() == before
    await world.settle()
    assert deployment(world)["spec"]["replicas"] == 3


async def test_a_model_made_again_waits_for_the_children_of_the_one_before(world: World) -> None:
    """Children of the dead model are left to the garbage collector; then the new one gets its own."""
    await world.look()
    world.cluster.garbage_collector_runs = False
    world.cluster.remove(AIMODEL, MODEL)
    world.cluster.put(AIMODEL, model())
    orphan = deployment(world)["metadata"]["uid"]

    outcome = await world.look()

    assert deployment(world)["metadata"]["uid"] == orphan
    assert world.condition("Ready")["reason"] == "WaitingForDeletion"
    assert outcome.look_again_in == 1.0
    world.cluster.collect_garbage()
    await world.settle()
    assert deployment(world)["metadata"]["uid"] != orphan


async def test_a_paused_model_is_looked_at_and_not_touched(world: World) -> None:
    """With the annotation nothing but status is written; without it the look goes on where it stood."""
    await world.look()
    found = world.cluster.get(AIMODEL, MODEL)
    assert found is not None
    paused = {**found, "metadata": {**found["metadata"], "annotations": {"trimtab.io/paused": "true"}}}
    world.cluster.put(AIMODEL, paused)
    world.edit(replicas=9)
    world.cluster.remove(SERVICE, ObjectKey("shop", "fraud"))
    before = len(world.cluster.writes)

    await world.look()

    assert {write.verb for write in world.cluster.writes[before:]} == {"write_status"}
    assert world.condition("Paused")["status"] == "True"


async def test_bounds_move_before_the_scale(world: World) -> None:
    """An autoscaler whose maximum lies below the new scale would take it back."""
    await world.look()
    world.become_ready()
    await world.settle()
    before = len(world.cluster.writes)

    world.edit(replicas=5)
    await world.look()
    world.edit(replicas=3)
    await world.look()

    moved = [entry[:2] for entry in verbs(world)[before:] if entry[0] in {"apply", "scale"}]
    assert moved == [("apply", "HorizontalPodAutoscaler"), ("scale", "Deployment")] * 2
    assert deployment(world)["spec"]["replicas"] == 3
    bounds = world.child(HORIZONTAL_POD_AUTOSCALER, "fraud-l4")
    assert bounds is not None
    assert (bounds["spec"]["minReplicas"], bounds["spec"]["maxReplicas"]) == (3, 3)


async def test_a_pin_is_kept_within_the_maximum_and_may_be_zero(world: World) -> None:
    """99 of at most 12 is 12; zero is zero; a pin that is taken away from zero leads back to the minimum."""
    await world.look()
    world.edit(replicas=99)
    await world.look()
    assert deployment(world)["spec"]["replicas"] == 12
    world.edit(replicas=0)
    await world.look()
    assert deployment(world)["spec"]["replicas"] == 0
    world.edit(replicas=None)
    await world.look()
    assert deployment(world)["spec"]["replicas"] == 2


async def test_without_live_numbers_nothing_is_taken_away_from_an_unpinned_model(world: World) -> None:
    """Unpinning leaves the replicas that are there: nobody has measured that fewer would do."""
    await world.look()
    world.edit(replicas=7)
    await world.look()
    world.edit(replicas=None)
    await world.settle()

    assert deployment(world)["spec"]["replicas"] == 7


async def test_without_its_pool_a_model_has_no_children_and_gets_them_when_the_pool_comes() -> None:
    """What only another object can tell shows in Ready, with the next step."""
    world = World()
    world.cluster.put(AIMODEL, model())
    await world.look()
    assert world.condition("Ready")["reason"] == "PoolNotFound"
    assert [entry[0] for entry in verbs(world)] == ["write_status"]

    world.cluster.put(INFERENCEPOOL, pool())
    await world.settle()

    assert world.child(DEPLOYMENT, "fraud-l4") is not None


async def test_consent_that_is_withdrawn_stops_nothing_that_serves(world: World) -> None:
    """The model is told; its pods go on until somebody decides what is to become of it."""
    await world.look()
    world.become_ready()
    await world.settle()
    world.cluster.remove(INFERENCEPOOL, POOL)
    before = world.end_state()

    await world.settle()

    assert world.end_state() == before
    assert world.condition("Stalled")["reason"] == "PoolNotFound"


async def test_moving_to_another_variant_keeps_the_old_one_until_the_new_one_serves(world: World) -> None:
    """The Deployment that serves goes when its successor has as many replicas ready, and its autoscaler with it."""
    world.cluster.put(INFERENCEPOOL, pool(L4, H100))
    await world.look()
    world.become_ready()
    await world.settle()
    world.edit(serving={"variant": "h100"})

    await world.settle()
    assert world.child(DEPLOYMENT, "fraud-l4") is not None
    assert deployment(world, "fraud-h100")["spec"]["replicas"] == 2
    world.become_ready("fraud-h100")
    await world.settle()

    assert world.child(DEPLOYMENT, "fraud-l4") is None
    assert world.child(HORIZONTAL_POD_AUTOSCALER, "fraud-l4") is None


async def test_an_autoscaler_that_is_not_wanted_any_more_goes(world: World) -> None:
    """What is no longer rendered is deleted, by uid."""
    await world.look()
    world.edit(scaling={"minReplicas": 2, "maxReplicas": 12, "autoscaler": "None"})
    await world.settle()

    assert world.child(HORIZONTAL_POD_AUTOSCALER, "fraud-l4") is None


async def test_while_others_wait_for_their_start_a_model_takes_only_what_its_pods_need(world: World) -> None:
    """The policy and the Deployment first, for everybody; the rest when nobody waits for a start any more."""
    world.others = True
    outcome = await world.look()

    assert [entry[1] for entry in verbs(world)] == ["NetworkPolicy", "Deployment"]
    assert (outcome.look_again_in, outcome.lane) == (0.0, Lane.LATER)
    await world.look()
    assert len(verbs(world)) == 2
    world.others = False
    await world.look()
    assert world.child(SERVICE, "fraud") is not None


async def test_a_spec_that_cannot_be_read_is_told_and_touches_nothing(world: World) -> None:
    """An object stored under a looser schema: what serves stays, Ready names the field."""
    await world.look()
    before = world.end_state()
    world.edit(objectives={"latency": {"target": "soon"}})

    await world.settle()

    assert world.end_state() == before
    assert world.condition("Ready")["reason"] == "InvalidSpec"
    assert "objectives.latency.target" in world.condition("Ready")["message"]


async def test_an_address_inside_the_cluster_is_refused_without_a_pod(world: World) -> None:
    """What the schema could not see is seen before anything is made."""
    world.edit(model={"source": {"uri": "http://2852039166/latest/meta-data"}})
    await world.settle()

    assert world.condition("Ready")["reason"] == "SourceRefused"
    assert world.child(DEPLOYMENT, "fraud-l4") is None


@pytest.mark.parametrize("hostile", [None, [], "x", {"conditions": "x"}, {"conditions": [7, {"type": 1}]}, {"cost": 1}])
async def test_a_status_that_somebody_else_wrote_is_replaced(world: World, hostile: object) -> None:
    """Nothing in a status is believed but well-formed transition times."""
    found = world.cluster.get(AIMODEL, MODEL)
    assert found is not None
    world.cluster.put(AIMODEL, {**found, "status": hostile})

    await world.settle()

    assert world.condition("Ready")["reason"]
    assert deployment(world)["spec"]["replicas"] == 2


async def test_a_bug_is_told_to_the_user_and_serving_goes_on(world: World) -> None:
    """Ready becomes Unknown, since nobody knows; the next look that succeeds says better."""
    await world.look()
    await world.models.report_bug(MODEL, KeyError("spec"))
    assert (world.condition("Ready")["status"], world.condition("Ready")["reason"]) == ("Unknown", "ReconcileError")
    await world.look()

    assert world.condition("Ready")["reason"] != "ReconcileError"


async def test_a_model_that_is_going_or_gone_is_nobodys_work(world: World) -> None:
    """Children go by their owner references; a look at what is not there does nothing."""
    world.cluster.remove(AIMODEL, MODEL)

    outcome = await world.look()

    assert outcome.look_again_in is None
    assert world.cluster.writes == []


async def test_a_child_that_changed_hands_meanwhile_is_not_written_to(world: World) -> None:
    """A foreign uid is an error for the whole look, which is then repeated from what is there."""
    await world.look()
    world.edit(scaling={"minReplicas": 3, "maxReplicas": 12})
    world.cluster.fail_next(ConflictError("uid differs"), verb="apply")

    with pytest.raises(ConflictError):
        await world.look()
