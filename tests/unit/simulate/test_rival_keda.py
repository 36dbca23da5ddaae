"""KEDA: its HPA by hand, and what it decides itself about none and one."""

import pytest

from fakes.views import go_on, seen, setting
from trimtab.simulate.rivals.keda import KEDA, KEDA_RATE, activated, keda
from trimtab.simulate.view import Signal


@pytest.mark.parametrize(
    ("total", "replicas", "idle", "wanted"),
    [
        (0.1, 0, 999, 1),  # anything above activationThreshold 0 activates
        (0.0, 0, 999, 0),
        (0.0, 3, 300, 3),  # cooldownPeriod has to be over
        (0.0, 3, 301, 0),
        (0.1, 3, 301, 3),
    ],
)
def test_zero_and_one_are_its_own_decision(total: float, replicas: int, idle: int, wanted: int) -> None:
    """One at the first activity, zero after 300 s without any; the rest is its HPA's."""
    assert activated(total, replicas=replicas, idle=idle, may_be_zero=True) == wanted


def test_a_minimum_of_one_stays() -> None:
    """Without permission nothing goes to zero."""
    assert activated(0.0, replicas=3, idle=9_999, may_be_zero=False) == 3


def test_replicas_that_start_count_like_others() -> None:
    """28 requests at 8 slots and 70 % are 5 replicas, also while 2 of 4 start: the total is divided."""
    autoscaler = KEDA.make(0.7, setting(slots=8))

    assert autoscaler(seen(45, {Signal.INSIDE: 28.0}, ready=2, asked=4)) == 5


def test_a_rate_is_taken_over_two_minutes() -> None:
    """rate(...[2m]) of a step to 24 requests/s that is seen for 30 s: (90 * 8 + 30 * 24) / 120 = 12, two a replica."""
    autoscaler = KEDA_RATE.make(0.5, setting(service=1.0, slots=4))
    view = go_on(seen(240, {Signal.ARRIVALS: 8.0}, ready=4), 45, {Signal.ARRIVALS: 24.0})

    assert autoscaler(view) == 6


def test_from_zero_it_waits_for_a_poll() -> None:
    """Its pollingInterval is 30 s: activity that can be seen since second 35 gets its replica at 60."""
    autoscaler, view = keda(Signal.INSIDE, 15, 1.0), seen(20, {}, ready=0)

    said = [autoscaler(go_on(view, 1, {Signal.INSIDE: 2.0})) for _ in range(40)]

    assert [at for at, each in enumerate(said, start=21) if each] == [60]


def test_to_zero_it_takes_its_cooldown() -> None:
    """The last activity is seen until second 180; at the first poll more than 300 s later, 510, it is gone."""
    autoscaler, view = keda(Signal.INSIDE, 15, 1.0), seen(0, {}, ready=1)
    for _ in range(155):
        autoscaler(go_on(view, 1, {Signal.INSIDE: 1.0}))

    zero = next(view.now for _ in range(600) if autoscaler(go_on(view, 1, {})) == 0)

    assert zero == 510


def test_between_one_and_many_it_is_an_hpa() -> None:
    """It looks every 15 s, tolerates a tenth, and holds what was wanted for 300 s."""
    autoscaler, view = keda(Signal.INSIDE, 15, 1.0), seen(30, {Signal.INSIDE: 10.0}, ready=10)

    said = [autoscaler(go_on(view, 1, {Signal.INSIDE: 10.9})) for _ in range(30)]
    later = [autoscaler(go_on(view, 1, {Signal.INSIDE: 4.0})) for _ in range(360)]

    assert [each for each in said if each is not None] == [10, 10]
    assert {each for each in later[:280] if each is not None} == {10}
    assert later[-1] == 4
