"""What happens to fifteen models on one plane: demand steps, the operator dies, numbers go wrong, Prometheus goes away.

    with live_plane(control_plane, PARTS, cold_start="5s") as live, live.operator() as operator:
        moved = move(live, operator)    # two models' demand steps; the operator is killed in the middle
        blinded = blind(live, operator)  # every fault befalls a model of its own, all at once, longer than a hold
        healed = heal(live)

Nothing waits for a time that a slow machine might need more of: all waits are for events, with limits that only a
fault would reach. What is measured on the way is told, see docs/benchmarks.
"""

import datetime as dt
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from controlplane import OperatorProcess, until
from demo.faults import FAULTS, Fault, Forged
from demo.gauges import ask_gauges
from live_world import PLACE, Bounds, Live, Move, Part
from operator_world import number

HOLD_SECONDS = 60.0
LONG_SECONDS = 180.0  # for what takes at most 30 s on two cores that have nothing else to do
BLIND_SECONDS = HOLD_SECONDS + 5.0
DEAD_SECONDS = 3.0
LOOK_SECONDS = 0.5  # between looks at everything: each costs the API server some reads

STEP = {"riser": 24.0, "sinker": 2.0}
NEEDED = 4  # replicas, for 24 requests/s
QUIET, BUSY = Part(rate=2.0, replicas=3), Part(rate=18.0, replicas=3)
"""One replica would do, and three are needed."""
MOVING = {
    "riser": Part(rate=4.0, replicas=1, most=16),
    "sinker": Part(rate=22.0, replicas=6),
    "steady": BUSY,
}

BLIND = {"dropped": "Partial", "slow": "Partial", "a web page": "Partial", "NaN": "Malformed", "infinite": "Malformed"}
"""Faults after which nothing is known, and why."""
HARMLESS = ("a series twice",)
"""Faults after which all is known: Prometheus keeps the first of two."""
TOO_MUCH = ("a thousandfold", "every series under one more label", "forged")
"""Faults that look like more requests; what is forged counts for the forger, as what it calls itself."""
STILL = "frozen"
"""A fault that looks like no requests, and is not to be told from that."""


def name_of(fault: str) -> str:
    """Return the name of the model that meets a fault."""
    return fault.lower().replace(" ", "-")


FAULTY = {name_of(fault): fault for fault in (*BLIND, *HARMLESS, *TOO_MUCH, STILL)}
GONE = frozenset(map(name_of, BLIND))
PARTS = (
    MOVING
    | {name: BUSY if fault in HARMLESS else QUIET for name, fault in FAULTY.items()}
    | {
        "healthy": BUSY,
        "healthy-quiet": QUIET,
        name_of("a thousandfold"): Part(rate=2.0, replicas=3, most=20),
    }
)
UNHARMED = {"healthy", *map(name_of, HARMLESS)}


@dataclass
class Moved:
    """When demand stepped, the operator was killed, and was back; and how many models were blind then."""

    stepped: dt.datetime
    killed: dt.datetime
    back: dt.datetime
    blind: float


@dataclass
class Blinded:
    """What was seen of the faults: seconds until each was known, and what was measured, said and done in the end."""

    known: dict[str, float]
    reasons: dict[str, str]
    bound_by: dict[str, str]
    demand: dict[str, float | None] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)
    replicas: dict[str, list[Move]] = field(default_factory=dict)
    bounds: dict[str, list[Bounds]] = field(default_factory=dict)


def move(live: Live, operator: OperatorProcess) -> Moved:
    """Let demand step up for one model and down for another, and kill the operator when the first has begun to rise."""
    for name, rate in STEP.items():
        live.drive(name, rate)
    stepped, before = dt.datetime.now(dt.UTC), MOVING["riser"].replicas
    until(lambda: live.asked()["riser"] > before, what="a first rise", seconds=LONG_SECONDS)
    operator.kill()
    killed = dt.datetime.now(dt.UTC)
    wait(DEAD_SECONDS)
    operator.start()
    return Moved(stepped, killed, dt.datetime.now(dt.UTC), number(operator, "trimtab_models_blind"))


def blind(live: Live, operator: OperatorProcess) -> Blinded:
    """Let the faults last until models that can be seen have given replicas back, and the steps have been followed."""
    for name, fault in FAULTY.items():
        live.world.break_(live.key(name), _fault(fault))
    began = time.monotonic()
    known = first_seen(lambda: blind_now(live), GONE)
    found = Blinded(known, {name: reason for name, (_, reason) in live.fresh().items()}, {})

    def over() -> bool:
        wait(LOOK_SECONDS)
        statuses, asked = live.statuses(), live.asked()
        found.said |= {str(statuses[name]["decision"]["message"]) for name in MOVING}
        return (
            time.monotonic() > began + BLIND_SECONDS
            and asked["healthy-quiet"] < QUIET.replicas
            and asked["sinker"] < MOVING["sinker"].replicas
            and asked["riser"] >= NEEDED
            and blind_now(live) == GONE
            and number(operator, "trimtab_models_blind") == len(GONE)
        )

    until(over, what="holds to be over for those that can be seen, and for them alone", seconds=2 * LONG_SECONDS)
    found.bound_by = {name: status["decision"]["boundBy"] for name, status in live.statuses().items()}
    gauges = ask_gauges(operator.metrics_url)
    found.demand = {name: gauges[live.key(name)].demand for name in PARTS}
    found.replicas, found.bounds = until(lambda: _settled(live), what="no move to be half done")
    return found


def heal(live: Live) -> dict[str, float]:
    """Let everybody be seen again, now with all the requests that their replicas are for; seconds until each is."""
    for name in FAULTY:
        live.world.heal(live.key(name))
    for name in GONE:
        live.drive(name, BUSY.rate)
    return first_seen(lambda: GONE - blind_now(live), GONE)


def blind_now(live: Live) -> set[str]:
    """Return the models of which nothing is known now, as their conditions say."""
    return {name for name, (status, _) in live.fresh().items() if status == "False"}


def first_seen(look: Callable[[], Collection[str]], names: Collection[str]) -> dict[str, float]:
    """Return after how many seconds each name was first seen, waiting for all of them."""
    found: dict[str, float] = {}
    began = time.monotonic()

    def all_seen() -> bool:
        for name in set(look()) & set(names):
            found.setdefault(name, time.monotonic() - began)
        return found.keys() == set(names)

    until(all_seen, what=f"{', '.join(sorted(names))}", seconds=LONG_SECONDS)
    return found


def wait(seconds: float) -> None:
    """Let time pass in which nothing is to happen."""
    began = time.monotonic()
    until(lambda: time.monotonic() > began + seconds, what="some time to pass", seconds=2 * seconds)


def _settled(live: Live) -> tuple[dict[str, list[Move]], dict[str, list[Bounds]]] | None:
    """Return all moves and bounds, None where a bound has moved and the replicas that follow it have not."""
    replicas, bounds = live.replicas(), live.bounds()
    done = all(bounds[name][-1].least == replicas[name][-1].replicas for name in PARTS)
    return (replicas, bounds) if done else None


def _fault(name: str) -> Fault:
    if name == "forged":
        return Forged({"namespace": PLACE, "pod": "victim", "trimtab_model": "healthy"}, factor=1000)
    return FAULTS[name]()
