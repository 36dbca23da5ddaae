"""Laws of direct readings: they only ever raise, and tell of no more than was counted."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings, strategies as st

from fakes.measured import CERTAIN, LINEAR, measured, past_of, remembered, sample
from fakes.snapshots import deployment, model_spec, pool_found, snapshot
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.memory import ScalingMemory
from trimtab.core.scaling.observation import NoData, NoDataReason, Observation
from trimtab.core.scaling.readings import LONGEST_WINDOW, PodCount, Reading, SizedFor, dispersion_of, step_in
from trimtab.core.scaling.remember import remember
from trimtab.core.snapshot import ModelSnapshot
from trimtab.units import RequestsPerSecond, Seconds

quick = settings(max_examples=100)
rates = st.floats(0.0, 1e5).map(RequestsPerSecond)
readings = st.builds(
    Reading,
    rate=st.floats(0.0, 1e9).map(RequestsPerSecond),
    window=st.floats(1.8, LONGEST_WINDOW).map(Seconds),
    pods=st.integers(1, 1_000),
    age=st.floats(0.0, 10.0).map(Seconds),
)
samples = st.builds(
    lambda rate, missing, pending, past, age: replace(
        sample(rate, missing=missing, pending=pending, history=past_of(past)), age=Seconds(age)
    ),
    rates,
    st.integers(0, 5),
    st.floats(0.0, 1e4),
    st.lists(rates, max_size=12),
    st.floats(0.0, 60.0),
)
lost: st.SearchStrategy[Observation] = st.sampled_from(NoDataReason).map(lambda reason: NoData(reason, "it is said"))
memories = st.sampled_from(
    [
        ScalingMemory(),
        remembered(times=LINEAR),
        replace(remembered(times=LINEAR), demand=CERTAIN),
        replace(remembered(times=LINEAR), variant="h100"),
    ]
)
moments = st.builds(
    lambda asked, most, observation, memory: measured(
        snapshot(deployment(asked=asked), spec=model_spec(most=most), pool=pool_found("l4")), observation, memory
    ),
    st.integers(0, 100),
    st.integers(1, 1_000),
    samples | lost,
    memories,
)


@quick
@given(moments, readings)
def test_with_a_reading_there_are_never_fewer_replicas_than_without(found: ModelSnapshot, reading: Reading) -> None:
    """Nor is ever less wanted, or the ceiling another."""
    without, decision = decide(found), decide(replace(found, reading=reading))

    assert decision.replicas >= without.replicas
    assert (decision.wanted or 0) >= (without.wanted or 0)
    assert (decision.wanted is None) == (without.wanted is None)
    assert (decision.expected, decision.ceiling) == (without.expected, without.ceiling)


@quick
@given(moments, readings, readings)
def test_a_larger_reading_never_gets_fewer_replicas(found: ModelSnapshot, one: Reading, other: Reading) -> None:
    """Of two that are alike but for the rate."""
    less, more = sorted((one.rate, other.rate))

    asked = [decide(replace(found, reading=replace(one, rate=rate))).replicas for rate in (less, more)]

    assert asked == sorted(asked)


@quick
@given(moments, readings, st.integers(1, 120))
def test_a_reading_never_shortens_a_hold(found: ModelSnapshot, reading: Reading, later: int) -> None:
    """Whoever has read something gives back no sooner, and what demand and times have taught is the same."""
    read = replace(found, reading=reading)
    plain_memory, read_memory = remember(found, decide(found)), remember(read, decide(read))
    afterwards = replace(found, now=found.now + timedelta(seconds=later))

    plain, held = (decide(replace(afterwards, memory=memory)) for memory in (plain_memory, read_memory))

    assert held.replicas >= min(plain.replicas, found_replicas(found))
    assert (read_memory.demand, read_memory.times, read_memory.price) == (
        plain_memory.demand,
        plain_memory.times,
        plain_memory.price,
    )


def found_replicas(found: ModelSnapshot) -> int:
    """Return what the Deployment is asked for."""
    (child,) = found.children.values()
    return int(child["spec"]["replicas"])


counts = st.builds(
    lambda at, ended, pending: PodCount(at=Seconds(at), ended=ended, pending=pending),
    st.floats(0.0, 30.0),
    st.floats(0.0, 1e6),
    st.floats(0.0, 1e4),
)
rounds = st.lists(st.dictionaries(st.sampled_from("abc"), counts, max_size=3), max_size=6)


@given(rounds, rates, st.floats(1.0, 64.0))
def test_what_is_read_is_more_than_was_planned_with_and_was_counted(
    told: list[dict[str, PodCount]], rate: RequestsPerSecond, in_flight: float
) -> None:
    """Never more than the counters grew by, whichever began anew."""
    reading = step_in(told, SizedFor(rate=rate, sample=sample(rate), in_flight=in_flight))

    if reading is not None:
        most = sum(max(count.ended + count.pending for each in told for count in each.values()) for _ in "abc")
        assert rate < reading.rate <= most / reading.window + 1e-6
        assert 1 <= reading.pods <= 3


@given(st.lists(rates, max_size=70))
def test_a_dispersion_is_a_number_from_one_on(told: list[RequestsPerSecond]) -> None:
    """Whatever the past was like."""
    found = dispersion_of(past_of(told))

    assert 1.0 <= found < 1e9
