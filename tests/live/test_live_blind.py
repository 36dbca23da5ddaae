"""Numbers that are missing, impossible or late: the operator says so, takes nothing away, and recovers by itself."""

import itertools
import signal
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

import pytest

from controlplane import ControlPlane, OperatorProcess, commands, until
from demo.faults import FAULTS, Fault, Forged
from live_world import PLACE, Live, Move, Part, falls, live_plane
from operator_world import number, tell

KNOWN_SECONDS = 15.0
"""Three scrape intervals: a scrape fails after at most one, a tick later it is seen, and said within two seconds."""
BUSY_SECONDS = 5.0  # how late a machine with two busy cores is
BLIND_SECONDS = 65.0  # longer than a hold, which is 60 s
HEALED_SECONDS = 60.0  # what was NaN stays in the window of 30 s
AWAY_SECONDS = 15.0

QUIET, BUSY = Part(rate=2.0, replicas=3), Part(rate=12.5, replicas=3)
"""One replica would do, and three are needed."""
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


NAMES = {name_of(fault): fault for fault in (*BLIND, *HARMLESS, *TOO_MUCH, STILL)}
PARTS = {name: BUSY if fault in HARMLESS else QUIET for name, fault in NAMES.items()} | {
    "healthy": BUSY,
    "healthy-quiet": QUIET,
    name_of("a thousandfold"): Part(rate=2.0, replicas=3, most=20),
}
UNHARMED = {"healthy", *map(name_of, HARMLESS)}


@dataclass
class Told:
    """What was seen of the faults; times are seconds since they began or ended."""

    known: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    blind: float = 0.0
    bound_by: dict[str, str] = field(default_factory=dict)
    replicas: dict[str, list[Move]] = field(default_factory=dict)
    ever_blind: set[str] = field(default_factory=set)
    recovered: dict[str, float] = field(default_factory=dict)


@dataclass
class Stage:
    """The plane, its operator, and what came of the faults."""

    live: Live
    operator: OperatorProcess
    told: Told


@pytest.fixture(scope="module")
def stage(control_plane: ControlPlane) -> Iterator[Stage]:
    """Let every fault befall a model of its own, all at once, for longer than a hold; then heal them all."""
    with live_plane(control_plane, PARTS) as live, live.operator() as operator:
        told = Told()
        _suffer(live, operator, told)
        _recover(live, told)
        yield Stage(live, operator, told)


def _suffer(live: Live, operator: OperatorProcess, told: Told) -> None:
    for name, fault in NAMES.items():
        live.world.break_(live.key(name), _fault(fault))
    began = time.monotonic()
    names = {name_of(fault) for fault in BLIND}
    told.known = _times(lambda: _blind(live), names, began, seconds=BLIND_SECONDS)
    told.reasons = {name: reason for name, (_, reason) in live.fresh().items()}
    told.blind = until(lambda: number(operator, "trimtab_models_blind"), what="the operator to count blind models")
    told.ever_blind |= _blind(live)

    def fell() -> bool:
        told.ever_blind |= _blind(live)
        return time.monotonic() > began + BLIND_SECONDS and live.asked()["healthy-quiet"] < QUIET.replicas

    until(fell, what="a hold to be over for a model that can be seen", seconds=2 * BLIND_SECONDS)
    told.bound_by = {name: status["decision"]["boundBy"] for name, status in live.statuses().items()}
    told.replicas = live.replicas()


def _recover(live: Live, told: Told) -> None:
    for name in NAMES:
        live.world.heal(live.key(name))
    began, names = time.monotonic(), {name_of(fault) for fault in BLIND}
    told.recovered = _times(lambda: names - _blind(live), names, began, seconds=HEALED_SECONDS)


def _fault(name: str) -> Fault:
    if name == "forged":
        return Forged({"namespace": PLACE, "pod": "victim", "trimtab_model": "healthy"}, factor=1000)
    return FAULTS[name]()


def _blind(live: Live) -> set[str]:
    return {name for name, (status, _) in live.fresh().items() if status == "False"}


def _times(look: Callable[[], Collection[str]], names: set[str], began: float, *, seconds: float) -> dict[str, float]:
    """Return after how many seconds each name was first seen, waiting for all of them."""
    found: dict[str, float] = {}

    def all_seen() -> bool:
        for name in set(look()) & names:
            found.setdefault(name, time.monotonic() - began)
        return found.keys() == names

    until(all_seen, what=f"{names}", seconds=seconds)
    return found


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {name: round(each, 1) for name, each in seconds.items()}


