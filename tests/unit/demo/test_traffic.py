"""Traffic: as much as it says, when it says, and the same again for the same seed."""

from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from demo.traffic import DAY_S, Traffic, generated_day, steady


@settings(max_examples=50, deadline=None)
@given(counts=st.lists(st.integers(0, 30), min_size=1, max_size=40), copies=st.integers(1, 3), seed=st.integers())
def test_what_was_counted_comes_exactly_so_often_in_its_second(counts: list[int], copies: int, seed: int) -> None:
    """A recorded second has neither more nor fewer requests, at ascending moments; two copies have twice as many."""
    arrivals = list(Traffic([float(count) for count in counts], counted=True).scaled(copies).arrivals(seed))

    assert all(before <= after for before, after in pairwise(arrivals))
    assert [sum(second <= at < second + 1 for at in arrivals) for second in range(len(counts))] == [
        count * copies for count in counts
    ]


def test_a_rate_is_the_mean_of_a_poisson_process() -> None:
    """Mean and variance of the seconds' counts are the rate; so it is with a fraction of what was counted."""
    for traffic in (steady(20.0, 4_000), Traffic([40.0] * 4_000, counted=True).scaled(0.5)):
        counts = [0] * traffic.seconds
        for at in traffic.arrivals(seed=1):
            counts[int(at)] += 1
        mean = sum(counts) / len(counts)
        assert mean == pytest.approx(20, rel=0.02)
        assert sum((count - mean) ** 2 for count in counts) / len(counts) == pytest.approx(20, rel=0.1)


def test_the_same_seed_brings_the_same_requests() -> None:
    """And another one others."""
    day = generated_day(20.0, seed=3)

    assert list(day.arrivals("a")) == list(day.arrivals("a")) != list(day.arrivals("b"))
    assert day == generated_day(20.0, seed=3) != generated_day(20.0, seed=4)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("seconds", [DAY_S, 600])
def test_a_generated_day_has_a_night_a_wave_a_step_and_bursts(seed: int, seconds: int) -> None:
    """Its busiest second is the peak; it climbs 4 times or more from night to noon, steps by half, and jumps thrice."""
    day = generated_day(60.0, seconds=seconds, seed=seed)
    rates = day.per_second
    jumps = sum(after / before > 1.25 for before, after in pairwise(rates))
    falls = sum(before / after > 1.25 for before, after in pairwise(rates))

    assert day.seconds == seconds
    assert day.peak == pytest.approx(60)
    assert min(rates) > 0
    assert max(rates[: seconds // 12]) < day.peak / 4
    assert 2 <= jumps <= 4
    assert 2 <= falls <= 4


def test_time_can_run_faster() -> None:
    """Each second has the mean rate of those that it stands for, the last ones too."""
    assert Traffic([1, 3, 5, 7, 9], counted=True).hurried(2) == Traffic([2.0, 6.0, 9.0])
    assert Traffic([1, 3], counted=True).hurried(1) == Traffic([1, 3], counted=True)


def test_a_part_keeps_its_rates() -> None:
    """It begins at 0."""
    assert Traffic([1, 2, 3, 4], counted=True).part(1, 2) == Traffic([2, 3], counted=True)
    assert Traffic([1, 2, 3, 4]).part(3, 100) == Traffic([4])
    assert (Traffic([1, 2, 3]).mean, Traffic([1, 2, 3]).peak) == (2, 3)


@pytest.mark.parametrize("factor", [0, -1, float("nan"), float("inf")])
def test_traffic_cannot_be_scaled_away(factor: float) -> None:
    """The error says what to give."""
    with pytest.raises(ValueError, match="give a factor above 0"):
        steady(1.0, 1).scaled(factor)


def test_there_is_no_part_beyond_the_end_and_no_time_that_stands() -> None:
    """The errors say how much there is."""
    with pytest.raises(ValueError, match="it lasts 4 s"):
        steady(1.0, 4).part(4, 1)
    with pytest.raises(ValueError, match="it lasts 4 s"):
        steady(1.0, 4).part(-2, 1)
    with pytest.raises(ValueError, match="from 1 on"):
        steady(1.0, 4).hurried(0)
