"""What pods say directly: when it is a step, how much came, and what the decision makes of it."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from fakes.measured import LINEAR, LOST, ending, measured, past_of, remembered, sample, watched
from fakes.snapshots import deployment, model_spec, snapshot
from trimtab.core.scaling.capacity import ServiceTimes
from trimtab.core.scaling.decide import decide, sized_for
from trimtab.core.scaling.decision import BoundBy, Decision
from trimtab.core.scaling.observation import Observation
from trimtab.core.scaling.readings import (
    PodCount,
    Reading,
    Round,
    SizedFor,
    as_read,
    dispersion_of,
    grown,
    measured_since,
    step_in,
)
from trimtab.units import RequestsPerSecond, Seconds

MANY = model_spec(most=1000)


def told(at: float, ended: float, pending: float = 0.0) -> PodCount:
    """Return what a pod's page says."""
    return PodCount(at=Seconds(at), ended=ended, pending=pending)


def planned(rate: float, in_flight: float = 1.0) -> SizedFor:
    """Return a plan for a rate that was never another."""
    return SizedFor(rate=RequestsPerSecond(rate), sample=sample(rate), in_flight=in_flight)


def read(rate: float, age: float = 1.8) -> Reading:
    """Return what two pods said of a rate."""
    return Reading(rate=RequestsPerSecond(rate), window=Seconds(3.0), pods=2, age=Seconds(age))


def of_one(*counts: PodCount) -> Sequence[Round]:
    """Return the rounds of one pod."""
    return [{"a": each} for each in counts]


def test_four_times_the_rate_is_a_step_within_three_seconds() -> None:
    """2 requests/s were planned with; 24 in 3 s are more than chance."""
    found = step_in(of_one(told(0, 100), told(1, 108), told(2, 116), told(3, 124)), planned(2.0))

    assert found is not None
    assert found.rate == 8.0
    assert (found.pods, found.age) == (1, 0.0)


@pytest.mark.parametrize(
    ("rounds", "why"),
    [
        ([], "nothing was read"),
        (of_one(told(0, 100)), "one page is no rate"),
        (of_one(told(0, 100), told(1, 150)), "a second is too short"),
        (of_one(told(0, 100), told(30, 900)), "half a minute is too long"),
        (of_one(told(0, 100), told(2, 110)), "ten in two seconds may be chance"),
        (of_one(told(0, 100), told(2, 40)), "its counters began anew"),
        (of_one(told(0, 100, 60), told(2, 160, 0)), "what waited has been answered, and nothing came"),
        ([{"a": told(0, 0)}, {"b": told(3, 900)}], "another pod has the address"),
        ([{"a": told(0, 0)}, {}], "nobody answered"),
    ],
)
def test_what_is_no_step(rounds: Sequence[Round], why: str) -> None:
    """Neither chance, nor what cannot be compared."""
    assert step_in(rounds, planned(2.0)) is None, why


def test_what_waits_has_come() -> None:
    """At saturation, completions alone stand still."""
    found = step_in(of_one(told(0, 100, 0), told(2, 104, 40)), planned(2.0))

    assert found is not None
    assert found.rate == 22.0


def test_pods_are_added_up_and_one_that_is_new_or_began_anew_is_left_out() -> None:
    """What cannot be compared counts nothing, and takes nothing from the others."""
    before = {"a": told(0, 0), "b": told(0, 0), "reset": told(0, 5_000)}
    after = {"a": told(2, 40), "b": told(2, 40), "reset": told(2, 3), "new": told(2, 700)}

    found = step_in([before, after], planned(10.0))

    assert found is not None
    assert found.pods == 2
    assert found.rate == 40.0


def test_a_step_that_goes_on_is_measured_from_where_it_began() -> None:
    """The luck of its first seconds weighs less each time; once no page is left of then, nothing is known."""
    rounds = of_one(told(0, 0), told(2, 4), told(4, 36), told(6, 44), told(8, 52))

    whole = measured_since(rounds, Seconds(2.0))

    assert whole is not None
    assert (whole.rate, whole.window, whole.pods) == (8.0, 6.0, 1)
    assert measured_since(rounds, Seconds(7.0)) is None
    assert measured_since([], Seconds(0.0)) is None
    assert measured_since([*rounds, {}], Seconds(0.0)) is None
    emptied = measured_since(of_one(told(0, 50, 50), told(2, 50, 0)), Seconds(0.0))
    assert emptied is not None
    assert emptied.rate == 0.0


def test_bursty_traffic_has_to_exceed_its_own_bursts() -> None:
    """What is a step of steady traffic is an ordinary moment of this one."""
    rounds = of_one(told(0, 0), told(3, 75))
    bursty = past_of([4.0, 4.0, 4.0, 30.0, 30.0, 30.0] * 10)

    assert step_in(rounds, planned(10.0)) is not None
    assert step_in(rounds, replace(planned(10.0), sample=sample(10.0, history=bursty))) is None


