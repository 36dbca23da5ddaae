"""The stand-in for Triton against what queueing theory knows exactly."""

import math
from collections.abc import Iterator
from random import Random

import pytest

from demo.fleet import Fleet
from demo.routes import least_outstanding
from demo.service import OnTimeout, Service, exactly, lognormal
from demo.triton import US

SERVICE_S = 0.02
REQUESTS = 30_000


def exponential(random: Random) -> float:
    """Draw a factor of mean 1 without memory."""
    return random.expovariate(1.0)


def poisson(rate: float, seed: int, requests: int = REQUESTS) -> Iterator[float]:
    """Yield the moments of a Poisson process."""
    random, moment = Random(seed), 0.0  # noqa: S311 - chance that can be repeated is the point
    for _ in range(requests):
        moment += random.expovariate(rate)
        yield moment


def run(service: Service, arrivals: Iterator[float], *, until_s: float = 1e9, objective_s: float = 1.0) -> Fleet:
    """Return one pod's history."""
    fleet = Fleet(objective_s, seed=1)
    fleet.join("pod", service)
    fleet.feed(arrivals)
    fleet.advance(until_s)
    return fleet


def mean_wait_s(fleet: Fleet) -> float:
    """Return the mean time in the queue, as the pod has counted it."""
    counters = fleet.servers["pod"].counters
    return counters.queue_us / counters.success / US


def erlang_c(servers: int, offered: float) -> float:
    """Return the share of requests that wait in an M/M/c queue."""
    last = offered**servers / math.factorial(servers) * servers / (servers - offered)
    return last / (sum(offered**k / math.factorial(k) for k in range(servers)) + last)


@pytest.mark.parametrize("load", [0.5, 0.7])
def test_one_instance_with_constant_times_waits_as_in_m_d_1(load: float) -> None:
    """W = load * S / (2 (1 - load)), by Pollaczek and Khinchine."""
    fleet = run(Service(base_s=SERVICE_S, noise=exactly), poisson(load / SERVICE_S, seed=2))

    assert mean_wait_s(fleet) == pytest.approx(load * SERVICE_S / (2 * (1 - load)), rel=0.05)


def test_noise_adds_the_waiting_that_its_variance_must() -> None:
    """W = load * S (1 + cv^2) / (2 (1 - load)): the noise has mean 1 and the deviation that it says."""
    load, variation = 0.6, 0.8
    fleet = run(Service(base_s=SERVICE_S, noise=lognormal(variation)), poisson(load / SERVICE_S, seed=4))

    expected = load * SERVICE_S * (1 + variation**2) / (2 * (1 - load))
    assert mean_wait_s(fleet) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("servers", [1, 4])
def test_several_instances_wait_as_erlang_says(servers: int) -> None:
    """W = C(c, a) S / (c - a)."""
    arrivals = list(poisson(0.7 * servers / SERVICE_S, seed=5, requests=60_000))
    fleet = run(Service(base_s=SERVICE_S, noise=exponential, instances=servers), iter(arrivals))
    counters = fleet.servers["pod"].counters

    # As it came about: the draw's own rate and mean, so that what is left to chance is 3 % and not 6 %.
    service_s = (counters.input_us + counters.infer_us + counters.output_us) / counters.success / US
    offered = len(arrivals) / arrivals[-1] * service_s
    expected = erlang_c(servers, offered) * service_s / (servers - offered)
    assert mean_wait_s(fleet) == pytest.approx(expected, rel=0.05)


def test_the_latencies_are_distributed_as_in_m_m_1() -> None:
    """Time in an M/M/1 system is exponential with mean S / (1 - load): attainment and quantiles follow."""
    load, objective_s = 0.6, 0.1
    arrivals = poisson(load / SERVICE_S, seed=6, requests=100_000)
    fleet = run(Service(base_s=SERVICE_S, noise=exponential), arrivals, objective_s=objective_s)
    mean_s = SERVICE_S / (1 - load)

    latencies = fleet.ledger.latencies(0, 1e4)

    assert fleet.ledger.total.attainment == pytest.approx(1 - math.exp(-objective_s / mean_s), abs=0.01)
    for share in (0.5, 0.9, 0.99):
        assert latencies.quantile(share) / US == pytest.approx(-mean_s * math.log(1 - share), rel=0.05)


