"""The oracles: the least by hand and by trying everything, and what is really carried out."""

import itertools
import math
from collections.abc import Sequence

import pytest

from fakes.plainworld import play
from fakes.views import seen, setting
from trimtab.simulate.oracle import Member, World, carried_out, causal, clairvoyant, replay
from trimtab.simulate.oracle.follow import TOLD, follower
from trimtab.simulate.oracle.plan import rank
from trimtab.simulate.outcome import HOUR, Outcome
from trimtab.simulate.setting import Discipline, Setting
from trimtab.simulate.view import Signal

QUIET, BUSY = [2.0] * 300, [10.0] * 300


def world(trace: Sequence[float], model: Setting, *, first: int = 1, since: int = 0) -> World:
    """Return a world in which everything is always the same."""
    return lambda autoscaler: play(trace, model, autoscaler, first=first, since=since)


def test_constant_traffic_costs_what_serves_it() -> None:
    """3.9 requests/s at 1 a replica, all of them in time: 4 replicas for 10 minutes."""
    bound = clairvoyant([3.9] * 600, setting(target=1.0), attainment=1.0)

    assert bound.plan == (4,) * 600
    assert bound.gpu_hours == pytest.approx(4 * 600 / HOUR)
    assert bound.planned == pytest.approx(bound.gpu_hours)


def test_a_step_up_is_ordered_ahead_and_billed() -> None:
    """2 for 300 s, 10 for 300 s, and 8 starts of 60 s: nothing is missed, and the starts are paid."""
    bound = clairvoyant(QUIET + BUSY, setting(target=1.0), attainment=1.0)

    assert bound.plan == (2,) * 300 + (10,) * 300
    assert bound.planned * HOUR == pytest.approx(2 * 300 + 10 * 300 + 8 * 60)


@pytest.mark.parametrize(("pause", "kept"), [(45, True), (75, False)])
def test_a_replica_is_kept_through_a_pause_that_is_shorter_than_its_start(pause: int, kept: bool) -> None:  # noqa: FBT001 - expected
    """Ski rental with the answer known: to hold for `pause` seconds or to start anew for 60 s."""
    trace = [10.0] * 150 + [2.0] * pause + [10.0] * 150

    plan = clairvoyant(trace, setting(target=1.0), attainment=1.0).plan

    assert (min(plan[150 : 150 + pause]) == 10) is kept


def test_misses_are_bought_where_they_are_cheapest() -> None:
    """A burst whose peak is short gets replicas for its foot alone, if 4 % of all may miss."""
    trace = [2.0] * 400 + [6.0] * 60 + [10.0] * 15 + [2.0] * 400

    all_of_them, most = (clairvoyant(trace, setting(target=1.0), attainment=share) for share in (1.0, 0.96))

    assert max(all_of_them.plan) == 10
    assert max(most.plan) == 6
    assert most.gpu_hours <= most.planned < all_of_them.planned