def test_whatever_blinds_is_known_within_two_intervals(stage: Stage) -> None:
    """The condition says it with its reason, the operator's own metric counts it, and nobody else is blind."""
    tell(f"seconds until MetricsFresh=False: {_rounded(stage.told.known)}")

    assert max(stage.told.known.values()) <= KNOWN_SECONDS + BUSY_SECONDS
    assert {fault: stage.told.reasons[name_of(fault)] for fault in BLIND} == BLIND
    assert stage.told.ever_blind == set(map(name_of, BLIND))
    assert stage.told.blind == len(BLIND)


def test_a_blind_model_keeps_what_runs_where_one_that_can_be_seen_gives_it_back(stage: Stage) -> None:
    """One replica would do for all of these; the scale of the blind ones is not touched, and says why."""
    asked = {name: moves[-1].replicas for name, moves in stage.told.replicas.items()}

    assert asked["healthy-quiet"] < QUIET.replicas
    for fault in BLIND:
        assert [move.replicas for move in stage.told.replicas[name_of(fault)]] == [QUIET.replicas], fault
        assert stage.told.bound_by[name_of(fault)] == "MetricsLost", fault


def test_what_befalls_one_model_moves_no_other(stage: Stage) -> None:
    """Neither one under whose name another's series are forged, nor one whose series come twice."""
    for name in UNHARMED:
        assert [move.replicas for move in stage.told.replicas[name]] == [BUSY.replicas], name


def test_a_thousandfold_demand_is_followed_in_bounded_steps(stage: Stage) -> None:
    """At most 4 or as many again in 15 s, at most maxReplicas, and nothing is taken away meanwhile."""
    moves = stage.told.replicas[name_of("a thousandfold")]
    tell(f"a thousandfold demand: {[move.replicas for move in moves]}")

    assert moves[-1].replicas == max(move.replicas for move in moves) <= 20
    assert len(moves) > 2
    for before, after in itertools.combinations(moves, 2):
        if (after.at - before.at).total_seconds() < 14:
            assert after.replicas <= before.replicas + max(4, before.replicas)
    assert falls(stage.told.replicas[name_of("forged")]) == []
    doubled = stage.told.replicas[name_of("every series under one more label")]
    assert doubled[-1].replicas >= stage.told.replicas["healthy-quiet"][-1].replicas


def test_a_page_that_stands_still_is_one_without_requests(stage: Stage) -> None:
    """Nothing in it tells a server that has nothing to do from one whose page is stuck: it counts as one."""
    moves = stage.told.replicas[name_of(STILL)]

    assert 1 <= moves[-1].replicas < QUIET.replicas
    assert name_of(STILL) not in stage.told.ever_blind


def test_who_can_be_seen_again_is_led_by_what_is_seen(stage: Stage) -> None:
    """Nobody has to do anything; and the first numbers are no reason to give back what was kept without them."""
    tell(f"seconds until MetricsFresh=True again: {_rounded(stage.told.recovered)}")
    for name in map(name_of, BLIND):
        stage.live.drive(name, 12.5)

    grown = {name_of(fault): BUSY.replicas for fault in BLIND}
    until(
        lambda: all(stage.live.statuses()[name]["decision"]["boundBy"] != "MetricsLost" for name in grown),
        what="decisions to be taken on what is measured",
    )
    assert {name: stage.live.asked()[name] for name in grown} == grown


@pytest.mark.parametrize("how", ["frozen", "killed"])
def test_without_prometheus_all_is_kept_as_it_is(stage: Stage, how: str) -> None:
    """One that does not answer and one that is not there: all models are blind, nothing moves, and all see again."""
    plane, before = stage.live.plane, stage.live.asked()
    everybody = set(PARTS)
    began = time.monotonic()
    if how == "frozen":
        plane.freeze("prometheus")
    else:
        plane.components["prometheus"].process.send_signal(signal.SIGKILL)
    try:
        known = _times(lambda: _blind(stage.live), everybody, began, seconds=60.0)
        tell(f"seconds until all {len(everybody)} models are blind, Prometheus {how}: {max(known.values()):.1f}")
        reasons = {reason for _, reason in stage.live.fresh().values()}
        until(lambda: time.monotonic() > began + AWAY_SECONDS, what="some time to pass")
        after = stage.live.asked()
    finally:
        if how == "frozen":
            plane.thaw("prometheus")
        else:
            plane.components["prometheus"].process.wait()
            plane._spawn("prometheus", commands.prometheus)

    assert max(known.values()) <= KNOWN_SECONDS + BUSY_SECONDS
    assert reasons == {"Unreachable"}
    assert after == before
    healed = time.monotonic()
    seen = _times(lambda: everybody - _blind(stage.live), everybody, healed, seconds=HEALED_SECONDS)
    tell(f"seconds until all see again: {max(seen.values()):.1f}")
