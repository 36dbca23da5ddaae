"""How many replicas where something is measured, by example."""

import math
from dataclasses import replace

import pytest

from fakes.measured import EPOCH, LINEAR, LOST, ending, levels, measured, remembered, sample, watched
from fakes.snapshots import deployment, model_spec, pool_found, snapshot
from trimtab.api.aimodel import AIModelSpec
from trimtab.core.scaling.capacity import ServiceTimes, capacity_of, promise_of
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.decision import BoundBy, Decision
from trimtab.core.scaling.forecast import STEP, DemandMemory, unit_of, with_past
from trimtab.core.scaling.memory import ColdStart, ScalingMemory, with_cold_starts
from trimtab.core.scaling.observation import NoData, NoDataReason, Observation
from trimtab.core.scaling.price import Price
from trimtab.units import RequestsPerSecond, Seconds

MANY = model_spec(most=1000)


def decided(
    asked: int, observation: Observation, memory: ScalingMemory | None = None, spec: AIModelSpec = MANY
) -> Decision:
    """Return the decision for a model that runs on l4 with so many replicas, all ready."""
    return decide(measured(snapshot(deployment(asked=asked), spec=spec), observation, memory))


def outcome(decision: Decision) -> tuple[int, BoundBy]:
    """Return the number and what bound it."""
    return decision.replicas, decision.bound_by


def test_more_demand_gets_more_replicas_with_every_number() -> None:
    """400 requests/s, of which one replica serves three quarters of its 222.2 in time."""
    decision = decided(1, sample(400.0))

    assert outcome(decision) == (3, BoundBy.OBJECTIVE)
    assert decision.wanted == 3
    assert decision.message == (
        "3 replicas: 400.0 requests/s expected in 67 s (now 400.0, in 19 of 20 cases at most 400.0); "
        "one replica serves 166.7 within 80 ms at p99; a late request less is worth 0.0487 s of a replica"
    )


def test_the_horizon_is_what_a_start_takes() -> None:
    """Told, else nine of ten that were seen, else a minute; and the time until it is looked at."""
    start = ColdStart(at=EPOCH - 500, scheduled=1, pulled=60, fetched=20, loaded=10, warm=2)
    seen = measured(snapshot(deployment(asked=1), spec=MANY), sample(400.0))

    told = decide(replace(seen, cold_start=Seconds(30.0)))
    found = decide(replace(seen, memory=with_cold_starts(seen.memory, [start], EPOCH)))

    assert "expected in 37 s" in told.message
    assert "expected in 100 s" in found.message


def test_fewer_are_given_back_after_a_hold_that_agrees() -> None:
    """Two minutes: twice the minute that a start takes where none was seen."""
    agreed = decided(5, sample(400.0), remembered(wanted=watched(3)))

    assert outcome(agreed) == (3, BoundBy.OBJECTIVE)


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        (watched(3, seconds=119), 5),
        (levels((600, 3), (120, 3), (15, 3)), 5),
        ((), 5),
        (levels((150, 3), (125, 3), (100, 3), (75, 3)), 5),
        (levels((130, 3), (105, 4), (80, 3), (55, 3), (30, 3)), 4),
        (levels((130, 9), (105, 3), (80, 3), (55, 3), (30, 3)), 5),
        (levels((150, 3), (125, 3), (100, 3), (75, 3), (50, 3), (25, 3), (-30, 9)), 3),
    ],
    ids=[
        "too short",
        "a gap",
        "no memory",
        "blind until now",
        "more in between",
        "more before",
        "the future does not count",
    ],
)
def test_a_hold_keeps_the_largest_that_was_wanted(wanted: tuple[object, ...], kept: int) -> None:
    """And all that runs, where it was not watched throughout."""
    decision = decided(5, sample(400.0), remembered(wanted=wanted))  # type: ignore[arg-type] # of Levels

    assert decision.replicas == kept
    assert (decision.bound_by is BoundBy.STABILIZATION) == (kept > 3)
    assert kept == 3 or "it would be 3 now, 400.0 requests/s expected" in decision.message


def test_no_traffic_ends_at_the_minimum() -> None:
    """What nobody asks for is given back, by halves."""
    memory = remembered(wanted=watched(0))

    assert outcome(decided(8, sample(0.0), memory)) == (4, BoundBy.RATE_LIMIT)
    assert outcome(decided(1, sample(0.0), memory)) == (1, BoundBy.MIN_REPLICAS)
    assert decided(8, sample(0.0), memory).message == (
        "4 replicas: no fewer than 4 within 120 s; it was 0, no requests come"
    )


