"""Glances: a tick looks whole at what has changed, and decides for all the rest without a write or a rendering."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import fields
from itertools import pairwise
from typing import Any

import pytest

from fakes.cluster import Crash
from fakes.reconcile_live import UNREACHABLE, LiveWorld, live_world, load
from fakes.reconcile_world import MODEL, POOL, model, pool
from trimtab.api.kinds import (
    AIMODEL,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    INFERENCEPOOL,
    NAMESPACE,
    POD,
    SERVICE,
    Kind,
    Manifest,
)
from trimtab.api.objects import ObjectKey
from trimtab.core.scaling.policies import MOST_GAP
from trimtab.core.snapshot import ModelSnapshot
from trimtab.reconcile.glance import WHOLE_EVERY
from trimtab.reconcile.observer import SLICE, Observer, Sources
from trimtab.reconcile.queue import WorkQueue

STEADY = load(10.0)


async def steady_world() -> LiveWorld:
    """Return a world in which nothing changes any more, just after a whole look."""
    world = live_world()
    await world.ticks(STEADY, 90)
    world.become_ready()
    await world.ticks(STEADY, 30)
    world.models.glances.spread = lambda: 1.0
    world.models.glances.begin(MODEL)
    await world.models.reconcile(MODEL)
    return world


def is_enough(world: LiveWorld) -> bool:
    """Tell whether a glance finds nothing that is worth a look."""
    return world.models.glances.is_enough(MODEL)


async def test_what_does_not_change_is_glanced_at() -> None:
    """In ticks of almost a minute nothing is looked at whole, and nothing written."""
    world = await steady_world()
    world.looks, writes = 0, len(world.cluster.writes)

    await world.ticks(STEADY, int(WHOLE_EVERY) - 5)

    assert world.looks == 0
    assert len(world.cluster.writes) == writes


async def test_a_glance_is_no_gap_in_what_is_remembered() -> None:
    """What is wanted is written down at each tick: without it, nothing would ever be given back."""
    world = await steady_world()

    await world.ticks(STEADY, int(WHOLE_EVERY) - 5)

    times = [level.at for level in world.facts.added_to(world.snapshot()).memory.wanted]
    assert times[-1] >= world.now().timestamp() - MOST_GAP
    assert max(later - earlier for earlier, later in pairwise(times[-4:])) <= MOST_GAP


async def test_everything_is_looked_at_whole_now_and_then() -> None:
    """Whatever glances may miss comes at most a minute late."""
    world = await steady_world()
    world.looks = 0

    await world.ticks(STEADY, 10 * int(WHOLE_EVERY))

    assert 9 <= world.looks <= 11


def put(kind: Kind, key: ObjectKey, change: Callable[[Manifest], None]) -> Callable[[LiveWorld], None]:
    """Return what changes an object as somebody else would."""

    def done(world: LiveWorld) -> None:
        manifest = world.cluster.get(kind, key)
        assert manifest is not None
        changed: dict[str, Any] = {**manifest, "metadata": dict(manifest["metadata"])}
        change(changed)
        world.cluster.put(kind, changed)

    return done


def labelled(manifest: Manifest) -> None:
    """Put a label on an object."""
    manifest["metadata"]["labels"] = {**(manifest["metadata"].get("labels") or {}), "team": "risk"}


def annotated(manifest: Manifest) -> None:
    """Put an annotation on an object."""
    manifest["metadata"]["annotations"] = {"trimtab.io/paused": "true"}


def new_pod(world: LiveWorld) -> None:
    """Add a pod of the model."""
    about = {"name": "fraud-1", "namespace": "shop", "labels": {"trimtab.io/model": "fraud"}}
    world.cluster.put(POD, {"metadata": about, "status": {}})


def without_pod_monitors(world: LiveWorld) -> None:
    """Take a kind away from the cluster."""
    world.cluster.pod_monitors = False


def another_price(manifest: Manifest) -> None:
    """Change a pool."""
    manifest["spec"] = pool({"name": "l4", "resourceName": "nvidia.com/gpu", "pricePerHour": "0.90"})["spec"]


def clock_set_back(world: LiveWorld) -> None:
    """Let the clock be an hour slow from now on."""
    world.seconds -= 3_600


def more_demand(world: LiveWorld) -> None:
    """Let demand rise twentyfold."""
    world.facts.observed(MODEL, load(200.0), world.now())


def blind(world: LiveWorld) -> None:
    """Let nothing be known any more."""
    world.facts.observed(MODEL, UNREACHABLE, world.now())


def unstartable(world: LiveWorld) -> None:
    """Let the Deployment's controller say that pods cannot be created."""
    found = world.child(DEPLOYMENT, "fraud-l4")
    assert found is not None
    failure = {"type": "ReplicaFailure", "status": "True", "message": "quota"}
    world.cluster.put(DEPLOYMENT, {**found, "status": {**found["status"], "conditions": [failure]}})


