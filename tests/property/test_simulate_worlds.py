"""Laws of the simulated worlds."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from trimtab.simulate.events import simulate_requests
from trimtab.simulate.fluid import simulate
from trimtab.simulate.outcome import HOUR, Outcome
from trimtab.simulate.setting import ColdStart, Discipline, Routing, Service, Setting
from trimtab.simulate.view import Signal, View
from trimtab.units import Seconds

EXAMPLES = settings(max_examples=25)
FEW_EXAMPLES = settings(max_examples=8)
LONG = 60
"""Seconds of the traffic that Hypothesis makes."""

services = st.builds(
    Service,
    base=st.floats(0.02, 3.0).map(Seconds),
    per_item=st.floats(0.0, 0.2).map(Seconds),
    max_batch=st.integers(1, 8),
    instances=st.integers(1, 3),
    max_delay=st.sampled_from([0.0, 0.05, 0.5]).map(Seconds),
    variation=st.sampled_from([0.0, 0.05, 1.0]),
)
worlds = st.builds(
    Setting,
    service=services,
    target=st.floats(0.1, 10.0).map(Seconds),
    cold_start=st.builds(ColdStart, mean=st.floats(1.0, 30.0).map(Seconds)),
    discipline=st.sampled_from(Discipline),
    routing=st.sampled_from(Routing),
    min_replicas=st.integers(0, 1),
    max_replicas=st.integers(1, 6),
    accelerators=st.sampled_from([1, 3, math.inf]),
    failures_per_hour=st.sampled_from([0.0, 0.0, 200.0]),
)
traffic = st.lists(st.floats(0.0, LONG - 0.001), max_size=300).map(sorted)
orders = st.dictionaries(st.integers(1, LONG), st.integers(0, 8))


def by_plan(plan: dict[int, int], view: View) -> int | None:
    """Ask for what a plan says for that second."""
    return plan.get(view.now)


def both(times: list[float], setting: Setting, plan: dict[int, int], seed: int) -> list[Outcome]:
    """Return what both worlds make of the same."""
    counts = np.bincount(np.array(times, dtype=np.int64), minlength=LONG).tolist()
    autoscaler = partial(by_plan, plan)
    return [
        simulate_requests(times, setting, autoscaler, first=1, seed=seed, seconds=LONG),
        simulate(counts, setting, autoscaler, first=1, seed=seed),
    ]


@EXAMPLES
@given(traffic, worlds, orders, st.integers(0, 99))
def test_the_same_seed_has_the_same_outcome(
    times: list[float], setting: Setting, plan: dict[int, int], seed: int
) -> None:
    """In both worlds, whatever happens in them."""
    assert both(times, setting, plan, seed) == both(times, setting, plan, seed)


@EXAMPLES
@given(traffic, worlds, orders, st.integers(0, 99))
def test_an_outcome_is_possible(times: list[float], setting: Setting, plan: dict[int, int], seed: int) -> None:
    """No more violations than arrivals, in any second; nothing billed after the end, nor beyond the accelerators."""
    counts = np.bincount(np.array(times, dtype=np.int64), minlength=LONG)
    for outcome in both(times, setting, plan, seed):
        assert len(outcome.billed) == len(outcome.ready) == len(outcome.late) == LONG
        assert outcome.arrivals == len(times)
        assert -1e-6 <= outcome.violations <= len(times) + 1e-6
        assert outcome.gpu_hours == sum(outcome.billed) / HOUR
        assert max(outcome.billed) <= setting.accelerators
        assert all(ready <= billed for ready, billed in zip(outcome.ready, outcome.billed, strict=True))
        if not setting.failures_per_hour:
            assert np.all(np.array(outcome.late) <= counts + 1e-6)


@EXAMPLES
@given(traffic, worlds, orders, st.integers(0, 99))
def test_nobody_is_answered_twice_nor_forgotten(
    times: list[float], setting: Setting, plan: dict[int, int], seed: int
) -> None:
    """Arrivals are completions, those that are inside, and those that were lost with their pods."""

    def watch(view: View) -> int | None:
        inside = view.total(Signal.INSIDE, 1)
        gone = view.total(Signal.ARRIVALS, LONG) - view.total(Signal.COMPLETIONS, LONG) - inside
        if setting.failures_per_hour:
            assert gone >= -1e-6
        else:
            assert abs(gone) < 1e-6
        assert view.total(Signal.WAITING, 1) <= inside + 1e-6
        return plan.get(view.now)

    counts = np.bincount(np.array(times, dtype=np.int64), minlength=LONG).tolist()
    simulate_requests(times, setting, watch, first=1, seed=seed, seconds=LONG)
    simulate(counts, setting, watch, first=1, seed=seed)


@EXAMPLES
@given(traffic, st.floats(0.02, 3.0), st.floats(0.1, 10.0), st.integers(1, 6))
def test_more_servers_never_have_more_violations(times: list[float], base: float, target: float, many: int) -> None:
    """One queue, first come, first served, fixed service times: another server makes nobody wait longer."""
    violations = []
    for instances in (many, many + 1):
        service = Service(base=Seconds(base), instances=instances, variation=0.0)
        setting = Setting(service=service, target=Seconds(target), discipline=Discipline.FIFO)
        violations.append(simulate_requests(times, setting, lambda _: None, first=1, seconds=LONG).violations)

    assert violations[1] <= violations[0]


@FEW_EXAMPLES
@given(st.floats(0.5, 1.5), st.floats(2.0, 8.0), st.sampled_from(Routing), st.integers(1, 6))
def test_serving_who_is_in_time_first_never_has_fewer_in_time(
    load: float, batches: float, routing: Routing, pods: int
) -> None:
    """DELAY against FIFO, same requests, same replicas: in the mean at least as many in time, in both worlds."""
    service = Service(base=Seconds(0.2))
    fifo = Setting(
        service=service, target=Seconds(0.2 * batches), discipline=Discipline.FIFO, routing=routing, min_replicas=1
    )
    delay = replace(fifo, discipline=Discipline.DELAY)
    rate = load * pods * service.capacity
    counts = np.random.default_rng(1).poisson(rate, 300)
    times = np.sort(np.repeat(np.arange(300), counts) + np.random.default_rng(2).random(counts.sum()))
    ways: list[Callable[[Setting], Outcome]] = [
        lambda setting: simulate_requests(times, setting, lambda _: None, first=pods, seconds=300),
        lambda setting: simulate(counts.tolist(), setting, lambda _: None, first=pods),
    ]

    for way in ways:
        assert way(delay).attainment >= way(fifo).attainment - 0.01


def waits(service: Service, load: float, quantiles: list[float]) -> list[float]:
    """Return quantiles of the time in one pod, over 250,000 requests that come at random."""
    random = np.random.default_rng(7)
    times: NDArray[np.float64] = np.cumsum(random.exponential(1.0 / (load * service.capacity), 250_000))
    views: list[View] = []

    def watch(view: View) -> None:
        views[:] = [view]

    setting = Setting(service=service, target=Seconds(1e6), discipline=Discipline.FIFO)
    simulate_requests(times, replace(setting, target=Seconds(1.0)), watch, first=1, seed=3)
    return [views[0].latency_quantile(quantile, len(times)) for quantile in quantiles]


@pytest.mark.parametrize("load", [0.5, 0.7])
def test_exponential_services_give_the_quantiles_of_the_textbook(load: float) -> None:
    """M/M/1: the time in the system is exponential with rate mu - lambda; p50, p95 and p99 within 3 %."""
    base = 0.1
    told = waits(Service(base=Seconds(base), variation=1.0), load, [0.5, 0.95, 0.99])

    for quantile, time in zip((0.5, 0.95, 0.99), told, strict=True):
        assert time == pytest.approx(-math.log(1.0 - quantile) * base / (1.0 - load), rel=0.03)


@pytest.mark.parametrize("load", [0.5, 0.7])
def test_fixed_services_give_the_quantiles_of_the_textbook(load: float) -> None:
    """M/D/1: Erlang's distribution of the wait; p50, p95 and p99 of the time in the system within 3 %."""
    base = 0.1

    def share(wait: float) -> float:
        """Return P(W <= wait), in units of a service."""
        terms = [
            (load * (each - wait)) ** each / math.factorial(each) * math.exp(load * (wait - each))
            for each in range(int(wait) + 1)
        ]
        return (1.0 - load) * sum(terms)

    told = waits(Service(base=Seconds(base), variation=0.0), load, [0.6, 0.95, 0.99])

    for quantile, time in zip((0.6, 0.95, 0.99), told, strict=True):
        low, high = 0.0, 30.0
        for _ in range(50):
            middle = (low + high) / 2.0
            low, high = (low, middle) if share(middle) >= quantile else (middle, high)
        assert time == pytest.approx(base * (1.0 + high), rel=0.03)


def test_a_gateway_that_knows_is_at_least_as_good_as_chance() -> None:
    """The same requests on the same pods: least outstanding has fewer violations than chance, at any load."""
    service = Service(base=Seconds(0.2))
    for load in (0.6, 0.9, 1.1):
        rate = load * 5 * service.capacity
        times = np.cumsum(np.random.default_rng(1).exponential(1.0 / rate, 5_000))
        by_routing = {
            routing: fmean(
                simulate_requests(
                    times,
                    Setting(service=service, target=Seconds(1.0), routing=routing),
                    lambda _: None,
                    first=5,
                    seed=seed,
                ).violations
                for seed in range(3)
            )
            for routing in Routing
        }

        assert by_routing[Routing.POOLED] <= by_routing[Routing.PER_POD]
