"""llm-d's WVA, by hand from its formulas."""

import pytest

from fakes.views import ask, go_on, seen, setting
from trimtab.simulate.rivals.wva import V1, V2, V2_AT_ONCE, Capacity, added, peaks, step
from trimtab.simulate.view import Signal


@pytest.mark.parametrize(
    ("in_use", "waiting", "moved"),
    [
        (0.71, 0.0, 1),  # spare 0.80 - 0.71 < 0.10
        (0.70, 0.0, 0),  # with one less: 0.70 * 4 / 3 = 0.93
        (0.50, 2.1, 1),  # spare 5 - 2.1 < 3
        (0.85, 0.0, 1),  # saturated
        (0.10, 6.0, 1),
        (0.53, 0.0, 0),  # 0.80 - 0.53 * 4 / 3 = 0.093 < 0.10
        (0.52, 0.0, -1),  # 0.80 - 0.693 = 0.107
        (0.52, 1.6, 0),  # the queue: 5 - 1.6 * 4 / 3 = 2.87 < 3
    ],
)
def test_the_first_moves_by_one_if_at_all(in_use: float, waiting: float, moved: int) -> None:
    """Up if spare cache < 0.10 or spare queue < 3; down if both would hold with one replica less."""
    assert step(in_use, waiting, ready=4, starting=0) == moved


def test_the_first_does_nothing_while_replicas_start() -> None:
    """A variant in transition blocks the whole model, however full it is."""
    assert step(1.0, 99.0, ready=4, starting=1) == 0


def test_the_first_keeps_its_last_replica() -> None:
    """Two that are not saturated are needed to lose one."""
    assert step(0.0, 0.0, ready=1, starting=0) == 0
    assert step(0.0, 0.0, ready=2, starting=0) == -1


@pytest.mark.parametrize(
    ("demand", "ready", "starting", "moved"),
    [
        (40.0, 4, 0, 4),  # 40 / 0.85 = 47.06; less 4 * 6.4 = 21.46; / 6.4 = 3.35
        (40.0, 4, 4, 0),  # what starts is supply: 47.06 < 51.2
        (40.0, 4, 3, 1),  # 47.06 - 44.8 = 2.26
        (20.0, 10, 0, -5),  # spare 64 - 20 / 0.70 = 35.43; / 6.4 = 5.54
        (20.0, 4, 2, 0),  # what starts is no spare: 25.6 < 28.57
        (0.0, 3, 0, -2),  # the last one stays
        (28.0, 6, 0, 0),  # between 0.70 and 0.85 of 38.4
    ],
)
def test_the_second_moves_by_what_is_short_or_spare(demand: float, ready: int, starting: int, moved: int) -> None:
    """With 6.4 slots a replica: up ceil(required / capacity), down floor(spare / capacity)."""
    assert added(demand, 6.4, ready=ready, starting=starting) == moved


def test_the_seconds_boundary_follows_its_threshold() -> None:
    """Tuned to half of 0.85, the boundary is half of 0.70: 64 - 20 / 0.35 = 6.86 is one of 6.4."""
    assert added(20.0, 6.4, ready=10, starting=0, threshold=0.425) == -1


def test_capacity_is_memorys_until_a_queue_was_full() -> None:
    """k1 = 0.8 * 8; then k2 is what was in use when 5 waited, and later the mean of the last ten."""
    capacity = Capacity(8)

    assert capacity.learn(7.0, 4.9) == pytest.approx(6.4)
    assert capacity.learn(5.0, 5.0) == pytest.approx(5.0)
    assert capacity.learn(6.0, 9.0) == pytest.approx(6.0)
    assert capacity.learn(2.0, 0.0) == pytest.approx(5.5)
    for _ in range(10):
        capacity.learn(8.0, 9.0)
    assert capacity.learn(2.0, 0.0) == pytest.approx(6.4)


def test_the_peak_of_a_minute_counts() -> None:
    """By max_over_time[1m] a second of 12 inside, 8 of them waiting, at 2 replicas, is seen for a minute, 15 s on."""
    view = go_on(seen(100, {Signal.INSIDE: 2.0}, ready=2), 1, {Signal.INSIDE: 12.0, Signal.WAITING: 8.0})

    assert peaks(go_on(view, 14, {Signal.INSIDE: 2.0})) == (1.0, 0.0)
    assert peaks(go_on(view, 1, {Signal.INSIDE: 2.0})) == (2.0, 4.0)
    assert peaks(go_on(view, 59, {Signal.INSIDE: 2.0})) == (2.0, 4.0)
    assert peaks(go_on(view, 1, {Signal.INSIDE: 2.0})) == (1.0, 0.0)


def test_as_shipped_up_waits_240_seconds_too() -> None:
    """The HPA takes the least of the window: of a lack that is seen at 120, 6 replicas come at 345, not before."""
    autoscaler, view = V2.make(0.85, setting(slots=8)), seen(100, {Signal.INSIDE: 8.0}, ready=2)

    said = [ask(view, autoscaler(go_on(view, 1, {Signal.INSIDE: 32.0}))).asked for _ in range(400)]

    assert said[244] == 2
    assert said[260:] == [6] * 140


def test_without_the_window_it_is_there_at_the_first_decision() -> None:
    """32 in use at 2 replicas: 16 in use of 6.4, 37.6 - 12.8 = 24.8 is 4 more, at once at second 120."""
    autoscaler, view = V2_AT_ONCE.make(0.85, setting(slots=8)), seen(100, {Signal.INSIDE: 8.0}, ready=2)

    said = [autoscaler(go_on(view, 1, {Signal.INSIDE: 32.0})) for _ in range(20)]

    assert said == [None] * 19 + [6]


def test_its_hpa_tolerates_a_tenth() -> None:
    """Of 20 replicas, V1's one more is 5 % more, and is never done."""
    autoscaler, view = V1.make(0.8, setting(slots=10)), seen(100, {Signal.INSIDE: 150.0}, ready=20)

    said = {ask(view, autoscaler(go_on(view, 1, {Signal.INSIDE: 150.0}))).asked for _ in range(900)}

    assert said == {20}


def test_a_small_fleet_follows_the_first() -> None:
    """Two replicas at 75 % become three, 240 s and a look after the decision."""
    autoscaler, view = V1.make(0.8, setting(slots=10)), seen(100, {Signal.INSIDE: 15.0}, ready=2)

    said = [ask(view, autoscaler(go_on(view, 1, {Signal.INSIDE: 15.0}))).asked for _ in range(300)]

    assert (said[0], said[-1]) == (2, 3)


def test_nothing_is_decided_without_a_replica() -> None:
    """From zero only its gateway's loop leads, which is not played."""
    autoscaler = V2_AT_ONCE.make(0.85, setting())

    assert autoscaler(seen(120, {Signal.INSIDE: 9.0}, ready=0)) is None
    assert autoscaler(seen(120, {Signal.INSIDE: 9.0}, ready=0, asked=2)) is None
