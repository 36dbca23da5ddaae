"""What is known of models, asked of a Prometheus on loopback that is well, ill, or not one at all."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from fakes.httpserver import serve
from fakes.prometheus import QUANTILES, FakePrometheus, Model, Pod
from trimtab.adapters.prometheus import promql
from trimtab.adapters.prometheus.client import LARGEST_ANSWER
from trimtab.adapters.prometheus.config import PrometheusConfig
from trimtab.adapters.prometheus.source import MOST_CALLS, PrometheusSource
from trimtab.core.scaling.observation import ModelRef, NoData, NoDataReason, Observation, Sample
from trimtab.reconcile.ports import MetricSource
from trimtab.units import Seconds

FRAUD = ModelRef("bank", "fraud", 2)
CHURN = ModelRef("shop", "churn", 1)
HEALTHY = 30.0  # requests per second of CHURN, which nothing that happens to FRAUD may touch


def bank(*pods: Pod, **facts: float) -> Model:
    """Return the series of FRAUD."""
    return Model("bank", "fraud", list(pods), facts)


def shop() -> Model:
    """Return the series of CHURN, which is always well: 30 requests per second."""
    return Model("shop", "churn", [Pod("churn-1", completions=900.0)])


@asynccontextmanager
async def asking(fake: FakePrometheus, *, within: float = 5.0, **config: Any) -> AsyncIterator[PrometheusSource]:  # noqa: ANN401 - of any kind
    """Yield a source that asks `fake`."""
    async with serve(fake.answer) as url:
        yield PrometheusSource(PrometheusConfig(url=url, **config), within=Seconds(within))


async def look(fake: FakePrometheus, *models: ModelRef, within: float = 5.0) -> list[Observation]:
    """Return what is observed of models, in their order."""
    async with asking(fake, within=within) as source:
        observed = await source.observe(models)
    assert observed.keys() == set(models)
    return [observed[model] for model in models]


def reason(observation: Observation) -> NoDataReason:
    """Return why there is no data, which has to be told in words as well."""
    assert isinstance(observation, NoData), observation
    assert len(observation.message) > 40
    return observation.reason


def sample(observation: Observation) -> Sample:
    """Return the sample that there has to be."""
    assert isinstance(observation, Sample), observation
    return observation


async def test_the_source_fills_the_port() -> None:
    """What the shell needs is what the adapter has; nothing is asked about no models."""
    fake = FakePrometheus()

    async with asking(fake) as source:
        port: MetricSource = source
        observed = await port.observe([])

    assert observed == {}
    assert fake.asked == []


async def test_a_sample_says_what_happened() -> None:
    """Demand is completions, failures and growth; times are microseconds divided; shares are by pod."""
    pods = Pod("a", completions=300.0, executions=100.0), Pod("b", completions=600.0, executions=200.0, age=4.0)
    times = {promql.INPUT: 1e6, promql.INFER: 16e6, promql.OUTPUT: 1e6, promql.QUEUE: 4.5e6}
    model = bank(*pods, failures=30.0, growth=60.0, pending=70.0, **times)

    found = sample((await look(FakePrometheus([model]), FRAUD))[0])

    assert found.arrivals == pytest.approx(33.0)
    assert (found.completions, found.failures, found.pending) == pytest.approx((30.0, 1.0, 70.0))
    assert (found.batch_size, found.batch_time, found.queue_time) == pytest.approx((3.0, 0.020, 0.005))
    assert (found.age, found.window, found.pods, found.missing) == (4.0, 30.0, 2, 0)
    assert found.busiest == pytest.approx(600 / 450)
    assert found.latency is not None
    assert found.latency.requests == pytest.approx(900)
    assert found.latency.source == "PodSummaries"
    assert [point.quantile for point in found.latency.points] == [float(each) for each in QUANTILES]
    assert [point.latency for point in found.latency.points] == pytest.approx(list(QUANTILES.values()))
    assert found.latency.resolution == pytest.approx(0.0)


async def test_no_traffic_is_a_sample_of_zero() -> None:
    """Pods that answer and whose counters stand still say that nobody asks; times of nothing are unknown."""
    idle = dict.fromkeys(QUANTILES, float("nan"))
    pods = [Pod(name, completions=0.0, executions=0.0, latency=idle) for name in ("a", "b")]

    found = sample((await look(FakePrometheus([bank(*pods)]), FRAUD))[0])

    assert (found.arrivals, found.completions, found.pending) == (0.0, 0.0, 0.0)
    assert (found.batch_size, found.batch_time, found.queue_time) == (None, None, None)
    assert (found.latency, found.busiest) == (None, None)


async def test_a_young_prometheus_has_not_seen_little_demand() -> None:
    """Three samples, the last 2 s ago, are 14.5 s of counting and not 30; with any from before, all was seen."""
    pods = Pod("a", completions=145.0), Pod("b", completions=145.0)

    young = sample((await look(FakePrometheus([bank(*pods, samples=3.0)]), FRAUD))[0])
    old = sample((await look(FakePrometheus([bank(*pods, samples=3.0, before=1.0)]), FRAUD))[0])

    assert (young.window, young.arrivals) == pytest.approx((14.5, 20.0))
    assert (old.window, old.arrivals) == pytest.approx((30.0, 290 / 30))


async def test_demand_is_that_of_the_last_three_scrapes_where_prometheus_saw_them_all() -> None:
    """A step is seen sooner there; one that is younger than its window would divide by time that it has not seen."""
    pods = Pod("a", completions=145.0), Pod("b", completions=145.0)

    young = sample((await look(FakePrometheus([bank(*pods, samples=3.0, demand=12.0)]), FRAUD))[0])
    old = sample((await look(FakePrometheus([bank(*pods, samples=6.0, before=1.0, demand=12.0)]), FRAUD))[0])

    assert (young.arrivals, old.arrivals) == pytest.approx((20.0, 12.0))


async def test_falling_pending_never_makes_demand_negative() -> None:
    """A queue that empties shows up as completions; a gauge that falls by more is no negative demand."""
    found = await look(FakePrometheus([bank(Pod("a", 10.0, 10.0), Pod("b", 10.0, 10.0), growth=-500.0)]), FRAUD)

    assert sample(found[0]).arrivals == 0.0


@pytest.mark.parametrize(
    ("models", "why"),
    [
        ([], NoDataReason.EMPTY),
        ([bank(Pod("a", completions=None), Pod("b", completions=None))], NoDataReason.EMPTY),
        ([bank(Pod("a", up=False), Pod("b", up=False))], NoDataReason.PARTIAL),
        ([bank(Pod("a", age=15.1), Pod("b", age=600.0))], NoDataReason.STALE),
        ([bank(Pod("a", age=15.1), Pod("b", up=False))], NoDataReason.STALE),
    ],
    ids=["nothing", "no model on the page", "no pod answers", "old", "one old and one silent"],
)
async def test_missing_is_not_zero(models: list[Model], why: NoDataReason) -> None:
    """Without enough fresh answers nothing is known, and the reason tells what is missing."""
    found = await look(FakePrometheus([*models, shop()]), FRAUD, CHURN)

    assert reason(found[0]) is why
    assert sample(found[1]).arrivals == HEALTHY


@pytest.mark.parametrize(
    ("expected", "answering", "enough"),
    [(2, 1, True), (3, 1, False), (3, 2, True), (4, 1, False), (4, 2, True), (0, 1, True), (1, 3, True)],
)
async def test_half_of_the_pods_have_to_answer(expected: int, answering: int, enough: bool) -> None:  # noqa: FBT001 - a table
    """Fewer than half is `Partial`; with half or more, the sample says how many are missing in it."""
    pods = [Pod(f"p{number}", up=number < answering) for number in range(max(expected, answering))]

    (found,) = await look(FakePrometheus([bank(*pods)]), ModelRef("bank", "fraud", expected))

    if enough:
        assert (sample(found).pods, sample(found).missing) == (answering, max(expected - answering, 0))
    else:
        assert reason(found) is NoDataReason.PARTIAL


async def test_pods_that_are_too_young_are_waited_for() -> None:
    """Where no pod is old enough to have been measured, silence is no fault of theirs."""
    (found,) = await look(FakePrometheus([bank(Pod("a", up=False))]), ModelRef("bank", "fraud", 0))

    assert reason(found) is NoDataReason.EMPTY


def edit_fact(fact: str, change: Callable[[dict[str, Any]], object]) -> Callable[[list[Any]], list[Any]]:
    """Return a function that changes FRAUD's series of one fact in an answer."""

    def spoil(series: list[Any]) -> list[Any]:
        for each in list(series):
            if each["metric"].get("fact") == fact and each["metric"]["namespace"] == "bank":
                replaced = change(each)
                if isinstance(replaced, dict):
                    series.append(replaced)
        return series

    return spoil