@pytest.mark.parametrize(("size", "instances"), [(1, 1), (8, 1), (8, 3)])
def test_an_overloaded_pod_answers_what_its_capacity_is(size: int, instances: int) -> None:
    """Full batches, one after the other, on each instance."""
    service = Service(base_s=0.01, per_item_s=0.005, max_batch_size=size, instances=instances, noise=exactly)
    fleet = run(service, poisson(1.5 * service.capacity, seed=7, requests=80_000), until_s=100)
    counters = fleet.servers["pod"].counters

    assert counters.success / 100 == pytest.approx(service.capacity, rel=0.01)
    assert counters.success / counters.executions == pytest.approx(size, rel=0.01)
    assert fleet.servers["pod"].pending == pytest.approx(0.5 * service.capacity * 100, rel=0.1)


def test_a_lonely_request_waits_for_company_as_long_as_it_may() -> None:
    """With a queue delay, a batch starts when it is full or when its oldest request has waited enough."""
    service = Service(base_s=0.01, max_batch_size=3, max_queue_delay_s=0.5, noise=exactly)

    fleet = run(service, iter([1.0, 10.0, 10.1, 10.2, 20.0, 20.2]), until_s=11)
    full = fleet.ledger.between(10, 11)
    alone = fleet.ledger.between(1, 2)
    fleet.advance(30)
    two = fleet.ledger.between(20, 21)

    assert alone.mean_s == pytest.approx(0.5 + 0.01)
    assert full.mean_s == pytest.approx((0.2 + 0.1 + 0.0) / 3 + 0.01)
    assert two.mean_s == pytest.approx((0.5 + 0.3) / 2 + 0.01)


def test_fresh_requests_go_before_those_that_are_late() -> None:
    """DELAY: after a pause, those that can still be answered in time are, at the cost of those that cannot."""
    usual = Service(base_s=0.1, noise=exactly)
    burst = [0.0 + number / 1000 for number in range(100)]  # 10 s of work at once
    later = [5.0 + number / 5 for number in range(25)]  # and half the capacity from then on

    shares = {}
    for timeout_s in (math.inf, 0.5):
        service = Service(base_s=usual.base_s, noise=exactly, queue_timeout_s=timeout_s)
        fleet = run(service, iter([*burst, *later]), until_s=60, objective_s=0.6)
        assert fleet.ledger.total.completed == 125
        shares[timeout_s] = fleet.ledger.between(5, 10).within

    assert shares[math.inf] == 0
    assert shares[0.5] >= 24


def test_rejection_answers_late_requests_with_an_error_that_is_counted() -> None:
    """REJECT: none that is answered has waited longer than the timeout; the rest are failures."""
    service = Service(base_s=0.1, noise=exactly, queue_timeout_s=0.5, on_timeout=OnTimeout.REJECT)
    fleet = run(service, poisson(20.0, seed=8, requests=2_000), objective_s=0.6)
    counters, total = fleet.servers["pod"].counters, fleet.ledger.total

    assert counters.rejected == total.failed > 500
    assert total.completed + total.failed == 2_000
    assert total.within == total.completed


def test_a_gateway_that_knows_waits_less_than_chance() -> None:
    """Least outstanding comes near one common queue; a random choice gives each pod a queue of its own."""
    waits = []
    for route in (least_outstanding, None):
        fleet = Fleet(1.0, seed=3, **({"route": route} if route else {}))
        for number in range(4):
            fleet.join(f"pod-{number}", Service(base_s=SERVICE_S, noise=exponential))
        fleet.feed(poisson(0.75 * 4 / SERVICE_S, seed=9, requests=20_000))
        fleet.advance(1e9)
        waits.append(fleet.ledger.total.mean_s - SERVICE_S)

    shared = erlang_c(4, 3.0) * SERVICE_S / (4 - 3.0)
    assert shared < waits[0] < 2 * shared
    assert waits[1] == pytest.approx(0.75 * SERVICE_S / 0.25, rel=0.1)
