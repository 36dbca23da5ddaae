"""What a late request is worth, steered by how many were late, by example. The laws are in `tests/property`."""

import math
from dataclasses import replace

import pytest

from fakes.measured import sample
from trimtab.core.scaling.price import (
    AIM,
    CHEAPEST,
    DEAREST,
    FIRST,
    FORGETTING,
    MOST_ANSWERED,
    PACE,
    PERIOD,
    SMOOTHING,
    Price,
)
from trimtab.units import RequestsPerSecond, Seconds

ALLOWED = 0.01
SINCE = Seconds(5.0)


def steered(price: Price, late: float, rate: float = 100.0, *, most: float = 9.0, since: Seconds = SINCE) -> Price:
    """Return the price after a sample."""
    return price.steered(sample(rate), late, ALLOWED, since=since, most=most)


def test_the_price_is_the_first_until_something_is_known() -> None:
    """Without requests nobody is late, and nobody is in time."""
    assert Price().factor == pytest.approx(math.exp(FIRST))
    assert steered(Price(log=1.0), 0.0, rate=0.0) == Price(log=1.0)


def test_twice_as_many_late_as_are_aimed_at_raise_the_price_at_its_pace() -> None:
    """Each sample by its share of the period; forgetting aside, since the price is the first."""
    price = steered(Price(), 2.0 * AIM * ALLOWED)

    assert price.log - FIRST == pytest.approx(PACE * SINCE / PERIOD, rel=1e-4)
    assert price.rate == 100.0


def test_what_a_price_has_led_to_has_to_be_seen_before_it_rises_further() -> None:
    """Not by more than is said; downwards at once."""
    assert steered(Price(), 1.0, most=0.02).log == pytest.approx(FIRST + 0.02)
    assert steered(Price(), 0.0, most=0.0).log < FIRST


def test_failures_count_as_late() -> None:
    """A request that was refused was not answered in time either."""
    refused = replace(sample(100.0), completions=RequestsPerSecond(95.0), failures=RequestsPerSecond(5.0))

    assert Price().steered(refused, 0.0, ALLOWED, since=SINCE, most=9.0).log > FIRST


def test_a_quiet_minute_says_less_than_a_busy_one() -> None:
    """All late among a hundredth of the usual requests raises the price less than a tenth late among all of them."""
    usual = Price(rate=100.0)

    assert steered(usual, 1.0, rate=1.0).log < steered(usual, 0.1).log


def test_the_usual_rate_follows_what_comes_by_half_in_its_half_life() -> None:
    """From 100 to 0: 50 after ten minutes."""
    price = steered(Price(rate=100.0), 0.0, rate=1e-9, since=SMOOTHING)

    assert price.rate == pytest.approx(50.0)


def test_what_one_bad_hour_has_taught_is_forgotten() -> None:
    """With as many late as are aimed at, all but a part e of it."""
    price = steered(Price(log=2.0), AIM * ALLOWED, since=FORGETTING)

    assert price.log - FIRST == pytest.approx((2.0 - FIRST) / math.e, rel=1e-4)


def test_a_price_has_bounds() -> None:
    """Whatever comes, for however long."""
    dear, cheap = Price(), Price()
    for _ in range(500):
        dear, cheap = steered(dear, 1.0), steered(cheap, 0.0)

    assert (dear.log, cheap.log) == (DEAREST, CHEAPEST)


@pytest.mark.parametrize(
    ("late", "rate"),
    [
        *((late, 100.0) for late in (math.nan, -0.1, 1.1, math.inf)),
        *((0.1, rate) for rate in (math.nan, math.inf, -1.0, 2.0 * MOST_ANSWERED)),
    ],
)
def test_what_is_not_a_number_teaches_nothing(late: float, rate: float) -> None:
    """It would be stored, and nothing that was stored with it could be read."""
    assert steered(Price(log=1.0, rate=5.0), late, rate=rate) == Price(log=1.0, rate=5.0)
