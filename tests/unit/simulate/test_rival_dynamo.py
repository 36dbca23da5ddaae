"""Dynamo's planner and its forecasts, by hand."""

import pytest

from fakes.views import ask, go_on, seen, setting
from trimtab.simulate.rivals import forecast
from trimtab.simulate.rivals.dynamo import (
    HYBRID,
    LOAD,
    LOAD_WITHIN,
    THROUGHPUT,
    THROUGHPUT_CONSTANT,
    Load,
    desired,
    engine_rate,
    step,
    step_within,
)
from trimtab.simulate.setting import Service
from trimtab.simulate.view import Signal
from trimtab.units import RequestsPerSecond, Seconds

BATCHED = Service(base=Seconds(0.2), per_item=Seconds(0.1), max_batch=8, instances=2)
SINGLE = Service(base=Seconds(1.0))


@pytest.mark.parametrize(
    ("requests", "rate", "replicas"),
    [(1_800.0, 2.0, 5), (1_801.0, 2.0, 6), (0.0, 2.0, 1)],  # ceil(10 / 2); min_endpoint 1
)
def test_replicas_are_the_forecast_by_an_engines_rate(requests: float, rate: float, replicas: int) -> None:
    """ceil(requests / 180 s / rate)."""
    assert desired(requests, 180.0, RequestsPerSecond(rate)) == replicas


@pytest.mark.parametrize(
    ("target", "rate"),
    [
        (1.0, 16.0),  # 8 in 1.0 s, twice
        (0.75, 10 / 0.7),  # 5 in 0.7 s, twice
        (0.1, 2 / 0.3),  # none is within: single ones, as their warning says and goes on
    ],
)
def test_an_engines_rate_is_that_of_the_largest_batch_within_the_target(target: float, rate: float) -> None:
    """Requests by the time of their batch, for each instance."""
    assert engine_rate(BATCHED, Seconds(target)) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("in_use", "ready", "moved"), [(1.01, 3, 1), (1.0, 3, 0), (0.6, 3, 0), (0.59, 3, -1), (0.0, 1, 0), (9.0, 3, 1)]
)
def test_load_moves_by_one_at_its_thresholds(in_use: float, ready: int, moved: int) -> None:
    """Above 1.0 of the cache up, below 0.6 down, never below one; ten times too little is one more as well."""
    assert step(in_use, ready=ready) == moved


@pytest.mark.parametrize(
    ("waiting", "working", "ready", "moved"),
    [
        (2.1, 1.0, 3, 1),  # 2.1 s in the queue and 1 s for itself: above 3 s
        (1.9, 1.0, 3, 0),
        (0.0, 0.6, 3, -1),  # 0.6 * 3 / 2 = 0.9 of a slot
        (0.0, 0.7, 3, 0),  # 1.05: does not fit
        (0.0, 0.5, 1, 0),
    ],
)
def test_within_the_target_load_moves_by_its_estimate(waiting: float, working: float, ready: int, moved: int) -> None:
    """Up above the target; down if everything fits with one less, in 80 % of what the target leaves."""
    load = Load(waiting=waiting, working=working)

    assert step_within(load, Seconds(3.0), SINGLE, ready=ready) == moved


def test_a_queue_that_would_grow_too_long_keeps_the_replica() -> None:
    """8 slots of 0.2 s + 0.1 s a request: 3 wait for 0.1875 s; with 2 for 3 it is 0.28 s, above 0.8 * (0.9 - 0.65)."""
    tight, easy = Load(waiting=3.0, working=6.0), Load(waiting=1.5, working=6.0)

    assert step_within(tight, Seconds(0.9), BATCHED, ready=3) == 0
    assert step_within(easy, Seconds(0.9), BATCHED, ready=3) == -1


def test_constant_is_the_last_and_leading_idleness_is_left_out() -> None:
    """360 requests in the last 180 s at 1 request/s each are 2 replicas, whatever came before."""
    autoscaler, view = THROUGHPUT_CONSTANT.make(1.0, setting()), seen(180, {}, ready=1)

    first = autoscaler(view)
    second = autoscaler(go_on(view, 180, {Signal.ARRIVALS: 2.0}))
    third = autoscaler(go_on(view, 180, {Signal.ARRIVALS: 2.0}))

    assert forecast.constant([]) == 0.0
    assert (first, second, third) == (1, 2, 2)


