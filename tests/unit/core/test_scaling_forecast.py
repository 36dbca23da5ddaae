"""What is expected of demand, against traffic of kinds that there are."""

import math
import random
from dataclasses import replace

import pytest

from fakes.measured import ending, past_of, sample, steady
from trimtab.core.scaling.forecast import (
    CENTRES,
    HALF_LIFE,
    HORIZONS,
    LONGEST,
    MINUTE,
    MOST_ROOT,
    NEAREST,
    STEP,
    DemandMemory,
    Learned,
    Outlook,
    horizons,
    outlook,
    unit_of,
    with_past,
)
from trimtab.core.scaling.observation import RatePoint, Sample
from trimtab.units import RequestsPerSecond, Seconds

START = Seconds(67.0)
UNIT = 10.0
"""A replica serves 25 requests/s when it never rests."""
NOTHING = DemandMemory()


def taught(rates: list[float], known: DemandMemory = NOTHING) -> DemandMemory:
    """Return what is learned from rates a step apart, of which the last is that of now."""
    return with_past(known, ending(rates), STEP * len(rates), START, UNIT)


def expected(rates: list[float], known: DemandMemory = NOTHING, index: int = HORIZONS - 1) -> Outlook:
    """Return what to expect after such rates, one start ahead unless another horizon is named."""
    return outlook(ending(rates), known, START, UNIT, index)


def chance_above(found: Outlook, border: float) -> float:
    """Return the probability of more than a rate."""
    return sum(chance for rate, chance in zip(found.rates, found.chances, strict=True) if rate > border)


@pytest.mark.parametrize("index", range(HORIZONS))
@pytest.mark.parametrize("spread", [0.2, 0.4])
def test_nineteen_of_twenty_are_what_they_say_where_traffic_has_no_memory(index: int, spread: float) -> None:
    """Rates that are drawn anew each step; what came later is compared with what was expected, five hundred times."""
    chance = random.Random(3)  # noqa: S311 - traffic, not a secret
    rates = [100.0 * math.exp(chance.gauss(0.0, spread)) for _ in range(2_000)]
    known, ahead = taught(rates[:1_450]), math.floor(horizons(START)[index] / STEP + 0.5)

    kept = [
        rates[now + ahead] <= expected(rates[now - 20 : now + 1], known, index).at(0.95) for now in range(1_470, 1_970)
    ]

    assert 0.93 <= sum(kept) / len(kept) <= 0.97


def test_a_doubling_each_minute_is_foreseen_after_it_was_seen() -> None:
    """Eight times; nobody who has seen nothing foresees it."""
    rates = [2.0 ** (at / 12) for at in range(12 * 8)]

    seen, unseen = expected(rates, taught(rates)), expected(rates)

    assert seen.mean > 1.6 * rates[-1] > unseen.mean


def test_bursts_that_were_seen_are_possible_while_there_is_none() -> None:
    """Half a minute on in five: while it is off, a tenth; where nothing ever came, nothing."""
    bursts, quiet = ([0.0] * 54 + [300.0] * 6) * 12 + [0.0] * 20, [0.0] * 360

    after_bursts, after_quiet = expected(bursts, taught(bursts)), expected(quiet, taught(quiet))

    assert 0.05 < chance_above(after_bursts, 150.0) < 0.2
    assert chance_above(after_quiet, 1.0) < 0.01


def test_after_an_hour_of_steady_traffic_a_new_level_is_taken_to_stay() -> None:
    """The mean of what was learned is no guess for what never was."""
    known = taught([100.0] * 720)

    assert expected([100.0] * 60 + [400.0] * 12, known).mean > 300.0


def test_steady_traffic_is_expected_to_stay() -> None:
    """The longer it was seen, the surer."""
    sure, unsure = expected([100.0] * 60, taught([100.0] * 720)), expected([100.0] * 60)

    assert sure.mean == pytest.approx(100.0, rel=0.05)
    assert sure.at(0.95) < 115.0 < unsure.at(0.95)
    assert sure.now == unsure.now == 100.0


def test_the_farther_the_less_is_certain_until_it_is_known() -> None:
    """What is assumed grows with the root of the horizon."""
    found = [expected([100.0] * 60, index=index).at(0.95) for index in range(HORIZONS)]

    assert found == sorted(found)
    assert found[0] < found[-1]


def test_a_surprise_fades_by_half_in_an_hour() -> None:
    """Also a single one, however small its weight has become: weights are rounded, and must not stay for that."""
    rare = Learned(missed=tuple(float(at == 0) for at in range(len(CENTRES))))
    known, weights = rare, []
    for _ in range(4):
        for _ in range(round(HALF_LIFE / STEP)):
            known = known.with_point(1.0, 1.0, 1.0, NEAREST)
        weights.append(known.missed[0])

    assert weights == pytest.approx([0.5, 0.25, 0.125, 0.0625], rel=0.15)


def test_a_step_that_came_once_is_not_planned_for_as_if_it_came_all_the_time() -> None:
    """All points of a horizon missed it; they count as about one, of a quarter of an hour's 180."""
    once = taught([100.0] * 120 + [400.0] * 60)

    assert chance_above(expected([400.0] * 60, once), 600.0) < 0.015


def test_what_comes_again_is_planned_for_as_often_as_it_comes() -> None:
    """Bursts that take a tenth of the time, within two hours of which about as much is expected of them."""
    bursts = ([100.0] * 54 + [600.0] * 6) * 24
    quiet = [*bursts, *[100.0] * 30]

    assert 0.05 < chance_above(expected(quiet, taught(quiet)), 300.0) < 0.15


