"""Nobody is cheaper than the clairvoyant, whatever comes."""

from hypothesis import given, settings, strategies as st

from fakes.plainworld import play
from fakes.views import setting
from trimtab.simulate.oracle import clairvoyant
from trimtab.simulate.oracle.follow import Member, follower
from trimtab.simulate.rivals import RIVALS
from trimtab.simulate.setting import Discipline

levels = st.lists(st.integers(0, 20), min_size=2, max_size=6)
"""Requests per second of each half minute."""
short = settings(max_examples=20, deadline=None)  # each plans once or twice, for a tenth of a second


def trace_of(rates: list[int]) -> list[float]:
    """Return a trace that keeps each rate for 30 s."""
    return [float(rate) for rate in rates for _ in range(30)]


@settings(short, max_examples=40)
@given(
    rates=levels,
    name=st.sampled_from(sorted(RIVALS)),
    place=st.floats(0.0, 1.0),
    discipline=st.sampled_from(Discipline),
    cold_start=st.sampled_from([15.0, 60.0]),
)
def test_no_rival_is_cheaper_than_the_bound_at_what_it_attains(
    rates: list[int], name: str, place: float, discipline: Discipline, cold_start: float
) -> None:
    """The bound at the attainment that a rival reaches is at most the rival's GPU-hours, for each of its knobs."""
    trace, model = trace_of(rates), setting(cold_start=cold_start, max_replicas=40, discipline=discipline)
    rival = RIVALS[name]
    knob = rival.sweep[round(place * (len(rival.sweep) - 1))]

    outcome = play(trace, model, rival.make(knob, model), first=max(1, rates[0]))
    bound = clairvoyant(trace, model, attainment=outcome.attainment)

    assert bound.gpu_hours <= outcome.gpu_hours + 1e-9


@short
@given(
    rates=levels,
    headroom=st.floats(0.3, 2.0),
    memory=st.sampled_from([5, 15, 60]),
    hold=st.sampled_from([0.0, 30.0, 120.0]),
)
def test_no_follower_is_cheaper_than_the_bound(rates: list[int], headroom: float, memory: int, hold: float) -> None:
    """Whoever is told 5 s afterwards pays at least what the clairvoyant pays for the same attainment."""
    trace, model = trace_of(rates), setting(min_replicas=0, max_replicas=40)
    member = Member(headroom=headroom, memory=memory, hold=hold)

    outcome = play(trace, model, follower(member, model), first=rates[0])
    bound = clairvoyant(trace, model, attainment=outcome.attainment)

    assert bound.gpu_hours <= outcome.gpu_hours + 1e-9


@short
@given(rates=levels, shares=st.tuples(st.floats(0.5, 1.0), st.floats(0.5, 1.0)))
def test_more_attainment_never_costs_less(rates: list[int], shares: tuple[float, float]) -> None:
    """The frontier rises, but for a thousandth: that close the prices are tried."""
    trace, model = trace_of(rates), setting()

    less, more = (clairvoyant(trace, model, attainment=share).gpu_hours for share in sorted(shares))

    assert less <= more * 1.001


@short
@given(rates=levels, attainment=st.floats(0.5, 1.0))
def test_longer_cold_starts_never_cost_less(rates: list[int], attainment: float) -> None:
    """Each plan costs more with them; prices are tried a thousandth apart."""
    trace = trace_of(rates)

    short_ones, long_ones = (
        clairvoyant(trace, setting(cold_start=seconds), attainment=attainment).gpu_hours for seconds in (15.0, 300.0)
    )

    assert short_ones <= long_ones * 1.001