def test_throughput_looks_every_180_seconds() -> None:
    """Inside an interval it is blind: a step in its second second is followed three minutes later."""
    autoscaler, view = THROUGHPUT.make(1.0, setting()), seen(182, {Signal.ARRIVALS: 1.0}, ready=1)

    said = [autoscaler(go_on(view, 1, {Signal.ARRIVALS: 9.0})) for _ in range(178)]

    assert said[:-1] == [None] * 177
    assert said[-1] == 9  # (180 * 9 - 17 * 8) / 180 = 8.24: its last 15 s are not there yet


def test_a_share_of_the_rate_is_planned_with() -> None:
    """The knob: at half of its rate twice the engines."""
    view = seen(360, {Signal.ARRIVALS: 3.0}, ready=1)

    assert THROUGHPUT.make(0.5, setting())(view) == 6


@pytest.mark.parametrize(
    ("seen_so_far", "ahead"),
    [
        ([], 0.0),
        ([4.0, 8.0], 8.0),  # fewer than 5: the last
        ([5.0, 5.0, 5.0, 5.0, 5.0], 5.0),  # never moved: stays
        ([1.0, 2.0, 3.0, 4.0, 5.0], 3.0 + 2.0 * 4.0 / 6.0),  # phi = (2 + 0 + 0 + 2) / (4 + 1 + 0 + 1)
        ([9.0, 1.0, 9.0, 1.0, 9.0, 1.0], 9.0),  # phi = -80 / 80
        ([0.0, 0.0, 0.0, 0.0, 10.0], 0.0),  # phi = (3 * 4 - 16) / 16 = -1 / 4, 2 - 8 / 4
    ],
)
def test_the_autoregression_returns_to_its_mean(seen_so_far: list[float], ahead: float) -> None:
    """Mean + phi * (last - mean), phi the least squares slope of each on the one before."""
    assert forecast.autoregression(seen_so_far) == pytest.approx(ahead)


def test_the_filter_trusts_its_first_numbers_and_follows_a_trend() -> None:
    """After 0 and 10: level 0 + 2001 / 2011 * 10, trend 1000 / 2011 * 10 (P = 1000 each, Q 1 and 0.1, R 10)."""
    assert forecast.kalman([]) == 0.0
    assert forecast.kalman([7.0]) == 7.0
    assert forecast.kalman([0.0, 10.0]) == pytest.approx(20_010 / 2_011 + 10_000 / 2_011)
    assert forecast.kalman([10.0 * each for each in range(30)]) == pytest.approx(300.0, rel=0.01)


def test_load_does_nothing_while_a_replica_starts() -> None:
    """With a cold start of a minute it grows by one a minute, however full it is."""
    autoscaler = LOAD.make(1.0, setting())

    assert autoscaler(seen(60, {Signal.INSIDE: 90.0}, ready=3)) == 4
    assert autoscaler(seen(60, {Signal.INSIDE: 90.0}, ready=3, asked=4)) is None
    assert autoscaler(seen(60, {Signal.INSIDE: 90.0}, ready=0)) is None


def test_load_looks_every_five_seconds() -> None:
    """Between looks nothing is said."""
    autoscaler, view = LOAD_WITHIN.make(1.0, setting()), seen(60, {Signal.INSIDE: 1.0}, ready=2)

    said = [autoscaler(go_on(view, 1, {Signal.INSIDE: 1.0})) for _ in range(5)]

    assert said == [None, None, None, None, 2]


def test_the_sla_may_be_tuned_below_the_target() -> None:
    """At half of 3 s, 0.6 s in the queue and 1 s for itself are too much; at 3 s they are not."""
    view = seen(60, {Signal.WAITING: 1.8, Signal.INSIDE: 4.8}, ready=3)

    assert LOAD_WITHIN.make(0.5, setting())(view) == 4
    assert LOAD_WITHIN.make(1.0, setting())(view) == 3


def test_both_together_never_go_below_throughput() -> None:
    """Idle engines go one by one; the floor of 4 requests/s holds at 4, and is there at once."""
    autoscaler, view = HYBRID.make(1.0, setting()), seen(179, {Signal.ARRIVALS: 4.0}, ready=6)

    course = [ask(view, autoscaler(go_on(view, 1, {Signal.ARRIVALS: 4.0}))).asked for _ in range(30)]
    lifted = HYBRID.make(1.0, setting())(seen(180, {Signal.ARRIVALS: 4.0}, ready=1))

    assert course[0] == 5
    assert course[-1] == 4
    assert lifted == 4


def test_the_floor_waits_too_while_a_replica_starts() -> None:
    """Throughput only sets the floor; load acts, and does not while scaling."""
    assert HYBRID.make(1.0, setting())(seen(180, {Signal.ARRIVALS: 4.0}, ready=1, asked=2)) is None
