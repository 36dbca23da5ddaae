"""Trimtab in a simulated world: what it is shown is what Prometheus would tell, and what it does is what it decides."""

import datetime as dt
from itertools import pairwise

import pytest

from trimtab.core.live import live_deployments
from trimtab.core.scaling.capacity import promise_of
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.decision import Decision
from trimtab.core.scaling.observation import NoData, Sample
from trimtab.core.snapshot import ModelSnapshot
from trimtab.simulate.ours import (
    DEPLOYMENT_KEY,
    EPOCH,
    MODEL,
    SCRAPE,
    Past,
    Starts,
    Trimtab,
    deployment,
    observe,
    pool_of,
    spec_of,
)
from trimtab.simulate.setting import Service, Setting
from trimtab.simulate.view import View
from trimtab.units import Seconds

SETTING = Setting(
    service=Service(base=Seconds(0.2), per_item=Seconds(0.01), max_batch=4, instances=2),
    target=Seconds(1.2),
    max_replicas=30,
)
BATCH = 0.22


def second(arrivals: float, *, waiting: float = 0.0, ready: int = 2) -> tuple[float, ...]:
    """Return one second in which all that arrives is answered in batches of two that take 0.22 s, after 0.1 s."""
    done = arrivals
    return (arrivals, done, 0.0, waiting, waiting, 1.0, ready, done * (BATCH + 0.1), done * BATCH, done / 2.0)


def seen(seconds: int, arrivals: float = 10.0, *, ready: int = 2) -> View:
    """Return a view of so many seconds."""
    view = View(1, 30, ready=ready, asked=ready)
    for _ in range(seconds):
        view.record(second(arrivals, ready=ready), [BATCH + 0.1])
    return view


def test_a_setting_and_its_spec_promise_the_same() -> None:
    """Target, percentile, batches and bounds come back out of the spec."""
    spec = spec_of(SETTING)
    promise = promise_of(spec)

    assert (promise.target, promise.percentile) == (SETTING.target, SETTING.percentile)
    assert (promise.max_batch, promise.instances) == (4, 2)
    assert (spec.scaling.min_replicas, spec.scaling.max_replicas) == (1, 30)


def test_steady_traffic_is_seen_as_it_is() -> None:
    """Rates, batches and times of a minute at 10 requests/s, as old as a scrape."""
    found = observe(seen(60), Past())

    assert isinstance(found, Sample)
    assert found.age == Seconds(float(SCRAPE))
    assert (found.pods, found.missing) == (2, 0)
    assert (found.arrivals, found.completions, found.pending) == pytest.approx((10.0, 10.0, 0.0))
    assert (found.batch_size, found.batch_time, found.queue_time) == pytest.approx((2.0, BATCH, 0.1))
    assert found.latency is not None
    assert found.latency.within(SETTING.target) == pytest.approx(1.0, abs=0.01)


def test_demand_is_what_waits_as_well() -> None:
    """Five requests a second more than are answered: the growth of what waits counts as demand."""
    view = View(1, 30, ready=2, asked=2)
    for number in range(60):
        view.record(second(10.0, waiting=5.0 * number))

    found = observe(view, Past())

    assert isinstance(found, Sample)
    assert found.arrivals == pytest.approx(15.0)
    assert found.pending == 5.0 * (59 - SCRAPE)


@pytest.mark.parametrize("view", [seen(2), seen(60, ready=0)])
def test_before_the_second_scrape_and_without_a_pod_nothing_is_known(view: View) -> None:
    """No data is not no traffic."""
    assert isinstance(observe(view, Past()), NoData)


def test_the_past_is_a_quarter_of_an_hour_in_steps() -> None:
    """Points of 5 s, the oldest first, of at most 15 minutes, none of before the beginning."""
    past = Past()
    short, long = past.of(seen(60)), Past().of(seen(2_000))

    assert [each.ago for each in short] == sorted((each.ago for each in short), reverse=True)
    assert short[0].ago < 60.0
    assert {round(each.rate, 6) for each in long} == {10.0}
    assert 850.0 <= long[0].ago <= 905.0
    assert {before.ago - after.ago for before, after in pairwise(long)} == {5.0}


def test_a_start_is_timed_from_being_asked_for_to_answering() -> None:
    """Two are asked for at second 10; one answers at 40, the other at 55."""
    starts, view = Starts(), View(1, 30, ready=1, asked=1)
    for now in range(1, 61):
        view.now = now
        view.ready, view.starting = (1, 2) if now < 40 else (2, 1) if now < 55 else (3, 0)
        if now <= 10:
            view.ready, view.starting = 1, 0
        starts.watch(view)
        if now == 10:
            starts.asked(view, 3)

    assert [(each.at, each.loaded) for each in starts.since_last(0)] == [(40, 30), (55, 45)]
    assert starts.since_last(0) == []


def test_replicas_that_are_given_back_are_no_starts() -> None:
    """A start that is called off, and a ready one that goes and comes back, tell nothing wrong."""
    starts, view = Starts(), View(1, 30, ready=3, asked=3, now=1)
    starts.watch(view)
    starts.asked(view, 5)
    view.now, view.starting = 2, 2
    starts.watch(view)
    starts.asked(view, 2)
    view.now, view.ready, view.starting = 3, 2, 0
    starts.watch(view)

    assert starts.since_last(0) == []


def test_the_deployment_reads_as_one_of_the_api_server() -> None:
    """What core reads of it is what the world has."""
    view = View(1, 30, ready=2, starting=3, asked=6)
    (live,) = live_deployments(snapshot_of(Trimtab.on(SETTING), view))

    assert (live.asked, live.exists, live.ready, live.observed, live.variant) == (6, 5, 2, True, "gpu")


def snapshot_of(trimtab: Trimtab, view: View) -> ModelSnapshot:
    """Return what the operator would gather, written by hand."""
    return ModelSnapshot(
        now=EPOCH + dt.timedelta(seconds=view.now),
        model=MODEL,
        spec=trimtab.spec,
        annotations={},
        written_status={},
        pool=pool_of(SETTING),
        children={DEPLOYMENT_KEY: deployment("gpu", view)},
        observation=observe(view, Past()),
    )


def test_it_does_what_the_operator_would_decide() -> None:
    """The number that is asked for is that of `decide` on a snapshot that is written by hand; between ticks nothing."""
    heard: list[tuple[int, Decision]] = []
    trimtab = Trimtab.on(SETTING)
    trimtab.heard = lambda now, decision: heard.append((now, decision))
    view = seen(60)

    asked, between = trimtab(view), Trimtab.on(SETTING)(seen(61))

    assert asked == decide(snapshot_of(trimtab, view)).replicas
    assert heard[0][0] == 60
    assert heard[0][1].replicas == asked
    assert between is None


def test_it_remembers_what_it_has_seen() -> None:
    """A minute of samples teaches service times, and a start that ended is remembered."""
    trimtab, view = Trimtab.on(SETTING), View(1, 30, ready=2, asked=2)
    for _ in range(120):
        view.record(second(10.0), [BATCH + 0.1])
        view.ready = 3 if view.now > 50 else 2
        view.starting = 0 if view.now > 50 or view.now < 20 else 1
        trimtab(view)

    assert trimtab.memory.times.known
    assert trimtab.memory.times.batch_time(2.0) == pytest.approx(BATCH, rel=0.01)
    assert [each.loaded for each in trimtab.memory.cold_starts] == pytest.approx([31], abs=2)
