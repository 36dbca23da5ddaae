"""From what was measured to replicas needed, by example and against queues that are played through."""

import heapq
import random

import pytest

from fakes.measured import LINEAR, learned, sample, steady
from trimtab.core.scaling.capacity import LEAST_BUSY, Promise, ServiceTimes, capacity_of
from trimtab.core.scaling.demand import UNKNOWN_GROWTH, expected_demand, growth_within
from trimtab.core.scaling.observation import RatePoint
from trimtab.core.scaling.queueing import MOST_BUSY, Replica, late_share, probability_of_waiting, sustainable_rate
from trimtab.core.scaling.sizing import sizing_of
from trimtab.units import RequestsPerSecond, Seconds


def promise(target: float = 0.08, *, max_batch: int | None = None, delay: float = 0.001, instances: int = 1) -> Promise:
    """Return a promise about nine-and-ninety of a hundred requests."""
    return Promise(
        target=Seconds(target), percentile=0.99, delay=Seconds(delay), max_batch=max_batch, instances=instances
    )


@pytest.mark.parametrize(
    ("slots", "load", "waiting"), [(1, 0.6, 0.6), (2, 1.0, 1 / 3), (10, 8.0, 0.40918), (5, 5.0, 1.0)]
)
def test_the_probability_of_waiting_is_erlangs(slots: int, load: float, waiting: float) -> None:
    """M/M/1 waits with its utilisation, M/M/2 at one half in a third of cases, ten servers at 8 erlangs in 40.9 %."""
    found = probability_of_waiting(Replica(slots=slots, service=Seconds(1.0)), RequestsPerSecond(load))

    assert found == pytest.approx(waiting, abs=1e-4)


def waits(servers: int, rate: float, *, requests: int) -> list[float]:
    """Play an M/M/c queue with a mean service of one second, and return how long each request waited."""
    chance = random.Random(4)  # noqa: S311 - a queue, not a secret
    free, now, waited = [0.0] * servers, 0.0, []
    for _ in range(requests):
        now += chance.expovariate(rate)
        start = max(now, heapq.heappop(free))
        waited.append(start - now)
        heapq.heappush(free, start + chance.expovariate(1.0))
    return waited


def test_the_share_of_late_requests_is_that_of_a_played_queue() -> None:
    """Four servers, 60 % busy, patience of one service. Runs of so many requests differ by 3 % (standard deviation)."""
    waited = waits(4, 2.4, requests=250_000)

    found = late_share(Replica(slots=4, service=Seconds(1.0)), RequestsPerSecond(2.4), Seconds(1.0))

    assert found == pytest.approx(sum(wait > 1.0 for wait in waited) / len(waited), rel=0.1)


def test_the_highest_rate_just_keeps_the_share_and_patience_without_end_is_capped() -> None:
    """The inverse of the formula; a replica is never planned to be busy throughout."""
    replica = Replica(slots=4, service=Seconds(0.1))

    rate = sustainable_rate(replica, Seconds(0.1), 0.01)

    assert late_share(replica, rate, Seconds(0.1)) == pytest.approx(0.01, rel=1e-3)
    assert sustainable_rate(replica, Seconds(1e9), 0.01) == MOST_BUSY * replica.capacity
    assert sustainable_rate(replica, Seconds(-0.001), 0.01) == 0.0


def test_many_slots_are_counted_as_fewer_faster_ones() -> None:
    """Never optimistic: with 4096 slots fewer would wait than with the 256 that are counted."""
    many, counted = Replica(slots=4_096, service=Seconds(1.0)), Replica(slots=256, service=Seconds(1 / 16))

    assert probability_of_waiting(many, RequestsPerSecond(4_000.0)) == probability_of_waiting(
        counted, RequestsPerSecond(4_000.0)
    )


def latencies(rate: float, *, seconds: float) -> list[float]:
    """Play one replica of Triton: what waits when a batch ends is the next, 20 ms and 2 ms for each request."""
    chance = random.Random(7)  # noqa: S311 - a queue, not a secret
    arrivals, now = [], 0.0
    while now < seconds:
        now += chance.expovariate(rate)
        arrivals.append(now)
    free, at, took = 0.0, 0, []
    while at < len(arrivals):
        start = max(free, arrivals[at])
        batch = [arrival for arrival in arrivals[at : at + 8] if arrival <= start]
        free = start + 0.020 + 0.002 * len(batch)
        took += [free - arrival for arrival in batch]
        at += len(batch)
    return took