def test_what_was_seen_once_is_forgotten_at_last() -> None:
    """Nothing that is stored grows by what never comes again."""
    known = Learned(missed=(0.00101, *(0.0 for _ in CENTRES[1:])))
    for _ in range(20):
        known = known.with_point(1.0, 1.0, 1.0, NEAREST)

    assert known.missed[0] == 0.0


def test_in_a_gap_nothing_is_learned() -> None:
    """Half an hour of which nobody knows anything, between two hours that are known: it is no time without requests."""
    whole = past_of([100.0] * 600)
    gap = tuple(point for point in whole if not 600.0 < point.ago < 1_800.0)

    known = [
        with_past(NOTHING, replace(ending([100.0]), history=history), STEP * 600, START, UNIT)
        for history in (whole, gap)
    ]

    weights = [each.learned[-1].weight for each in known]
    assert weights[1] < weights[0]
    assert outlook(ending([100.0] * 20), known[1], START, UNIT).mean == pytest.approx(100.0, rel=0.05)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -1.0, -math.inf])
def test_a_point_that_is_no_rate_is_left_out(odd: float) -> None:
    """As if nothing were known of that time."""
    rates = [100.0 + at % 7 for at in range(100)]
    holed = ending(rates)
    spoilt = tuple(
        replace(point, rate=RequestsPerSecond(odd)) if at in {30, 99} else point
        for at, point in enumerate(holed.history)
    )
    left = tuple(point for at, point in enumerate(holed.history) if at not in {30, 99})

    found = [with_past(NOTHING, replace(holed, history=history), STEP * 100, START, UNIT) for history in (spoilt, left)]

    assert found[0] == found[1]
    assert outlook(replace(holed, history=spoilt), found[0], START, UNIT) == outlook(
        replace(holed, history=left), found[1], START, UNIT
    )


def test_a_rate_beyond_all_replicas_is_taken_for_the_most() -> None:
    """Sums stay finite, and what is expected is more than can be had."""
    found = expected([1e300] * 100, taught([1e300] * 100))

    assert all(math.isfinite(rate) for rate in found.rates)
    assert found.mean > 0.9 * (MOST_ROOT * UNIT) ** 2


def test_each_point_is_learned_from_once() -> None:
    """Whether it is told of in one sample or in two that overlap; seconds of the day do not matter."""
    rates = [100.0 + at % 11 for at in range(200)]

    once = taught(rates)
    twice = taught(rates, taught(rates[:120]))

    assert twice == once


def test_a_clock_that_goes_back_learns_anew() -> None:
    """An hour: else it would learn nothing for that hour."""
    ahead = replace(taught([100.0] * 50), until=7_200.0)

    known = taught([100.0] * 60, ahead)

    assert known.until == STEP * 60
    assert known.learned[0].weight > ahead.learned[0].weight


def test_a_replica_of_another_size_begins_anew() -> None:
    """The bins are made for one of its kind; a little faster or slower does not matter."""
    known = taught([100.0] * 100)

    assert known.unit == UNIT
    assert [known.fits(UNIT * factor) for factor in (0.4, 0.6, 1.0, 1.9, 2.1)] == [False, True, True, True, False]
    assert outlook(ending([100.0] * 9), known, START, 3.0 * UNIT) == outlook(
        ending([100.0] * 9), NOTHING, START, 3.0 * UNIT
    )
    assert with_past(known, ending([100.0]), 505.0, START, 3.0 * UNIT).unit == 3.0 * UNIT


def test_horizons_lie_between_a_look_and_what_the_past_can_teach() -> None:
    """Soon, half a start, and a whole one."""
    assert horizons(Seconds(100.0)) == (NEAREST, 50.0, 100.0)
    assert horizons(Seconds(1.0)) == (NEAREST,) * 3
    assert horizons(Seconds(86_400.0)) == (NEAREST, LONGEST / 2.0, LONGEST)


def test_four_replicas_are_the_unit() -> None:
    """In roots."""
    assert unit_of(RequestsPerSecond(25.0)) ** 2 == 4.0 * 25.0


def test_it_is_known_for_how_many_points_demand_was_watched() -> None:
    """By the horizon that is known least of."""
    known = taught([100.0] * 40)

    assert known.informed(40.0 - START / STEP - 2.0)
    assert not known.informed(40.0)
    assert NOTHING.informed(0.0)


def test_the_last_minute_counts_beside_the_last_rate() -> None:
    """A spike of one step is not the level to expect, whoever has seen nothing of it before."""
    spike = expected([100.0] * 20 + [400.0])
    level = expected([400.0] * 20)

    assert 100.0 < spike.mean < level.mean
    assert expected([100.0] * 20 + [400.0] + [100.0] * (round(MINUTE / STEP) + 1)).mean < spike.mean


def test_without_a_past_the_present_is_expected() -> None:
    """A sample alone; and one of nothing at all."""
    alone = outlook(sample(100.0, history=()), NOTHING, START, UNIT)
    nothing = outlook(sample(0.0, history=()), NOTHING, START, UNIT)

    assert alone.mean == pytest.approx(100.0, rel=0.1)
    assert nothing.mean < 1.0
    assert nothing.at(1.0) == nothing.rates[-1]


def test_the_points_that_a_sample_repeats_count_once() -> None:
    """The newest of the past is often the sample itself."""
    aged = replace(sample(100.0, history=steady(100.0)), age=Seconds(2.0))
    moved = tuple(RatePoint(ago=Seconds(point.ago + 2.0), rate=point.rate) for point in aged.history)

    known = [learned_from(replace(aged, history=history)) for history in (moved, moved[:-1])]

    assert known[0] == known[1]


def learned_from(told: Sample) -> DemandMemory:
    """Return what one sample with its past teaches."""
    return with_past(NOTHING, told, 1_000.0, START, UNIT)
