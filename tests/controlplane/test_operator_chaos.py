"""The operator killed at random moments: the same end as without, no child made twice, nothing that serves touched."""

import collections
import datetime as dt
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from chaos_story import VARIANTS, Step, differences, end_state, steps
from controlplane import Api, ControlPlane, OperatorProcess, Request, until
from controlplane.nodes import L4, Node
from operator_world import number, own_plane, tell
from stories import BUDGET, CHILDREN, DEPLOYMENT, MODEL, OPERATOR, POLICY, Place, make_namespace

SEED = int(os.environ.get("TRIMTAB_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
MODELS, KILLS = 50, 20
LONGEST_LIFE = 0.5  # seconds from being ready to the kill; what is asked for in one life takes 0.1 to 0.6 s
NODES = (
    Node("gpus", "test", cpu=400, memory_gib=4000, gpu=L4, gpus=400),
    Node("cpus", "test", cpu=400, memory_gib=4000),
)
EVERY_MODEL = (DEPLOYMENT, POLICY, BUDGET)  # has one, whatever its spec
CALM, STORM = "chaos-calm", "chaos-storm"
AT_WORK = dt.timedelta(seconds=0.1)
A_MOMENT = dt.timedelta(seconds=10)  # a look at a model goes on to its end, within a second or two on a busy machine


@dataclass
class World:
    """A plane with an operator that has been through it all."""

    plane: ControlPlane
    operator: OperatorProcess
    kills: list[dt.datetime] = field(default_factory=list)
    uids: dict[tuple[str, str], str | None] = field(default_factory=dict)
    deleted: dict[str | None, dt.datetime] = field(default_factory=dict)

    def do(self, step: Step, namespace: str) -> None:
        """Do a step of the story, and note when the life of a model ended."""
        if step.deletes:
            self.deleted[self.uids[namespace, step.model]] = dt.datetime.now(dt.UTC)
        self.uids[namespace, step.model] = step.do(self.plane.admin, namespace)

    def writes(self, since: int = 0) -> list[Request]:
        """Return what the operator has written after a mark of the audit log."""
        return [each for each in self.plane.audit.requests(since, user=OPERATOR) if each.writes]


@pytest.fixture(scope="module")
def world(control_plane: ControlPlane) -> Iterator[World]:
    """Let users do the same in two namespaces: in one undisturbed, in the other with a kill every second."""
    tell(f"TRIMTAB_TEST_SEED={SEED} draws the same again")
    story = steps(random.Random(SEED), MODELS)  # noqa: S311 - a drawing that can be repeated
    with own_plane(control_plane, nodes=NODES, audit_level="Request") as plane, OperatorProcess(plane) as operator:
        world = World(plane, operator)
        for namespace in (CALM, STORM):
            make_namespace(plane.admin, namespace)
            Place(plane, namespace).pool(*VARIANTS, name="gpus")
        for step in story:
            world.do(step, CALM)
        _at_rest(world)
        _live_through(world, story)
        yield world


def _at_rest(world: World) -> None:
    """Wait until the operator has seen all that users did where nobody is killed, and two looks see the same.

    A second without a write alone proves nothing: on a busy machine an operator may not have come to a model yet.
    """
    moving: list[object] = []

    def look() -> bool:
        before, mark = end_state(world.plane.admin, CALM), world.plane.audit.mark()
        time.sleep(1.0)
        moving[:] = [f"{name} is not seen yet" for name in _unseen(world.plane.admin, CALM)]
        moving.extend(pod for pod in before["pods"] if not pod.endswith("Running"))
        moving.extend(differences(before, end_state(world.plane.admin, CALM)))
        moving.extend(world.writes(mark))
        return not moving

    try:
        until(look, what=f"{CALM} to be at rest", seconds=120.0)
    except TimeoutError as error:
        raise TimeoutError(f"{error}; {len(moving)} things move, such as {moving[:10]}") from None


def _unseen(api: Api, namespace: str) -> list[str]:
    """Return the names of models whose present generation the operator has not told about, or not carried out."""
    carried_out = [
        {each["metadata"]["labels"]["trimtab.io/model"] for each in api.list(kind, namespace)} for kind in EVERY_MODEL
    ]
    return [
        name
        for model in api.list(MODEL, namespace)
        for name in [model["metadata"]["name"]]
        if model.get("status", {}).get("observedGeneration") != model["metadata"]["generation"]
        or not all(name in names for names in carried_out)
    ]


def _live_through(world: World, story: list[Step]) -> None:
    """Do every step while the operator is killed and started again, half of them while it is dead or starts."""
    chance = random.Random(SEED + 1)  # noqa: S311 - a drawing that can be repeated
    world.operator.kill()
    for kill in range(KILLS):
        chunk = story[kill * len(story) // KILLS : (kill + 1) * len(story) // KILLS]
        world.operator.start(wait=False)
        for step in chunk[: len(chunk) // 2]:
            world.do(step, STORM)
        world.operator.wait_until_ready()
        for step in chunk[len(chunk) // 2 :]:
            world.do(step, STORM)
        time.sleep(chance.uniform(0.0, LONGEST_LIFE))
        world.operator.kill()
        world.kills.append(dt.datetime.now(dt.UTC))
    world.operator.start()


def test_the_end_is_the_same_as_without_a_kill(world: World) -> None:
    """Every field of every child, status and pod is as it is where nobody was killed."""
    started = time.monotonic()
    _until_same(world)
    took = time.monotonic() - started

    writes = [each.began for each in world.writes() if each.namespace == STORM]
    hit = sum(any(kill - AT_WORK < write < kill for write in writes) for kill in world.kills)
    tell(f"{KILLS} kills, {hit} of them at work; the same end after {took:.1f} s; {len(writes)} writes")
    assert hit >= KILLS // 5, "most kills met an idle operator: this showed little"


def _until_same(world: World) -> None:
    """Wait until nothing tells the two namespaces apart."""
    left: list[str] = []

    def same() -> bool:
        time.sleep(0.5)  # a look at everything costs the API server more than what it waits for
        api = world.plane.admin
        left[:] = differences(end_state(api, CALM), end_state(api, STORM))
        return not left

    try:
        until(same, what="the same end", seconds=150.0)
    except TimeoutError:
        pytest.fail(f"TRIMTAB_TEST_SEED={SEED}: {len(left)} differences\n" + "\n".join(left[:40]))


def test_no_child_is_made_twice(world: World) -> None:
    """In one life of a model each child is created once, however often its maker was killed.

    One that is made in the moment in which its model is deleted does not count: Kubernetes takes it away at once.
    """
    births = [
        (each, owner["uid"])
        for each in world.writes()
        if each.verb == "create" and each.resource != "events"
        for owner in each.raw["requestObject"]["metadata"]["ownerReferences"]
    ]
    after = [each.ended - world.deleted.get(uid, each.ended) for each, uid in births]
    late = [time for time in after if time > dt.timedelta()]
    made = collections.Counter(
        (each.resource, each.name, uid)
        for (each, uid), time in zip(births, after, strict=True)
        if time <= dt.timedelta()
    )

    tell(f"{len(births)} children made, {len(late)} of them in the moment of a deletion")
    assert max(late, default=dt.timedelta()) < A_MOMENT
    twice = [child for child, times in made.items() if times > 1]
    assert twice == []
    assert len(made) > MODELS * len(CHILDREN)


def test_restarts_touch_nothing_that_was_done(world: World) -> None:
    """In a namespace in which nothing happens fifteen starts write nothing; the first few may finish its statuses."""
    settled = world.kills[KILLS // 4]

    late = [
        f"{each.began - settled} after: {each.verb} {each.resource}/{each.subresource} {each.name}: {each.code}"
        for each in world.writes()
        if each.namespace == CALM and each.began > settled
    ]
    assert late == []


def test_what_serves_is_untouched_while_the_operator_is_dead_and_when_it_comes_back(world: World) -> None:
    """No pod and no Deployment changes, and an operator that comes back to what is as it should be writes nothing."""
    _until_same(world)
    before, mark = _versions(world), world.plane.audit.mark()

    world.operator.kill()
    time.sleep(2.0)  # time in which nothing may happen cannot be waited for
    assert _versions(world) == before
    world.operator.start()
    models = len(world.plane.admin.list(MODEL))
    until(lambda: number(world.operator, "trimtab_reconciliations_total", kind="AIModel") >= models, what="every look")
    until(lambda: number(world.operator, "trimtab_queue_keys") == 0, what="an empty queue")
    time.sleep(2.0)  # as above

    assert _versions(world) == before
    assert world.writes(mark) == []


def _versions(world: World) -> dict[str, str]:
    return {
        f"{kind} {each['metadata']['namespace']}/{each['metadata']['name']} {each['metadata']['uid']}": each[
            "metadata"
        ]["resourceVersion"]
        for kind in ("v1/Pod", "apps/v1/Deployment")
        for each in world.plane.admin.list(kind)
    }


def test_models_go_with_all_that_is_theirs_while_the_operator_is_dead(world: World) -> None:
    """Kubernetes itself removes every child: nothing waits for a finalizer of ours."""
    world.operator.kill()
    api = world.plane.admin

    for model in api.list(MODEL, STORM):
        api.delete(MODEL, model["metadata"]["name"], STORM)

    def left() -> list[str]:
        return [each["metadata"]["name"] for kind in ("v1/Pod", *CHILDREN) for each in api.list(kind, STORM)]

    started = time.monotonic()
    until(lambda: not left(), what="every child and pod to go", seconds=60.0)
    tell(f"all gone after {time.monotonic() - started:.1f} s")
    assert api.list("apps/v1/Deployment", CALM)