def test_half_of_what_ran_during_the_hold_is_kept() -> None:
    """A second halving waits for a hold after the first."""
    memory = remembered(wanted=watched(0), moves=levels((700, 8), (60, 4)))

    assert decided(4, sample(0.0), memory).replicas == 4
    assert decided(4, sample(0.0), replace(memory, moves=levels((700, 8), (121, 4)))).replicas == 2
    assert decided(3, sample(0.0), remembered(wanted=watched(0), moves=levels((60, 8)))).replicas == 3


@pytest.mark.parametrize(
    ("asked", "moves", "allowed"),
    [(1, (), 5), (0, (), 4), (6, (), 12), (12, ((10, 12), (20, 6)), 12), (12, ((20, 12), (40, 6)), 24)],
)
def test_a_rise_is_four_replicas_or_as_many_again_in_fifteen_seconds(
    asked: int, moves: tuple[tuple[int, int], ...], allowed: int
) -> None:
    """A thousandfold spike is more often a mistake than true."""
    decision = decided(asked, sample(400_000.0), remembered(moves=levels(*sorted(moves, reverse=True))))

    assert outcome(decision) == (allowed, BoundBy.RATE_LIMIT)
    assert decision.wanted is not None
    assert decision.wanted > 1_000


def test_a_rise_that_the_limit_stops_never_becomes_a_fall() -> None:
    """Somebody raised it by hand above what was decided."""
    assert decided(20, sample(400_000.0), remembered(moves=levels((900, 2)))).replicas == 20


@pytest.mark.parametrize(
    "blind",
    [
        LOST,
        NoData(NoDataReason.PARTIAL, "3 of 10 pods answer"),
        replace(sample(1.0), age=Seconds(31.0)),
        replace(sample(1.0), arrivals=RequestsPerSecond(math.nan)),
        replace(sample(1.0), arrivals=RequestsPerSecond(math.inf)),
        replace(sample(1.0), pending=-1.0),
    ],
    ids=["lost", "partial", "old", "no number", "infinite", "negative"],
)
def test_blind_nothing_is_given_back(blind: Observation) -> None:
    """Whatever was wanted before."""
    decision = decided(5, blind, remembered(wanted=watched(1)))

    assert outcome(decision) == (5, BoundBy.METRICS_LOST)
    assert decision.wanted is None
    assert "so what Deployment fraud-l4 has is kept" in decision.message


def test_blind_evidence_may_still_raise() -> None:
    """Half a minute old, and it asked for more than there are."""
    decision = decided(2, replace(sample(735.0), age=Seconds(40.0)))

    assert outcome(decision) == (5, BoundBy.OBJECTIVE)
    assert decision.trail[2].because == (
        "what was measured is 40 s old, but what is known asks for more than the 2 there are"
    )


def test_blind_without_an_accelerator_nothing_is_given_back_either() -> None:
    """The autoscaler moves above a number that does not fall."""
    pool = pool_found("cpu")
    seen = snapshot(deployment("cpu", asked=4), spec=model_spec(variant="cpu"), pool=pool)

    assert outcome(decide(measured(seen, LOST))) == (4, BoundBy.METRICS_LOST)


def test_blind_before_anything_runs_is_the_minimum() -> None:
    """A model is born."""
    assert outcome(decide(measured(snapshot(spec=model_spec(least=2)), LOST))) == (2, BoundBy.MIN_REPLICAS)


def test_replicas_that_are_not_measured_keep_theirs() -> None:
    """Two of three answer: were the third as busy, two would not be enough; it is no reason for a fourth."""
    memory = remembered(wanted=watched(1))

    assert outcome(decided(3, sample(260.0, missing=1), memory)) == (3, BoundBy.OBJECTIVE)
    assert "1 replicas are not measured" in decided(3, sample(260.0, missing=1), memory).message
    assert decided(2, sample(260.0, missing=2), memory).replicas == 2
    assert decided(3, sample(260.0), memory).replicas == 2


