"""The source of metrics against a real Prometheus, which finds pods and scrapes pages whose truth is known."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import pytest

from controlplane import Api, BinariesMissingError, ControlPlane, Options, until
from trimtab.adapters.prometheus import promql
from trimtab.adapters.prometheus.client import Client
from trimtab.adapters.prometheus.config import PrometheusConfig
from trimtab.adapters.prometheus.source import PrometheusSource
from trimtab.core.scaling.observation import ModelRef, NoData, NoDataReason, Observation, Sample
from trimtab.units import Seconds

QUANTILES = {"0.5": 10_000, "0.75": 14_000, "0.9": 20_000, "0.95": 24_000, "0.99": 40_000, "0.999": 80_000}

ACCIDENT_S = 45.0  # after the first observation: a counter is reset, a pod goes and another comes
END_S = 90.0
EVERY_S = 3.0

STEADY, RESET, TURNOVER = ModelRef("bank", "steady", 2), ModelRef("bank", "reset", 2), ModelRef("bank", "turnover", 2)
SATURATED, IDLE, PARTIAL = ModelRef("bank", "saturated", 1), ModelRef("bank", "idle", 1), ModelRef("bank", "partial", 4)
NEGATIVE, NAN, GHOST = ModelRef("bank", "negative", 1), ModelRef("bank", "nan", 1), ModelRef("bank", "ghost", 1)
MODELS = (STEADY, RESET, TURNOVER, SATURATED, IDLE, PARTIAL, NEGATIVE, NAN, GHOST)


@dataclass
class Server:
    """A played pod's Triton: `rate` requests per second in batches of two, of which more and more may wait."""

    rate: float
    growth: float = 0.0
    silent: bool = False
    extra: str = ""
    born: float = field(default_factory=time.time)

    def page(self) -> str | None:
        """Return what a scrape gets now, None for no answer."""
        if self.silent:
            return None
        age = time.time() - self.born
        done, of = self.rate * age, '{model="m",version="1"}'
        values = {
            "nv_inference_request_success": done,
            "nv_inference_request_failure": 0.0,
            "nv_inference_count": done,
            "nv_inference_exec_count": done / 2,
            "nv_inference_queue_duration_us": done * 5_000,
            "nv_inference_compute_input_duration_us": done * 1_000,
            "nv_inference_compute_infer_duration_us": done * 18_000,
            "nv_inference_compute_output_duration_us": done * 1_000,
            "nv_inference_pending_request_count": self.growth * age,
        }
        lines = [f"{name}{of} {value}" for name, value in values.items()]
        for quantile, micros in QUANTILES.items():
            told = "Nan" if done == 0 else micros
            lines.append(f'nv_inference_request_summary_us{{model="m",version="1",quantile="{quantile}"}} {told}')
        return "\n".join([*lines, self.extra, ""])


