"""How many replicas where something is measured, by example."""

import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from fakes.measured import EPOCH, LINEAR, LOST, learned, levels, measured, remembered, sample, steady, watched
from fakes.snapshots import CPU, H100, L4, deployment, model_spec, pool_found, snapshot
from trimtab.api.aimodel import AIModelSpec
from trimtab.core.scaling.capacity import ServiceTimes
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.decision import BoundBy, Decision
from trimtab.core.scaling.memory import ColdStart, ScalingMemory, with_cold_starts
from trimtab.core.scaling.observation import NoData, NoDataReason, Observation
from trimtab.core.scaling.remember import remember
from trimtab.core.snapshot import ModelSnapshot
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
    """300 requests/s, 149.4 for each replica."""
    decision = decided(1, sample(300.0))

    assert outcome(decision) == (3, BoundBy.OBJECTIVE)
    assert decision.wanted == 3
    assert decision.message == (
        "3 replicas: 300.0 requests/s expected within 67 s (now 300.0, growth 1.00); "
        "one replica serves 149.4 within 80 ms at p99"
    )


def test_the_horizon_is_what_a_start_takes() -> None:
    """Told, else nine of ten that were seen, else a minute; and the time until it is looked at."""
    start = ColdStart(at=EPOCH - 500, scheduled=1, pulled=60, fetched=20, loaded=10, warm=2)
    seen = measured(snapshot(deployment(asked=1), spec=MANY), sample(300.0))

    told = decide(replace(seen, cold_start=Seconds(30.0)))
    found = decide(replace(seen, memory=with_cold_starts(seen.memory, [start], EPOCH)))

    assert "within 37 s" in told.message
    assert "within 100 s" in found.message


def test_fewer_are_given_back_after_a_hold_that_agrees() -> None:
    """Two minutes: twice the minute that a start takes where none was seen."""
    agreed = decided(5, sample(300.0), remembered(wanted=watched(3)))

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
    decision = decided(5, sample(300.0), remembered(wanted=wanted))  # type: ignore[arg-type] # of Levels

    assert decision.replicas == kept
    assert (decision.bound_by is BoundBy.STABILIZATION) == (kept > 3)
    assert kept == 3 or "it would be 3 now, 300.0 requests/s expected" in decision.message


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
    decision = decided(asked, sample(300_000.0), remembered(moves=levels(*sorted(moves, reverse=True))))

    assert outcome(decision) == (allowed, BoundBy.RATE_LIMIT)
    assert decision.wanted == 2008


