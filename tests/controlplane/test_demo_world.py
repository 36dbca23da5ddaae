"""The world of the demo on a real plane: pods that kwok plays, scraped by a real Prometheus as in any cluster."""

import gc
import json
import time
import urllib.parse
import urllib.request
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from controlplane import Api, ControlPlane, Options, until
from demo.faults import FAULTS, Forged
from demo.fleet import Fleet
from demo.ledger import Account, Failure
from demo.routes import Routing
from demo.service import Service
from demo.traffic import Traffic, steady
from demo.world import Play, World
from samples import SAMPLES, SETTINGS, serving_of
from trimtab.render.deployment import birth, render_deployment
from trimtab.units import Replicas

NAMESPACE, MODEL = "shop", "churn"
COLD_START_S, DRAIN_S = 2, 6
RATE, WINDOW_S, SCRAPE_S = 120.0, 20, 5.0
EVEN = Traffic([RATE] * 3_600, counted=True)
"""The same number in each second: increase() extrapolates 5 s, in which a Poisson process would stray by 1 %."""
PLAY = Play(service=Service(base_s=0.004, per_item_s=0.001), objective_s=0.025, routing=Routing.LEAST_OUTSTANDING)
BROKEN = {name: f"broken-{number}" for number, name in enumerate(FAULTS)} | {"forged": "forger"}
"""A model for each fault."""


@dataclass
class Stage:
    """A plane with a world and Prometheus."""

    plane: ControlPlane
    world: World
    prometheus: str

    @property
    def api(self) -> Api:
        """Return a client that may do everything."""
        return self.plane.admin

    def query(self, promql: str, at: float | None = None) -> list[dict[str, Any]]:
        """Return Prometheus' answer, for now or for a moment."""
        question = urllib.parse.urlencode({"query": promql} | ({} if at is None else {"time": str(at)}))
        with urllib.request.urlopen(f"{self.prometheus}/api/v1/query?{question}", timeout=10) as answer:  # noqa: S310 - of loopback
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return found

    def value(self, promql: str, at: float | None = None) -> float | None:
        """Return the one value that Prometheus answers, None where it has none."""
        found = self.query(promql, at)
        assert len(found) < 2, found
        return float(found[0]["value"][1]) if found else None

    def pods(self) -> list[str]:
        """Return the names of the pods that have a Triton."""
        return self.world.ask(f"{NAMESPACE}/{MODEL}", lambda fleet: list(fleet.servers))

    def total(self) -> Account:
        """Return what has become of the requests so far."""
        return self.world.ask(f"{NAMESPACE}/{MODEL}", lambda fleet: fleet.ledger.between(0, fleet.now_s + 1))

    def lost(self) -> int:
        """Return how many requests went down with their pods."""
        return self.world.ask(f"{NAMESPACE}/{MODEL}", lambda fleet: fleet.ledger.failures[Failure.LOST])


@pytest.fixture(scope="module")
def stage(control_plane: ControlPlane) -> Iterator[Stage]:
    """Run a plane whose Prometheus scrapes through the world: two pods of a rendered model, one for each fault."""
    plays = {f"{NAMESPACE}/{model}": PLAY for model in (MODEL, *BROKEN.values())}
    with ControlPlane(Options(), binaries=control_plane.binaries) as plane, World(plane.admin, plays) as world:
        fates = {"ready-after": f"{COLD_START_S}s", "gone-after": f"{DRAIN_S}s"}
        annotations = {f"kwok.trimtab.io/{name}": value for name, value in fates.items()}
        about = {"name": NAMESPACE, "annotations": annotations}
        plane.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": about})
        found = Stage(plane, world, plane.start_prometheus(proxy=world.proxy_url))
        found.api.create(deployment(2))
        for model in BROKEN.values():
            found.api.create(bare_pod(model))
        yield found


def deployment(replicas: int) -> dict[str, Any]:
    """Return the Deployment of a sample, as the operator renders it; there is no AIModel that owns it."""
    rendered = birth(render_deployment(serving_of(SAMPLES[1], namespace=NAMESPACE), SETTINGS.pod), Replicas(replicas))
    del rendered["metadata"]["ownerReferences"]
    return rendered


def bare_pod(model: str) -> dict[str, Any]:
    """Return the pod of a model of which only the metrics are looked at."""
    ports = [{"name": "metrics", "containerPort": 8002}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": model, "namespace": NAMESPACE, "labels": {"trimtab.io/model": model}},
        "spec": {"containers": [{"name": "main", "image": "image", "ports": ports}]},
    }


