"""What happens in the demo, in its order: two models are applied, traffic comes, replicas follow."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from rich.console import Console

from controlplane import until
from controlplane.bootstrap import is_true
from demo.gauges import Gauges, ask_gauges
from demo.manifest import read
from demo.recompute import Run, recompute, scraped_since
from demo.record import Moment, Record, said_in, seconds, traffic_now, truth_since
from demo.service import Service
from demo.stage import ROOT, Stage
from demo.table import Show
from demo.traffic import Traffic, generated_day
from demo.world import Play

NAMESPACE = "shop"
AIMODEL, POOL = "trimtab.io/v1alpha1/AIModel", "trimtab.io/v1alpha1/InferencePool"
COLD_START, DRAIN = "20s", "6s"
LOOK_S = 1.0
READY_S = 120.0  # six times a cold start
NO_TRAFFIC = Traffic([0.0])
SEEN_S = 60.0  # twelve times what Prometheus takes for the last scrape
LONGEST_S = 170  # so that all is over within 4 minutes of a plane that runs
DAWN = 0.1  # of the day, where it begins
QUIET_SHARE = 0.09  # of the time, in which it dawns: the operator learns how long a batch takes
DAY_SHARE = 0.7  # of the time; then it is night again, since replicas are given back a minute after they were wanted
TRACE_PEAK = 300.0  # what was recorded may begin at its height, where one replica has to do for a cold start


@dataclass(frozen=True, kw_only=True)
class Act:
    """A sample that is applied, how its model is played, and the rate of its busiest second."""

    sample: str
    service: Service
    peak: float
    seed: int

    @property
    def model(self) -> dict[str, Any]:
        """The AIModel in the sample."""
        documents = yaml.safe_load_all((ROOT / self.sample).read_text())
        found: dict[str, Any] = next(each for each in documents if each["kind"] == "AIModel")
        return found

    @property
    def name(self) -> str:
        """The model's name."""
        return str(self.model["metadata"]["name"])

    @property
    def play(self) -> Play:
        """How it is played, for the objective that the sample names."""
        return Play(service=self.service, objective_s=seconds(self.model["spec"]["objectives"]["latency"]["target"]))


ACTS = (
    # 8 + 4 b ms a batch: a request alone takes 12 of its 80 ms; a replica serves 200/s, and about 90/s in time.
    Act(
        sample="config/samples/01-start.yaml",
        service=Service(base_s=0.008, per_item_s=0.004, max_batch_size=8),
        peak=560.0,
        seed=22,
    ),
    # 4 + 2 b ms: 6 of 25 ms alone, and two instances in a replica.
    Act(
        sample="config/samples/02-cpu.yaml",
        service=Service(base_s=0.004, per_item_s=0.002, max_batch_size=64, instances=2),
        peak=800.0,
        seed=9,
    ),
)


def a_day(peak: float, lasts_s: int, seed: int) -> Traffic:
    """Return a quiet dawn, a day, and the night that follows."""
    day = generated_day(peak, seconds=round(lasts_s * DAY_SHARE), seed=seed).per_second
    day = day[round(len(day) * DAWN) :]
    quiet = round(lasts_s * QUIET_SHARE)
    return Traffic([*[day[0]] * quiet, *day, *[day[-1]] * (lasts_s - quiet - len(day))])


def hurried_to(trace: Traffic, peak: float, lasts_s: int) -> tuple[Traffic, str]:
    """Return a recorded trace that is over in `lasts_s` seconds, with `peak` in its busiest one, and this in words."""
    times = math.ceil(trace.seconds / lasts_s)
    hurried = trace.hurried(times)
    factor = peak / hurried.peak
    return hurried.scaled(factor), f"{times} times as fast, with {factor:.3g} times the requests: {peak:g}/s at most"


