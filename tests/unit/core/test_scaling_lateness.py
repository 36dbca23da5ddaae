"""The share of late requests by utilisation, against closed forms and queues that are played through."""

import heapq
import math
import random
from collections.abc import Callable

import pytest

from trimtab.core.scaling.lateness import (
    LEAST_WORTH,
    MOST_TABLED,
    MOST_WORTH,
    OVERLOADED,
    STEP,
    Lateness,
    abandoned_share,
    lateness_of,
)
from trimtab.core.scaling.queueing import MOST_BUSY, Replica, late_share
from trimtab.units import RequestsPerSecond, Seconds


def of(
    slots: int = 1, *, patience: float = 3.0, allowed: float = 0.01, least: float = 0.0, fresh_first: bool = True
) -> Lateness:
    """Return the lateness of a replica whose service takes a second, always the same."""
    replica = Replica(slots=slots, service=Seconds(1.0), variability=0.5)
    return lateness_of(replica, Seconds(patience), allowed, least, fresh_first=fresh_first)


@pytest.mark.parametrize("busy", [0.3, 0.9, 0.999, 1.001, 1.4])
@pytest.mark.parametrize("patience", [0.0, 0.5, 4.0, 60.0])
def test_one_slot_with_patience_has_a_closed_form(busy: float, patience: float) -> None:
    """M/M/1+D (Baccelli and Hebuterne, 1981): (1 - r) r e / (1 - r^2 e), where e is exp(-(1 - r) d)."""
    waiting = math.exp(-(1.0 - busy) * patience)

    assert abandoned_share(1, busy, patience, 1.0) == pytest.approx(
        (1.0 - busy) * busy * waiting / (1.0 - busy**2 * waiting)
    )


def test_at_capacity_the_share_is_the_limit_of_both_sides() -> None:
    """One slot, always busy: 1 / (2 + d)."""
    assert abandoned_share(1, 1.0, 4.0, 1.0) == pytest.approx(1.0 / 6.0)


def test_without_patience_the_share_is_erlangs_of_loss() -> None:
    """Two slots and one erlang: a fifth finds both busy."""
    assert abandoned_share(2, 0.5, 0.0, 1.0) == pytest.approx(0.2)


def given_up(slots: int, busy: float, patience: float, service: Callable[[random.Random], float]) -> float:
    """Play a queue whose requests give way after a patience, and return the share that did."""
    chance = random.Random(4)  # noqa: S311 - a queue, not a secret
    free, now, late, requests = [0.0] * slots, 0.0, 0, 60_000
    for _ in range(requests):
        now += chance.expovariate(busy * slots)
        start = max(now, free[0])
        if start - now > patience:
            late += 1
        else:
            heapq.heapreplace(free, start + service(chance))
    return late / requests


QUEUES = pytest.mark.parametrize(
    ("slots", "busy", "patience"), [(1, 0.6, 1.0), (4, 0.8, 1.0), (8, 0.9, 0.5), (1, 1.0, 2.0), (4, 1.2, 1.0)]
)


@QUEUES
def test_the_share_that_gives_way_is_that_of_a_played_queue(slots: int, busy: float, patience: float) -> None:
    """M/M/c; runs of so many requests differ by 3 % (standard deviation)."""
    played = given_up(slots, busy, patience, lambda chance: chance.expovariate(1.0))

    assert abandoned_share(slots, busy, patience, 1.0) == pytest.approx(played, rel=0.1)


@QUEUES
def test_services_that_take_the_same_time_are_told_within_a_quarter(slots: int, busy: float, patience: float) -> None:
    """M/D/c: dividing the exponent by the variability is no more than a good guess."""
    played = given_up(slots, busy, patience, lambda _: 1.0)

    assert abandoned_share(slots, busy, patience, 0.5) == pytest.approx(played, rel=0.25)


