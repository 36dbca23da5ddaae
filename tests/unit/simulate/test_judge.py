"""Frontiers, tuned knobs and intervals: by hand, and what holds for all of them."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

from trimtab.simulate.judge import (
    Point,
    Tally,
    attainment_at,
    earlier,
    geometric_mean,
    hours_at,
    interval,
    point,
    tally,
    tuned,
)
from trimtab.simulate.outcome import Outcome

CHEAP = Point(knob=0.9, attainment=0.90, gpu_hours=10.0)
MIDDLE = Point(knob=0.7, attainment=0.999, gpu_hours=20.0)
DEAR = Point(knob=0.5, attainment=1.0, gpu_hours=40.0)


def test_a_point_weighs_each_request_the_same() -> None:
    """A seed with ten times the requests counts ten times; GPU-hours are a mean."""
    many = Tally(arrivals=900.0, violations=90.0, gpu_hours=3.0)
    few = Tally(arrivals=100.0, violations=0.0, gpu_hours=1.0)

    assert point(0.5, [many, few]) == Point(knob=0.5, attainment=0.91, gpu_hours=2.0)


def test_late_requests_are_interpolated_by_their_logarithm() -> None:
    """From 10 % late to 0.1 % late is two powers of ten: 1 % lies half way in GPU-hours."""
    assert hours_at([CHEAP, MIDDLE, DEAR], 0.99) == pytest.approx(15.0)
    assert attainment_at([CHEAP, MIDDLE, DEAR], 15.0) == pytest.approx(0.99)


def test_what_is_out_of_reach_is_not_a_number() -> None:
    """A frontier below the level has no GPU-hours for it, and one that is dearer no attainment."""
    assert hours_at([CHEAP], 0.99) is None
    assert attainment_at([MIDDLE, DEAR], 12.0) is None


def test_a_frontier_that_bends_back_counts_where_it_is_cheapest() -> None:
    """A knob that costs more and attains less does not hide the one before it."""
    worse = Point(knob=0.4, attainment=0.95, gpu_hours=50.0)

    assert hours_at([MIDDLE, worse], 0.99) == 20.0
    assert attainment_at([MIDDLE, worse], 60.0) == 0.999


def test_a_knob_is_tuned_to_the_cheapest_that_is_enough() -> None:
    """And where none is, to the one that attains most."""
    assert tuned([DEAR, MIDDLE, CHEAP], 0.99) == MIDDLE
    assert tuned([CHEAP, Point(knob=0.8, attainment=0.95, gpu_hours=12.0)], 0.99).knob == 0.8


def test_an_outcome_is_told_apart_in_what_came_before_and_what_is_judged() -> None:
    """Late requests belong to the second in which they came, GPU-hours to the second in which they were paid."""
    outcome = Outcome(
        arrivals=20.0,
        violations=2.0,
        gpu_hours=4 / 3600,
        cost=0.0,
        replica_changes=1,
        billed=(1, 3, 2, 2),
        ready=(1, 1, 2, 2),
        late=(0.0, 5.0, 2.0, 0.0),
        since=2,
    )

    assert tally(outcome) == Tally(arrivals=20.0, violations=2.0, gpu_hours=4 / 3600, replica_changes=1)
    assert earlier(outcome, (10.0,) * 4, 1) == Tally(arrivals=10.0, violations=5.0, gpu_hours=3 / 3600)


def test_nobody_came_so_nobody_was_late() -> None:
    """An empty part attains everything."""
    assert Tally(arrivals=0.0, violations=0.0, gpu_hours=1.0).attainment == 1.0


def test_geometric_means_turn_ratios_around() -> None:
    """Half and twice are nothing on average."""
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1.0)
    assert geometric_mean([]) is None


def test_one_seed_tells_nothing_of_chance() -> None:
    """No interval without a second seed, nor of what cannot be told at all."""
    assert interval(1, lambda _: 1.0) is None
    assert interval(5, lambda _: None) is None


def test_an_interval_holds_what_seeds_agree_on() -> None:
    """Seeds that all say the same leave no doubt; seeds that differ leave one that encloses their mean."""
    values = (1.0, 2.0, 3.0, 4.0, 5.0)

    def mean(seeds: Sequence[int]) -> float:
        return sum(values[seed] for seed in seeds) / 5.0

    around = interval(5, mean)

    assert interval(5, lambda _: 7.0) == (7.0, 7.0)
    assert around is not None
    assert 1.0 < around[0] < 3.0 < around[1] < 5.0


@given(
    st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(1.0, 100.0)), min_size=1, max_size=9),
    st.floats(0.01, 0.999999),
)
def test_hours_and_attainment_are_each_others_inverse(points: list[tuple[float, float]], level: float) -> None:
    """For the GPU-hours of a level, at least that level is attained: what is said one way is true the other way."""
    frontier = [Point(knob=None, attainment=attained, gpu_hours=hours) for attained, hours in points]
    hours = hours_at(frontier, level)

    if hours is None:
        assert max(attained for attained, _ in points) < level
    else:
        assert math.log(1.0 - (attainment_at(frontier, hours * (1 + 1e-9)) or 0.0) + 1e-6) <= math.log(1 - level + 2e-6)