@dataclass
class Story:
    """The demo on a stage that is ready. `traffic` has one for each of `ACTS`; all end with the first."""

    stage: Stage
    console: Console
    traffic: Sequence[Traffic]

    def tell(self) -> list[Record]:
        """Let everything happen, and return what was seen."""
        self._apply()
        records = [self._record(act) for act in ACTS]
        lasts_s = self.traffic[0].seconds
        self.stage.say(f"\n── traffic for {lasts_s} s; p99 is the truth of the last 10 s, the estimate the operator's")
        self._play(records, lasts_s)
        self.stage.kubectl("get", "aimodels", "--namespace", NAMESPACE)
        self.stage.trimtab("explain", ACTS[0].name, "--namespace", NAMESPACE)
        return records

    def _apply(self) -> None:
        kubectl = self.stage.kubectl
        self.stage.say(f"\n── two models; each replica takes {COLD_START} to start, and {DRAIN} to go")
        kubectl("create", "namespace", NAMESPACE)
        played = (f"kwok.trimtab.io/ready-after={COLD_START}", f"kwok.trimtab.io/gone-after={DRAIN}")
        kubectl("annotate", "namespace", NAMESPACE, *played)
        for act in ACTS:
            kubectl("apply", "--server-side", "--namespace", NAMESPACE, "-f", act.sample)
        with self.stage.step("waiting until both models are Ready", COLD_START):
            until(self._all_ready, what="every model to have a Ready condition of True", seconds=READY_S)

    def _all_ready(self) -> bool:
        self.stage.check()
        models = self.stage.objects(AIMODEL, NAMESPACE)
        return len(models) == len(ACTS) and all(is_true(model, "Ready") for model in models)

    def _record(self, act: Act) -> Record:
        pools = {pool["metadata"]["name"]: pool["spec"] for pool in self.stage.objects(POOL, NAMESPACE)}
        models = {model["metadata"]["name"]: model for model in self.stage.objects(AIMODEL, NAMESPACE)}
        pool, status = pools[act.model["spec"]["poolRef"]["name"]], models[act.name].get("status", {})
        variant = next(
            (each for each in pool["variants"] if each["name"] == status.get("variant")), pool["variants"][0]
        )
        price = variant.get("pricePerHour")
        return Record(
            model=act.name,
            target_s=act.play.objective_s,
            price=None if price is None else float(price),
            currency=pool["currency"],
        )

    def _play(self, records: list[Record], lasts_s: int) -> None:
        world = self.stage.world
        began_s = world.now_s
        for act, traffic in zip(ACTS, self.traffic, strict=True):
            world.drive(f"{NAMESPACE}/{act.name}", traffic)
        with Show(self.console, records, lasts_s) as show:
            looks = 0
            while (at_s := world.now_s - began_s) < lasts_s:
                self.stage.check()
                self._look(records, at_s)
                show.update()
                looks = max(looks + 1, math.ceil(at_s / LOOK_S))
                time.sleep(max(0.0, looks * LOOK_S - (world.now_s - began_s)))
        self._close(records, began_s)

    def _close(self, records: Sequence[Record], began_s: float) -> None:
        """End the traffic, wait until Prometheus has seen all of it, and take down what it and the ledger know."""
        world, stage = self.stage.world, self.stage
        for record in records:
            world.drive(f"{NAMESPACE}/{record.model}", NO_TRAFFIC)
        runs = [
            Run(
                namespace=NAMESPACE,
                model=record.model,
                target_s=record.target_s,
                began=world.began_at + began_s + record.moments[0].at_s,
                ended=world.began_at + began_s + record.moments[-1].at_s,
            )
            for record in records
        ]
        until(
            lambda: all(scraped_since(stage.prometheus, run) for run in runs),
            what="Prometheus to see the end",
            seconds=SEEN_S,
        )
        for record, run in zip(records, runs, strict=True):
            record.truth = world.ask(f"{NAMESPACE}/{record.model}", lambda fleet: truth_since(fleet, began_s))
            record.recomputed = recompute(stage.prometheus, run)

    def _look(self, records: Sequence[Record], at_s: float) -> None:
        statuses = {
            model["metadata"]["name"]: model.get("status", {}) for model in self.stage.objects(AIMODEL, NAMESPACE)
        }
        gauges = ask_gauges(self.stage.operator.metrics_url)
        there = self.stage.objects("v1/Pod", NAMESPACE, "trimtab.io/model")
        pods = [read(pod) for pod in there if pod["spec"].get("nodeName")]
        for record in records:
            model = f"{NAMESPACE}/{record.model}"
            mine = [pod for pod in pods if pod.model == model]
            rate, p99_s = self.stage.world.ask(model, traffic_now)
            record.moments.append(
                Moment(
                    at_s=at_s,
                    rate=rate,
                    p99_s=p99_s,
                    ready=sum(pod.ready and not pod.terminating for pod in mine),
                    exist=len(mine),
                    accelerators=sum(pod.accelerators for pod in mine),
                    said=said_in(statuses.get(record.model, {})),
                    gauges=gauges.get(model, Gauges()),
                )
            )


def play_of_all() -> dict[str, Play]:
    """Return how every model of the demo is played."""
    return {f"{NAMESPACE}/{act.name}": act.play for act in ACTS}


def traffic_of_all(lasts_s: int, trace: Traffic | None = None) -> tuple[list[Traffic], str]:
    """Return the traffic of every act, and what the first one's is, in words; a trace is the first one's."""
    days = [a_day(act.peak, lasts_s, act.seed) for act in ACTS]
    if trace is None:
        return days, f"a generated day and its night in {lasts_s} s, {ACTS[0].peak:g} requests/s at most"
    first, words = hurried_to(trace, TRACE_PEAK, lasts_s)
    return [first, *days[1:]], f"the trace {words}"
