"""AIBrix's APA, its guard, and its copy of KPA with the linear predictor, by hand."""

import pytest

from fakes.views import ask, go_on, seen, setting
from trimtab.simulate.rivals.aibrix import APA, COPY, desired, desired_copy, guarded, guarded_copy, projected
from trimtab.simulate.rivals.knative import Wanted
from trimtab.simulate.view import Signal


@pytest.mark.parametrize(
    ("usage", "replicas"),
    [
        (15.0, 6),  # ceil(4 * 1.5)
        (45.0, 8),  # 18 wanted, max-scale-up-rate 2
        (11.0, 4),  # up-fluctuation-tolerance 0.1
        (9.0, 4),
        (8.0, 4),  # ceil(3.2)
        (7.0, 3),
        (1.0, 2),  # 1 wanted, max-scale-down-rate 2
    ],
)
def test_pods_follow_the_usage_beyond_a_tolerance(usage: float, replicas: int) -> None:
    """Of 4 pods with a target of 10."""
    assert desired(usage, 10.0, replicas=4) == replicas


@pytest.mark.parametrize(
    ("wanted", "usage", "left"),
    [
        (12, 20.0, 8),  # 20 * 4 / 10: those that start will do
        (12, 30.0, 12),  # 12 exactly
        (16, 25.0, 10),
        (3, 5.0, 6),  # (5 * 4 + 10 * 4) / 10
        (7, 1.0, 7),  # (4 + 40) / 10 = 5: not below the wish
        (8, 1.0, 8),
    ],
)
def test_pods_that_start_damp_the_step(wanted: int, usage: float, left: int) -> None:
    """4 of 8 start, target 10: idle on the way up, at the target on the way down, never turned around (aibrix#2670)."""
    assert guarded(wanted, usage, 10.0, ready=4, replicas=8) == left


def test_without_starts_the_wish_stays() -> None:
    """The guard is for pods that start."""
    assert guarded(12, 20.0, 10.0, ready=8, replicas=8) == 12
    assert guarded_copy(12, 200.0, 10.0, ready=8, replicas=8) == 12


@pytest.mark.parametrize(("wanted", "total", "left"), [(20, 180.0, 9), (20, 100.0, 8), (12, 400.0, 12), (5, 30.0, 8)])
def test_the_copys_guard_works_on_totals(wanted: int, total: float, left: int) -> None:
    """4 of 8 start: up ceil(total * 4 / 8 / 10), within now and the wish; down a total is taken for a mean: no move."""
    assert guarded_copy(wanted, total, 10.0, ready=4, replicas=8) == left


def test_the_copy_grows_at_most_to_twice() -> None:
    """Knative's 1000 times is 2 here; panic from twice on."""
    assert desired_copy(90.0, 90.0, 10.0, replicas=4) == Wanted(stable=8, panic=8, alarming=True)
    assert desired_copy(10.0, 79.0, 10.0, replicas=4) == Wanted(stable=2, panic=8, alarming=True)
    assert desired_copy(10.0, 70.0, 10.0, replicas=4) == Wanted(stable=2, panic=7, alarming=False)
    assert desired_copy(10.0, 0.0, 10.0, replicas=0) == Wanted(stable=1, panic=0, alarming=False)


def test_a_line_is_followed_two_minutes_ahead_of_its_mean() -> None:
    """10, 12, 14, ... each 10 s: mean 19 of ten, slope 0.2: 19 + 24 = 43."""
    samples = [(10.0 * each, 10.0 + 2.0 * each) for each in range(10)]

    assert projected(samples, window=180.0, horizon=120.0) == pytest.approx(43.0)


def test_a_line_grows_at_most_to_four_times_and_never_below_nothing() -> None:
    """Mean 5 of a spike's slope is 20 at most; a fall ends at 0."""
    rise, fall = [(0.0, 0.0), (50.0, 0.0), (100.0, 15.0)], [(0.0, 15.0), (50.0, 0.0), (100.0, 0.0)]

    assert projected(rise, window=180.0, horizon=1_200.0) == pytest.approx(20.0)
    assert projected(fall, window=180.0, horizon=1_200.0) == 0.0
    assert projected([(0.0, 0.0), (50.0, 0.0), (100.0, 0.0)], window=180.0, horizon=120.0) == 0.0


def test_a_line_needs_three_samples_over_half_of_its_window() -> None:
    """Just after a start nothing is projected."""
    assert projected([(0.0, 1.0), (100.0, 2.0)], window=180.0, horizon=120.0) is None
    assert projected([(0.0, 1.0), (40.0, 2.0), (80.0, 3.0)], window=180.0, horizon=120.0) is None


def test_apa_looks_every_10_seconds_and_cools_down_for_300() -> None:
    """Of 6, nothing is left at once: when the highest wish is 300 s old, 3 go, which is as fast as half allows."""
    autoscaler, view = APA.make(1.0, setting()), seen(60, {Signal.INSIDE: 6.0}, ready=6)

    first = ask(view, autoscaler(view)).asked
    course = {}
    for _ in range(500):
        ask(view, autoscaler(go_on(view, 1, {})))
        course[view.now] = view.asked

    assert first == 6
    assert max(at for at, asked in course.items() if asked == 6) == 369
    assert course[370] == 5  # wanted at 80, ceil(6 * 41 / 60); at 70 it was ceil(6 * 51 / 60)
    assert course[390] == 3


def test_the_copy_asks_ahead_of_a_rise() -> None:
    """A total that rises by 0.1 each second is, 2 minutes ahead of the window's mean, 12 more than it."""
    autoscaler, view = COPY.make(1.0, setting()), seen(0, {}, ready=40)
    wanted: int | None = None

    for now in range(400):
        wanted = autoscaler(go_on(view, 1, {Signal.INSIDE: 0.1 * now})) or wanted

    assert wanted == 43  # mean of seconds 219 to 399 is 30.9, of its samples the same, and 12 ahead


def test_at_zero_both_stay() -> None:
    """Neither scales from zero by itself."""
    view = seen(60, {Signal.INSIDE: 6.0}, ready=0)

    assert APA.make(0.7, setting())(view) is None
    assert COPY.make(0.7, setting())(view) is None
