"""Replicas follow demand both ways on a real plane, and an operator that is killed on the way changes nothing of it."""

import datetime as dt
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from controlplane import ControlPlane, until
from live_world import Live, Move, Part, falls, live_plane
from operator_world import number, tell

PARTS = {
    "riser": Part(rate=4.0, replicas=1, most=16),
    "sinker": Part(rate=22.0, replicas=6),
    "steady": Part(rate=12.5, replicas=3),
}
STEP = {"riser": 24.0, "sinker": 2.0}
NEEDED = 5  # replicas, for 24 requests/s
KILLED_AFTER_SECONDS = 12.0  # from the step on: a first rise has come, and what is measured rises still
DEAD_SECONDS = 3.0
HOLD_SECONDS = 60.0
AUTOSCALER = "horizontal-pod-autoscaler"


@dataclass
class Told:
    """What came of a step up, a step down, and a kill between."""

    stepped: dt.datetime
    killed: dt.datetime
    back: dt.datetime
    said: list[str] = field(default_factory=list)
    blind: float = 0.0
    replicas: dict[str, list[Move]] = field(default_factory=dict)
    bounds: dict[str, list[tuple[int, int]]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def told(control_plane: ControlPlane) -> Iterator[Told]:
    """Let demand step up for one model and down for another, and kill the operator in the middle."""
    with live_plane(control_plane, PARTS, cold_start="5s") as live, live.operator() as operator:
        stepped = time.monotonic()
        for name, rate in STEP.items():
            live.drive(name, rate)
        at = dt.datetime.now(dt.UTC)
        until(lambda: time.monotonic() > stepped + KILLED_AFTER_SECONDS, what="the middle of the spike")
        operator.kill()
        found = Told(at, killed=dt.datetime.now(dt.UTC), back=at)
        until(lambda: time.monotonic() > stepped + KILLED_AFTER_SECONDS + DEAD_SECONDS, what="nobody to be there")
        operator.start()
        found.back = dt.datetime.now(dt.UTC)
        found.blind = number(operator, "trimtab_models_blind")
        until(lambda: _fell(live, found), what="the sinker to fall", seconds=120.0)
        found.replicas, found.bounds = live.replicas(), live.bounds()
        yield found


def _fell(live: Live, found: Told) -> bool:
    statuses = live.statuses()
    found.said += [str(status["decision"]["message"]) for status in statuses.values()]
    asked = live.asked()
    return asked["sinker"] < PARTS["sinker"].replicas and asked["riser"] >= NEEDED


def test_replicas_follow_demand_up_and_down(told: Told) -> None:
    """Up as soon as the demand is seen, by all that is needed; down when fewer were enough for a whole hold."""
    up, down = told.replicas["riser"], told.replicas["sinker"]
    (first, last), (before, after) = (up[1], up[-1]), falls(down)[0]
    tell(f"step to first scale: {_since(told.stepped, first):.1f} s, to the last: {_since(told.stepped, last):.1f} s")
    tell(f"riser {[move.replicas for move in up]}, sinker {[move.replicas for move in down]}")
    tell(f"step to first scale down: {_since(told.stepped, after):.1f} s")

    assert _since(told.stepped, first) < 25.0
    assert NEEDED <= last.replicas <= PARTS["riser"].most
    assert before.replicas == PARTS["sinker"].replicas
    assert before.replicas // 2 <= after.replicas
    assert _since(told.stepped, after) > HOLD_SECONDS
    assert falls(told.replicas["steady"]) == []


def test_a_restart_in_the_middle_of_a_spike_neither_forgets_nor_dips(told: Told) -> None:
    """What was learned is there at once; what runs is kept for a hold, and rises with what is measured."""
    up, down = told.replicas["riser"], told.replicas["sinker"]
    at_kill = [move for move in up if move.at <= told.killed][-1]
    tell(f"at the kill {at_kill.replicas}, back after {(told.back - told.killed).total_seconds():.1f} s")

    assert falls(up) == []
    assert 1 < at_kill.replicas <= up[-1].replicas
    assert _since(told.back, falls(down)[0][1]) > HOLD_SECONDS - 10.0
    assert not [message for message in told.said if "not known yet" in message]
    assert told.blind == 0


def test_bounds_and_scale_go_the_same_way_and_nobody_undoes_it(told: Told) -> None:
    """The autoscaler's bounds are the decided number; whoever sets the scale, it goes one way."""
    for name, sign in (("riser", 1), ("sinker", -1)):
        numbers = [sign * move.replicas for move in told.replicas[name]]
        bounds = told.bounds[name]

        assert numbers == sorted(numbers), name
        assert all(least == most for least, most in bounds), name
        assert [sign * least for least, _ in bounds] == sorted(sign * least for least, _ in bounds), name
        decided = [move.replicas for move in told.replicas[name] if AUTOSCALER not in move.by]
        assert [each for each, _ in itertools.groupby(least for least, _ in bounds)] == decided, name


def _since(moment: dt.datetime, move: Move) -> float:
    return (move.at - moment).total_seconds()
