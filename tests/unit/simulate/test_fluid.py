"""The fast world against the true one: of the same traffic, setting and autoscaler the same attainment, within 1 pp."""

import math
from collections.abc import Callable
from statistics import fmean, stdev

import numpy as np
import pytest

from trimtab.simulate.events import simulate_requests
from trimtab.simulate.fluid import simulate
from trimtab.simulate.outcome import Outcome
from trimtab.simulate.setting import ColdStart, Discipline, Routing, Service, Setting
from trimtab.simulate.trace import Trace
from trimtab.simulate.view import Autoscaler, Signal, View
from trimtab.units import Seconds

LONG = 900
TIME = np.arange(LONG)
SHAPES = {
    "steady.6": np.full(LONG, 0.6),
    "steady.8": np.full(LONG, 0.8),
    "steady.95": np.full(LONG, 0.95),
    "diurnal": 0.6 + 0.45 * np.sin(2.0 * np.pi * TIME / LONG),
    "step": np.where(TIME % 450 < 150, 1.2, 0.4),
    "burst": np.where(TIME % 300 < 15, 2.5, 0.5),
}
"""Load by second, of what the first replicas can serve."""
ONE = Service(base=Seconds(0.2))
BATCHES = Service(base=Seconds(0.1), per_item=Seconds(0.01), max_batch=8)
TOLERATED = 0.01
SEEDS = {3: 5, 10: 3, 30: 2}


def leave(_: View) -> int | None:
    """Leave what there is."""
    return None


def following() -> Autoscaler:
    """Return an autoscaler that follows arrivals of the last quarter of a minute, and lets go after a minute."""
    wanted: list[int] = []

    def follow(view: View) -> int | None:
        if view.now < 20 or view.now % 5:
            return None
        wanted.append(math.ceil(view.mean(Signal.ARRIVALS, 15, 5) / ONE.capacity / 0.8))
        return max(wanted[-12:])

    return follow


def difference(shape: str, replicas: int, setting: Setting, autoscaler: Callable[[], Autoscaler]) -> float:
    """Return by how much attainment differs, in the mean of some seeds, less two standard errors of that mean.

    Only the true world has chance of its own: which pod a request goes to. Near saturation a queue that is long by
    chance stays long for minutes, and an hour of a few pods is a lottery ticket.
    """
    rates = SHAPES[shape] * replicas * setting.service.capacity
    apart = []
    for seed in range(SEEDS[replicas]):
        trace = Trace(tuple(np.random.default_rng(seed).poisson(rates).astype(float).tolist()))
        fast = simulate(trace.counts, setting, autoscaler(), first=replicas, seed=seed)
        times = trace.arrivals(seed)
        true = simulate_requests(times, setting, autoscaler(), first=replicas, seed=seed, seconds=LONG)
        apart.append(fast.attainment - true.attainment)
    return max(0.0, abs(fmean(apart)) - 2.0 * stdev(apart) / math.sqrt(len(apart)))


def setting(service: Service, discipline: Discipline, routing: Routing = Routing.PER_POD) -> Setting:
    """Return a setting in which a request may wait for some batches."""
    target = Seconds(service.batch_time(service.max_batch) * 5.0)
    start = ColdStart(mean=Seconds(30.0))
    return Setting(service=service, target=target, discipline=discipline, routing=routing, cold_start=start)


@pytest.mark.parametrize("replicas", [3, 30])
@pytest.mark.parametrize("discipline", list(Discipline))
@pytest.mark.parametrize("shape", list(SHAPES))
def test_both_worlds_agree_behind_a_service(shape: str, discipline: Discipline, replicas: int) -> None:
    """Each pod has a queue of its own: six courses, both disciplines, small and large fleets."""
    apart = difference(shape, replicas, setting(ONE, discipline), lambda: leave)

    assert apart < TOLERATED


@pytest.mark.parametrize("discipline", list(Discipline))
@pytest.mark.parametrize("shape", ["steady.95", "step"])
def test_both_worlds_agree_behind_a_gateway(shape: str, discipline: Discipline) -> None:
    """Requests go to the pod with the fewest."""
    apart = difference(shape, 10, setting(ONE, discipline, Routing.POOLED), lambda: leave)

    assert apart < TOLERATED


@pytest.mark.parametrize("discipline", list(Discipline))
@pytest.mark.parametrize("shape", ["steady.8", "diurnal", "burst"])
def test_both_worlds_agree_on_batches(shape: str, discipline: Discipline) -> None:
    """Batches of up to eight, whose time is mostly the same whatever their size."""
    apart = difference(shape, 3, setting(BATCHES, discipline), lambda: leave)

    assert apart < TOLERATED