@pytest.mark.parametrize("target", [0.06, 0.08, 0.15])
def test_a_batching_server_keeps_its_promise_at_the_rate_that_it_is_planned_for(target: float) -> None:
    """Ninety-nine of a hundred requests of a played server end in time, and no longer at 1.8 times the rate."""
    rate = capacity_of(LINEAR, promise(target, max_batch=8)).rate

    planned, beyond = (latencies(factor * rate, seconds=200.0) for factor in (1.0, 1.8))

    assert sum(each <= target for each in planned) / len(planned) >= 0.99
    assert sum(each <= target for each in beyond) / len(beyond) < 0.99


def test_batch_times_are_a_line_where_sizes_differ() -> None:
    """20 ms and 2 ms for each request."""
    assert [LINEAR.batch_time(size) for size in (1, 8, 16)] == pytest.approx([0.022, 0.036, 0.052], rel=1e-3)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (((4, 0.03), (4, 0.03)), [0.03, 0.03, 0.06]),
        (((2, 0.04), (6, 0.02)), [0.03, 0.03, 0.06]),
        (((2, 0.01), (6, 0.05)), [0.0075, 0.03, 0.07]),
    ],
)
def test_batch_times_are_never_guessed_too_short(pairs: tuple[tuple[float, float], ...], expected: list[float]) -> None:
    """One size alone, sizes that shorten the time, and times that grow faster than sizes: at 1, 4 and 8."""
    times = learned(*pairs)

    assert [times.batch_time(size) for size in (1, 4, 8)] == pytest.approx(expected, rel=0.02)


def test_one_window_is_not_enough_and_one_seen_twice_is_still_one() -> None:
    """Half of each of two overlapping windows makes one."""
    once = learned((1, 0.02))
    twice = once.learned(1, Seconds(0.02), since=Seconds(5.0), share=1 / 6)

    assert (once.known, twice.known, learned((1, 0.02), times=learned((1, 0.02), (1, 0.02))).known) == (
        False,
        False,
        True,
    )


def test_an_outlier_hardly_counts_until_it_is_the_rule() -> None:
    """A pause of a second moves the mean little; two minutes of it are the new truth."""
    known = learned(*[(1, 0.02)] * 30)

    after_one, after_five = learned((1, 1.0), times=known), learned(*[(1, 1.0)] * 5, times=known)

    assert after_one.batch_time(1) < 0.025
    assert after_one.surprise == 1.0
    assert learned((1, 0.02), times=after_one).surprise == 0.0
    assert after_five.batch_time(1) == pytest.approx(1.0)
    assert after_five.known


def test_what_is_old_is_forgotten() -> None:
    """Two hours later, what was learned weighs a sixteenth."""
    times = learned((1, 0.02), (1, 0.02)).learned(1, Seconds(0.03), since=Seconds(7_200.0))

    assert times.weight == pytest.approx(1.0 + 2.0 / 16, rel=0.01)


def test_a_batch_is_as_large_as_time_allows_for_the_one_before_it() -> None:
    """1 ms and twice 36 ms fit into 80 ms, and not into 70."""
    assert capacity_of(LINEAR, promise(0.08, max_batch=8)).batch == 8
    assert capacity_of(LINEAR, promise(0.07, max_batch=8)).batch == 4
    assert capacity_of(LINEAR, promise(0.08)).batch == 8
    assert capacity_of(learned((3, 0.02), (3, 0.02)), promise(0.08, max_batch=3)).batch == 3


def test_a_target_that_cannot_be_kept_is_not_paid_for_without_end() -> None:
    """Each replica is then kept a fifth busy, however short the target is."""
    slow = learned((1, 0.1), (1, 0.1))

    capacities = [capacity_of(slow, promise(target)) for target in (0.01, 0.09, 0.101, 0.12)]

    assert [each.rate for each in capacities] == pytest.approx([LEAST_BUSY / 0.1] * 4)
    assert [each.alone > target for each, target in zip(capacities, (0.01, 0.09, 0.1011, 0.12), strict=True)] == [
        True,
        True,
        False,
        False,
    ]


def test_more_instances_serve_more() -> None:
    """Two copies of the model serve more than twice as much: a queue for two is shorter."""
    one, two = (capacity_of(LINEAR, promise(max_batch=8, instances=count)).rate for count in (1, 2))

    assert two > 2 * one


