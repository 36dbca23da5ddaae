"""The HPA's arithmetic, by examples of Kubernetes' documents and by hand."""

import pytest

from fakes.views import ask, go_on, seen, setting
from trimtab.simulate.rivals.hpa import (
    CONCURRENCY,
    QUEUE,
    UTILISATION,
    Behaviour,
    Stabiliser,
    desired,
    desired_of_total,
    hpa,
)
from trimtab.simulate.view import Signal


@pytest.mark.parametrize(
    ("usage", "target", "ready", "replicas"),
    [
        (200.0, 100.0, 3, 6),  # the documents: 200m of 100m doubles, 200 / 100 = 2.0
        (50.0, 100.0, 4, 2),  # and 50m of 100m halves
        (0.9, 0.5, 3, 6),  # ceil(1.8 * 3) = ceil(5.4)
        (1.2, 0.8, 2, 3),  # 1.5 * 2 exactly: no fourth by rounding of floats
        (0.0, 0.5, 7, 0),
    ],
)
def test_replicas_follow_the_ratio(usage: float, target: float, ready: int, replicas: int) -> None:
    """ceil(replicas * usage / target)."""
    assert desired(usage, target, ready=ready) == replicas


@pytest.mark.parametrize(("usage", "replicas"), [(0.55, 10), (0.56, 12), (0.45, 10), (0.44, 9)])
def test_a_tenth_more_or_less_is_tolerated(usage: float, replicas: int) -> None:
    """At ten replicas an eleventh's load is not seen: ratios from 0.9 to 1.1 change nothing (kubernetes#116984)."""
    assert desired(usage, 0.5, ready=10) == replicas


def test_pods_that_start_count_as_idle_on_the_way_up() -> None:
    """Of 4 at double the target and 2 that start: 8 / 6 = 1.33, times 6 is 8; without them it would be 8 of 4."""
    assert desired(2.0, 1.0, ready=4, starting=2) == 8


def test_pods_that_start_are_not_ordered_twice() -> None:
    """4 at double the target have ordered 4 more: 8 / 8 = 1.0, so nothing more."""
    assert desired(2.0, 1.0, ready=4, starting=4) == 8


def test_pods_that_start_may_turn_the_direction_around_and_then_nothing_is_done() -> None:
    """2 at 1.5 times the target and 4 that start: 3 / 6 would say down, after up without them."""
    assert desired(1.5, 1.0, ready=2, starting=4) == 6


def test_pods_that_start_count_as_at_the_target_on_the_way_down() -> None:
    """4 at half of the target and 4 that start: (2 + 4) / 8 = 0.75, times 8 is 6, not 2."""
    assert desired(0.5, 1.0, ready=4, starting=4) == 6


def test_without_any_ready_pod_all_stays() -> None:
    """No pod has a metric: nothing is known, the number is kept (kubernetes#130130)."""
    assert desired(0.0, 1.0, ready=0, starting=5) == 5


@pytest.mark.parametrize(
    ("total", "target", "replicas", "wanted"),
    [(100.0, 10.0, 4, 10), (44.0, 10.0, 4, 4), (45.0, 10.0, 4, 5), (35.0, 10.0, 4, 4), (1.0, 10.0, 4, 1)],
)
def test_an_average_value_divides_the_total(total: float, target: float, replicas: int, wanted: int) -> None:
    """ceil(total / target) whatever is ready, tolerance 10 % of what all replicas should have."""
    assert desired_of_total(total, target, replicas=replicas) == wanted


@pytest.mark.parametrize(("current", "highest"), [(1, 5), (3, 7), (4, 8), (5, 10), (30, 60)])
def test_growth_is_the_larger_of_four_pods_and_double(current: int, highest: int) -> None:
    """The default policies of scaleUp, selected by Max."""
    assert Behaviour().highest(current) == highest


def test_down_goes_all_at_once() -> None:
    """The default policy of scaleDown: 100 %; a policy of 10 pods takes ten."""
    assert Behaviour().lowest(30) == 0
    assert Behaviour(down_pods=10, down_percent=0.0).lowest(30) == 20
    assert Behaviour(down_pods=10, down_percent=0.0).lowest(4) == 0


