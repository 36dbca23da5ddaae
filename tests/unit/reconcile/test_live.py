"""The live loop on a cluster in memory: numbers in, replicas out, and what is learned outlives the process."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

import pytest

from fakes.cluster import Crash, FakeCluster
from fakes.reconcile_live import UNREACHABLE, FakeSource, LiveWorld, live_world, load
from fakes.reconcile_world import MODEL, model, pool
from trimtab.api.kinds import AIMODEL, DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, INFERENCEPOOL, POD
from trimtab.api.objects import Change, ObjectKey, UnreachableError
from trimtab.core.scaling.observation import ModelRef
from trimtab.reconcile.live import LiveFacts, save
from trimtab.reconcile.observer import Observer, Sources, Ticked
from trimtab.reconcile.queue import WorkQueue


class FakeStore:
    """Keeps memories, and fails when told to."""

    def __init__(self) -> None:
        self.stored: dict[ObjectKey, str] = {}
        self.away = False

    async def load(self) -> Mapping[ObjectKey, str]:
        return self.stored

    async def save(self, memories: Mapping[ObjectKey, str | None]) -> None:
        if self.away:
            raise UnreachableError("away")
        for key, memory in memories.items():
            if memory is None:
                self.stored.pop(key, None)
            else:
                self.stored[key] = memory


async def test_replicas_follow_demand_both_ways() -> None:
    """Up when requests come, down to the minimum when they have gone for a hold."""
    world = live_world()
    await world.ticks(load(10.0), 60)
    assert world.replicas == 2
    await world.ticks(load(200.0), 60)
    busy = world.replicas
    await world.ticks(load(10.0), 900)

    assert 5 <= busy <= 12
    assert world.replicas == 2


async def test_a_blind_operator_holds() -> None:
    """Whatever happens to the numbers, nothing is taken away while they are missing; it goes on when they are back."""
    world = live_world()
    await world.ticks(load(200.0), 60)
    busy = world.replicas
    await world.ticks(UNREACHABLE, 1_200)
    assert world.replicas == busy
    await world.ticks(load(10.0), 900)

    assert world.replicas == 2


async def test_numbers_that_nobody_renews_grow_old() -> None:
    """A sample of ten minutes ago is no reason to take a replica away."""
    world = live_world()
    await world.ticks(load(200.0), 60)
    busy = world.replicas
    await world.ticks(load(10.0), 5)
    for _ in range(60):
        await world.look()

    assert world.replicas == busy


async def test_a_restart_neither_forgets_nor_dips() -> None:
    """What was learned is read back, and the first decision of the new process is the old one's."""
    world, store = live_world(), FakeStore()
    await world.ticks(load(200.0), 120)
    busy = world.replicas
    await save(world.facts, store)
    world.restart()
    world.facts.restore(await store.load())

    await world.ticks(load(200.0), 5)

    assert world.replicas == busy
    assert list(store.stored) == [MODEL]


async def test_a_spike_that_nobody_saved_is_not_forgotten() -> None:
    """Killed after a spike that the stored memory has not seen: what it asked for is kept for a whole hold.

    Memory is stored once a minute, so that much of it is lost with the process.
    """
    world, store = live_world(), FakeStore()
    await world.ticks(load(10.0), 600)
    await save(world.facts, store)
    await world.ticks(load(200.0), 50)
    busy = world.replicas
    world.restart()
    world.facts.restore(await store.load())

    await world.ticks(load(10.0), 55)
    kept = world.replicas
    await world.ticks(load(10.0), 600)

    assert kept == busy > 2
    assert world.replicas == 2


@pytest.mark.parametrize("after", [False, True], ids=["before-the-write", "after-the-write"])
@pytest.mark.parametrize("way", [(10.0, 60.0), (60.0, 10.0)], ids=["rising", "falling"])
async def test_dying_at_any_write_of_a_move_is_neither_an_overshoot_nor_a_dip(
    way: tuple[float, float],
    after: bool,  # noqa: FBT001 - pytest's way
) -> None:
    """Bounds and scale go from one number to the other and never beyond, whatever becomes of the process on the way."""
    least, most, undisturbed = await _move(*way, crash_at=None, after=after)
    assert undisturbed.moved[0] != undisturbed.moved[-1]
    assert least < most

    for number in range(1, len(undisturbed.cluster.writes) + 1):
        _, _, disturbed = await _move(*way, crash_at=number, after=after)
        assert least <= min(disturbed.moved), f"died at write {number}"
        assert max(disturbed.moved) <= most, f"died at write {number}"
        assert disturbed.replicas == undisturbed.replicas, f"died at write {number}"