@contextmanager
def proxy(servers: dict[str, Server]) -> Iterator[str]:
    """Answer for pods by their address, as the proxy that Prometheus scrapes through; yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server = servers.get(urlsplit(self.path).hostname or "")
            page = server.page() if server else None
            self.send_response(503 if page is None else 200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write((page or "").encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


@dataclass
class World:
    """A Prometheus, the pods that it finds, and what was observed: at first, and later with the time since."""

    plane: ControlPlane
    servers: dict[str, Server]
    url: str = ""
    early: list[dict[ModelRef, Observation]] = field(default_factory=list)
    seen: list[tuple[float, dict[ModelRef, Observation]]] = field(default_factory=list)

    def add(self, namespace: str, label: str, name: str, server: Server) -> None:
        """Let a pod run."""
        address = f"10.9.0.{len(self.servers) + 1}"
        self.servers[address] = server
        api: Api = self.plane.admin
        api.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": namespace, "labels": {"trimtab.io/model": label}},
                "spec": {
                    "containers": [
                        {"name": "triton", "image": "x", "ports": [{"name": "metrics", "containerPort": 8002}]}
                    ]
                },
            }
        )
        status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
        path = f"{api.path('v1/Pod', namespace, name)}/status"
        api.request("PATCH", path, {"status": status}, "application/merge-patch+json")

    def remove(self, namespace: str, name: str) -> None:
        """Let a pod go at once."""
        path = self.plane.admin.path("v1/Pod", namespace, name)
        self.plane.admin.request("DELETE", path, {"gracePeriodSeconds": 0})

    def of(self, model: ModelRef, *, after: float = 0.0, before: float = END_S) -> list[Observation]:
        """Return what was observed of a model in a part of the time."""
        found = [observed[model] for at, observed in self.seen if after <= at <= before]
        assert found
        return found

    def samples(self, model: ModelRef, *, after: float = 0.0, before: float = END_S) -> list[Sample]:
        """Return the samples in a part of the time, where there have to be some and nothing else."""
        found = self.of(model, after=after, before=before)
        samples = [each for each in found if isinstance(each, Sample)]
        assert len(samples) == len(found), found
        return samples


def furnish(world: World) -> None:
    """Let every pod run that there is at the beginning."""
    for namespace in ("bank", "thief"):
        world.plane.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    born = time.time() - 100_000
    for model, rate in ((STEADY, 40.0), (RESET, 30.0), (TURNOVER, 30.0)):
        for number in range(2):
            world.add("bank", model.label, f"{model.label}-{number}", Server(rate, born=born))
    world.add("bank", "saturated", "saturated-0", Server(20.0, growth=10.0))
    world.add("bank", "idle", "idle-0", Server(0.0))
    for number in range(4):
        world.add("bank", "partial", f"partial-{number}", Server(10.0, silent=number > 0))
    negative = 'nv_inference_request_failure{model="x",reason="OTHER",version="1"} -5'
    world.add("bank", "negative", "negative-0", Server(10.0, extra=negative))
    nan = 'nv_inference_request_success{model="x",version="1"} NaN'
    world.add("bank", "nan", "nan-0", Server(10.0, extra=nan))
    claims = 'namespace="bank",trimtab_model="steady",pod="steady-0",job="trimtab-models"'
    forged = f"nv_inference_request_success{{{claims}}} {{}}\nup{{{claims}}} 1".replace("{}", f"{time.time():.0f}")
    world.add("thief", "steady", "steady-0", Server(1000.0, extra=forged))


def all_settled(found: dict[ModelRef, Observation]) -> bool:
    """Tell whether every pod has been scraped often enough."""
    samples = (STEADY, RESET, TURNOVER, SATURATED, IDLE)
    whole = all(isinstance(each := found[model], Sample) and each.pods == model.pods for model in samples)
    return whole and isinstance(found[NAN], NoData) and isinstance(found[PARTIAL], NoData)


async def watch(world: World) -> None:
    """Observe until the end, and arrange the accidents."""
    source = PrometheusSource(PrometheusConfig(url=world.url))
    began, happened = time.time(), False
    while (at := time.time() - began) < END_S:
        if at > ACCIDENT_S and not happened:
            happened = True
            world.plane.admin.close()  # idle for a minute: the other end may have let go; it opens again by itself
            next(each for each in world.servers.values() if each.rate == 30.0).born = time.time()
            world.remove("bank", "turnover-1")
            world.add("bank", "turnover", "turnover-2", Server(30.0))
        world.seen.append((time.time() - began, dict(await source.observe(MODELS))))
        await asyncio.sleep(EVERY_S)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Play two minutes of a small cluster."""
    servers: dict[str, Server] = {}
    with proxy(servers) as url:
        options = Options(controller_manager=False, scheduler=False, kwok=False, prometheus=True, scrape_proxy=url)
        try:
            plane = ControlPlane(options)
        except BinariesMissingError as error:
            pytest.skip(str(error))
        with plane:
            played = World(plane, servers)
            played.url = plane.layout.prometheus_url
            furnish(played)
            source = PrometheusSource(PrometheusConfig(url=played.url))

            def settled() -> bool | None:
                found = dict(asyncio.run(source.observe(MODELS)))
                played.early.append(found)
                time.sleep(1)
                return all_settled(found) or None

            until(settled, what="every pod to be measured", seconds=90)
            time.sleep(promql.WINDOW_SECONDS)  # a whole window, so that what is seen first is measured in full
            asyncio.run(watch(played))
            yield played


def test_steady_demand_is_measured_within_two_percent(world: World) -> None:
    """Arrivals, batches and times are the truth; a namesake in another namespace adds nothing, whatever it claims."""
    samples = world.samples(STEADY)

    assert [each.arrivals for each in samples] == pytest.approx([80.0] * len(samples), rel=0.02)
    last = samples[-1]
    assert (last.pods, last.missing) == (2, 0)
    assert 0 <= last.age < 15
    assert last.batch_size == pytest.approx(2.0, rel=0.01)
    assert last.batch_time == pytest.approx(0.020, rel=0.01)
    assert last.queue_time == pytest.approx(0.005, rel=0.01)
    assert last.busiest == pytest.approx(1.0, rel=0.02)
    assert last.latency is not None
    assert [point.latency for point in last.latency.points] == pytest.approx([us / 1e6 for us in QUANTILES.values()])


