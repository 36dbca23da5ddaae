"""kopf is a second pair of ears: with its streams dead or maddening everything works, and with ours it lives quietly.

The operator works through a proxy that treats kopf's requests and ours apart, by their user agent.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from controlplane import ControlPlane, OperatorProcess, prepare
from fakes.faultproxy import FAULTS
from operator_world import KOPF, Front, front_of, number, tell
from stories import DEPLOYMENT, MODEL, SERVICE, Place

LIVES, ENDS, HANGS = "kopf lives", "kopf ends again and again", "kopf waits for ever"
MODES = {
    LIVES: (None, LIVES),
    "no answer": ("no answer", HANGS),
    "HTTP 503": ("HTTP 503", HANGS),
    "a web page": ("a web page", HANGS),
    "HTTP 410": ("HTTP 410", ENDS),
}
"""What kopf meets, and what becomes of it."""
FIRST_REQUESTS = 20  # two kinds have to be discovered, listed and watched
MOST_REQUESTS_PER_SECOND = 2.0
GRACE = 20.0  # seconds; a pod has 30


@dataclass
class Running:
    """An operator, the proxy that it works through, and what becomes of kopf there."""

    operator: OperatorProcess
    front: Front
    fate: str
    since: float = field(default_factory=time.monotonic)

    def starts(self) -> int:
        """Return how often kopf was started."""
        return int(number(self.operator, "trimtab_kopf_starts"))


@pytest.fixture(scope="module", params=list(MODES))
def running(control_plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator[Running]:
    """Run an operator whose kopf meets one fault from its first request on."""
    fault, fate = MODES[request.param]
    prepare(control_plane)
    with front_of(control_plane) as front:
        if fault is not None:
            front.break_(FAULTS[fault], KOPF)
        with OperatorProcess(control_plane, settings=front.settings, name="kopf-test") as operator:
            yield Running(operator, front, fate)


@pytest.fixture
def place(control_plane: ControlPlane, namespace: str) -> Place:
    """Return a namespace with a pool."""
    place = Place(control_plane, namespace)
    place.pool()
    return place


def test_a_model_is_made_changed_and_unmade(running: Running, place: Place) -> None:
    """The main stories need nothing of kopf."""
    assert running.operator.running
    place.model()
    place.is_ready()
    uid = place.get(MODEL, "model")["metadata"]["uid"]

    place.edit(replicas=2, model={"source": {"uri": "s3://models/fraud/8"}})
    place.until(lambda: place.get(DEPLOYMENT, "model-cpu")["spec"]["replicas"] == 2, "two replicas")
    place.until(lambda: "fraud/8" in str(place.get(DEPLOYMENT, "model-cpu")["spec"]["template"]), "the new source")
    place.api.delete(SERVICE, "model", place.namespace)
    place.until(lambda: place.api.get(SERVICE, "model", place.namespace), "the Service to come back")
    place.is_ready()

    place.api.delete(MODEL, "model", place.namespace)
    place.until(lambda: not place.children(), "every child to go")
    place.model()
    place.is_ready()
    assert place.get(MODEL, "model")["metadata"]["uid"] != uid


def test_kopf_asks_for_little_whatever_it_meets(running: Running, place: Place) -> None:
    """It neither storms the API server nor takes the process with it; one that ends is started again."""
    assert running.front.asked(KOPF) > 0
    if running.fate == ENDS:
        place.until(lambda: running.starts() > 1, "kopf's next start")
    asked, seconds = running.front.asked(KOPF), time.monotonic() - running.since
    tell(f"kopf: {asked} requests in {seconds:.0f} s, {running.starts()} starts")

    assert asked <= FIRST_REQUESTS + MOST_REQUESTS_PER_SECOND * seconds
    assert running.fate == ENDS or running.starts() == 1


def test_the_operator_ends_when_it_is_asked_to(running: Running) -> None:
    """kopf, wherever it hangs, does not keep the process from ending within a pod's grace period."""
    started = time.monotonic()
    status = running.operator.stop()
    took = time.monotonic() - started
    tell(f"ended with {status} after {took:.1f} s")

    assert status == 0
    assert took < GRACE