def test_down_waits_until_nothing_higher_was_wanted_for_300_seconds() -> None:
    """The highest recommendation of the window holds; the controller's first is what it finds."""
    stabiliser = Stabiliser(Behaviour())

    settled = {
        now: stabiliser.settle(now, 12 if now == 60 else 2, 12 if now > 60 else 10) for now in range(15, 391, 15)
    }

    assert settled[15] == 10
    assert settled[60] == 12
    assert {now for now, replicas in settled.items() if replicas == 2} == {360, 375, 390}


def test_up_is_at_once_but_at_the_rate() -> None:
    """From 3, 50 are wanted: 7, 14, 28 at looks 15 s apart."""
    stabiliser, current, course = Stabiliser(Behaviour()), 3, []
    for now in range(15, 75, 15):
        current = stabiliser.settle(now, 50, current)
        course.append(current)

    assert course == [7, 14, 28, 50]


def test_a_window_up_takes_the_least_that_was_wanted() -> None:
    """With 60 s of it, one look that wants more does nothing; a minute that does is followed."""
    stabiliser = Stabiliser(Behaviour(stabilise_up=60))

    course = [stabiliser.settle(now, 5, 3) for now in range(0, 90, 15)]

    assert course == [3, 3, 3, 3, 5, 5]


def test_the_metric_is_as_old_as_its_source() -> None:
    """What came in the last 15 s is not seen yet; at the next look it is: 6 requests at 2 replicas, 1 wanted each."""
    autoscaler = hpa(Signal.INSIDE, 1.0)
    view = go_on(seen(45, {Signal.INSIDE: 2.0}, ready=2), 15, {Signal.INSIDE: 6.0})

    before = autoscaler(view)
    after = autoscaler(go_on(view, 15, {Signal.INSIDE: 6.0}))

    assert (before, after) == (2, 6)


def test_it_looks_every_15_seconds() -> None:
    """Between looks nothing is said."""
    autoscaler, view = hpa(Signal.BUSY, 0.5), seen(30, {Signal.BUSY: 2.0}, ready=2)

    said = [autoscaler(go_on(view, 1, {Signal.BUSY: 2.0})) for _ in range(31, 61)]

    assert [at for at, each in enumerate(said, start=31) if each is not None] == [45, 60]


def test_at_zero_replicas_it_is_switched_off() -> None:
    """A Deployment that somebody set to zero stays there."""
    assert hpa(Signal.INSIDE, 1.0)(seen(60, {Signal.INSIDE: 9.0}, ready=0)) is None


def test_saturation_hides_demand_from_utilisation() -> None:
    """However much comes, a replica works no more than always: at a target of 80 % four become five, and no more."""
    autoscaler = UTILISATION.make(0.8, setting())
    view = seen(45, {Signal.BUSY: 4.0, Signal.WAITING: 500.0}, ready=4)

    assert autoscaler(view) == 5


def test_targets_are_shares_of_the_slots() -> None:
    """With 8 slots and 70 %, 28 requests inside are 5 replicas; a queue's target is in requests."""
    view = seen(45, {Signal.INSIDE: 28.0, Signal.WAITING: 12.0}, ready=2)

    assert CONCURRENCY.make(0.7, setting(slots=8))(view) == 5
    assert QUEUE.make(3.0, setting(slots=8))(view) == 4


def test_a_queue_that_grows_while_replicas_start_is_ordered_again_and_again() -> None:
    """Wanted is 1 at each replica: all that wait count anew at each look, within the rate's limit of 4, then double."""
    autoscaler, view = QUEUE.make(1.0, setting()), seen(30, {Signal.WAITING: 10.0}, ready=2)

    course = []
    for waiting in (30.0, 90.0, 270.0):
        view.asked = autoscaler(go_on(view, 15, {Signal.WAITING: waiting})) or view.asked
        course.append(view.asked)

    assert course == [6, 12, 24]


def test_each_made_one_has_its_own_memory() -> None:
    """What one run wanted holds no other."""
    high, low = seen(45, {Signal.INSIDE: 20.0}, ready=10), seen(345, {Signal.INSIDE: 1.0}, ready=10)
    first, second = hpa(Signal.INSIDE, 1.0), hpa(Signal.INSIDE, 1.0)

    ask(high, first(high))

    assert (high.asked, second(low)) == (20, 10)
