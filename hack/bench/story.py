"""What happens in one run: birth, peace, a kill and a restart, an API server that goes away."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench import measure
from bench.load import create_models
from bench.measure import Births
from bench.meter import Meter
from bench.scenario import API_VERSION, Manifest, Scenario
from controlplane import ControlPlane, OperatorProcess
from controlplane.audit import Request
from controlplane.bootstrap import is_true
from controlplane.operator_process import USER
from controlplane.progress import say, step

AIMODEL = f"{API_VERSION}/AIModel"
PATIENCE_S = 600.0  # for all models to be Ready: no operator worth measuring needs longer for 1,000
CONVERGENCE_PATIENCE_S = 120.0  # four times the goal
RESTLESS_S = 60.0  # an operator that still writes after this is restless, and the quiet will show it
LOOK_S = 1.0


@dataclass(frozen=True)
class Stage:
    """What the operator did in one part of the run, and who had the cores meanwhile."""

    seconds: float
    writes: dict[str, int]
    refusals: dict[str, int]
    cpu_seconds: dict[str, float]


@dataclass(frozen=True)
class Outage:
    """How the operator took it that the API server was away for `seconds`.

    `converged_s` is from when the server was back to the operator's last write about a model that was changed then, as
    the audit log has it; None where the model was not Ready in its new generation within two minutes.
    """

    seconds: float
    same_process: bool
    converged_s: float | None


@dataclass
class Results:
    """All that one run brought to light; the stages are in the order in which they happened."""

    scenario: Scenario
    births: Births | None = None
    ready: int = 0
    restart_ready_s: float | None = None
    outage: Outage | None = None
    operator_peak_bytes: int = 0
    stages: dict[str, Stage] = field(default_factory=dict)


@dataclass
class Story:
    """One run on a plane and an operator that are ready."""

    scenario: Scenario
    plane: ControlPlane
    operator: OperatorProcess

    def __post_init__(self) -> None:
        """Begin to measure."""
        self.user = self.plane.people[USER].username
        self.meter = Meter(self.plane, operator=self.operator.name)
        self.results = Results(self.scenario)
        self.mark = self.plane.audit.mark()

    def tell(self) -> Results:
        """Let everything happen, and return what came of it."""
        for manifest in self.scenario.surroundings():
            self.plane.admin.apply(manifest)
        self._settle()
        self._birth()
        self._peace()
        self._restart()
        if self.scenario.outage_s:
            self._outage()
        self.results.operator_peak_bytes = self.meter.operator_peak_bytes
        return self.results

    def _birth(self) -> None:
        scenario = self.scenario
        with self._stage("birth", f"creating {scenario.models} models at {scenario.per_second:g}/s"):
            create_models(self.plane.admin, scenario)
            say(f"  {scenario.models} models are created; waiting for all of them to be Ready")
            self._wait_for_ready()
            self._settle()
        self.results.births = measure.births(self._requests(), self.user)

    def _peace(self) -> None:
        with self._stage("quiet", f"counting writes in {self.scenario.quiet_s:g} s of quiet"):
            self._wait(self.scenario.quiet_s)

    def _restart(self) -> None:
        with self._stage("restart", f"a kill -9, a restart, and {self.scenario.quiet_s:g} s of quiet"):
            self.operator.kill()
            began = time.monotonic()
            self.operator.start()
            self.results.restart_ready_s = time.monotonic() - began
            self._wait(self.scenario.quiet_s)

    def _outage(self) -> None:
        seconds, pid = self.scenario.outage_s, self.operator.pid
        with self._stage("outage", f"the API server is away for {seconds:g} s"):
            self.plane.take_apiserver_away()
            try:
                self._wait(seconds)
            finally:
                self.plane.bring_apiserver_back()
            back = dt.datetime.now(dt.UTC)
            namespace, name = self.scenario.key(0)
            change = {"spec": {"scaling": {"minReplicas": 2}}}
            changed = self.plane.admin.patch(AIMODEL, name, change, namespace=namespace)
            caught_up = self._until(lambda: self._follows(changed), CONVERGENCE_PATIENCE_S)
            self._settle()
            same = self.operator.running and self.operator.pid == pid
        about = [r.began for r in self._requests() if r.writes and r.user == self.user and r.name.startswith(name)]
        converged_s = (max(about) - back).total_seconds() if about and caught_up else None
        self.results.outage = Outage(seconds, same, converged_s)

    @contextmanager
    def _stage(self, name: str, what: str) -> Iterator[None]:
        self.mark, before, began = self.plane.audit.mark(), self.meter.read(), time.monotonic()
        with step(what, usually=f"{self._usually(name):.0f} s"):
            yield
        after, requests = self.meter.read(), self._requests()
        self.results.stages[name] = Stage(
            seconds=time.monotonic() - began,
            writes=measure.writes(requests, self.user),
            refusals=measure.refusals(requests, self.user),
            cpu_seconds={component: used - before.get(component, 0.0) for component, used in after.items()},
        )

    def _usually(self, stage: str) -> float:
        scenario = self.scenario
        return {
            "birth": 15 + 2 * scenario.models / scenario.per_second,
            "outage": scenario.outage_s + 15,
        }.get(stage, scenario.quiet_s)

    def _requests(self) -> list[Request]:
        return measure.read(self.plane.audit, self.mark, self.user)

    # -- waiting -----------------------------------------------------------------------------------------------------

    def _wait(self, seconds: float) -> None:
        self._until(lambda: False, seconds)

    def _until(self, look: Callable[[], bool], seconds: float) -> bool:
        """Measure until `look` says yes, and tell whether it did within `seconds`; a dead operator gets no more."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.meter.read()
            if look():
                return True
            if not self.operator.running:
                say(f"  the operator has ended; its last words:\n{self.operator.last_words}")
                return False
            time.sleep(min(LOOK_S, max(0.0, deadline - time.monotonic())))
        return False

    def _wait_for_ready(self) -> None:
        tail = measure.Tail(self.plane.audit, self.user)

        def all_ready() -> bool:
            if tail.news():
                return False  # while it writes there is no need to ask the API server, which costs time on every core
            self.results.ready = sum(1 for model in self.plane.admin.list(AIMODEL) if _is_current(model))
            return self.results.ready == self.scenario.models

        if not self._until(all_ready, PATIENCE_S):
            self.results.ready = sum(1 for model in self.plane.admin.list(AIMODEL) if _is_current(model))
            say(f"  only {self.results.ready} of {self.scenario.models} models are Ready; going on")

    def _settle(self) -> None:
        """Wait until the operator has not written for some seconds."""
        tail, last = measure.Tail(self.plane.audit, self.user), [time.monotonic()]

        def settled() -> bool:
            if tail.news():
                last[0] = time.monotonic()
            return time.monotonic() - last[0] > self.scenario.settled_s

        self._until(settled, RESTLESS_S)

    def _follows(self, changed: Manifest) -> bool:
        place = changed["metadata"]
        found = self.plane.admin.get(AIMODEL, place["name"], place["namespace"])
        return found is not None and place["generation"] <= found["metadata"]["generation"] and _is_current(found)


def _is_current(model: Manifest) -> bool:
    seen = (model.get("status") or {}).get("observedGeneration")
    return bool(seen == model["metadata"]["generation"]) and is_true(model, "Ready")
