"""The API server away, deaf, or overwhelmed: the operator waits, what serves goes on, and soon afterwards all is done.

TRIMTAB_TEST_OUTAGE_SECONDS=600 makes each outage last as long as you have patience for.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from controlplane import ControlPlane, OperatorProcess, until
from fakes.faultproxy import FAULTS
from operator_world import EVERYBODY, WRITES, Front, front_of, own_plane, tell
from stories import DEPLOYMENT, Place, make_namespace

SECONDS = float(os.environ.get("TRIMTAB_TEST_OUTAGE_SECONDS") or 15.0)
MODELS = 30
MOST_REQUESTS_PER_SECOND = 10.0
FIRST_PAUSES = 5.0  # seconds, in which each of eleven streams tries five times: they do not know yet that it is long
CONVERGED_SECONDS = 30.0
LOOK_SECONDS = 0.25


@dataclass
class World:
    """A plane, the proxy before it, an operator that works through that, and where its models are."""

    plane: ControlPlane
    front: Front
    operator: OperatorProcess
    place: Place

    def at_rest(self) -> None:
        """Wait until all models serve."""
        for number in range(MODELS):
            self.place.is_ready(f"model-{number}")

    def serving(self) -> dict[str, int]:
        """Return what serves, pods and the generations of Deployments, by uid."""
        return {
            each["metadata"]["uid"]: each["metadata"].get("generation", 0)
            for kind in (DEPLOYMENT, "v1/Pod")
            for each in self.plane.admin.list(kind, self.place.namespace)
        }

    def ask(self, model: int, revision: str) -> None:
        """Ask for another version of a model."""
        self.place.edit(f"model-{model}", model={"source": {"uri": f"s3://models/{revision}"}})

    def done(self, revision: str) -> int:
        """Return how many Deployments have a version."""
        found = self.plane.admin.list(DEPLOYMENT, self.place.namespace)
        return sum(f"s3://models/{revision}" in str(each["spec"]["template"]) for each in found)


@pytest.fixture(scope="module")
def world(control_plane: ControlPlane) -> Iterator[World]:
    """Run an operator with some models that serve."""
    with own_plane(control_plane) as plane, front_of(plane) as front:
        make_namespace(plane.admin, "outage")
        place = Place(plane, "outage")
        place.pool()
        for number in range(MODELS):
            place.model(f"model-{number}")
        with OperatorProcess(plane, settings=front.settings) as operator:
            yield World(plane, front, operator, place)


Outage = Callable[[World], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def frozen(world: World) -> Iterator[None]:
    """The API server takes every connection and answers none."""
    world.plane.freeze("kube-apiserver")
    try:
        yield
    finally:
        world.plane.thaw("kube-apiserver")


@contextlib.contextmanager
def killed(world: World) -> Iterator[None]:
    """The API server is dead, and connections to it are reset."""
    world.front.break_(FAULTS["a reset"], *EVERYBODY)
    world.plane.take_apiserver_away(kill=True)
    try:
        yield
    finally:
        world.plane.bring_apiserver_back()
        world.front.heal(*EVERYBODY)


@pytest.mark.timeout(300 + 2 * SECONDS)
@pytest.mark.parametrize(
    ("fault", "clients"), [("HTTP 503", EVERYBODY), ("HTTP 429", (WRITES,))], ids=["503 to everything", "429 to writes"]
)
def test_an_overwhelmed_api_server_is_spared(world: World, fault: str, clients: tuple[str, ...]) -> None:
    """While every model has something to be done and nothing can be, it is asked for little; 30 s later all is done."""
    world.at_rest()
    before, revision = world.serving(), fault.removeprefix("HTTP ")

    world.front.break_(FAULTS[fault], *clients)
    try:
        for number in range(MODELS):
            world.ask(number, revision)
        rate = _wait_out(world, SECONDS / 1.5)
        assert world.serving() == before
    finally:
        world.front.heal(*clients)
    returned = time.monotonic()
    until(lambda: world.done(revision) == MODELS, what="every change", seconds=2 * CONVERGED_SECONDS)
    took = time.monotonic() - returned
    tell(f"{fault}: {rate:.1f} requests/s; {MODELS} changes made meanwhile are done {took:.1f} s after the end")

    assert rate <= MOST_REQUESTS_PER_SECOND
    assert took <= CONVERGED_SECONDS


@pytest.mark.timeout(300 + 2 * SECONDS)
@pytest.mark.parametrize("outage", [frozen, killed])  # in this order: others than us take half a minute to come back
def test_an_api_server_that_is_away_is_waited_for(world: World, outage: Outage) -> None:
    """The same process, alive all the time, asks little and changes nothing; what comes afterwards is done in 30 s."""
    world.at_rest()
    before = world.serving()

    with outage(world):
        rate = _wait_out(world, SECONDS)
    returned = time.monotonic()
    unchanged = world.serving()
    world.ask(0, outage.__name__)
    until(lambda: world.done(outage.__name__), what="the change", seconds=2 * CONVERGED_SECONDS)
    took = time.monotonic() - returned
    tell(f"{outage.__name__}: {rate:.1f} requests/s; a change after the return is done {took:.1f} s later")

    assert unchanged == before
    assert rate <= MOST_REQUESTS_PER_SECOND
    assert took <= CONVERGED_SECONDS


def _wait_out(world: World, seconds: float) -> float:
    """Let an outage last, and return how many requests a second there were after the first pauses."""
    pid, counted, asked = world.operator.pid, 0.0, 0
    started = time.monotonic()
    while (spent := time.monotonic() - started) < seconds:
        assert world.operator.running
        assert world.operator.alive
        if spent > FIRST_PAUSES and not counted:
            counted, asked = spent, world.front.asked(*EVERYBODY)
        time.sleep(LOOK_SECONDS)
    assert world.operator.pid == pid
    return (world.front.asked(*EVERYBODY) - asked) / (spent - counted)