def test_pods_serve_from_ready_on_and_prometheus_counts_what_the_ledger_counts(stage: Stage) -> None:
    """A cold start is waited for; then increase() and the ledger agree within 2 %, and so do the latencies."""
    until(lambda: stage.api.list("v1/Pod", NAMESPACE, f"trimtab.io/model={MODEL}"), what="pods to be made")
    seen_s, early = stage.world.now_s, stage.pods()
    until(lambda: len(stage.pods()) == 2, what="both pods to be Ready", seconds=60)
    cold_s = stage.world.now_s - seen_s
    stage.world.drive(f"{NAMESPACE}/{MODEL}", EVEN)
    sum_of = f'sum({{__name__="nv_inference_request_success",namespace="{NAMESPACE}",trimtab_model="{MODEL}"}})'
    until(lambda: stage.value(sum_of), what="the first scrape under traffic", seconds=30)
    began = time.time()
    until(lambda: time.time() > began + WINDOW_S + SCRAPE_S, what="the window to fill", seconds=WINDOW_S * 2)

    at = int(began + WINDOW_S + SCRAPE_S)  # a whole second that is over
    model = f'{{namespace="{NAMESPACE}",trimtab_model="{MODEL}"}}[{WINDOW_S}s]'
    counted = stage.value(f"sum(increase(nv_inference_request_success{model}))", at)
    summed_us = stage.value(f"sum(increase(nv_inference_request_duration_us{model}))", at)
    end_s = at - stage.world.began_at
    account = stage.world.ask(f"{NAMESPACE}/{MODEL}", lambda fleet: fleet.ledger.between(end_s - WINDOW_S, end_s))
    quantiles = stage.query(f'nv_inference_request_summary_us{{trimtab_model="{MODEL}",quantile="0.95"}}')
    real_us = stage.world.ask(f"{NAMESPACE}/{MODEL}", lambda fleet: fleet.ledger.latencies(0, 1e4).quantile(0.95))

    assert early == []
    assert cold_s > COLD_START_S - 1
    assert account.completed == pytest.approx(RATE * WINDOW_S, rel=0.1)
    assert counted == pytest.approx(account.completed, rel=0.02)
    assert counted is not None
    assert summed_us is not None
    assert summed_us / counted / 1e6 == pytest.approx(account.mean_s, rel=0.05)
    assert [float(each["value"][1]) for each in quantiles] == pytest.approx([real_us] * 2, rel=0.15)


def test_a_deleted_pod_ends_its_work_and_is_scraped_meanwhile(stage: Stage) -> None:
    """Scaling down costs no request: the pod is Terminating for a while, gets nothing new, and says what it did."""
    stage.world.drive(f"{NAMESPACE}/{MODEL}", steady(RATE, 3_600))
    until(lambda: len(stage.pods()) == 2, what="two pods", seconds=30)
    until(lambda: scraped(stage) == set(stage.pods()), what="both to be scraped", seconds=30)
    name = stage.pods()[0]
    before = stage.lost()

    stage.api.delete("v1/Pod", name, NAMESPACE)
    until(lambda: name not in routed(stage), what="the pod to be out of the way")
    done = stage.world.ask(f"{NAMESPACE}/{MODEL}", lambda fleet: fleet.ledger.completed_by[name])
    until(lambda: name not in stage.pods(), what="the pod to be gone", seconds=30)
    seen = stage.value(f'max_over_time(nv_inference_request_success{{pod="{name}"}}[1m])')
    until(lambda: len(stage.pods()) == 2, what="another in its place", seconds=30)

    assert stage.lost() == before
    assert seen is not None
    assert done <= seen == stage.world.ask(f"{NAMESPACE}/{MODEL}", lambda fleet: fleet.ledger.completed_by[name])


def test_a_pod_that_is_killed_loses_what_it_had(stage: Stage) -> None:
    """Without grace: what was in its queue has failed, and the books say why."""
    stage.world.drive(f"{NAMESPACE}/{MODEL}", steady(8_000.0, 60))  # two pods can serve 3,700
    until(lambda: stage.world.ask(f"{NAMESPACE}/{MODEL}", queued) > 100, what="queues to grow", seconds=60)
    name = stage.pods()[0]
    path = stage.api.path("v1/Pod", NAMESPACE, name)

    stage.api.request("DELETE", path, {"gracePeriodSeconds": 0})

    until(lambda: stage.lost() > 50, what="requests to be lost")
    stage.world.drive(f"{NAMESPACE}/{MODEL}", steady(RATE, 60))


