"""What is remembered of a decision and of its sample, by example."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fakes.measured import EPOCH, LINEAR, LOST, ending, levels, measured, remembered, sample, timed
from fakes.snapshots import CPU, H100, L4, deployment, model_spec, pool_found, snapshot
from trimtab.api.aimodel import AIModelSpec
from trimtab.api.conditions import Reason
from trimtab.core.scaling.capacity import ServiceTimes
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.forecast import HORIZONS, STEP, DemandMemory, Learned
from trimtab.core.scaling.memory import ScalingMemory
from trimtab.core.scaling.observation import LatencyDistribution, LatencyPoint, Observation, Sample
from trimtab.core.scaling.price import Price
from trimtab.core.scaling.proposal import INFORMED
from trimtab.core.scaling.remember import remember
from trimtab.core.snapshot import ModelSnapshot, PoolUnusable
from trimtab.units import RequestsPerSecond, Seconds

MANY = model_spec(most=1000)
EXECUTED = replace(sample(400.0), batch_size=4.0, batch_time=Seconds(0.028))
SEEN = measured(snapshot(deployment(asked=1), spec=MANY), EXECUTED)


def after(seen: ModelSnapshot) -> ScalingMemory:
    """Return what is remembered of a decision on a snapshot."""
    return remember(seen, decide(seen))


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


def test_without_a_pool_that_can_be_used_only_the_number_is_remembered() -> None:
    """There is no variant whose replicas the sample could be about."""
    lost = replace(SEEN, pool=PoolUnusable(Reason.POOL_NOT_FOUND, "it is not there"))

    memory = remember(lost, decide(SEEN))

    assert memory == replace(SEEN.memory, wanted=levels((0, 3)), moves=levels((0, 3)))


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


POOR = timed(300.0, within=0.5)
"""Half of the requests in time, where 99 of 100 shall be."""
PERFECT = replace(
    POOR,
    latency=LatencyDistribution(
        points=(LatencyPoint(quantile=1.0, latency=Seconds(0.05)),),
        requests=9_000.0,
        source="GatewayHistogram",
        resolution=Seconds(0.001),
    ),
)


def informed(memory: ScalingMemory, ago: float = 5.0) -> ScalingMemory:
    """Return the memory of somebody who has watched demand for long enough, until so many seconds ago."""
    squares = (INFORMED, *(0.0 for _ in range(5)))
    known = tuple(replace(each, squares=squares) for each in memory.demand.learned)
    return replace(memory, demand=replace(memory.demand, learned=known, until=EPOCH - ago))


def price_after(told: Sample, asked: int = 2, ready: int | None = None, spec: AIModelSpec = MANY) -> float:
    """Return the logarithm of a price after a decision; it was 0 before."""
    seen = snapshot(deployment(asked=asked, ready=ready), spec=spec)
    return after(measured(seen, told, informed(remembered()))).price.log


def test_where_many_are_late_the_price_rises_and_where_none_is_it_falls() -> None:
    """Nothing moves where nobody says how long requests took."""
    assert price_after(PERFECT) < price_after(replace(POOR, latency=None)) == 0.0 < price_after(POOR)


@pytest.mark.parametrize(
    ("asked", "ready", "spec"),
    [
        (2, 0, MANY),
        (0, 0, MANY),
        (2, 2, model_spec(most=1)),
        (2, 2, model_spec(most=9, budget="0.80")),
        (2, 2, model_spec(most=9, pin=2)),
        (1, 1, model_spec(most=9, mode="Advisory")),
    ],
    ids=["on their way", "none", "maximum", "budget", "pin", "advice"],
)
def test_the_price_does_not_rise_where_it_would_get_no_more(asked: int, ready: int, spec: AIModelSpec) -> None:
    """It would rise without end, and be paid for long after."""
    assert price_after(POOR, asked, ready, spec) <= 0.0


def test_the_price_rises_less_while_replicas_are_on_their_way() -> None:
    """What is late is answered already."""
    assert price_after(POOR, asked=4, ready=2) < price_after(POOR, asked=4, ready=4)


def test_before_demand_is_known_lateness_says_nothing_of_its_price() -> None:
    """Too few replicas in the first minutes are the forecast's doing."""
    seen = measured(snapshot(deployment(asked=2), spec=MANY), POOR)

    assert after(seen).price == seen.memory.price
    assert after(replace(seen, memory=informed(seen.memory))).price != seen.memory.price


def test_demand_is_learned_up_to_its_sample() -> None:
    """The next look learns what is new."""
    memory = after(replace(SEEN, memory=replace(remembered(), demand=DemandMemory())))

    assert memory.demand.until == EPOCH - 2.0
    assert memory.demand.unit > 0.0
    assert all(each.weight > 0.0 for each in memory.demand.learned)


@pytest.mark.parametrize(
    "observation",
    [LOST, replace(EXECUTED, missing=1), replace(EXECUTED, age=Seconds(31.0))],
    ids=["lost", "partial", "old"],
)
def test_what_does_not_tell_of_all_requests_teaches_nothing_of_demand(observation: Observation) -> None:
    """A dip that never was would be expected again."""
    memory = after(replace(SEEN, observation=observation))

    assert (memory.demand, memory.price) == (SEEN.memory.demand, SEEN.memory.price)


def test_without_service_times_nothing_is_learned_of_demand() -> None:
    """There is no unit to count in."""
    found = measured(SEEN, sample(400.0), remembered(times=ServiceTimes()))

    assert after(found).demand == found.memory.demand


def test_who_looks_more_often_learns_as_much_and_no_more() -> None:
    """Looks a second apart: each half step is learned from once, and none is skipped for ever."""
    found = measured(snapshot(deployment(asked=2), spec=MANY), POOR, informed(remembered()))
    first = after(found)

    sooner = after(replace(found, memory=first, now=found.now + timedelta(seconds=STEP / 2.0 - 0.1)))
    later = after(replace(found, memory=sooner, now=found.now + timedelta(seconds=STEP)))

    assert (sooner.demand, sooner.price) == (first.demand, first.price)
    assert later.demand.until == first.demand.until + STEP
    assert later.price.log > first.price.log


def test_a_clock_that_was_ahead_does_not_steer_the_price() -> None:
    """Nor does it stop learning."""
    found = measured(snapshot(deployment(asked=2), spec=MANY), POOR)
    memory = informed(replace(found.memory, price=Price(log=0.25)), ago=-3_600.0)

    then = after(replace(found, memory=memory))

    assert then.price == memory.price
    assert then.demand.until == EPOCH - 2.0


def test_what_was_learned_in_another_unit_begins_anew() -> None:
    """A replica that has become four times as fast serves another crowd than the bins are made for."""
    slow = DemandMemory(unit=1_000.0, until=EPOCH - 60.0, learned=(Learned(squares=(99.0,) * 6),) * HORIZONS)

    memory = after(replace(SEEN, observation=ending([400.0] * 5), memory=replace(remembered(), demand=slow)))

    assert memory.demand.unit < 100.0
    assert max(each.weight for each in memory.demand.learned) < 10.0
    assert RequestsPerSecond(memory.demand.unit**2 / 4.0) == pytest.approx(8.0 / 0.036, rel=1e-3)