@pytest.mark.parametrize("routing", list(Routing))
@pytest.mark.parametrize("discipline", list(Discipline))
@pytest.mark.parametrize("shape", ["diurnal", "step", "burst"])
def test_both_worlds_agree_while_replicas_come_and_go(shape: str, discipline: Discipline, routing: Routing) -> None:
    """What has piled up stays with the pods that have it, new ones come empty and go first."""
    apart = difference(shape, 10, setting(ONE, discipline, routing), following)

    assert apart < TOLERATED


def test_a_pod_among_many_is_the_queue_of_the_textbook() -> None:
    """Deterministic service, Poisson arrivals: the share that waits over four services is that of M/D/1 within 0.2 pp.

    P(W <= t) = (1 - rho) sum over j <= t of (rho (j - t))^j / j! exp(rho (t - j)), in units of one service (Erlang).
    """
    served = Service(base=Seconds(0.2), variation=0.0)
    for load in (0.6, 0.8, 0.9):
        many = 1_000
        counts = (load * many * served.capacity,) * 1_500
        outcome = simulate(counts, setting(served, Discipline.FIFO), leave, first=many, since=500)
        terms = [(load * (j - 4)) ** j / math.factorial(j) * math.exp(load * (4 - j)) for j in range(5)]

        assert outcome.attainment == pytest.approx((1.0 - load) * sum(terms), abs=0.002)


def both(setting: Setting, load: float) -> tuple[View, View]:
    """Return what is seen in both worlds of ten replicas under a steady load."""
    views: list[View] = []

    def watch(view: View) -> None:
        if view.now == LONG:
            views.append(view)

    rate = load * 10 * setting.service.capacity
    trace = Trace(tuple(np.random.default_rng(1).poisson(rate, LONG).astype(float).tolist()))
    simulate(trace.counts, setting, watch, first=10)
    simulate_requests(trace.arrivals(1), setting, watch, first=10, seconds=LONG)
    fast, true = views
    return fast, true


@pytest.mark.parametrize("service", [ONE, BATCHES])
def test_both_worlds_are_seen_alike(service: Service) -> None:
    """Signals under a load of 0.7: flows within 2 %, what is inside and how long it takes within 15 %."""
    fast, true = both(setting(service, Discipline.DELAY), 0.7)

    for signal in (Signal.ARRIVALS, Signal.COMPLETIONS, Signal.READY):
        assert fast.total(signal, LONG) == pytest.approx(true.total(signal, LONG), rel=0.02), signal
    for signal in (Signal.BUSY, Signal.INSIDE, Signal.LATENCY, Signal.WORK, Signal.BATCHES):
        assert fast.total(signal, LONG) == pytest.approx(true.total(signal, LONG), rel=0.15), signal
    for quantile in (0.5, 0.9):
        told = fast.latency_quantile(quantile, LONG)
        assert told == pytest.approx(true.latency_quantile(quantile, LONG), rel=0.2), quantile


def test_pods_that_are_lost_lose_what_they_have_in_both_worlds() -> None:
    """With a failure per pod and minute, both worlds have the same violations and replicas within a fifth."""
    where = Setting(
        service=Service(base=Seconds(5.0), instances=4),
        target=Seconds(20.0),
        cold_start=ColdStart(mean=Seconds(10.0)),
        failures_per_hour=60.0,
    )
    trace = Trace((4.0,) * LONG)
    fast = simulate(trace.counts, where, leave, first=10, seed=1)
    true = simulate_requests(trace.arrivals(1), where, leave, first=10, seed=1, seconds=LONG)

    assert fast.ready == true.ready
    assert fast.violations == pytest.approx(true.violations, rel=0.2)


def test_requests_wait_for_a_first_pod_in_both_worlds() -> None:
    """From zero: who comes before the first pod answers is late, in both worlds alike, and is answered in the end."""

    def wake(view: View) -> int:
        return 2 if view.total(Signal.ARRIVALS, 60) else 0

    outcomes: list[Outcome] = []
    for discipline in Discipline:
        where = Setting(
            service=ONE,
            target=Seconds(1.0),
            discipline=discipline,
            min_replicas=0,
            cold_start=ColdStart(mean=Seconds(9.0)),
        )
        trace = Trace((0.0,) * 30 + (3.0,) * 90)
        outcomes.append(simulate(trace.counts, where, wake, first=0))
        outcomes.append(simulate_requests(trace.arrivals(1), where, wake, first=0, seconds=120))

    assert {sum(outcome.ready) for outcome in outcomes} == {sum(outcomes[0].ready)}
    for fast, true in (outcomes[:2], outcomes[2:]):
        assert fast.violations == pytest.approx(true.violations, rel=0.25)
