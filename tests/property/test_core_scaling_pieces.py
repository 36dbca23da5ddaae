"""Laws of the pieces that sizing is made of: lateness, what is bought and kept, the price, the forecast."""

import math
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings, strategies as st

from fakes.measured import ending, learned
from trimtab.core.scaling.capacity import ServiceTimes
from trimtab.core.scaling.forecast import CENTRES, HORIZONS, STEP, DemandMemory, Learned, outlook, with_past
from trimtab.core.scaling.lateness import MOST_TABLED, Lateness, abandoned_share, lateness_of
from trimtab.core.scaling.memory import ScalingMemory, from_json, to_json
from trimtab.core.scaling.observation import Sample
from trimtab.core.scaling.price import AIM, CHEAPEST, DEAREST, FIRST, FORGETTING, RISE, Price
from trimtab.core.scaling.queueing import Replica, late_share
from trimtab.core.scaling.sizing import LEAST_WORTH, Need
from trimtab.units import RequestsPerSecond, Seconds

TINY = 1e-9
batches = st.tuples(st.floats(1.0, 256.0), st.floats(1e-4, 30.0))
service_times = st.lists(batches, max_size=6).map(lambda pairs: learned(*pairs))


@given(service_times, st.floats(1.0, 4096.0), st.floats(1.0, 4096.0))
def test_a_larger_batch_never_takes_less(times: ServiceTimes, one: float, other: float) -> None:
    """Whatever was learned, a time is above zero and rises."""
    if not times.known:
        return
    shorter, longer = (times.batch_time(size) for size in sorted((one, other)))

    assert 0.0 < shorter <= longer * (1 + TINY)


@given(
    st.integers(1, 600), st.floats(1e-4, 10.0), st.tuples(st.floats(0.0, 1.5), st.floats(0.0, 1.5)), st.floats(0.0, 5.0)
)
def test_more_requests_are_never_less_late(
    slots: int, service: float, busy: tuple[float, float], patience: float
) -> None:
    """A share is one, and rises with the load."""
    replica = Replica(slots=slots, service=Seconds(service))

    few, many = (
        late_share(replica, RequestsPerSecond(load * replica.capacity), Seconds(patience)) for load in sorted(busy)
    )

    assert 0.0 <= few <= many * (1 + TINY) <= 1.0 + TINY


@given(
    st.integers(1, 256), st.tuples(st.floats(0.01, 1.5), st.floats(0.01, 1.5)), st.floats(0.0, 100.0), st.floats(0.5, 1)
)
def test_who_gives_way_is_a_share_that_rises(
    slots: int, busy: tuple[float, float], patience: float, variability: float
) -> None:
    """And never less than what exceeds the capacity."""
    few, many = (abandoned_share(slots, each, patience, variability) for each in sorted(busy))

    assert 0.0 <= few <= many * (1 + TINY) + TINY <= 1.0 + 2 * TINY
    assert many >= 1.0 - 1.0 / max(busy) - TINY


@st.composite
def tables(draw: st.DrawFn) -> Lateness:
    """Return the lateness of a replica as there may be one."""
    replica = Replica(slots=draw(st.sampled_from([1, 2, 8, 100, 600])), service=Seconds(1.0), variability=0.5)
    patience = draw(st.sampled_from([-1.0, 0.0, 0.25, 1.0, 3.0, 10.0, 1e3]))
    allowed = draw(st.sampled_from([0.0075, 0.04, 0.075, 0.375]))
    least = draw(st.sampled_from([0.0, 0.2]))
    return lateness_of(replica, Seconds(patience), allowed, least, fresh_first=draw(st.booleans()))


@given(tables(), st.floats(0.0, 50.0), st.floats(0.0, 50.0))
def test_lateness_rises_with_utilisation(table: Lateness, one: float, other: float) -> None:
    """Fresh first, it is a share; first come, first served, it is one up to the capacity."""
    few, many = (table.at(busy) for busy in sorted((one, other)))

    assert 0.0 <= few <= many + TINY
    assert not table.fresh_first or many <= 1.0
    assert table.at(0.95) <= 1.0


