"""Knative's KPA, by the documents' example and by hand."""

import pytest

from fakes.views import go_on, seen, setting
from trimtab.simulate.rivals.knative import KPA, Panic, Wanted, desired, kpa
from trimtab.simulate.view import Signal

CALM = Wanted(stable=3, panic=3, alarming=False)


@pytest.mark.parametrize(
    ("concurrency", "target", "pods"),
    [
        (7.0, 7.0, 1),  # config-autoscaler: containerConcurrency 10 at 70 % keeps 7 for each pod
        (7.1, 7.0, 2),
        (100.0, 7.0, 15),  # Alibaba's documents: 100 / (10 * 0.7)
        (0.0, 7.0, 0),
    ],
)
def test_pods_are_concurrency_by_target(concurrency: float, target: float, pods: int) -> None:
    """ceil(concurrency / target), from one pod that may go to zero."""
    assert desired(concurrency, concurrency, target, ready=1).stable == pods


@pytest.mark.parametrize(("ready", "stable"), [(10, 5), (11, 5), (3, 1), (1, 0)])
def test_at_most_half_goes_at_once(ready: int, stable: int) -> None:
    """max-scale-down-rate 2.0: floor(ready / 2), also to zero."""
    assert desired(0.0, 0.0, 1.0, ready=ready).stable == stable


def test_at_most_a_thousand_times_comes_at_once() -> None:
    """max-scale-up-rate 1000.0, of one pod where there is none."""
    assert desired(5_000.0, 0.0, 1.0, ready=0).stable == 1_000


@pytest.mark.parametrize(("panic", "alarming"), [(19.0, False), (19.1, True)])
def test_panic_begins_at_twice_the_ready_pods(panic: float, alarming: bool) -> None:  # noqa: FBT001 - an expectation
    """20 pods wanted by the panic window, of 10."""
    assert desired(10.0, panic, 1.0, ready=10).alarming is alarming


def test_in_panic_nothing_goes_down() -> None:
    """The most of the panic holds until more than 60 s have passed without alarm."""
    state = Panic(now=0, ready=1)

    state.settle(2, Wanted(stable=2, panic=9, alarming=True))
    course = {now: state.settle(now, CALM) for now in range(4, 70, 2)}

    assert [now for now, pods in course.items() if pods == 3] == [64, 66, 68]
    assert course[62] == 9


def test_an_alarm_in_panic_prolongs_it() -> None:
    """The stable window has to pass anew."""
    state = Panic(now=0, ready=1)
    for now in (2, 50):
        state.settle(now, Wanted(stable=2, panic=9, alarming=True))

    assert state.settle(110, CALM) == 9
    assert state.settle(112, CALM) == 3


def test_it_begins_in_panic_above_one_pod() -> None:
    """A restart without history must not shrink a fleet; a single pod is no fleet."""
    assert Panic(now=0, ready=8).settle(2, CALM) == 8
    assert Panic(now=0, ready=1).settle(2, CALM) == 3


def test_a_burst_is_seen_after_six_seconds() -> None:
    """2 become 30 at 2 pods: looks 2 s apart see 1, 3, 5, 6 s of it in the panic window: 40, 96, 152, 180 / 6 / 0.7."""
    autoscaler = kpa(0.7, setting())
    view = seen(61, {Signal.INSIDE: 2.0}, ready=2)
    autoscaler(go_on(view, 1, {Signal.INSIDE: 2.0}))

    said = [autoscaler(go_on(view, 2, {Signal.INSIDE: 30.0})) for _ in range(4)]

    assert said == [10, 23, 37, 43]


def test_pods_that_start_are_not_counted() -> None:
    """The panic threshold and the rates look at ready pods only, so a backlog is ordered for again (knative#13284)."""
    autoscaler = kpa(1.0, setting())
    view = seen(62, {Signal.INSIDE: 10.0}, ready=1, asked=10)
    autoscaler(view)

    assert autoscaler(go_on(view, 6, {Signal.INSIDE: 40.0})) == 35


def test_it_goes_to_zero_after_a_stable_window() -> None:
    """One request in 60 s keeps the last pod."""
    autoscaler, view = KPA.make(0.7, setting(min_replicas=0)), seen(1, {Signal.INSIDE: 0.5}, ready=1)

    zero = next(view.now for _ in range(100) if autoscaler(go_on(view, 1, {})) == 0)

    assert zero == 62


def test_it_looks_every_two_seconds() -> None:
    """Odd seconds pass in silence."""
    autoscaler, view = kpa(0.7, setting()), seen(60, {Signal.INSIDE: 1.0}, ready=1)

    assert autoscaler(go_on(view, 1, {})) is None
    assert autoscaler(go_on(view, 1, {})) is not None