def with_value(text: object) -> Callable[[dict[str, Any]], object]:
    """Return a function that sets a series' value."""
    return lambda series: series["value"].__setitem__(1, text)


@pytest.mark.parametrize(
    ("fact", "change"),
    [
        (promql.COMPLETIONS, with_value("NaN")),
        (promql.COMPLETIONS, with_value("+Inf")),
        (promql.COMPLETIONS, with_value("-1")),
        (promql.COMPLETIONS, with_value("many")),
        (promql.COMPLETIONS, with_value(7)),
        (promql.PENDING, with_value("-3")),
        (promql.GROWTH, with_value("NaN")),
        (promql.FAILURES, with_value("-Inf")),
        (promql.AGE, with_value("-5")),
        (promql.COMPLETIONS, dict),
        (promql.PENDING, dict),
        (promql.COMPLETIONS, lambda series: series.pop("value")),
        (promql.COMPLETIONS, lambda series: series.__setitem__("histogram", series.pop("value"))),
        (promql.COMPLETIONS, lambda series: series["value"].append("3")),
        (promql.COMPLETIONS, lambda series: series["metric"].pop("pod")),
        (promql.COMPLETIONS, lambda series: series["metric"].__setitem__("fact", "invented")),
    ],
    ids=[
        *("NaN", "Inf", "negative", "a word", "a number", "negative gauge", "NaN growth", "-Inf", "from the future"),
        *("a pod twice", "a model twice", "no value", "a histogram", "three parts", "no pod", "unknown fact"),
    ],
)
async def test_numbers_that_cannot_be_spoil_their_model_alone(fact: str, change: Callable[..., object]) -> None:
    """A model with one impossible number is `Malformed`, the others are as before."""
    fake = FakePrometheus([bank(Pod("a"), Pod("b")), shop()], spoil=edit_fact(fact, change))

    found = await look(fake, FRAUD, CHURN)

    assert reason(found[0]) is NoDataReason.MALFORMED
    assert sample(found[1]).arrivals == HEALTHY