@given(tables(), st.floats(0.0, 2.0 * MOST_TABLED))
def test_lateness_has_no_leaps(table: Lateness, busy: float) -> None:
    """A thousandth more traffic: the steepest is an idle replica's first request, and first come, first served."""
    assert table.at(busy + 1e-3) - table.at(busy) <= 0.06


@st.composite
def needs(draw: st.DrawFn, most: float = 300.0) -> Need:
    """Return demand with any distribution."""
    loads = draw(st.lists(st.tuples(st.floats(1e-6, most), st.floats(0.01, 1.0)), max_size=6))
    total = sum(chance for _, chance in loads)
    return Need(tuple((load, chance / total) for load, chance in loads), draw(tables()))


worths = st.floats(LEAST_WORTH, 3_000.0)


@settings(max_examples=50)
@given(needs())
def test_each_replica_more_spares_less_than_the_one_before(need: Need) -> None:
    """So the first that does not pay can be looked for by halving."""
    spared = [need.spared(replicas) for replicas in range(60)]

    assert min(spared) >= -TINY
    for one, other in pairwise(spared):
        assert other <= one * (1 + 1e-6) + TINY


@settings(max_examples=50)
@given(needs(most=60.0), worths, st.integers(0, 500))
def test_what_is_bought_is_the_first_that_does_not_pay(need: Need, worth: float, guess: int) -> None:
    """Compared with looking at each number, from wherever it is looked for."""
    bought = need.bought(worth, guess)

    pays = [worth * need.spared(replicas) for replicas in range(bought + 1)]
    assert pays[bought] < 1.0 + 1e-6
    assert all(each >= 1.0 - 1e-6 for each in pays[:bought])


@given(needs(), worths, worths, st.floats(1.0, 10.0))
def test_more_demand_and_a_higher_worth_never_buy_less(need: Need, one: float, other: float, factor: float) -> None:
    """Each load multiplied, the chances as they were."""
    larger = replace(need, loads=tuple((load * factor, chance) for load, chance in need.loads))
    low, high = sorted((one, other))

    assert need.bought(low, 1) <= need.bought(high, 1)
    assert need.bought(low * (1.0 - TINY), 1) <= larger.bought(low * (1.0 + TINY), 1)


@given(needs(), worths, st.tuples(st.integers(0, 400), st.integers(1, 400)), worths)
def test_what_is_kept_lies_between_what_is_needed_and_what_there_is(
    need: Need, worth: float, there: tuple[int, int], other: float
) -> None:
    """And what is worth more is kept all the more."""
    least, most = there[0], there[0] + there[1]

    kept = need.kept(worth, least, most)

    assert least <= kept <= most
    assert need.kept(max(worth, other), least, most) >= kept


shares = st.floats(0.0, 1.0)
rates = st.floats(0.0, 1e6)


@st.composite
def prices(draw: st.DrawFn) -> Price:
    """Return a price as it may have become."""
    return Price(log=draw(st.floats(CHEAPEST, DEAREST)), rate=draw(st.just(0.0) | st.floats(1e-3, 1e6)))


def told(completions: float, failures: float = 0.0) -> Sample:
    """Return a sample with what was answered and what failed."""
    found = ending([completions])
    return replace(found, completions=RequestsPerSecond(completions), failures=RequestsPerSecond(failures))


def forgotten(price: Price, since: float) -> float:
    """Return the logarithm of a price after a time in which nothing was learned."""
    return FIRST + (price.log - FIRST) * math.exp(-since / FORGETTING)


def digits(value: float) -> float:
    """Return how far a number may be from what is stored of it."""
    return 1e-5 * (1.0 + abs(value))


@given(prices(), st.tuples(rates, rates), shares, st.tuples(st.floats(2.5, 30.0), shares))
def test_the_price_is_bounded_and_rises_no_faster_than_is_said(
    price: Price, answered: tuple[float, float], late: float, limits: tuple[float, float]
) -> None:
    """Whatever is measured; and it is one that can be stored. Where nobody asks, it stays."""
    since, most = limits

    found = price.steered(told(*answered), late, 0.01, since=Seconds(since), most=most)

    assert CHEAPEST <= found.log <= DEAREST
    assert found == price or found.log <= max(forgotten(price, since) + most, CHEAPEST) + digits(price.log)
    assert found.rate >= 0.0
    assert from_json(to_json(ScalingMemory(price=found))).price == found