def test_a_batch_that_ends_is_no_step() -> None:
    """A pod that works on 64 requests for seconds tells of all of them at once."""
    rounds = of_one(told(0, 0), told(2, 64))

    assert step_in(rounds, planned(10.0)) is not None
    assert step_in(rounds, planned(10.0, in_flight=64.0)) is None


def test_chance_has_a_dispersion_of_one_and_neither_a_rise_nor_a_step_has_more() -> None:
    """Below one, and without a past, it is taken to be one."""
    assert dispersion_of(()) == 1.0
    assert dispersion_of(past_of([0.0] * 20)) == 1.0
    assert dispersion_of(past_of([10.0] * 20)) == 1.0
    assert dispersion_of(past_of([10.0 + 0.1 * step for step in range(60)])) == 1.0
    assert dispersion_of(past_of([2.0] * 30 + [8.0] * 30)) == 1.0


def test_bursts_have_a_large_dispersion_the_more_surely_the_more_are_known() -> None:
    """From a dozen points anything may be found."""
    few, many = ([1.0, 1.0, 1.0, 21.0, 21.0, 21.0] * times for times in (2, 10))

    assert 1.0 < dispersion_of(past_of(few)) < 0.5 * dispersion_of(past_of(many))
    assert dispersion_of(past_of(many)) > 100.0


def test_the_rate_before_a_reading_is_part_of_its_past() -> None:
    """So that the law sees a rise, and what Prometheus has not seen yet."""
    before = sample(10.0)
    after = grown(before, read(40.0))

    assert (after.arrivals, after.age) == (40.0, 1.8)
    assert (after.history[-1].ago, after.history[-1].rate) == (before.age, 10.0)
    assert [point.ago for point in after.history] == sorted((point.ago for point in after.history), reverse=True)
    assert grown(before, read(4.0)).arrivals == 10.0


def decided(observation: Observation, reading: Reading | None, times: ServiceTimes = LINEAR) -> Decision:
    """Return the decision for a model with two replicas."""
    memory = remembered(wanted=watched(1), times=times)
    seen = measured(snapshot(deployment(asked=2), spec=MANY), observation, memory)
    return decide(replace(seen, reading=reading))


def test_a_reading_raises_and_the_trail_names_it() -> None:
    """The law takes a leap for half true at first, as it does whoever tells of it; Prometheus still tells of 200."""
    decision = decided(sample(200.0), read(800.0))

    assert (decision.replicas, decision.bound_by) == (4, BoundBy.OBJECTIVE)
    assert decision.wanted == 4
    assert decision.expected == pytest.approx(200.0)
    assert decision.trail[1].policy == "FollowReadings"
    assert decision.trail[1].because.startswith("direct reading, 1.8 s old: 800 requests/s; ")
    assert "(now 800.0" in decision.trail[1].because


@pytest.mark.parametrize(
    ("observation", "reading", "times", "said"),
    [
        (sample(200.0), None, LINEAR, "no direct reading tells of more"),
        (sample(200.0), read(2.0), LINEAR, "direct reading, 1.8 s old: 2 requests/s, which needs no more"),
        (
            sample(200.0),
            read(800.0),
            ServiceTimes(),
            "direct reading, 1.8 s old: 800 requests/s, but how long a batch takes is not known yet",
        ),
    ],
)
def test_a_reading_that_needs_no_more_changes_nothing(
    observation: Observation, reading: Reading | None, times: ServiceTimes, said: str
) -> None:
    """And says why."""
    decision, without = decided(observation, reading, times), decided(observation, None, times)

    assert decision.trail[1].because == said
    assert (decision.replicas, decision.bound_by) == (without.replicas, without.bound_by)


def test_while_prometheus_is_lost_a_reading_still_raises() -> None:
    """What is left of the evidence; without it, what runs is held."""
    assert decided(LOST, None).replicas == 2
    assert decided(LOST, read(800.0)).replicas == 5
    assert decided(LOST, read(800.0)).wanted is None
    assert as_read(read(800.0)).arrivals == 800.0


def test_a_reading_of_times_that_another_variant_took_is_none() -> None:
    """On this one nobody knows what a replica serves."""
    memory = replace(remembered(times=LINEAR), variant="h100")
    seen = measured(snapshot(deployment(asked=2), spec=MANY), sample(200.0), memory)

    assert decide(replace(seen, reading=read(800.0))).replicas == 2


def test_what_was_planned_with_is_the_larger_of_expected_and_measured() -> None:
    """A sample alone may be a lull; where nothing was planned by one, nothing can exceed it."""
    seen = measured(snapshot(deployment(asked=2), spec=MANY), replace(ending([100.0] * 40), batch_size=4.0))
    lost = measured(snapshot(deployment(asked=2), spec=MANY), LOST)

    sized = sized_for(seen, decide(seen))

    assert sized is not None
    assert sized.rate == pytest.approx(100.0)
    assert sized.in_flight == 4.0
    assert sized_for(lost, decide(lost)) is None
    quiet = measured(snapshot(deployment(asked=2), spec=MANY), sample(100.0))
    assert sized_for(lost, decide(quiet)) is None
    assert getattr(sized_for(quiet, decide(quiet)), "in_flight", None) == 1.0
