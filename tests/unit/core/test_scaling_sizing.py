"""From what was measured to the replicas that are worth it, by example."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.measured import LINEAR, ending, learned, promise, remembered, sample, steady
from trimtab.core.scaling.capacity import Promise, ServiceTimes, capacity_of
from trimtab.core.scaling.forecast import DemandMemory, unit_of, with_past
from trimtab.core.scaling.lateness import Lateness, lateness_of
from trimtab.core.scaling.memory import MOST_REPLICAS, ScalingMemory
from trimtab.core.scaling.price import CHEAPEST, Price
from trimtab.core.scaling.queueing import Replica
from trimtab.core.scaling.sizing import LEAST_WORTH, Need, Sizing, Standing, sizing_of
from trimtab.units import RequestsPerSecond, Seconds


def sized(
    rate: float, told: Promise, *, replicas: int = 0, missing: int = 0, memory: ScalingMemory | None = None
) -> Sizing | None:
    """Return the sizing of a steady rate beside replicas that are there; demand is certain unless remembered else."""
    there = Standing(start=Seconds(65.0), replicas=replicas)
    return sizing_of(sample(rate, missing=missing), remembered() if memory is None else memory, told, there)


def needed(rate: float, told: Promise, **more: Any) -> Sizing:  # noqa: ANN401 - arguments of `sized`
    """Return the sizing where one is known."""
    found = sized(rate, told, **more)
    assert found is not None
    return found


def test_replicas_are_sized_with_their_reason() -> None:
    """Each number of the sentence."""
    sizing = needed(400.0, promise(max_batch=8))

    assert sizing.replicas == 3
    assert sizing.explained(promise(max_batch=8)) == (
        "400.0 requests/s expected in 65 s (now 400.0, in 19 of 20 cases at most 400.0); "
        "one replica serves 166.7 within 80 ms at p99; a late request less is worth 0.0487 s of a replica"
    )


def test_a_trickle_needs_one_replica_and_no_traffic_none() -> None:
    """Also before anything was executed."""
    trickle = needed(0.001, promise())
    quiet = [needed(0.0, promise(), memory=remembered(times=times)) for times in (LINEAR, ServiceTimes())]

    assert (trickle.replicas, trickle.explained(promise())[:8]) == (1, "0.001 re")
    assert [(each.replicas, each.explained(promise())) for each in quiet] == [(0, "no requests come")] * 2
    assert [(each.rate, each.within(0)) for each in quiet] == [(0.0, 1.0)] * 2


def test_less_than_a_number_can_tell_is_in_time() -> None:
    """A rate of which a share is rounded to nothing divides nothing."""
    trickle = needed(0.001, promise())
    assert trickle.outlook is not None
    least = replace(trickle.outlook, rates=(RequestsPerSecond(5e-324),), chances=(1.0,))

    assert replace(trickle, outlook=least).within(1) == 1.0


def test_what_cannot_be_known_is_not_sized() -> None:
    """Nothing was executed yet; or requests wait and none ends, which is no rest."""
    waiting = sample(0.0, pending=3.0, history=steady(0.0))

    assert sized(5.0, promise(), memory=remembered(times=ServiceTimes())) is None
    assert sizing_of(waiting, remembered(), promise(), Standing(start=Seconds(65.0), replicas=1)) is None


def test_a_server_that_hangs_is_not_taken_for_rest_after_a_minute() -> None:
    """Requests came until a minute ago; since then some wait and none ends."""
    hung = sample(0.0, pending=3.0, history=tuple(replace(each, ago=Seconds(each.ago + 61.0)) for each in steady(40.0)))
    there = Standing(start=Seconds(65.0), replicas=5)

    assert sizing_of(hung, remembered(), promise(), there) is None
    assert sizing_of(replace(hung, pending=0.0), remembered(), promise(), there) is not None


def test_an_impossible_target_is_told_with_what_a_request_takes() -> None:
    """The sentence says why more would not help."""
    slow = remembered(times=learned((1, 0.1), (1, 0.1)))

    assert (
        needed(10.0, promise(), memory=slow)
        .explained(promise())
        .endswith("one replica serves 2.0, but none within 80 ms: a request that is alone takes 101 ms")
    )


def test_replicas_that_are_missing_are_taken_to_be_as_busy() -> None:
    """Two pods answer and two do not: twice the demand may be there."""
    sizing = needed(400.0, promise(max_batch=8), missing=2)

    assert (sizing.replicas, sizing.with_missing) == (3, needed(800.0, promise(max_batch=8)).replicas)


def test_a_dearer_late_request_gets_more_replicas() -> None:
    """The price is what is steered."""
    cheap, dear = (
        needed(4_000.0, promise(max_batch=8), memory=replace(remembered(), price=Price(log=log))) for log in (-1.0, 3.0)
    )

    assert dear.replicas > cheap.replicas
    assert dear.worth > cheap.worth


@pytest.mark.parametrize("fresh_first", [True, False])
def test_demand_is_met_however_cheap_a_late_request_is(fresh_first: bool) -> None:  # noqa: FBT001 - pytest passes it
    """Were one worth less than its service, no demand would get a replica; nor would twice as much be noticed."""
    half = replace(promise(max_batch=8), percentile=0.5, fresh_first=fresh_first)
    cheap = replace(remembered(), price=Price(log=CHEAPEST))

    found = [needed(rate, half, memory=cheap) for rate in (2_222.0, 4_444.0)]

    assert [each.replicas for each in found] == pytest.approx([10, 20], rel=0.25)


def test_what_a_burst_needs_is_kept_though_it_would_be_over_before_a_replica_starts() -> None:
    """Half a minute in five, where a start takes one: none is started for it, and those that are there stay."""
    told = replace(promise(max_batch=8), fresh_first=True)
    bursts = ([100.0] * 60 + [1_000.0] * 6) * 12 + [100.0] * 60 + [1_000.0] * 2
    unit = unit_of(capacity_of(LINEAR, told).most)
    known = with_past(DemandMemory(), ending(bursts), 1e6, Seconds(65.0), unit)
    memory = replace(remembered(), demand=known, price=Price(log=-1.0))

    alone, beside = (
        sizing_of(ending(bursts), memory, told, Standing(start=Seconds(65.0), replicas=count)) for count in (1, 6)
    )

    assert alone is not None
    assert beside is not None
    assert alone.kept == alone.replicas == beside.replicas < beside.kept <= 6


FLAT = Lateness(shares=(0.0,) * 151, fresh_first=True, sustained=0.95, worth=5.0)
QUEUE = lateness_of(
    Replica(slots=8, service=Seconds(0.036), variability=0.5), Seconds(0.043), 0.0075, 0.0, fresh_first=True
)


def test_without_replicas_all_is_late() -> None:
    """And first come, first served, no less than with half of one."""
    tail = replace(QUEUE, fresh_first=False)

    assert Need(((2.5, 1.0),), QUEUE).late(0) == 2.5
    assert Need(((2.5, 1.0),), tail).late(0) == 2.5 * tail.at(5.0) > 2.5
    assert Need((), QUEUE).late(0) == 0.0


@pytest.mark.parametrize("guess", [0, 1, 7, 500, MOST_REPLICAS, 10**9])
@pytest.mark.parametrize(("load", "bought"), [(1e-6, 0), (1e9, MOST_REPLICAS)])
def test_what_is_bought_has_bounds_wherever_it_is_looked_for(guess: int, load: float, bought: int) -> None:
    """Demand that is not worth a replica, and one that all of them would not serve."""
    assert Need(((load, 1.0),), QUEUE).bought(QUEUE.worth, guess) == bought


def test_a_replica_that_spares_nothing_goes() -> None:
    """All but what is needed anyway; and none where each spares enough."""
    assert Need(((2.5, 1.0),), QUEUE).kept(QUEUE.worth, 1, 3) == 3
    assert Need(((2.5, 1.0),), QUEUE).kept(QUEUE.worth, 1, 50) == pytest.approx(4, abs=1)
    assert Need(((0.1, 1.0),), FLAT).kept(LEAST_WORTH, 2, 9) == 2