def test_growth_is_what_the_past_had_in_nineteen_of_twenty_cases() -> None:
    """A rate that doubles each minute doubles within the next; a steady one does not grow; a fall is no growth."""
    rising = tuple(
        RatePoint(ago=Seconds(5.0 * (60 - at)), rate=RequestsPerSecond(2.0 ** (at / 12))) for at in range(61)
    )
    falling = tuple(RatePoint(ago=point.ago, rate=RequestsPerSecond(1.0 / point.rate)) for point in rising)

    assert growth_within(rising, Seconds(60.0)) == pytest.approx(2.0)
    assert growth_within(steady(20.0), Seconds(60.0)) == 1.0
    assert growth_within(falling, Seconds(60.0)) == 1.0
    assert growth_within(rising, Seconds(120.0)) == 3.0


def test_what_the_morning_had_is_not_expected_of_the_evening() -> None:
    """Demand that falls is taken as it is, however steeply it rose before; the same demand rising is not."""
    rise = [20.0 * 2.0 ** (n / 12) for n in range(37)]
    falling, rising = past_of([*rise, *reversed(rise)]), past_of([*reversed(rise), *rise])

    assert expected_demand(sample(20.0, history=falling), Seconds(60.0)).growth == 1.0
    assert expected_demand(sample(160.0, history=rising), Seconds(60.0)).growth > 1.5


def past_of(rates: list[float]) -> tuple[RatePoint, ...]:
    """Return rates of the past, the last of them now."""
    return tuple(
        RatePoint(ago=Seconds(5.0 * (len(rates) - 1 - at)), rate=RequestsPerSecond(rate))
        for at, rate in enumerate(rates)
    )


def test_growth_from_a_trickle_is_chance() -> None:
    """One request in a quiet quarter of an hour, then five, do not triple what a busy model gets."""
    trickle = (0.1,) * 9 + (1.0,) * 3 + (100.0,) * 60
    history = tuple(
        RatePoint(ago=Seconds(5.0 * (71 - at)), rate=RequestsPerSecond(rate)) for at, rate in enumerate(trickle)
    )

    assert growth_within(history, Seconds(30.0)) == 1.0


@pytest.mark.parametrize("history", [(), steady(20.0, points=10), steady(0.0)])
def test_without_a_past_growth_is_assumed(history: tuple[RatePoint, ...]) -> None:
    """Too few points, or none with traffic."""
    assert growth_within(history, Seconds(30.0)) == UNKNOWN_GROWTH


def test_demand_is_the_larger_of_now_and_the_last_minute() -> None:
    """A lull of half a minute gives nothing back."""
    assert expected_demand(sample(10.0, history=steady(30.0)), Seconds(65.0)).now == 30.0
    assert expected_demand(sample(50.0, history=steady(30.0)), Seconds(65.0)).now == 50.0
    assert expected_demand(sample(50.0, history=()), Seconds(65.0)).rate == pytest.approx(60.0)


def test_replicas_are_sized_with_their_reason() -> None:
    """Each number of the sentence."""
    sizing = sizing_of(sample(300.0, history=steady(300.0)), LINEAR, promise(max_batch=8), Seconds(65.0))

    assert sizing is not None
    assert sizing.replicas == 3
    assert sizing.explained(promise(max_batch=8)) == (
        "300.0 requests/s expected within 65 s (now 300.0, growth 1.00); one replica serves 149.4 within 80 ms at p99"
    )


def test_a_trickle_needs_one_replica_and_no_traffic_none() -> None:
    """Also before anything was executed."""
    trickle = sizing_of(sample(0.001, history=()), LINEAR, promise(), Seconds(65.0))
    quiet = [sizing_of(sample(0.0), times, promise(), Seconds(65.0)) for times in (LINEAR, ServiceTimes())]

    assert trickle is not None
    assert (trickle.replicas, trickle.explained(promise())[:8]) == (1, "0.0012 r")
    assert [each and (each.replicas, each.explained(promise())) for each in quiet] == [(0, "no requests come")] * 2


def test_what_cannot_be_known_is_not_sized() -> None:
    """Nothing was executed yet; or requests wait and none ends, which is no rest."""
    assert sizing_of(sample(5.0), ServiceTimes(), promise(), Seconds(65.0)) is None
    assert sizing_of(sample(0.0, pending=3.0), LINEAR, promise(), Seconds(65.0)) is None


def test_an_impossible_target_is_told_with_what_a_request_takes() -> None:
    """The sentence says why more would not help."""
    slow = learned((1, 0.1), (1, 0.1))

    sizing = sizing_of(sample(10.0), slow, promise(), Seconds(65.0))

    assert sizing is not None
    assert sizing.explained(promise()).endswith(
        "one replica serves 2.0, but none within 80 ms: a request that is alone takes 101 ms"
    )
