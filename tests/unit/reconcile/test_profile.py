"""The Job that measures a model, through the shell: it comes, is heard, is remembered, and costs serving nothing."""

import pytest

from fakes.cluster import Crash
from fakes.profiles import REPORT, job_pod
from fakes.reconcile_live import LiveWorld, load
from fakes.reconcile_world import MODEL, World, model, pool
from trimtab.api.kinds import AIMODEL, DEPLOYMENT, INFERENCEPOOL, JOB, NETWORK_POLICY, POD, Kind, Manifest
from trimtab.api.objects import Change, ObjectKey, RefusedError
from trimtab.reconcile.triggers import wishes
from trimtab.render.names import MODEL_LABEL, profile_label

POD_KEY = ObjectKey("shop", "measures")


def put_measured(world: World) -> None:
    """Put a model there that is to be measured, and its pool."""
    world.cluster.put(INFERENCEPOOL, pool())
    world.cluster.put(AIMODEL, model(profile={}))


async def serving_world(world: World) -> World:
    """Return a world whose model serves and has its Job."""
    put_measured(world)
    await world.look()
    world.become_ready()
    await world.look()
    return world


def job_of(world: World) -> Manifest | None:
    """Return the Job, None if there is none."""
    return next(iter(world.cluster.list(JOB)), None)


def end(world: World, report: object = REPORT) -> None:
    """Let the Job end well, with a report of its pod."""
    job = job_of(world)
    assert job is not None
    left = job_pod(report, owner=job["metadata"]["uid"])  # type: ignore[arg-type] # a report, or any text
    about = {"name": "measures", "namespace": "shop", "labels": {MODEL_LABEL: profile_label("fraud")}}
    world.cluster.put(POD, {**left, "metadata": {**left["metadata"], **about}})
    done = {"type": "Complete", "status": "True", "lastTransitionTime": world.now().isoformat()}
    world.cluster.put(JOB, {**job, "status": {"conditions": [done]}})


async def test_it_comes_when_the_model_serves_and_goes_an_hour_after_it_was_heard() -> None:
    """With its policy; what it said stays in status."""
    world = World()
    put_measured(world)
    await world.look()
    assert job_of(world) is None
    assert world.condition("Profiled")["reason"] == "ProfileWaiting"
    world.become_ready()
    await world.look()
    assert world.condition("Profiled")["reason"] == "ProfileRunning"
    assert len(list(world.cluster.list(NETWORK_POLICY))) == 2

    end(world)
    await world.look()

    assert world.condition("Profiled")["status"] == "True"
    assert job_of(world) is not None
    for _ in range(7):
        await world.look()
    assert job_of(world) is None
    assert len(list(world.cluster.list(NETWORK_POLICY))) == 1
    assert world.status()["profile"]["batchTimes"][0] == {"batch": 1, "milliseconds": "3.1"}
    assert world.condition("Ready")["status"] == "True"


async def test_a_world_at_rest_is_left_alone_with_a_profile_too() -> None:
    """Looking again writes nothing: neither while it is measured nor after."""
    world = await serving_world(World())
    await world.settle()
    end(world)
    await world.settle()

    world.cluster.writes.clear()
    await world.look()

    assert world.cluster.writes == []


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("write", range(1, 12))
async def test_it_is_made_once_wherever_the_operator_dies(write: int, *, after: bool) -> None:
    """Before or after any of its writes; the next one finishes the work."""
    world = World()
    put_measured(world)
    await world.look()
    world.become_ready()
    world.cluster.crash_at(write, after=after)
    try:
        for _ in range(4):
            await world.look()
    except Crash:
        world.restart()
        await world.settle()

    world.cluster.faults.clear()
    await world.settle()
    assert len(list(world.cluster.list(JOB))) == 1
    assert world.condition("Ready")["status"] == "True"


