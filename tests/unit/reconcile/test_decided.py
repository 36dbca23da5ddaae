"""Who listens to decisions hears of each, and of every model for which there is none any more."""

from collections.abc import Callable

import pytest

from fakes.reconcile_world import MODEL, POOL, World, model, pool
from trimtab.api.kinds import AIMODEL, INFERENCEPOOL
from trimtab.api.objects import ObjectKey
from trimtab.core.scaling.decision import Decision
from trimtab.core.snapshot import ModelSnapshot
from trimtab.reconcile.live import LiveFacts


class Listener:
    """Keeps the decision that it heard of last, by model."""

    def __init__(self) -> None:
        self.last: dict[ObjectKey, int] = {}

    def decided(self, snapshot: ModelSnapshot, decision: Decision) -> None:
        self.last[ObjectKey(snapshot.model.namespace, snapshot.model.name)] = decision.replicas

    def undecided(self, key: ObjectKey) -> None:
        self.last.pop(key, None)


def heard() -> tuple[World, Listener]:
    """Return a world with a model and its pool, and somebody who listens."""
    world, listener = World(), Listener()
    world.models.facts = LiveFacts(listener.decided, listener.undecided)
    world.cluster.put(INFERENCEPOOL, pool())
    world.cluster.put(AIMODEL, model())
    return world, listener


def pause(world: World) -> None:
    """Annotate the model as a person would."""
    found = world.cluster.get(AIMODEL, MODEL)
    assert found is not None
    about = {**found["metadata"], "annotations": {"trimtab.io/paused": "true"}}
    world.cluster.put(AIMODEL, {**found, "metadata": about})


def lose_the_pool(world: World) -> None:
    """Delete the pool."""
    world.cluster.remove(INFERENCEPOOL, POOL)


def lose_the_model(world: World) -> None:
    """Delete the model."""
    world.cluster.remove(AIMODEL, MODEL)


def spoil_the_spec(world: World) -> None:
    """Let the spec be one that an older schema took."""
    world.edit(objectives={"latency": {"target": "80 parsecs"}})


async def test_a_decision_is_heard() -> None:
    """Each of them."""
    world, listener = heard()
    await world.look()
    first = dict(listener.last)
    world.edit(scaling={"minReplicas": 5, "maxReplicas": 12})
    await world.look()

    assert first == {MODEL: 2}
    assert listener.last == {MODEL: 5}


@pytest.mark.parametrize("accident", [pause, lose_the_pool, lose_the_model, spoil_the_spec])
async def test_the_end_of_decisions_is_heard(accident: Callable[[World], None]) -> None:
    """Whatever ends them: what was decided last does not pass for what is decided now."""
    world, listener = heard()
    await world.look()
    accident(world)
    await world.look()

    assert listener.last == {}