def test_on_a_variant_that_was_not_measured_a_model_keeps_what_it_had() -> None:
    """What a batch takes on an l4 tells nothing of an h100, nor does the number that was enough there."""
    spec, pool = model_spec(variant="h100"), pool_found("h100")
    memory = remembered(wanted=watched(1))

    before = decide(measured(snapshot(deployment("l4", asked=4), spec=spec, pool=pool), sample(1.0), memory))
    after = decide(measured(snapshot(deployment("h100", asked=4), spec=spec, pool=pool), sample(1.0), memory))

    assert outcome(before) == (4, BoundBy.METRICS_LOST)
    assert outcome(after) == (4, BoundBy.HELD)
    assert "how long a batch takes is not known yet" in after.message


@pytest.mark.parametrize(
    ("pending", "ready", "replicas", "bound_by"),
    [
        (0.0, 3, 3, BoundBy.HELD),
        (2.0, 3, 5, BoundBy.OBJECTIVE),
        (90.0, 3, 6, BoundBy.OBJECTIVE),
        (90.0, 2, 3, BoundBy.HELD),
    ],
)
def test_without_service_times_what_waits_may_raise(
    pending: float, ready: int, replicas: int, bound_by: BoundBy
) -> None:
    """At most to twice, and not while replicas are on their way: they would be counted twice."""
    seen = snapshot(deployment(asked=3, ready=ready), spec=MANY)

    decision = decide(measured(seen, sample(5.0, pending=pending), remembered(times=ServiceTimes())))

    assert outcome(decision) == (replicas, bound_by)
    assert decision.next_replica is None


def test_without_service_times_and_replicas_there_is_the_minimum() -> None:
    """A sample of pods that are gone."""
    decision = decide(measured(snapshot(spec=MANY), sample(5.0), remembered(times=ServiceTimes())))

    assert outcome(decision) == (1, BoundBy.MIN_REPLICAS)


def test_a_person_goes_before_all_of_it() -> None:
    """A pin moves at once, and so do bounds."""
    pinned = decided(1, sample(400.0), spec=model_spec(most=100, pin=50))
    bounded = decided(1, sample(3_000.0), spec=model_spec(most=2))

    assert outcome(pinned) == (50, BoundBy.PIN)
    assert pinned.wanted == 3
    assert outcome(bounded) == (2, BoundBy.MAX_REPLICAS)


def taught(rates: list[float]) -> ScalingMemory:
    """Return a memory of certain service times and of traffic that ended a step ago."""
    unit = unit_of(capacity_of(LINEAR, promise_of(MANY)).most)
    known = with_past(DemandMemory(), ending(rates), EPOCH - STEP, Seconds(67.0), unit)
    return replace(remembered(), demand=known)


def test_what_traffic_was_like_decides_with_what_comes_now() -> None:
    """The same requests each second: more replicas where they have always doubled in a minute."""
    doubled, level = [400.0 * 2.0 ** (at / 12 - 8) for at in range(12 * 8)], [400.0] * 96

    rising, steady_one = (decided(3, ending(rates), taught(rates)) for rates in (doubled, level))

    assert rising.wanted is not None
    assert steady_one.wanted is not None
    assert rising.wanted >= steady_one.wanted + 2


def test_what_is_worth_being_kept_is_not_given_back() -> None:
    """A burst that would be over before a replica starts: those that are there stay for it."""
    bursts = ([100.0] * 60 + [1_000.0] * 6) * 12 + [100.0] * 60 + [1_000.0] * 2
    memory = replace(taught(bursts), price=Price(log=-0.5), wanted=watched(0))

    decision = decided(6, ending(bursts), memory)

    assert decision.bound_by is BoundBy.OBJECTIVE
    assert decision.wanted == decision.replicas
    assert f"would be started for that, and {decision.replicas} are worth being kept" in decision.message


@pytest.mark.parametrize(
    ("points", "cold_start", "hold"),
    [(0, 10.0, 60.0), (0, 100.0, 200.0), (0, 900.0, 600.0), (200, 100.0, 60.0), (200, 10.0, 60.0)],
)
def test_a_hold_is_two_starts_until_demand_is_known_and_then_a_minute(
    points: int, cold_start: float, hold: float
) -> None:
    """Then what is worth being kept says more than a time; between a minute and ten in any case."""
    memory = taught([400.0] * points) if points else remembered()
    seen = measured(snapshot(deployment(asked=9), spec=MANY), sample(400.0), memory)

    decision = decide(replace(seen, cold_start=Seconds(cold_start)))

    assert f"in the last {hold:.0f} s" in decision.message
