"""What tests of the shell begin with."""

import pytest

from fakes.reconcile_world import World, model, pool
from trimtab.api.kinds import AIMODEL, INFERENCEPOOL


@pytest.fixture
def world() -> World:
    """Return a world with a model and its pool, at which nobody has looked yet."""
    made = World()
    made.cluster.put(INFERENCEPOOL, pool())
    made.cluster.put(AIMODEL, model())
    return made