def test_an_api_server_that_goes_away_does_not_stop_the_traffic(stage: Stage) -> None:
    """Pods serve on without it; when it is back, so is the watch."""
    stage.world.drive(f"{NAMESPACE}/{MODEL}", steady(RATE, 3_600))
    until(lambda: len(stage.pods()) == 2, what="two pods", seconds=30)
    try:
        stage.plane.take_apiserver_away()
        before = stage.total().completed
        until(lambda: stage.total().completed > before + 2 * RATE, what="requests to be answered meanwhile")
    finally:
        stage.plane.bring_apiserver_back()

    stage.api.patch("apps/v1/Deployment", "churn-x86", {"spec": {"replicas": 3}}, namespace=NAMESPACE)
    until(lambda: len(stage.pods()) == 3, what="a third pod to serve", seconds=60)
    stage.api.patch("apps/v1/Deployment", "churn-x86", {"spec": {"replicas": 2}}, namespace=NAMESPACE)


def test_each_fault_is_what_it_says_to_prometheus(stage: Stage) -> None:
    """Scrapes that fail leave `up` at 0; others bring values that lie; forged labels never pass for another's."""
    until(lambda: len(up(stage)) == len(BROKEN), what="all pods to be scraped", seconds=60)
    for fault, model in BROKEN.items():
        forged = Forged({"namespace": NAMESPACE, "pod": "victim", "trimtab_model": MODEL}, factor=1000)
        stage.world.break_(f"{NAMESPACE}/{model}", forged if fault == "forged" else FAULTS[fault]())

    failing = {BROKEN[fault] for fault in ("dropped", "slow", "a web page")}
    until(lambda: {model for model, value in up(stage).items() if value == 0} == failing, what="scrapes to fail")
    lying = until(lambda: memory(stage) if len(memory(stage)) >= len(BROKEN) - 1 else None, what="samples", seconds=30)

    usual = lying[BROKEN["frozen"], "", ""]
    assert usual > 0
    assert lying[BROKEN["infinite"], "", ""] == float("inf")
    assert lying[BROKEN["a thousandfold"], "", ""] == 1000 * usual
    assert lying[BROKEN["a series twice"], "", ""] == usual
    assert lying[BROKEN["every series under one more label"], "1", ""] == usual
    assert lying[BROKEN["forged"], "", MODEL] == 1000 * usual  # exported_*: under its own name still
    assert stage.query(f'nv_cpu_memory_total_bytes{{trimtab_model="{MODEL}",pod="victim"}}') == []
    assert str(lying[BROKEN["NaN"], "", ""]) == "nan"

    for model in BROKEN.values():
        stage.world.heal(f"{NAMESPACE}/{model}")
    until(lambda: all(up(stage).values()), what="scrapes to succeed again", seconds=30)


def test_a_world_ends_whether_or_not_the_api_server_says_goodbye(stage: Stage) -> None:
    """Its connections are closed then, and not left to a farewell for which nobody waits any more."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        come_and_go(stage)
        gc.collect()

    assert [each.message for each in told if issubclass(each.category, ResourceWarning)] == []


def come_and_go(stage: Stage) -> None:
    """Let a second world begin, and end while the API server is frozen."""
    model = f"{NAMESPACE}/{MODEL}"
    try:
        with World(stage.api, {model: PLAY}) as world:
            until(lambda: world.ask(model, lambda fleet: len(fleet.servers)) > 0, what="pods to be seen")
            stage.plane.freeze("kube-apiserver")
    finally:
        stage.plane.thaw("kube-apiserver")


def scraped(stage: Stage) -> set[str]:
    """Return the pods of the model whose last scrape succeeded."""
    found = stage.query(f'up{{namespace="{NAMESPACE}",trimtab_model="{MODEL}"}} == 1')
    return {each["metric"]["pod"] for each in found}


def routed(stage: Stage) -> list[str]:
    """Return the pods that get requests."""
    return stage.world.ask(f"{NAMESPACE}/{MODEL}", lambda fleet: [pod.name for pod in fleet._routable])


def queued(fleet: Fleet) -> int:
    """Return how many requests wait in the shortest queue."""
    return min((server.pending for server in fleet.servers.values()), default=0)


def up(stage: Stage) -> dict[str, float]:
    """Return whether the last scrape succeeded, by model, of those that are broken."""
    found = stage.query(f'up{{namespace="{NAMESPACE}",trimtab_model!="{MODEL}"}}')
    return {each["metric"]["trimtab_model"]: float(each["value"][1]) for each in found}


def memory(stage: Stage) -> dict[tuple[str, ...], float]:
    """Return a gauge that is the same in all pods, by model, copy and forged model."""
    found = stage.query(f'nv_cpu_memory_total_bytes{{namespace="{NAMESPACE}",trimtab_model!="{MODEL}"}}')
    names = ("trimtab_model", "copy", "exported_trimtab_model")
    return {tuple(each["metric"].get(name, "") for name in names): float(each["value"][1]) for each in found}