async def test_what_was_heard_outlives_the_operator() -> None:
    """Without a metric source too; it is not measured again."""
    world = LiveWorld()
    await serving_world(world)
    end(world)
    await world.look()
    saved = dict(world.facts.unsaved())
    world.cluster.remove(JOB, ObjectKey("shop", str(job_of(world)["metadata"]["name"])))  # type: ignore[index] # it is there

    world.restart()
    world.facts.restore({key: text for key, text in saved.items() if text is not None})
    await world.look()

    assert saved.keys() == {MODEL}
    assert job_of(world) is None
    assert world.condition("Profiled")["status"] == "True"


async def test_it_is_beside_what_traffic_shows() -> None:
    """Where it is measured, a report joins what was learned, and glances keep it."""
    world = LiveWorld()
    put_measured(world)
    await world.ticks(load(10.0), 10)
    world.become_ready()
    await world.ticks(load(10.0), 60)
    end(world)
    await world.models.reconcile(MODEL)
    await world.ticks(load(10.0), 300)

    assert world.status()["profile"]["evidence"] == "Traffic"
    (memory,) = [text for _, text in world.facts.unsaved()]
    assert memory is not None
    assert '"batches":[[1,0.0031]' in memory


async def test_a_refused_job_is_told_and_nothing_else_suffers() -> None:
    """A quota, say: serving is as ready as without."""
    world = World()
    put_measured(world)
    await world.look()
    world.become_ready()
    world.cluster.fail_next(RefusedError("exceeded quota"), verb="create", kind=JOB)

    await world.look()

    assert world.condition("Profiled")["reason"] == "ProfileRefused"
    assert "exceeded quota" in world.condition("Profiled")["message"]
    assert world.condition("Ready")["status"] == "True"
    assert not world.condition("Stalled")


async def test_without_its_policy_it_does_not_start() -> None:
    """Its pod would reach more than it may."""
    world = World()
    put_measured(world)
    await world.look()
    world.become_ready()
    world.cluster.fail_next(RefusedError("no more policies"), verb="create", kind=NETWORK_POLICY)

    await world.look()

    assert "no more policies" in world.condition("Profiled")["message"]
    assert job_of(world) is None


@pytest.mark.parametrize(
    ("owners", "whose"),
    [
        ([], "was made by somebody else"),
        ([{"kind": "CronJob", "name": "nightly", "uid": "n", "controller": True}], "belongs to"),
    ],
)
async def test_a_job_of_somebody_else_is_left_alone(owners: list[Manifest], whose: str) -> None:
    """It is named, with whose it is."""
    world = await serving_world(World())
    ours = job_of(world)
    assert ours is not None
    name = ours["metadata"]["name"]
    world.cluster.remove(JOB, ObjectKey("shop", name))
    for owner in owners:
        world.cluster.put(Kind("batch", "v1", "CronJob", "cronjobs"), {"metadata": {**owner, "namespace": "shop"}})
    theirs = {"kind": "Job", "metadata": {"name": name, "namespace": "shop", "ownerReferences": owners}}
    world.cluster.put(JOB, theirs)
    world.cluster.writes.clear()

    await world.look()

    assert whose in world.condition("Profiled")["message"]
    assert [write.verb for write in world.cluster.writes if write.kind == JOB] == ["create"]


async def test_a_job_of_ours_that_the_store_does_not_show_is_no_trouble() -> None:
    """Somebody took its label away, so we do not watch it; it measures all the same."""
    world = await serving_world(World())
    assert job_of(world) is not None
    children = world.cluster.children
    world.cluster.children = lambda *of: [each for each in children(*of) if each["kind"] != "Job"]  # type: ignore[method-assign] # a store that does not see it

    await world.look()

    assert world.condition("Profiled")["reason"] == "ProfileWaiting"


async def test_a_pod_that_measures_wakes_its_model() -> None:
    """Its report may come a moment after the Job's end."""
    world = await serving_world(World())
    end(world)
    left = world.cluster.get(POD, POD_KEY)

    (wish,) = wishes(world.cluster, Change(POD, POD_KEY, None, left))

    assert wish.key.object == MODEL
    assert world.child(DEPLOYMENT, "fraud-l4") is not None