@pytest.mark.parametrize("value", [float("inf"), -0.001], ids=["Inf", "negative"])
async def test_a_latency_that_cannot_be_spoils_its_model_alone(value: float) -> None:
    """NaN is how a summary says that it had no requests; anything else that is no time is `Malformed`."""
    found = await look(FakePrometheus([bank(Pod("a", latency={"0.5": value}), Pod("b")), shop()]), FRAUD, CHURN)

    assert reason(found[0]) is NoDataReason.MALFORMED
    assert sample(found[1]).latency is not None


@pytest.mark.parametrize(
    ("labels", "twice"),
    [({"quantile": "0.31"}, False), ({"pod": None}, False), ({}, True)],
    ids=["a quantile that nobody asked for", "no pod", "twice"],
)
async def test_latencies_with_odd_labels_spoil_their_model_alone(labels: dict[str, Any], twice: bool) -> None:  # noqa: FBT001 - a table
    """A latency that we did not ask for, or have already, is `Malformed`."""

    def spoil(series: list[Any]) -> list[Any]:
        mine = [each for each in series if "quantile" in each["metric"] and each["metric"]["namespace"] == "bank"]
        for each in mine[:1]:
            each["metric"] |= labels
            series += [each] * twice
        return series

    found = await look(FakePrometheus([bank(Pod("a"), Pod("b")), shop()], spoil=spoil), FRAUD, CHURN)

    assert reason(found[0]) is NoDataReason.MALFORMED
    assert sample(found[1]).latency is not None


async def test_counters_below_zero_are_malformed() -> None:
    """A counter that somebody set below zero may rise like any other; Prometheus is asked whether there is one."""
    (found,) = await look(FakePrometheus([bank(Pod("a"), Pod("b"), impossible=1.0)]), FRAUD)

    assert reason(found) is NoDataReason.MALFORMED


async def test_a_spike_of_a_pod_is_data() -> None:
    """A thousand times the requests, with the work that they take: for policies to limit, not for us to doubt."""
    found = await look(FakePrometheus([bank(Pod("a"), Pod("b", completions=300e3, executions=100e3))]), FRAUD)

    assert sample(found[0]).arrivals == pytest.approx(10_010)


