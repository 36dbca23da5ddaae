"""A profile is a prior: it helps before traffic comes, and is overruled by it, however wrong it is."""

from dataclasses import replace

from hypothesis import given, settings, strategies as st

from fakes.measured import EPOCH, measured, sample
from fakes.profiles import PROFILE
from fakes.snapshots import deployment, model_spec, snapshot
from trimtab.core.scaling.capacity import ServiceTimes
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.memory import ScalingMemory, with_profile
from trimtab.core.scaling.prior import PRIOR_WINDOWS, MeasuredBatch, Profile
from trimtab.core.scaling.remember import remember
from trimtab.units import Seconds

WINDOW = Seconds(30.0)
HOUR = 120  # windows
OFF = 0.12
"""What an hour leaves of a profile that is wrong by a factor of 2.9, the most that passes for no outlier: 1/66 of the
evidence, so 3 %; and of one that is wrong by more somewhere between."""
SIZES = (1, 2, 4, 8, 16)

base = st.floats(1e-4, 0.5)
slope = st.floats(0.01, 1.0)
wrong = st.one_of(st.floats(0.002, 1.0), st.floats(1.0, 500.0))


def profile(first: float, grows: float, factor: float = 1.0) -> Profile:
    """Return the profile of a model whose batches take first * (1 + grows * size), times a factor."""
    batches = (MeasuredBatch(size=b, time=Seconds(factor * first * (1.0 + grows * b))) for b in SIZES)
    return replace(PROFILE, batches=tuple(batches))


@given(first=base, grows=slope)
def test_a_profile_of_a_line_is_that_line(first: float, grows: float) -> None:
    """Before any traffic, each size takes what was measured."""
    times = with_profile(ScalingMemory(), profile(first, grows)).times

    for b in SIZES:
        truth = first * (1.0 + grows * b)
        assert abs(times.batch_time(b) - truth) <= 1e-6 * truth


@settings(max_examples=60)
@given(first=base, grows=slope, factor=wrong, size=st.sampled_from(SIZES))
def test_a_wrong_profile_is_forgotten(first: float, grows: float, factor: float, size: int) -> None:
    """After an hour of traffic, what its batches take is known from it, by whatever factor a profile was off."""
    times = with_profile(ScalingMemory(), profile(first, grows, factor)).times
    truth = first * (1.0 + grows * size)

    for _ in range(HOUR):
        times = times.learned(float(size), Seconds(truth), since=WINDOW)

    assert abs(times.batch_time(size) - truth) <= OFF * truth
    assert times.assumed <= PRIOR_WINDOWS * 0.26


@given(first=base, grows=slope, windows=st.integers(0, 3 * HOUR))
def test_its_weight_is_bounded_and_only_falls(first: float, grows: float, windows: int) -> None:
    """It never counts for more than so many windows, and with traffic for ever less of what is known."""
    times = with_profile(ScalingMemory(), profile(first, grows)).times
    shares = [times.assumed / times.weight]

    for _ in range(min(windows, 40)):
        times = times.learned(1.0, Seconds(first * (1.0 + grows)), since=WINDOW)
        shares.append(times.assumed / times.weight)

    assert times.assumed <= PRIOR_WINDOWS
    assert shares == sorted(shares, reverse=True)


@given(first=base, grows=slope, known=st.booleans())
def test_without_a_profile_nothing_is_assumed(first: float, grows: float, known: bool) -> None:  # noqa: FBT001 - drawn
    """Learning from traffic alone leaves no trace of a profile, and comes to what it came to before there were any."""
    times = ServiceTimes()
    for b in SIZES if known else SIZES[:1]:
        times = times.learned(float(b), Seconds(first * (1.0 + grows * b)), since=WINDOW)

    assert times.assumed == 0.0
    assert replace(times, assumed=1.0).batch_time(3) == times.batch_time(3)


def test_a_model_with_a_profile_is_sized_by_its_first_sample() -> None:
    """Nothing was executed yet, and demand is there: what replicas serve is known, so it is known how many it needs."""
    seen = measured(snapshot(deployment(asked=1), spec=model_spec(most=50)), sample(2_000.0))
    seen = replace(seen, memory=ScalingMemory())

    blind = decide(seen)
    told = decide(replace(seen, memory=with_profile(ScalingMemory(), profile(0.002, 0.5))))

    assert (blind.wanted, blind.replicas) == (None, 1)
    assert told.wanted is not None
    assert told.wanted > 3
    kept = remember(replace(seen, memory=with_profile(ScalingMemory(), profile(0.002, 0.5))), told)
    assert kept.profile is not None
    assert kept.moves[-1].at == EPOCH
