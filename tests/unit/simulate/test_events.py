"""The world of single requests, by examples that one can follow with a pencil."""

import pytest

from trimtab.simulate.events import simulate_requests
from trimtab.simulate.outcome import Outcome
from trimtab.simulate.setting import ColdStart, Discipline, Routing, Service, Setting
from trimtab.simulate.view import Autoscaler, Signal, View
from trimtab.units import Seconds


def service(base: float, per_item: float = 0.0, max_batch: int = 1, instances: int = 1, delay: float = 0.0) -> Service:
    """Return a service without noise."""
    return Service(
        base=Seconds(base),
        per_item=Seconds(per_item),
        max_batch=max_batch,
        instances=instances,
        max_delay=Seconds(delay),
        variation=0.0,
    )


def setting(served: Service, target: float = 100.0, cold_start: float = 5.0, **other: object) -> Setting:
    """Return a setting whose cold starts all take the same time; first come, first served unless said otherwise."""
    fixed: dict[str, object] = {"discipline": Discipline.FIFO, "min_replicas": 0} | other
    start = ColdStart(mean=Seconds(cold_start), variation=0.0)
    return Setting(service=served, target=Seconds(target), cold_start=start, **fixed)  # type: ignore[arg-type] # a test's words


class Watching:
    """Asks for replicas by second, and keeps the view that it is shown."""

    def __init__(self, wanted: dict[int, int] | None = None) -> None:
        self.wanted = wanted or {}
        self.view = View(0, 0)
        self.shown: list[tuple[int, int, int]] = []

    def __call__(self, view: View) -> int | None:
        self.view = view
        self.shown.append((view.ready, view.starting, view.unschedulable))
        return self.wanted.get(view.now)


def latencies(times: list[float], where: Setting, *, seconds: int = 40, first: int = 1) -> list[float]:
    """Return what each of the quantiles i / n of the latencies is: the latencies in ascending order."""
    watching = Watching()
    simulate_requests(times, where, watching, first=first, seconds=seconds)
    many = len(times)
    return [round(watching.view.latency_quantile((each + 1) / many, seconds), 9) for each in range(many)]


def test_one_instance_serves_one_after_the_other() -> None:
    """Three that come together to a server of 1 s take 1, 2 and 3 s."""
    assert latencies([0.0, 0.0, 0.0], setting(service(1.0))) == [1.0, 2.0, 3.0]


def test_instances_work_side_by_side() -> None:
    """Two instances: the third of three waits for the first that is free."""
    assert latencies([0.0, 0.0, 0.0], setting(service(1.0, instances=2))) == [1.0, 1.0, 2.0]


def test_a_free_instance_takes_what_waits_up_to_the_largest_batch() -> None:
    """The first is taken alone (1 + 1 s), then four (1 + 4 s), then the last (1 + 1 s)."""
    times = [0.0, 0.5, 0.6, 0.7, 0.8, 0.9]

    assert latencies(times, setting(service(1.0, 1.0, max_batch=4))) == [2.0, 6.2, 6.3, 6.4, 6.5, 8.1]


def test_a_batch_that_is_not_full_waits_for_company_as_long_as_it_may() -> None:
    """With a delay of 2 s a lone request starts after 2 s; one that is joined within it to a full batch starts then."""
    assert latencies([0.0], setting(service(1.0, max_batch=2, delay=2.0))) == [3.0]
    assert latencies([0.0, 0.5], setting(service(1.0, max_batch=2, delay=2.0))) == [1.0, 1.5]


def test_delay_serves_who_is_late_after_who_is_not() -> None:
    """DELAY: at 5 s the two that have waited over 4 s are late, so the fresh one of 4.5 s goes before them."""
    where = setting(service(5.0), target=9.0, discipline=Discipline.DELAY)

    assert latencies([0.0, 0.1, 0.2, 4.5], where) == [5.0, 5.5, 14.9, 19.8]


def test_attainment_counts_arrivals_by_the_target() -> None:
    """Latencies of 1, 2 and 3 s under a target of 2 s: one of three is a violation, of the second of its arrival."""
    outcome = simulate_requests([0.0, 0.0, 0.0], setting(service(1.0), target=2.0), Watching(), first=1, seconds=5)

    assert (outcome.arrivals, outcome.violations) == (3.0, 1.0)
    assert outcome.late == (1.0, 0.0, 0.0, 0.0, 0.0)
    assert outcome.attainment == pytest.approx(2 / 3)


def test_what_is_unanswered_at_the_end_has_until_its_target() -> None:
    """One second of trace, five requests of 1 s, a target of 3 s: three are in time, after the end, unbilled."""
    outcome = simulate_requests([0.0] * 5, setting(service(1.0), target=3.0), Watching(), first=1)

    assert outcome.violations == 2.0
    assert outcome.billed == (1,)


def test_what_came_before_counts_for_nothing() -> None:
    """From second 2 on: one arrival, in time; two seconds of one replica."""
    outcome = simulate_requests(
        [0.0, 0.0, 2.5], setting(service(1.0), target=1.5), Watching(), first=1, since=2, seconds=4
    )

    assert (outcome.arrivals, outcome.violations, outcome.late[0]) == (1.0, 0.0, 1.0)
    assert outcome.gpu_hours == pytest.approx(2 / 3_600)