@given(prices(), st.floats(1e-3, 1e6), st.floats(0.0, 1.0), st.sampled_from([0.01, 0.1, 0.5]), st.floats(2.5, 30.0))
def test_too_many_late_never_lower_the_price_and_few_never_raise_it(
    price: Price, rate: float, late: float, allowed: float, since: float
) -> None:
    """But for forgetting, which pulls it towards the first from either side."""
    found = price.steered(told(rate), late, allowed, since=Seconds(since), most=RISE)

    if late >= allowed:
        assert found.log >= forgotten(price, since) - digits(price.log)
    if late <= AIM * allowed:
        assert found.log <= forgotten(price, since) + digits(price.log)


@given(prices(), st.floats(1e-3, 1e6), st.tuples(shares, shares), st.sampled_from([0.01, 0.1, 0.5]))
def test_the_price_rises_with_lateness(price: Price, rate: float, late: tuple[float, float], allowed: float) -> None:
    """More late requests never make one worth less."""
    few, many = (price.steered(told(rate), share, allowed, since=Seconds(5.0), most=RISE).log for share in sorted(late))

    assert few <= many


sums = st.floats(0.0, 1e15)


@st.composite
def anything_learned(draw: st.DrawFn) -> Learned:
    """Return sums that somebody may have written."""
    numbers = {"squares": 6, "products": 3, "missed": len(CENTRES)}
    return Learned(
        **{name: tuple(draw(st.lists(sums, min_size=count, max_size=count))) for name, count in numbers.items()}
    )


def traffic(most: int, least: int = 1) -> st.SearchStrategy[list[float]]:
    """Return rates of the past that keep a level for four steps each."""
    return st.lists(rates, min_size=least, max_size=most).map(
        lambda levels: [rate for rate in levels for _ in range(4)]
    )


@given(anything_learned(), st.floats(0.0, 100.0), st.floats(0.0, 100.0))
def test_weights_are_never_negative(known: Learned, last: float, minute: float) -> None:
    """Whatever was learned, and whatever somebody wrote; so a prediction is a number from 0 on."""
    _, by_last, by_minute = known.weights()

    assert min(by_last, by_minute) >= 0.0
    assert 0.0 <= known.predicted(last, minute) < math.inf


@given(traffic(30), traffic(30), st.sampled_from([0.1, 10.0, 1e3]))
def test_probabilities_sum_to_one_and_rates_ascend(past: list[float], now: list[float], unit: float) -> None:
    """For every horizon, whatever was learned."""
    known = with_past(DemandMemory(), ending(past), STEP * len(past), Seconds(67.0), unit)

    for index in range(HORIZONS):
        found = outlook(ending(now), known, Seconds(67.0), unit, index)

        assert abs(sum(found.chances) - 1.0) < TINY
        assert min(found.chances) > 0.0
        assert list(found.rates) == sorted(found.rates)
        assert found.rates[0] <= found.mean <= found.rates[-1] * (1 + TINY)
        assert found.at(0.5) <= found.at(0.95) <= found.rates[-1]


@given(traffic(30))
def test_what_is_learned_is_possible_and_bounded(past: list[float]) -> None:
    """So that it is believed when it is read again."""
    known = with_past(DemandMemory(), ending(past), STEP * len(past), Seconds(67.0), 10.0)

    assert all(each.is_possible for each in known.learned)
    assert all(max(each.squares) < 1e9 for each in known.learned)


@given(traffic(12, least=2), traffic(4), st.integers(0, 15), st.floats(0.0, 1e6))
def test_a_higher_last_rate_never_lowers_what_is_expected(
    past: list[float], now: list[float], index: int, more: float
) -> None:
    """Whatever was learned: of two presents with the same past, the busier one is followed by no less."""
    known = with_past(DemandMemory(), ending(past), STEP * len(past), Seconds(67.0), 10.0)
    busier = [*now[:-1], now[-1] + more]

    few, many = (
        known.learned[index % HORIZONS].predicted(*present)
        for present in (
            (math.sqrt(rates_now[-1]) / 10.0, math.sqrt(sum(rates_now[-12:]) / len(rates_now[-12:])) / 10.0)
            for rates_now in (now, busier)
        )
    )

    assert few <= many + TINY * (1.0 + few)
