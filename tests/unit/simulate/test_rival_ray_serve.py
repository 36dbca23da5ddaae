"""Ray Serve's policy, by its own formula."""

import pytest

from fakes.views import ask, go_on, seen, setting
from trimtab.simulate.rivals.ray_serve import RAY_SERVE, Delay, desired
from trimtab.simulate.view import Signal


@pytest.mark.parametrize(
    ("ongoing", "target", "running", "replicas"),
    [
        (10.0, 2.0, 2, 5),  # 2 * (10 / (2 * 2))
        (5.0, 2.0, 4, 3),
        (4.0, 2.0, 2, 2),
        (0.0, 2.0, 3, 0),
        (0.2, 2.0, 0, 1),  # the first request at zero: one at once
        (0.0, 2.0, 0, 0),
    ],
)
def test_replicas_follow_the_error_ratio(ongoing: float, target: float, running: int, replicas: int) -> None:
    """That is running * ongoing / (target * running), rounded up."""
    assert desired(ongoing, target, running=running) == replicas


def test_up_needs_more_than_30_seconds_in_a_row() -> None:
    """upscale_delay_s; a second that wants nothing begins anew."""
    delay = Delay()

    course = [delay.settle(5, 2) for _ in range(31)]
    again = [delay.settle(5, 2) for _ in range(30)]
    delay.settle(2, 2)

    assert course == [2] * 30 + [5]
    assert again == [2] * 30
    assert delay.settle(5, 2) == 2


def test_down_needs_more_than_600_seconds_in_a_row() -> None:
    """downscale_delay_s; one second that wants more begins anew."""
    delay = Delay()

    course = [delay.settle(1, 4) for _ in range(600)]
    delay.settle(5, 4)

    assert course == [4] * 600
    assert [delay.settle(1, 4) for _ in range(601)] == [4] * 600 + [1]


def test_only_the_last_one_goes_to_zero() -> None:
    """From four it goes to one first, and then waits as long again."""
    delay, current, course = Delay(), 4, []
    for _ in range(1202):
        current = delay.settle(0, current)
        course.append(current)

    assert course[600] == 1
    assert course[1200:] == [1, 0]


def test_its_metric_comes_every_10_seconds_as_a_mean_over_30() -> None:
    """30 s after the step from 1 to 6 requests all of it is seen, and followed 31 s after more was first wanted."""
    autoscaler = RAY_SERVE.make(1.0, setting())
    view = seen(60, {Signal.INSIDE: 1.0}, ready=1)

    course = [ask(view, autoscaler(go_on(view, 1, {Signal.INSIDE: 6.0}))).asked for _ in range(60)]

    assert course == [1] * 39 + [6] * 21


def test_shipped_is_two_of_five_slots() -> None:
    """target_ongoing_requests 2 of max_ongoing_requests 5: 12 requests at 5 slots are 6 replicas."""
    autoscaler = RAY_SERVE.make(RAY_SERVE.default, setting(slots=5))
    view = seen(29, {Signal.INSIDE: 12.0}, ready=2)

    course = [ask(view, autoscaler(go_on(view, 1, {Signal.INSIDE: 12.0}))).asked for _ in range(31)]

    assert course[-2:] == [2, 6]
