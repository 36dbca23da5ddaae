"""What the live loop is measured on: a plane with models that serve played traffic, Prometheus, the operator."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import measure
from bench.load import create_models
from bench.scenario import API_VERSION, Scenario
from controlplane import ControlPlane, OperatorProcess, Options, Request, prepare, until
from controlplane.bootstrap import is_true
from controlplane.operator_process import COMMAND, ROOT, USER
from controlplane.progress import say, step
from demo import operator as played
from demo.service import Service
from demo.traffic import Traffic
from demo.world import Play, World

OPERATOR = ROOT / "operator"
COLD_START_S, DRAIN_S = 5, 3
NODES_FOR = 4  # times as many pods as models
READY_S = 600.0
LEARN_S = 75.0  # until service times are known: a window of 30 s and a half, after the first two scrapes, and some
SERVICE = Service(base_s=0.16, per_item_s=0.04)
TARGET, TARGET_S = "2s", 2.0
"""A replica serves 2.8 requests/s in time: low rates move replicas, and cost the processor little."""
BASE_RATE = 2.0
MOST_REPLICAS = 8
MODEL = f"{API_VERSION}/AIModel"


@dataclass(frozen=True)
class Wider(Scenario):
    """A scenario whose models may have several replicas, and whose nodes have room for them."""

    def nodes(self) -> tuple[Any, ...]:
        """Return nodes with room for every model at its largest."""
        return Scenario(models=self.models * NODES_FOR).nodes()

    def model(self, number: int) -> dict[str, Any]:
        """Return a model whose latency objective is that of `SERVICE`."""
        made = super().model(number)
        made["spec"]["objectives"]["latency"]["target"] = TARGET
        made["spec"]["scaling"] = {"minReplicas": 1, "maxReplicas": MOST_REPLICAS}
        return made


@dataclass
class Scene:
    """Models that serve, with `BASE_RATE` requests/s each, and an operator that has learned how long these take."""

    scenario: Scenario
    plane: ControlPlane
    world: World
    operator: OperatorProcess
    folder: Path

    @classmethod
    @contextlib.contextmanager
    def of(
        cls,
        models: int,
        *,
        audit_level: str = "Metadata",
        operator: Path = OPERATOR,
        readings: bool = True,
        service_of: Callable[[int], Service] = lambda _: SERVICE,
    ) -> Iterator[Scene]:
        """Set everything up, and end it after the block; `operator` is the folder whose operator is measured.

        Without `readings`, or with an operator that knows none, only Prometheus is asked.

        Raises:
            ComponentFailedError: something ended, or did not become ready.
            TimeoutError: not all models became Ready.
        """
        scenario = Wider(models=models)
        keys = ["/".join(scenario.key(number)) for number in range(models)]
        plays = {key: Play(service=service_of(number), objective_s=TARGET_S) for number, key in enumerate(keys)}
        options = Options(nodes=scenario.nodes(), crds=ROOT / "crds", audit_level=audit_level)
        with ControlPlane(options) as plane, World(plane.admin, plays) as world:
            prepare(plane)
            url = plane.start_prometheus(proxy=world.proxy_url)
            settings = {"TRIMTAB_PROMETHEUS_URL": url, "PYTHONPATH": played.path(operator)}
            if not readings:
                settings["TRIMTAB_POD_READINGS"] = "Disabled"
            reads = (operator / "trimtab" / "adapters" / "triton").is_dir()
            command = played.command(world.proxy_url) if reads else COMMAND
            with OperatorProcess(plane, settings=settings, command=command) as process:
                scene = cls(scenario, plane, world, process, operator)
                scene.begin()
                yield scene

    def begin(self) -> None:
        """Create the models, and let their traffic come until the operator knows them."""
        fates = {"kwok.trimtab.io/ready-after": f"{COLD_START_S}s", "kwok.trimtab.io/gone-after": f"{DRAIN_S}s"}
        for manifest in self.scenario.surroundings():
            if manifest["kind"] == "Namespace":
                manifest["metadata"]["annotations"] = fates
            self.plane.admin.apply(manifest)
        models = self.scenario.models
        with step(f"creating {models} models, until all are Ready", usually=f"{20 + models / 10:.0f} s"):
            create_models(self.plane.admin, self.scenario)
            until(self._all_ready, what=f"{models} models to be Ready", seconds=READY_S)
        for number in range(models):
            self.drive(number, [BASE_RATE] * 3_600)
        with step("traffic, until service times are known", usually=f"{LEARN_S:.0f} s"):
            self.wait(LEARN_S)

    def drive(self, number: int, rates: list[float]) -> None:
        """Let so many requests per second come to a model from now on."""
        self.world.drive("/".join(self.scenario.key(number)), Traffic(rates))

    def wait(self, seconds: float, look: Callable[[], object] = lambda: None) -> None:
        """Let time pass, and look once a second."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            look()
            time.sleep(min(1.0, left))

    @property
    def user(self) -> str:
        """Whom the API server takes the operator for."""
        return self.plane.people[USER].username

    def requests(self, since: int) -> list[Request]:
        """Return the operator's requests after a mark."""
        found = measure.read(self.plane.audit, since, self.user)
        return [each for each in found if each.user == self.user]

    def _all_ready(self) -> bool:
        time.sleep(1.0)  # a list of 1,000 models costs time on every core
        ready = sum(is_true(model, "Ready") for model in self.plane.admin.list(MODEL))
        if ready < self.scenario.models:
            say(f"  {ready} are Ready")
        return ready == self.scenario.models