def test_with_more_work_than_capacity_what_exceeds_it_is_late() -> None:
    """At 1.25 times the capacity one in five, whatever the patience; also where its exponential is beyond floats."""
    assert abandoned_share(4, 1.25, 50.0, 1.0) == pytest.approx(0.2)
    assert abandoned_share(256, 1.25, 100.0, 0.5) == 1.0 - 1.0 / 1.25
    assert of().at(10.0) == pytest.approx(0.9, abs=0.01)
    assert of().at(1e12) == pytest.approx(1.0)


def test_first_come_first_served_an_overload_counts_for_more_than_all_of_its_requests() -> None:
    """They are late, and so are those that come later."""
    queue = of(fresh_first=False)

    assert queue.at(MOST_BUSY) == pytest.approx(
        late_share(Replica(slots=1, service=Seconds(1.0), variability=0.5), RequestsPerSecond(MOST_BUSY), Seconds(3.0))
    )
    assert queue.at(1.3) > 1.0
    assert queue.at(2.0) - queue.at(1.9) == pytest.approx(queue.at(9.0) - queue.at(8.9))
    assert queue.at(3.0) - queue.at(2.0) >= 0.999 * OVERLOADED


@pytest.mark.parametrize("fresh_first", [True, False])
def test_what_is_sustained_just_keeps_the_share(fresh_first: bool) -> None:  # noqa: FBT001 - pytest passes it
    """A step more would not."""
    table = of(4, fresh_first=fresh_first)

    assert table.at(table.sustained) <= 0.01 < table.at(table.sustained + STEP)


def test_no_replica_is_planned_to_be_busier_than_is_good_nor_idler_than_helps() -> None:
    """Patience without end; and a share that nobody can keep."""
    patient, hopeless = of(patience=1e9), of(patience=-1.0, allowed=1e-6, least=0.2)

    assert patient.sustained == MOST_BUSY
    assert hopeless.sustained == 0.2
    assert of(patience=-1.0, allowed=0.0).sustained == STEP


def test_less_patience_is_never_less_late_and_none_is_the_least() -> None:
    """Who could not be in time at all is taken for one that may not wait."""
    shares = [of(patience=patience).at(0.7) for patience in (-5.0, 0.0, 0.24, 0.25, 1.0, 2.0)]

    assert shares == sorted(shares, reverse=True)
    assert shares[0] == shares[1] == shares[2] > shares[3]


def test_many_slots_are_counted_as_fewer_faster_ones() -> None:
    """Of the same capacity, so 512 with patience for a service are 256 with patience for two shorter ones."""
    many, counted = of(512, patience=1.0), of(256, patience=2.0)

    assert many.shares == counted.shares


def test_a_late_request_is_worth_what_keeps_a_replica_as_busy_as_is_planned() -> None:
    """A hundred replicas' worth of work: one less than is planned would not pay, one more would be missed."""
    table = of(4, patience=3.0)
    load = 100.0 * table.sustained

    spared = [table.at(load / count) * load - table.at(load / (count + 1)) * load for count in (95, 105)]

    assert LEAST_WORTH < table.worth < MOST_WORTH
    assert table.worth * spared[0] > 1.0 > table.worth * spared[1]


def test_where_the_slope_says_little_the_worth_is_bounded() -> None:
    """Lateness that sets in only beyond capacity, and one that rises at once."""
    assert of(64, patience=10.0).worth == MOST_WORTH
    assert of(64, patience=3.0, fresh_first=False).worth == LEAST_WORTH
    assert of(1, patience=100.0, allowed=0.0).worth == MOST_WORTH


def test_at_the_end_of_the_table_the_share_goes_on_without_a_leap() -> None:
    """On both sides of 1.5, and at the last number before it."""
    for fresh_first in (True, False):
        table = of(fresh_first=fresh_first)

        assert table.at(math.nextafter(MOST_TABLED, 0.0)) == pytest.approx(table.at(MOST_TABLED))
        assert table.at(0.0) == 0.0
