"""The live loop on a real plane: replicas follow demand, whatever happens to the operator, its numbers or Prometheus.

One story for all tests, since most of it is waiting: see live_story.
"""

import datetime as dt
import itertools
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from controlplane import ControlPlane, OperatorProcess, commands, until
from live_story import (
    BLIND,
    BUSY,
    GONE,
    HOLD_SECONDS,
    MOVING,
    NEEDED,
    PARTS,
    QUIET,
    STILL,
    UNHARMED,
    Blinded,
    Moved,
    blind,
    blind_now,
    first_seen,
    heal,
    move,
    name_of,
    wait,
)
from live_world import Live, Move, falls, live_plane
from operator_world import number, tell

pytestmark = pytest.mark.timeout(1_800)  # the story is told before the first test: 3 min, more where all is slow
AUTOSCALER = "horizontal-pod-autoscaler"
AWAY_SECONDS = 15.0
STEP_SECONDS = 10.0  # LimitRate counts 15 s on the operator's clock; what it then writes may be late by some


@dataclass
class Stage:
    """The plane, its operator, and what came of the story."""

    live: Live
    operator: OperatorProcess
    moved: Moved
    blinded: Blinded
    healed: dict[str, float]


@pytest.fixture(scope="module")
def stage(control_plane: ControlPlane) -> Iterator[Stage]:
    """Tell the story."""
    with live_plane(control_plane, PARTS, cold_start="5s") as live, live.operator() as operator:
        moved = move(live, operator)
        blinded = blind(live, operator)
        yield Stage(live, operator, moved, blinded, heal(live))


# -- demand steps, and the operator is killed on the way ---------------------------------------------------------------


def test_replicas_follow_demand_up_and_down(stage: Stage) -> None:
    """Up as soon as the demand is seen, by all that is needed; down when fewer were enough for a whole hold."""
    moves, stepped = stage.blinded.replicas, stage.moved.stepped
    up, down = moves["riser"], moves["sinker"]
    before, after = falls(down)[0]
    tell(f"step to the first scale: {_since(stepped, up[1]):.1f} s; down: {_since(stepped, after):.1f} s")
    tell(f"riser {[each.replicas for each in up]}, sinker {[each.replicas for each in down]}")

    assert NEEDED <= max(each.replicas for each in up) <= MOVING["riser"].most
    assert before.replicas == MOVING["sinker"].replicas
    assert before.replicas // 2 <= after.replicas
    assert _since(stepped, after) > HOLD_SECONDS
    assert min(each.replicas for each in moves["steady"]) == BUSY.replicas


def test_a_restart_in_the_middle_of_a_spike_neither_forgets_nor_dips(stage: Stage) -> None:
    """What was learned is there at once; what runs is kept for a hold, and rises with what is measured."""
    moved, moves = stage.moved, stage.blinded.replicas
    at_kill = [each for each in moves["riser"] if each.at <= moved.killed][-1]
    tell(f"at the kill {at_kill.replicas}, back after {(moved.back - moved.killed).total_seconds():.1f} s")

    assert at_kill.replicas > 1
    for name in MOVING:
        assert [after for _, after in falls(moves[name]) if _since(moved.back, after) < HOLD_SECONDS - 10.0] == [], name
    assert not [message for message in stage.blinded.said if "not known yet" in message]
    assert moved.blind == 0


def test_bounds_and_scale_go_the_same_way_and_nobody_undoes_it(stage: Stage) -> None:
    """The autoscaler's bounds are the decided number; whoever sets the scale, it goes one way."""
    until_ = stage.moved.back + dt.timedelta(seconds=HOLD_SECONDS - 10.0)
    for name, sign in (("riser", 1), ("sinker", -1)):
        moves = [each for each in stage.blinded.replicas[name] if sign < 0 or each.at < until_]
        bounds = [each for each in stage.blinded.bounds[name] if sign < 0 or each.at < until_]
        numbers, least = [sign * each.replicas for each in moves], [sign * each.least for each in bounds]

        assert numbers == sorted(numbers), name
        assert all(each.least == each.most for each in bounds), name
        assert least == sorted(least), name
        decided = [each.replicas for each in moves if AUTOSCALER not in each.by]
        assert [number for number, _ in itertools.groupby(each.least for each in bounds)] == decided, name


# -- numbers are missing, impossible or late ---------------------------------------------------------------------------


def test_whatever_blinds_is_known_with_its_reason(stage: Stage) -> None:
    """The condition says it; that nobody else is blind was waited for."""
    tell(f"seconds until MetricsFresh=False: {_rounded(stage.blinded.known)}")

    assert {fault: stage.blinded.reasons[name_of(fault)] for fault in BLIND} == BLIND


def test_a_blind_model_keeps_what_runs_where_one_that_can_be_seen_gives_it_back(stage: Stage) -> None:
    """One replica would do for all of these; the scale of the blind ones is not touched, and says why."""
    moves = stage.blinded.replicas

    assert moves["healthy-quiet"][-1].replicas < QUIET.replicas
    for name in GONE:
        assert [each.replicas for each in moves[name]] == [QUIET.replicas], name
        assert stage.blinded.bound_by[name] == "MetricsLost", name