@pytest.mark.parametrize(
    "pod",
    [Pod("b", completions=300e3, inferences=300.0), Pod("b", completions=300.0, executions=0.0)],
    ids=["completions without inferences", "completions without executions"],
)
async def test_a_spike_that_nothing_computed_is_malformed(pod: Pod) -> None:
    """No server answers what it has not inferred; the message names the pod."""
    (found,) = await look(FakePrometheus([bank(Pod("a"), pod)]), FRAUD)

    assert reason(found) is NoDataReason.MALFORMED
    assert "pod b" in str(found)


async def test_counters_read_at_a_bad_moment_are_not_doubted() -> None:
    """A few requests are counted before their execution is: a scrape reads one counter after the other."""
    found = await look(FakePrometheus([bank(Pod("a", 5.0, 0.0, 0.0), Pod("b", 29.0, 5.0, 10.0))]), FRAUD)

    assert sample(found[0]).completions == pytest.approx(34 / 30)


async def test_series_of_others_never_count() -> None:
    """A model of that name elsewhere, and a pod that calls itself ours, add nothing, whatever they say."""
    thief = Model("thief", "fraud", [Pod("a", completions=float("nan")), Pod("x", completions=9e9)])

    def claim(series: list[Any]) -> list[Any]:
        for each in series:
            if each["metric"]["namespace"] == "thief":
                each["metric"] |= {"exported_namespace": "bank", "exported_trimtab_model": "fraud"}
        return series

    found = await look(FakePrometheus([bank(Pod("a"), Pod("b")), thief], spoil=claim), FRAUD)

    assert sample(found[0]).arrivals == pytest.approx(20.0)


async def reply(text: str = "", *, status: int = 200, **more: Any) -> web.Response:  # noqa: ANN401 - of any kind
    """Return a fault's answer."""
    return web.Response(status=status, text=text, **more)


def result(value: object) -> str:
    """Return the text of a successful answer with any result."""
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": value}})


@pytest.mark.parametrize(
    "text",
    [
        "<html><body>Sign in</body></html>",
        "",
        "{}",
        "null",
        '{"status": "success", "data": []}',
        result([])[:-5],
        result("text"),
        result([1_900_000_000.0, "1"]),
        result([[]]),
        result([{"value": [1, "1"]}]),
        result([{"metric": [], "value": [1, "1"]}]),
        "[" * 100_000,
    ],
    ids=[
        *("HTML", "nothing", "empty", "null", "no result", "cut", "text", "scalar", "lists", "no labels", "odd labels"),
        "nested",
    ],
)
async def test_answers_that_are_none_of_a_prometheus_are_malformed(text: str) -> None:
    """Status 200 says nothing about what comes with it."""
    found = await look(FakePrometheus(fault=lambda _, __: reply(text)), FRAUD)

    assert reason(found[0]) is NoDataReason.MALFORMED


async def test_an_answer_without_end_is_cut_off() -> None:
    """Nothing that we ask for takes so much memory."""
    found = await look(FakePrometheus(fault=lambda _, __: reply(" " * (LARGEST_ANSWER + 1))), FRAUD)

    assert reason(found[0]) is NoDataReason.MALFORMED


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 422, 429, 500, 503])
async def test_refusals_are_unreachable(status: int) -> None:
    """Any status but 200 means that nobody answered; the message has the status and not all of a long page."""
    headers = {"Location": "http://127.0.0.1:1/elsewhere"}
    page = f"cannot do that {'x' * 9000}"
    found = await look(FakePrometheus(fault=lambda _, __: reply(page, status=status, headers=headers)), FRAUD)

    assert reason(found[0]) is NoDataReason.UNREACHABLE
    assert str(status) in str(found[0])
    assert len(str(found[0])) < 700


async def test_nobody_there_is_unreachable() -> None:
    """A refused connection is told as such, with the address."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        (found,) = (await PrometheusSource(PrometheusConfig(url=url)).observe([FRAUD])).values()

    assert reason(found) is NoDataReason.UNREACHABLE
    assert url in str(found)
    assert "refused" in str(found)


async def sleep(request: web.Request, _: str) -> web.StreamResponse | None:
    """Answer after 30 s, as a fault."""
    del request
    await asyncio.sleep(30)
    return None


async def trickle(request: web.Request, _: str) -> web.StreamResponse:
    """Answer a byte at a time, for ever."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("fault", [sleep, trickle])