def test_a_prometheus_that_has_just_started_is_not_taken_for_a_lack_of_demand(world: World) -> None:
    """From the second scrape of both pods on, arrivals are the truth: divided by the time that was seen."""
    samples = [each for found in world.early if isinstance(each := found[STEADY], Sample) and each.pods == 2]

    assert samples
    assert samples[0].window < 20
    assert [each.arrivals for each in samples] == pytest.approx([80.0] * len(samples), rel=0.1)


def test_demand_of_the_past_is_measured_too(world: World) -> None:
    """Every five seconds of the time that was watched, within two percent, and nothing from before."""
    history = world.samples(STEADY)[-1].history
    watched = [point for point in history if point.ago < END_S]

    assert len(watched) >= (END_S - 35) / 5
    assert [point.rate for point in watched] == pytest.approx([80.0] * len(watched), rel=0.02)
    assert len(history) < 100


def test_demand_is_seen_when_all_are_busy(world: World) -> None:
    """Twenty are completed each second, ten more wait: thirty came."""
    samples = world.samples(SATURATED)

    assert [each.arrivals for each in samples] == pytest.approx([30.0] * len(samples), rel=0.04)
    assert [each.completions for each in samples] == pytest.approx([20.0] * len(samples), rel=0.02)
    assert samples[-1].pending > samples[0].pending


def test_no_traffic_is_zero_and_no_pods_are_not(world: World) -> None:
    """A pod that answers and did nothing is a sample; a model without series is not."""
    assert {each.arrivals for each in world.samples(IDLE)} == {0.0}
    assert {each.latency for each in world.samples(IDLE)} == {None}
    assert {reason(each) for each in world.of(GHOST)} == {NoDataReason.EMPTY}


def test_a_counter_that_starts_anew_is_no_dip_and_no_spike(world: World) -> None:
    """What was counted between the last scrape and the reset is lost: at most one interval of that pod."""
    during = world.samples(RESET, after=ACCIDENT_S)
    after = world.samples(RESET, after=ACCIDENT_S + 42)

    assert all(60 * (1 - 0.5 * 6 / 15) * 0.98 <= each.arrivals <= 60 * 1.02 for each in during)
    assert [each.arrivals for each in after] == pytest.approx([60.0] * len(after), rel=0.02)


def test_pods_that_come_and_go_keep_their_share(world: World) -> None:
    """While one pod takes another's place, what it served in one scrape interval of three is lost; then it is exact."""
    during = world.samples(TURNOVER, after=ACCIDENT_S)
    after = world.samples(TURNOVER, after=ACCIDENT_S + 42)

    assert [each.arrivals for each in during] == pytest.approx([60.0] * len(during), rel=0.33)
    assert [each.arrivals for each in after] == pytest.approx([60.0] * len(after), rel=0.02)
    assert after[-1].pods == 2


def test_a_partial_scrape_and_impossible_numbers_are_told_apart(world: World) -> None:
    """One of four pods is not enough; NaN and counters below zero are nonsense. None of it touches the others."""
    assert {reason(each) for each in world.of(PARTIAL)} == {NoDataReason.PARTIAL}
    assert {reason(each) for each in world.of(NEGATIVE)} == {NoDataReason.MALFORMED}
    assert {reason(each) for each in world.of(NAN)} == {NoDataReason.MALFORMED}


def test_any_name_is_a_sound_question(world: World) -> None:
    """Prometheus takes every name as data; the worst that one can do is to match nothing."""
    names = ['"} or up{job=~".+', "a\\", "x\ny", ".*", "(", "é`'", "a|b", "\r"]

    with Client(PrometheusConfig(url=world.url), Seconds(10.0)) as client:
        for name in names:
            models = [ModelRef(name, name, 1)]
            for ask in (promql.facts, promql.quantiles, promql.demand):
                assert client.ask(ask(models)) == []


async def test_a_prometheus_that_stands_still_is_unreachable_and_recovers(world: World) -> None:
    """Connections that are taken and never answered end in time; when it goes on, so do we."""
    source = PrometheusSource(PrometheusConfig(url=world.url), within=Seconds(1.0))
    world.plane.freeze("prometheus")
    try:
        frozen = await source.observe([STEADY])
    finally:
        world.plane.thaw("prometheus")
    thawed = await PrometheusSource(PrometheusConfig(url=world.url)).observe([STEADY])

    assert reason(frozen[STEADY]) is NoDataReason.UNREACHABLE
    assert isinstance(thawed[STEADY], Sample)


def reason(observation: Observation) -> NoDataReason:
    """Return why there is no data."""
    assert isinstance(observation, NoData), observation
    return observation.reason