def every_plan(trace: Sequence[float], model: Setting, attainment: float, most: int) -> float:
    """Return the seconds of replicas of the cheapest plan by trying all, each with its queue carried on."""
    patience = model.target - model.service.batch_time(1)
    allowed = (1.0 - attainment) * sum(trace) + 1e-9
    best = math.inf
    for plan in itertools.product(range(1, most + 1), repeat=len(trace) // 15):
        waiting = missed = 0.0
        for second, arriving in enumerate(trace):
            rate = plan[second // 15] * model.service.capacity
            waiting = max(0.0, waiting + arriving - rate)
            over = max(0.0, waiting - rate * patience)
            waiting, missed = waiting - over, missed + over
        if missed <= allowed:
            starts = sum(max(0, after - before) for before, after in itertools.pairwise(plan))
            best = min(best, 15.0 * sum(plan) + model.cold_start.mean * starts)
    return best


@pytest.mark.parametrize("attainment", [1.0, 0.97, 0.9, 0.7])
@pytest.mark.parametrize(
    "rates", [(1, 3, 1, 3, 2), (3, 1, 1, 1, 3), (0, 4, 0, 2, 2), (2.5, 2.5, 3.5, 0.5, 1.5), (0, 0, 4, 0, 0)]
)
def test_it_is_at_most_what_trying_everything_finds(rates: tuple[float, ...], attainment: float) -> None:
    """Of all plans that keep a number for 15 s none is cheaper than the bound, which is of the same size.

    It is below them because it may move at any second and then forgets its queue.
    """
    trace = [float(rate) for rate in rates for _ in range(15)]
    model = setting(target=2.0, cold_start=20.0)

    bound = clairvoyant(trace, model, attainment=attainment)
    tried = every_plan(trace, model, attainment, most=4)

    assert bound.gpu_hours * HOUR <= tried + 1e-6
    assert bound.gpu_hours <= bound.planned + 1e-9
    assert bound.gpu_hours * HOUR >= 0.5 * tried


def test_a_queue_is_carried_on_while_nothing_changes() -> None:
    """5 % too much for 3 replicas fills their patience in 20 s and then misses, though each step could take it."""
    bound = clairvoyant([3.15] * 600, setting(target=2.0), attainment=0.999)

    assert min(bound.plan[60:-60]) == 4


def test_what_cannot_be_attained_is_said() -> None:
    """With at most 2 replicas for 4 requests/s half of them miss: the bound is for that half."""
    bound = clairvoyant([4.0] * 600, setting(max_replicas=2), attainment=0.99)

    assert bound.attainment == pytest.approx(0.5, abs=0.01)
    assert bound.plan == (2,) * 600


def test_replicas_that_must_be_there_are_in_the_bound() -> None:
    """No traffic, a minimum of 3: 3 for all the time; without a minimum nothing."""
    assert clairvoyant([0.0] * 600, setting(min_replicas=3), attainment=0.99).gpu_hours == pytest.approx(0.5)
    assert clairvoyant([0.0] * 600, setting(min_replicas=0), attainment=0.99).gpu_hours == 0.0
    assert clairvoyant([], setting(), attainment=0.99).plan == ()


@pytest.mark.parametrize("attainment", [1.01, -0.1])
def test_what_makes_no_sense_is_refused(attainment: float) -> None:
    """The error says what to give."""
    with pytest.raises(ValueError, match="give a share from 0 to 1"):
        clairvoyant([1.0], setting(), attainment=attainment)


def test_a_plan_is_ordered_a_cold_start_ahead() -> None:
    """Needed from second 100 on, asked for at 40; let go when it is not needed any more."""
    plan = [1] * 100 + [5] * 50 + [2] * 50
    model = setting(cold_start=60.0)

    outcome = play([1.0] * 200, model, replay(plan, model), first=1)

    assert outcome.ready[99] == 1
    assert outcome.ready[101] == 5
    assert outcome.ready[149] == 5
    assert outcome.ready[152] == 2


def test_a_plan_for_the_second_part_waits_for_it() -> None:
    """Before `since` its first number holds, but for what has to be ordered ahead; after its end its last."""
    replayed = replay([2] * 30 + [7] * 30, setting(cold_start=10.0), since=100)

    assert replayed(seen(50, {}, ready=1)) == 2
    assert replayed(seen(119, {}, ready=1)) == 2
    assert replayed(seen(120, {}, ready=1)) == 7
    assert replayed(seen(500, {}, ready=1)) == 7
    assert replay([], setting())(seen(5, {}, ready=1)) is None


def test_carried_out_it_attains_what_was_asked_and_costs_more_than_the_bound() -> None:
    """Waves of 3 to 12 requests/s, cold starts that differ: at 99 % between the bound and half as much again."""
    trace = [7.5 + 4.5 * math.sin(second / 120.0) for second in range(900)]
    model = setting(target=3.0, variation=0.3)

    outcome = carried_out(world(trace, model, first=9), trace, model, attainment=0.99)
    bound = clairvoyant(trace, model, attainment=0.99)

    assert outcome.attainment >= 0.99
    assert bound.gpu_hours <= outcome.gpu_hours <= 1.5 * bound.gpu_hours


def test_the_part_to_learn_from_is_not_planned_for() -> None:
    """Judged from the quiet part on, the busy part before costs nothing."""
    trace, model = BUSY + QUIET, setting()

    outcome = carried_out(world(trace, model, first=10, since=300), trace, model, attainment=0.95, since=300)

    assert outcome.gpu_hours * HOUR < 300 * 4


def test_the_follower_knows_a_step_after_five_seconds() -> None:
    """All of a step is seen 5 s after it, and its hold keeps what was needed."""
    member = Member(headroom=1.0, memory=TOLD, hold=30.0)
    autoscaler, view = follower(member, setting()), seen(60, {Signal.ARRIVALS: 2.0}, ready=2)

    def goes_on(seconds: int, rate: float) -> list[int | None]:
        said = []
        for _ in range(seconds):
            view.record([rate if signal is Signal.ARRIVALS else 0.0 for signal in Signal])
            said.append(autoscaler(view))
        return said

    assert goes_on(5, 10.0) == [4, 6, 7, 9, 10]
    assert goes_on(31, 0.0) == [10] * 30 + [8]


def test_the_follower_may_work_off_a_backlog_and_keeps_its_floor() -> None:
    """2 requests/s and 30 that wait, to be worked off within 10 s: 5 replicas; a floor of 7 is 7."""
    view = seen(60, {Signal.ARRIVALS: 2.0, Signal.WAITING: 30.0}, ready=2)
    member = Member(headroom=1.0, memory=15, hold=0.0, catch_up=10.0)

    assert follower(member, setting())(view) == 5
    assert follower(Member(headroom=1.0, hold=0.0, floor=7), setting())(view) == 7


@pytest.mark.parametrize("discipline", Discipline)
def test_on_constant_traffic_all_oracles_come_to_the_same(discipline: Discipline) -> None:
    """3.9 requests/s for ten minutes, 99.9 %: 4 replicas, whoever knows what."""
    trace, model = [3.9] * 600, setting(discipline=discipline)
    least = 4 * 600 / HOUR

    bound = clairvoyant(trace, model, attainment=0.999)
    follows = causal(world(trace, model, first=4), model, attainment=0.999)
    carried = carried_out(world(trace, model, first=4), trace, model, attainment=0.999)

    assert bound.gpu_hours == pytest.approx(least, rel=0.01)
    assert follows.outcome.gpu_hours == pytest.approx(least, rel=0.02)
    assert carried.gpu_hours == pytest.approx(least, rel=0.02)


@pytest.mark.parametrize("discipline", Discipline)
def test_who_is_told_afterwards_pays_more(discipline: Discipline) -> None:
    """Steps from 3 to 12 and back each 200 s: causal above clairvoyant, both with 97 % in time."""
    trace, model = ([3.0] * 200 + [12.0] * 200) * 2, setting(discipline=discipline, cold_start=15.0)

    follows = causal(world(trace, model, first=4), model, attainment=0.97)
    bound = clairvoyant(trace, model, attainment=0.97)

    assert follows.outcome.attainment >= 0.97
    assert follows.outcome.gpu_hours > 1.02 * bound.gpu_hours


def test_outcomes_are_sorted_by_what_they_attain_and_then_by_cost() -> None:
    """One that attains enough goes before one that does not; of those that do not, the better one."""

    def outcome(violations: float, gpu_hours: float) -> Outcome:
        return Outcome(
            arrivals=100.0,
            violations=violations,
            gpu_hours=gpu_hours,
            cost=0.0,
            replica_changes=0,
            billed=(),
            ready=(),
            late=(),
        )

    dear, cheap, short, shorter = outcome(0, 9.0), outcome(1, 5.0), outcome(2, 1.0), outcome(3, 0.5)

    assert sorted((shorter, dear, short, cheap), key=lambda each: rank(each, 0.99)) == [cheap, dear, short, shorter]