def test_a_replica_answers_after_its_cold_start_and_is_paid_from_being_asked_for() -> None:
    """Asked for at the end of second 1, with a start of 5 s, it is billed from 2 on and ready from 7 on."""
    watching = Watching({2: 2})
    outcome = simulate_requests([], setting(service(1.0)), watching, first=1, seconds=10)

    assert outcome.billed == (1, 1, 2, 2, 2, 2, 2, 2, 2, 2)
    assert outcome.ready == (1, 1, 1, 1, 1, 1, 1, 2, 2, 2)
    assert watching.shown[2] == (1, 1, 0)


def test_a_leaving_pod_ends_what_it_has_and_is_paid_until_then() -> None:
    """Told to go at the end of second 0 with 3 s of work, it is billed through second 2, and answers them."""
    outcome = simulate_requests([0.0, 0.0, 0.0], setting(service(1.0)), Watching({1: 0}), first=1, seconds=6)

    assert outcome.billed == (1, 1, 1, 0, 0, 0)
    assert outcome.violations == 0.0


def test_requests_wait_for_a_first_pod() -> None:
    """From zero, asked for after 1 s, with a start of 5 s: what came at 0.5 s is answered at 7 s."""
    watching = Watching({1: 1})
    simulate_requests([0.5], setting(service(1.0)), watching, first=0, seconds=10)

    assert watching.view.latency_quantile(1.0, 10) == pytest.approx(6.5)
    assert watching.view.total(Signal.WAITING, 10) == 6.0


def test_no_more_replicas_than_accelerators() -> None:
    """Of five, two have an accelerator: the others wait, unpaid, and are said to be unschedulable."""
    watching = Watching({1: 5})
    outcome = simulate_requests([], setting(service(1.0), accelerators=2), watching, first=1, seconds=9)

    assert max(outcome.billed) == 2
    assert watching.shown[-1] == (2, 3, 3)


def test_a_failing_pod_loses_what_it_has() -> None:
    """With failures every few seconds most requests of 10 s are lost, and counted as violations."""
    where = setting(service(10.0, instances=4), failures_per_hour=1_000.0, target=20.0)
    outcome = simulate_requests([float(at) for at in range(200)], where, Watching(), first=4, seed=1)

    assert outcome.violations > 100
    assert min(outcome.ready) < 4


def test_least_outstanding_goes_to_the_pod_with_the_fewest() -> None:
    """Three pods, three requests at once: none waits, whatever the seed; by chance some would."""
    where = setting(service(1.0), target=1.5, routing=Routing.POOLED)
    outcomes = [simulate_requests([0.0] * 3, where, Watching(), first=3, seed=seed) for seed in range(20)]

    assert sum(outcome.violations for outcome in outcomes) == 0


def signals(outcome_of: Autoscaler, times: list[float], where: Setting, *, first: int) -> Outcome:
    """Return the outcome over ten seconds."""
    return simulate_requests(times, where, outcome_of, first=first, seconds=10)


def test_the_view_is_filled_as_its_signals_say() -> None:
    """Two batches of two, 1 + 2 * 0.25 s each, on one of two replicas: by hand."""
    watching = Watching()
    signals(watching, [0.0, 0.0, 0.0], setting(service(1.0, 0.25, max_batch=2), target=2.0), first=1)
    view = watching.view
    total = {signal.name: view.total(signal, 10) for signal in Signal}

    # the first is taken alone, from 0 to 1.25; the two others together, to 2.75
    assert total["ARRIVALS"] == total["COMPLETIONS"] == 3
    assert total["BATCHES"] == 2
    assert total["LATE"] == 2
    assert total["BUSY"] == pytest.approx(2.75)
    assert total["WORK"] == pytest.approx(1.25 + 2 * 1.5)
    assert total["LATENCY"] == pytest.approx(1.25 + 2 * 2.75)
    assert total["WAITING"] == 2  # at the end of second 0
    assert total["INSIDE"] == 3 + 2
    assert total["READY"] == 10
    assert view.total(Signal.BUSY, 1, lag=7) == pytest.approx(0.75)


@pytest.mark.parametrize("times", [[1.0, 0.5], [-1.0, 2.0], [0.0, 9.5]])
def test_moments_that_cannot_be_are_refused(times: list[float]) -> None:
    """Moments have to ascend from 0 to less than the trace's end; the error says what to do."""
    with pytest.raises(ValueError, match="sort them, count from the trace's beginning, or say how many seconds"):
        simulate_requests(times, setting(service(1.0)), Watching(), first=1, seconds=9)


def test_a_pod_that_is_told_to_go_is_paid_for_its_ending() -> None:
    """Idle, and told to go at the end of second 1 with an ending of 3 s, it is billed through second 4."""
    outcome = simulate_requests([], setting(service(1.0), ending=3.0), Watching({2: 0}), first=1, seconds=8)

    assert outcome.billed == (1, 1, 1, 1, 1, 0, 0, 0)