def test_a_rise_that_the_limit_stops_never_becomes_a_fall() -> None:
    """Somebody raised it by hand above what was decided."""
    assert decided(20, sample(300_000.0), remembered(moves=levels((900, 2)))).replicas == 20


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
    decision = decided(2, replace(sample(600.0), age=Seconds(40.0)))

    assert outcome(decision) == (5, BoundBy.OBJECTIVE)
    assert decision.trail[1].because == (
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

    assert outcome(decided(3, sample(220.0, missing=1), memory)) == (3, BoundBy.OBJECTIVE)
    assert "1 replicas are not measured" in decided(3, sample(220.0, missing=1), memory).message
    assert decided(2, sample(220.0, missing=2), memory).replicas == 2
    assert decided(3, sample(220.0), memory).replicas == 2


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
    pinned = decided(1, sample(300.0), spec=model_spec(most=100, pin=50))
    bounded = decided(1, sample(3_000.0), spec=model_spec(most=2))

    assert outcome(pinned) == (50, BoundBy.PIN)
    assert pinned.wanted == 3
    assert outcome(bounded) == (2, BoundBy.MAX_REPLICAS)


def test_the_next_replica_has_its_price_and_its_use() -> None:
    """Bound to one less than needed, one more would bring 99 %."""
    decision = decided(2, sample(300.0), spec=model_spec(most=2))
    enough = decided(3, sample(300.0))

    assert decision.next_replica is not None
    assert enough.next_replica is not None
    assert decision.next_replica.hourly == Decimal("0.80")
    assert decision.next_replica.within_now < 0.99
    assert decision.next_replica.within_then >= 0.99
    assert enough.next_replica.within_now == pytest.approx(decision.next_replica.within_then)


def test_the_first_replica_answers_what_none_answers() -> None:
    """Pinned to none, and a price that nobody wrote."""
    seen = snapshot(deployment(asked=0), spec=model_spec(pin=0), pool=pool_found("l4", {"name": "l4"}))

    following = decide(measured(seen, sample(100.0))).next_replica

    assert following is not None
    assert (following.hourly, following.within_now) == (None, 0.0)
    assert following.within_then >= 0.99


@pytest.mark.parametrize(
    ("changes", "times", "begins"),
    [
        ({}, LINEAR, ""),
        ({"batch_size": 1.0, "batch_time": 0.02}, LINEAR, ""),
        ({"batch_size": 1.0, "batch_time": 0.02, "queue_time": 0.03}, LINEAR, "allow batching"),
        ({"batch_size": 1.0, "batch_time": 0.02, "queue_time": 0.01}, LINEAR, ""),
        ({"batch_size": 2.0, "batch_time": 0.02, "queue_time": 0.03}, LINEAR, ""),
        ({"busiest": 1.6}, LINEAR, "spread requests: the busiest replica has 1.6 times the mean"),
        ({"busiest": 1.4}, LINEAR, ""),
        ({"busiest": 1.6}, ServiceTimes(), "spread requests"),
        ({}, learned((1, 0.1), (1, 0.1)), "raise objectives.latency.target"),
    ],
)
def test_what_would_help_better_is_said(changes: dict[str, float], times: ServiceTimes, begins: str) -> None:
    """Before accelerators are bought."""
    hint = decided(2, replace(sample(100.0), **changes), remembered(times=times)).hint  # type: ignore[arg-type] # numbers

    assert hint.startswith(begins)
    assert bool(hint) == bool(begins)


def after(seen: ModelSnapshot) -> ScalingMemory:
    """Return what is remembered of a decision on a snapshot."""
    return remember(seen, decide(seen))


EXECUTED = replace(sample(300.0), batch_size=4.0, batch_time=Seconds(0.028))
SEEN = measured(snapshot(deployment(asked=1), spec=MANY), EXECUTED)


def test_a_decision_and_its_sample_are_remembered() -> None:
    """What was wanted, what was decided, and one more sample of service times, as of its own time."""
    memory = after(SEEN)

    assert memory.wanted == levels((0, 3))
    assert memory.moves == levels((0, 3))
    assert memory.learned_at == EPOCH - 2
    assert memory.times == LINEAR.learned(4.0, Seconds(0.028), since=Seconds(58.0))


def test_a_decision_that_moves_nothing_adds_nothing_to_the_moves() -> None:
    """A later one of the same number neither."""
    seen = replace(SEEN, memory=remembered(moves=levels((100, 3))))

    assert after(seen).moves == levels((100, 3))


def test_within_a_step_the_largest_recommendation_is_kept_and_what_is_old_is_forgotten() -> None:
    """A quarter of a minute; and ten minutes with what was in force at their beginning."""
    before = levels((700, 9), (100, 2), (10, 5))

    assert after(replace(SEEN, memory=remembered(wanted=before))).wanted == levels((100, 2), (10, 5))
    assert after(replace(SEEN, memory=remembered(wanted=levels((14, 2))))).wanted == levels((14, 3))
    assert after(replace(SEEN, memory=remembered(wanted=levels((15, 2))))).wanted == levels((15, 2), (0, 3))


@pytest.mark.parametrize(
    "observation",
    [
        LOST,
        sample(300.0),
        replace(EXECUTED, batch_size=0.5),
        replace(EXECUTED, batch_size=float("nan")),
        replace(EXECUTED, batch_time=None),
        replace(EXECUTED, batch_time=Seconds(0.0)),
        replace(EXECUTED, batch_time=Seconds(float("inf"))),
        replace(EXECUTED, age=Seconds(100.0)),
    ],
)
def test_what_tells_nothing_of_service_times_is_not_learned_from(observation: Observation) -> None:
    """Nothing executed, no plausible numbers, or a sample of before the last one."""
    memory = after(replace(SEEN, observation=observation))

    assert (memory.times, memory.learned_at) == (LINEAR, EPOCH - 60)


def test_a_window_that_was_mostly_seen_counts_by_what_is_new_of_it() -> None:
    """Five of its thirty seconds."""
    memory = after(replace(SEEN, memory=replace(remembered(), learned_at=EPOCH - 7)))

    assert memory.times == LINEAR.learned(4.0, Seconds(0.028), since=Seconds(5.0), share=5 / 30)


def test_blind_nothing_is_recommended() -> None:
    """A gap in the watch, which a hold does not take for agreement."""
    assert after(replace(SEEN, observation=LOST)).wanted == ()


def test_without_a_source_nothing_is_remembered() -> None:
    """A model whose pool measures nothing writes nothing."""
    seen = replace(SEEN, observation=None)

    assert after(seen) is seen.memory


def test_two_variants_at_once_teach_nothing_and_a_new_one_begins_anew() -> None:
    """Their batches are mixed in one sample."""
    pool = pool_found("h100", L4, H100, CPU)
    both = measured(snapshot(deployment("l4", asked=2), deployment("h100", asked=2), pool=pool), EXECUTED)
    new = measured(snapshot(deployment("l4", asked=0), deployment("h100", asked=2), pool=pool), EXECUTED)

    assert after(both).times == LINEAR
    assert (after(new).variant, after(new).times) == (
        "h100",
        ServiceTimes().learned(4.0, Seconds(0.028), since=Seconds(30.0)),
    )


def test_a_clock_that_was_ahead_does_not_stop_learning() -> None:
    """An hour, corrected: what lies in the future is as if it were not there."""
    earlier = replace(SEEN, now=SEEN.now - timedelta(hours=1))
    seen = replace(earlier, memory=remembered(wanted=levels((0, 9)), moves=levels((0, 9))))

    memory = after(seen)

    assert memory.times == LINEAR.learned(4.0, Seconds(0.028), since=Seconds(30.0))
    assert memory.wanted == memory.moves == levels((3_600, 3))


def test_history_is_used_for_growth() -> None:
    """What doubled within a start's time is expected to double again."""
    history = tuple(
        replace(point, rate=RequestsPerSecond(point.rate * 2 ** (at / 13)))
        for at, point in enumerate(steady(40.0, points=40))
    )

    decision = decided(1, sample(300.0, history=history))

    assert "growth 2.00" in decision.message
    assert decision.replicas == 5