async def test_slow_answers_are_not_waited_for(fault: Any) -> None:  # noqa: ANN401 - a fault
    """The time is for all of a call, not for each byte of it."""
    loop = asyncio.get_running_loop()
    began = loop.time()

    found = await look(FakePrometheus(fault=fault), FRAUD, within=0.3)

    assert reason(found[0]) is NoDataReason.UNREACHABLE
    assert loop.time() - began < 3


async def test_calls_that_hang_do_not_pile_up() -> None:
    """Beyond a few calls under way the next is answered at once; when they have ended, the source works as before."""
    fake = FakePrometheus([shop()], fault=sleep)

    async with asking(fake, within=0.3) as source:
        hanging = [asyncio.ensure_future(source.observe([CHURN])) for _ in range(MOST_CALLS)]
        await asyncio.sleep(0)
        asked_too_much = (await source.observe([CHURN]))[CHURN]
        still_hanging = not any(each.done() for each in hanging)
        await asyncio.gather(*hanging)
        fake.fault = None
        fake.models = [shop()]
        afterwards = PrometheusSource(source._config)
        recovered = (await afterwards.observe([CHURN]))[CHURN]
        source._within = Seconds(5.0)
        same = (await source.observe([CHURN]))[CHURN]

    assert still_hanging
    assert reason(asked_too_much) is NoDataReason.UNREACHABLE
    assert sample(recovered).arrivals == HEALTHY
    assert sample(same).arrivals == HEALTHY


async def test_latencies_that_cannot_be_had_make_a_model_unknown() -> None:
    """Half an answer is none: nothing is decided on demand alone while the objective is a latency."""

    async def only_facts(_: web.Request, query: str) -> web.StreamResponse | None:
        return await reply(status=503) if "quantile" in query else None

    found = await look(FakePrometheus([shop()], fault=only_facts), CHURN)

    assert reason(found[0]) is NoDataReason.UNREACHABLE


async def test_the_token_is_read_anew_and_never_told(tmp_path: Path) -> None:
    """A token that is changed under us is used at the next call; an answer that repeats it is not repeated by us."""
    file = tmp_path / "token"
    fake = FakePrometheus([shop()])

    async def echo(request: web.Request, _: str) -> web.StreamResponse:
        return web.Response(status=403, text=f"refused: {request.headers['Authorization']}")

    async with asking(fake, bearer_token_file=file) as source:
        missing = (await source.observe([CHURN]))[CHURN]
        file.write_text("first-secret\n")
        await source.observe([CHURN])
        file.write_text("second-secret\n")
        fake.fault = echo
        refused = (await source.observe([CHURN]))[CHURN]
        file.write_text("two\nlines\n")
        broken = (await source.observe([CHURN]))[CHURN]

    sent = [headers["Authorization"] for headers in fake.headers]
    assert sent[0] == "Bearer first-secret"
    assert sent[-1] == "Bearer second-secret"
    assert {reason(missing), reason(refused), reason(broken)} == {NoDataReason.UNREACHABLE}
    assert str(file) in str(missing)
    assert "second-secret" not in str(refused)
    assert "lines" not in str(broken).replace("line ends", "")


@pytest.mark.parametrize("count", [100, 1000])
async def test_a_pool_is_asked_about_in_a_few_questions(count: int) -> None:
    """At most six questions for 1,000 models in as many namespaces, and four while the past is fresh enough."""

    def once_in_a_while(at: int) -> float | None:
        return None if at % 100 else 30.0

    models = [ModelRef(f"team-{number}", f"model-{number}", 1) for number in range(count)]
    fake = FakePrometheus([Model(each.namespace, each.label, [Pod("a")], history=once_in_a_while) for each in models])

    async with asking(fake, within=60.0) as source:
        observed = await source.observe(models)
        first = len(fake.asked)
        fake.now += 15
        await source.observe(models)
        second = len(fake.asked) - first

    assert all(isinstance(each, Sample) and len(each.history) == 10 for each in observed.values())
    assert first <= 6
    assert second <= 4
    assert all(path in ("/api/v1/query", "/api/v1/query_range") for path, _ in fake.asked)
