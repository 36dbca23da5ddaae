"""The past is asked for seldom, extended, and dated by Prometheus' own clock."""

import time

import pytest
from aiohttp import web

from fakes.httpserver import serve
from fakes.prometheus import FakePrometheus, Model, Pod
from trimtab.adapters.prometheus.config import PrometheusConfig
from trimtab.adapters.prometheus.history import EVERY_SECONDS, SPAN_SECONDS, History
from trimtab.adapters.prometheus.source import PrometheusSource
from trimtab.core.scaling.observation import ModelRef, Sample

CHURN = ModelRef("shop", "churn", 1)
FRAUD = ModelRef("bank", "fraud", 1)
NOW = 1_900_000_002.5
A, B = ("shop", "churn"), ("bank", "fraud")


def ramp(at: int) -> float:
    """Return a rate that tells its time."""
    return float(at % 100_000)


def world(*models: ModelRef) -> FakePrometheus:
    """Return a Prometheus in which models have one pod and a ramp of demand."""
    return FakePrometheus([Model(each.namespace, each.label, [Pod("a")], history=ramp) for each in models], now=NOW)


def ranges(fake: FakePrometheus) -> list[str]:
    """Return the questions about the past."""
    return [query for path, query in fake.asked if path.endswith("/query_range")]


async def observed(source: PrometheusSource, *models: ModelRef) -> list[Sample]:
    """Return the samples that there have to be."""
    found = await source.observe(models)
    samples = [each for each in found.values() if isinstance(each, Sample)]
    assert len(samples) == len(models)
    return samples


async def test_the_past_is_extended_and_right() -> None:
    """After many ticks each point is what it was, the span is kept, and one question was asked every 30 s."""
    fake = world(CHURN)

    async with serve(fake.answer) as url:
        source = PrometheusSource(PrometheusConfig(url=url))
        for _ in range(19):
            await observed(source, CHURN)
            fake.now += 10
        (sample,) = await observed(source, CHURN)

    now = fake.now
    assert len(ranges(fake)) == 7  # 190 s
    assert all(point.rate == ramp(round(now - point.ago)) for point in sample.history)
    assert sample.history[0].ago == pytest.approx(SPAN_SECONDS, abs=EVERY_SECONDS)
    assert sample.history[-1].ago < EVERY_SECONDS + 5
    assert {round(a.ago - b.ago) for a, b in zip(sample.history, sample.history[1:], strict=False)} == {5}


async def test_clocks_that_differ_by_an_hour_do_not_matter() -> None:
    """Ages and the past are Prometheus' clock minus Prometheus' clock, whatever ours says."""
    agos = []
    for ahead in (-3600, 0, 3600):
        fake = world(CHURN)
        fake.now = time.time() // 5 * 5 + 2 + ahead
        async with serve(fake.answer) as url:
            (sample,) = await observed(PrometheusSource(PrometheusConfig(url=url)), CHURN)
        assert sample.age == 2.0
        agos.append([point.ago for point in sample.history])

    assert agos[0] == agos[1] == agos[2]
    assert len(agos[0]) == 181


async def test_gaps_in_the_past_stay_gaps() -> None:
    """A time at which nothing was known is absent, not zero."""
    fake = world(CHURN)
    fake.models[0].history = lambda at: None if 300 < NOW - at < 600 else 7.0

    async with serve(fake.answer) as url:
        (sample,) = await observed(PrometheusSource(PrometheusConfig(url=url)), CHURN)

    assert not [point for point in sample.history if 300 < point.ago < 600]
    assert {point.rate for point in sample.history} == {7.0}


async def test_a_past_that_cannot_be_had_leaves_the_present() -> None:
    """The sample is good without its past, which is asked for again half a minute later, not at once."""
    fake = world(CHURN)

    async def no_past(request: web.Request, _: str) -> web.StreamResponse | None:
        return web.Response(status=422, text="too many samples") if request.path.endswith("range") else None

    fake.fault = no_past
    async with serve(fake.answer) as url:
        source = PrometheusSource(PrometheusConfig(url=url))
        (first,) = await observed(source, CHURN)
        fake.fault, fake.now = None, NOW + 10
        (second,) = await observed(source, CHURN)
        fake.now = NOW + 35
        (third,) = await observed(source, CHURN)

    assert [len(each.history) for each in (first, second, third)] == [0, 1, 181]  # what the first tick itself has found
    assert first.arrivals == second.arrivals == third.arrivals > 0


def test_a_new_model_gets_its_whole_past_before_others_are_extended() -> None:
    """One question a tick: the long one for the new model first, the short one for the others at the next."""
    history = History()
    first = history.due([A], NOW)
    assert first is not None
    history.put(first, {A: {first.end: 1.0}})

    second = history.due([A, B], NOW + 30)
    third = history.due([A, B], NOW + 35)

    assert (first.end - first.start, first.models) == (SPAN_SECONDS, frozenset({A}))
    assert second is not None
    assert (second.end - second.start, second.models) == (SPAN_SECONDS, frozenset({B}))
    assert third is not None
    assert (third.end - third.start, third.models) == (45, frozenset({A}))
    assert history.due([A, B], NOW + 36) is None


def test_models_that_nobody_asks_about_are_forgotten() -> None:
    """Memory is bounded by the models there are, not by those there were."""
    history = History()
    due = history.due([A], NOW)
    assert due is not None
    history.put(due, {A: {due.end: 1.0}})

    history.due([B], NOW + SPAN_SECONDS + 10)

    assert history.of(A, NOW + 10) == ()


def test_a_clock_that_was_set_back_makes_the_past_unknown() -> None:
    """Points of what is now the future are dropped, and the past is asked for anew."""
    history = History()
    due = history.due([A], NOW)
    assert due is not None
    history.put(due, {A: {due.end: 1.0}})

    again = history.due([A], NOW - 3600)

    assert again is not None
    assert again.end - again.start == SPAN_SECONDS
    assert history.of(A, NOW - 3600) == ()


def test_the_past_reads_as_the_points_that_it_is_made_of() -> None:
    """Whole, by its place, in part, from its end, and as often as one likes."""
    history = History()
    due = history.due([A], NOW)
    assert due is not None
    history.put(due, {A: {due.end - 10: 1.0, due.end - 5: 2.0, due.end: 3.0}})

    past = history.of(A, due.end + 2.0)

    points = [(12.0, 1.0), (7.0, 2.0), (2.0, 3.0)]
    assert [(point.ago, point.rate) for point in past] == [(point.ago, point.rate) for point in past] == points
    assert [(past[place].ago, past[place].rate) for place in range(len(past))] == points
    assert [point.rate for point in past[-2:]] == [2.0, 3.0]
    assert [point.rate for point in reversed(past)] == [3.0, 2.0, 1.0]


def test_ticks_extend_the_past_until_it_is_asked_for_again() -> None:
    """What a tick finds is known at the next; a second look in the same step adds nothing, nor does a stranger."""
    history = History()
    due = history.due([("bank", "churn")], 1_000.0)
    assert due is not None
    history.put(due, {("bank", "churn"): {995: 1.0, 1_000: 2.0}})

    for at, rate in ((1_001.0, 9.0), (1_005.4, 3.0), (1_010.2, 4.0)):
        history.note(("bank", "churn"), at, rate)
    history.note(("bank", "nobody"), 1_005.0, 7.0)

    assert [(each.ago, each.rate) for each in history.of(("bank", "churn"), 1_010.5)] == [
        (15.5, 1.0), (10.5, 2.0), (5.5, 3.0), (0.5, 4.0),
    ]  # fmt: skip
    assert history.of(("bank", "nobody"), 1_010.0) == ()