def test_what_befalls_one_model_is_not_taken_for_another(stage: Stage) -> None:
    """Neither of one under whose name another's series are forged, nor of one whose series come twice."""
    for name in UNHARMED:
        assert stage.blinded.demand[name] == pytest.approx(BUSY.rate, rel=0.3), name  # a busy machine scrapes late
        assert min(each.replicas for each in stage.blinded.replicas[name]) == BUSY.replicas, name
    assert {name for name, demand in stage.blinded.demand.items() if demand is None} == GONE


def test_a_thousandfold_demand_is_followed_in_bounded_steps(stage: Stage) -> None:
    """At most 4 or as many again in 15 s, at most maxReplicas, and nothing is taken away meanwhile."""
    moves = stage.blinded.replicas[name_of("a thousandfold")]
    tell(f"a thousandfold demand: {[each.replicas for each in moves]}")

    assert moves[-1].replicas == max(each.replicas for each in moves) <= 20
    assert len(moves) > 2
    for before, after in itertools.combinations(moves, 2):
        if (after.at - before.at).total_seconds() < STEP_SECONDS:
            assert after.replicas <= before.replicas + max(4, before.replicas)
    assert falls(stage.blinded.replicas[name_of("forged")]) == []


def test_a_page_that_stands_still_is_one_without_requests(stage: Stage) -> None:
    """Nothing in it tells a server that has nothing to do from one whose page is stuck: it counts as one."""
    moves = stage.blinded.replicas[name_of(STILL)]

    assert 1 <= moves[-1].replicas < QUIET.replicas


def test_who_can_be_seen_again_is_led_by_what_is_seen(stage: Stage) -> None:
    """Nobody has to do anything; and the first numbers are no reason to give back what was kept without them."""
    tell(f"seconds until MetricsFresh=True again: {_rounded(stage.healed)}")
    until(
        lambda: all(stage.live.statuses()[name]["decision"]["boundBy"] != "MetricsLost" for name in GONE),
        what="decisions to be taken on what is measured",
        seconds=HOLD_SECONDS,
    )
    moves = stage.live.replicas()

    for name in GONE:
        assert falls(moves[name]) == [], name
        assert moves[name][-1].replicas >= BUSY.replicas, name


@pytest.mark.parametrize("how", ["frozen", "killed"])
def test_without_prometheus_all_is_kept_as_it_is(stage: Stage, how: str) -> None:
    """One that does not answer and one that is not there: all models are blind, nothing moves, and all see again."""
    plane, everybody = stage.live.plane, set(PARTS)
    if how == "frozen":
        plane.freeze("prometheus")
    else:
        plane.components["prometheus"].process.send_signal(signal.SIGKILL)
    try:
        known = first_seen(lambda: blind_now(stage.live), everybody)
        tell(f"seconds until all {len(everybody)} models are blind, Prometheus {how}: {max(known.values()):.1f}")
        reasons, before = {reason for _, reason in stage.live.fresh().values()}, stage.live.asked()
        wait(AWAY_SECONDS)
        after = stage.live.asked()
    finally:
        if how == "frozen":
            plane.thaw("prometheus")
        else:
            plane.components["prometheus"].process.wait()
            plane._spawn("prometheus", commands.prometheus)

    assert reasons == {"Unreachable"}
    assert after == before
    seen = first_seen(lambda: everybody - blind_now(stage.live), everybody)
    tell(f"seconds until all see again: {max(seen.values()):.1f}")


def test_pods_are_read_directly_and_a_step_is_followed_without_prometheus(stage: Stage) -> None:
    """Blind, a model keeps what it has, unless its own pods tell of more."""
    live, name = stage.live, "steady"
    before = live.asked()
    live.plane.freeze("prometheus")
    try:
        until(lambda: blind_now(live) == set(PARTS), what="all to be blind", seconds=AWAY_SECONDS * 6)
        mark = dt.datetime.now(dt.UTC)
        live.drive(name, BUSY.rate * 4)
        until(lambda: live.asked()[name] > before[name], what="a step to be followed", seconds=AWAY_SECONDS * 6)
    finally:
        live.plane.thaw("prometheus")
    risen = next(each for each in live.replicas()[name] if each.at > mark)
    tell(f"step to the first scale, without Prometheus: {_since(mark, risen):.1f} s")

    assert number(stage.operator, "trimtab_pod_readings_total", result="answered") > 0
    assert number(stage.operator, "trimtab_pod_readings_steps_total") > 0
    others = live.asked()
    assert {each: others[each] for each in before if each != name} == {
        each: before[each] for each in before if each != name
    }


def _since(moment: dt.datetime, move: Move) -> float:
    return (move.at - moment).total_seconds()


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {name: round(each, 1) for name, each in seconds.items()}