CHANGES: dict[str, Callable[[LiveWorld], None]] = {
    "spec": lambda world: world.edit(scaling={"minReplicas": 3, "maxReplicas": 12}),
    "annotation": put(AIMODEL, MODEL, annotated),
    "pool": put(INFERENCEPOOL, POOL, another_price),
    "no pool": lambda world: world.cluster.remove(INFERENCEPOOL, POOL),
    "namespace": put(NAMESPACE, ObjectKey("", "shop"), labelled),
    "a child's label": put(SERVICE, ObjectKey("shop", "fraud"), labelled),
    "a child's status": unstartable,
    "a child gone": lambda world: world.cluster.remove(HORIZONTAL_POD_AUTOSCALER, ObjectKey("shop", "fraud-l4")),
    "pod": new_pod,
    "capabilities": without_pod_monitors,
    "model gone": lambda world: world.cluster.remove(AIMODEL, MODEL),
    "demand": more_demand,
    "blind": blind,
    "clock": clock_set_back,
}


@pytest.mark.parametrize("change", CHANGES)
async def test_whatever_changes_is_worth_a_whole_look(change: str) -> None:
    """Also where no event told of it."""
    world = await steady_world()
    assert is_enough(world)

    CHANGES[change](world)

    assert not is_enough(world)


def test_a_glance_compares_all_that_a_look_is_drawn_from() -> None:
    """What is new in a snapshot belongs into `Grounds`, or is read anew at each glance: decide, then name it here."""
    compared = {"model", "spec", "annotations", "pool", "children", "pods", "profile_pods", "capabilities"}
    read_anew = {"now", "written_status", "observation", "reading", "memory"}
    never_set_by_the_shell = {"cold_start"}
    what_a_look_came_to = {"profiling"}

    assert {each.name for each in fields(ModelSnapshot)} == (
        compared | read_anew | never_set_by_the_shell | what_a_look_came_to
    )


async def test_a_look_that_does_not_come_to_its_end_leaves_nothing() -> None:
    """Whatever it has done by then, the next tick looks again."""
    world = await steady_world()
    world.edit(scaling={"minReplicas": 3, "maxReplicas": 12})
    world.cluster.crash_at(2)
    with pytest.raises(Crash):
        await world.models.reconcile(MODEL)

    assert not is_enough(world)


async def test_a_decision_that_is_not_carried_out_is_not_remembered() -> None:
    """The look that a glance asks for takes it; until then it is no move that was made."""
    world, stored = await steady_world(), dict[ObjectKey, str | None]()
    stored.update(world.facts.unsaved())
    more_demand(world)

    assert not is_enough(world)
    assert dict(world.facts.unsaved()) == {}


async def test_a_child_is_put_right_however_soon_it_was_changed() -> None:
    """A look that renders nothing, since nothing has changed, still sees what somebody did to a child."""
    world = await steady_world()
    put(SERVICE, ObjectKey("shop", "fraud"), lambda service: service["metadata"].update(labels={}))(world)
    world.cluster.writes.clear()

    await world.models.reconcile(MODEL)
    await world.models.reconcile(MODEL)

    assert [(write.verb, write.kind) for write in world.cluster.writes] == [("apply", SERVICE)]


async def test_a_child_in_trouble_is_rendered_at_each_look() -> None:
    """What was refused may be accepted the next time."""
    world = live_world()
    world.cluster.put(SERVICE, {"metadata": {"name": "fraud", "namespace": "shop"}, "spec": {}})
    await world.ticks(STEADY, 30)
    assert world.condition("Stalled")["reason"] == "Conflict"

    world.cluster.remove(SERVICE, ObjectKey("shop", "fraud"))
    await world.models.reconcile(MODEL)

    assert world.child(SERVICE, "fraud") is not None


async def test_a_bug_in_a_glance_is_left_to_the_look() -> None:
    """It is told to the user there; the ticks of all other models go on."""
    world, queue = await steady_world(), WorkQueue()

    def broken(_: ObjectKey) -> bool:
        raise ZeroDivisionError

    observer = Observer(world.cluster, Sources(default=world.source), world.facts, queue, world.now, is_enough=broken)
    await observer.tick()

    assert len(queue) == 1


async def test_whoever_waits_has_a_turn_between_glances() -> None:
    """However many models there are: here each glance takes as long as may go by between two turns."""
    world, turns = await steady_world(), list[int]()
    for number in range(9):
        world.cluster.put(AIMODEL, {**model(), "metadata": {"name": f"model-{number}", "namespace": "shop"}})
    glanced = 0

    def slow(_: ObjectKey) -> bool:
        nonlocal glanced
        glanced, ends = glanced + 1, time.monotonic() + SLICE
        while time.monotonic() < ends:
            pass
        return True

    async def somebody() -> None:
        while glanced < 10:
            turns.append(glanced)
            await asyncio.sleep(0)

    sources = Sources(default=world.source)
    observer = Observer(world.cluster, sources, world.facts, WorkQueue(), world.now, is_enough=slow)
    await asyncio.gather(observer.tick(), somebody())

    assert set(range(1, 10)) <= set(turns)