class MovingWorld(LiveWorld):
    """A live world that takes down each number that its Deployment and its autoscaler's bounds have."""

    moved: list[int]

    def take_down(self, change: Change) -> None:
        spec = (change.new or {}).get("spec", {})
        if change.kind == DEPLOYMENT:
            self.moved.append(spec["replicas"])
        if change.kind == HORIZONTAL_POD_AUTOSCALER:
            self.moved += (spec["minReplicas"], spec["maxReplicas"])
            self.enforce(spec["minReplicas"], spec["maxReplicas"])

    def enforce(self, least: int, most: int) -> None:
        """Bring the Deployment within its bounds, as an autoscaler does some time after they moved."""
        deployment = self.child(DEPLOYMENT, "fraud-l4")
        if deployment is not None:
            replicas = max(least, min(deployment["spec"]["replicas"], most))
            self.cluster.put(DEPLOYMENT, {**deployment, "spec": {**deployment["spec"], "replicas": replicas}})


async def _move(before: float, then: float, *, crash_at: int | None, after: bool) -> tuple[int, int, MovingWorld]:
    """Let demand move, die once on the way, and go on as another process with what was saved a minute before."""
    world, store = MovingWorld(), FakeStore()
    world.cluster.put(INFERENCEPOOL, pool())
    world.cluster.put(AIMODEL, model())
    await world.ticks(replace(load(before), history=()), 300, every=15)
    first = world.replicas
    await save(world.facts, store)
    world.moved = [first]
    world.cluster.writes.clear()
    world.cluster.on_change = world.take_down
    if crash_at is not None:
        world.cluster.crash_at(crash_at, after=after)
    for _ in range(900 // 15):
        try:
            await world.ticks(replace(load(then), history=()), 15, every=15)
        except Crash:
            world.restart()
            world.facts.restore(await store.load())
    return *sorted((first, world.replicas)), world  # type: ignore[return-value]  # a sorted pair is a pair


async def test_what_could_not_be_saved_is_saved_later_and_what_is_gone_is_dropped() -> None:
    """A store that is away costs nothing; a model that was deleted leaves nothing there."""
    world, store = live_world(), FakeStore()
    await world.ticks(load(200.0), 30)
    store.away = True
    await save(world.facts, store)
    assert store.stored == {}
    store.away = False
    await save(world.facts, store)
    assert MODEL in store.stored

    world.cluster.remove(AIMODEL, MODEL)
    await world.look()
    await save(world.facts, store)

    assert store.stored == {}


async def test_every_model_of_every_pool_is_measured_in_one_question_a_pool() -> None:
    """A pool without models is not asked about; pods that are too young are not expected to answer."""
    cluster, facts, queue, ticked = FakeCluster(), LiveFacts(), WorkQueue(), list[Ticked]()
    cluster.put(INFERENCEPOOL, pool())
    cluster.put(INFERENCEPOOL, {**pool(), "metadata": {"name": "idle", "namespace": "shop"}})
    for name in ("fraud", "churn"):
        cluster.put(AIMODEL, {**model(), "metadata": {"name": name, "namespace": "shop"}})
    now = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)
    for name, since in (("old", "2026-11-24T11:59:00Z"), ("young", "2026-11-24T11:59:55Z"), ("odd", "?")):
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": since}
        about = {"name": name, "namespace": "shop", "labels": {"trimtab.io/model": "fraud"}}
        cluster.put(POD, {"metadata": about, "status": {"conditions": [ready]}})
    about = {"name": "going", "namespace": "shop", "labels": {"trimtab.io/model": "fraud"}}
    cluster.put(POD, {"metadata": about, "status": {"conditions": [{"type": "Ready", "status": "False"}]}})
    source = FakeSource()

    await Observer(cluster, Sources(default=source), facts, queue, lambda: now, ticked.append).tick()

    assert source.asked == [{ModelRef("shop", "fraud", 1), ModelRef("shop", "churn", 0)}]
    assert (ticked[0].models, ticked[0].blind) == (2, 2)
    assert len(queue) == 2
