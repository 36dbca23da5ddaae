"""How many requests a replica serves in time, by example and against queues that are played through."""

import heapq
import random

import pytest

from fakes.measured import LINEAR, learned, promise
from trimtab.core.scaling.capacity import LEAST_BUSY, capacity_of
from trimtab.core.scaling.queueing import Replica, late_share, probability_of_waiting
from trimtab.units import RequestsPerSecond, Seconds


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
def test_a_batching_server_keeps_its_promise_near_the_rate_that_it_is_planned_for(target: float) -> None:
    """Ninety-nine of a hundred requests of a played server end in time at nine tenths of it, and not at 1.8 times.

    Batches start together, which slots do not: at the planned rate itself up to 2.2 of a hundred are late. What is
    observed steers the price.
    """
    rate = capacity_of(LINEAR, promise(target, max_batch=8)).rate

    planned, beyond = (latencies(factor * rate, seconds=200.0) for factor in (0.9, 1.8))

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
