"""What tests of the live loop share: a plane with traffic and Prometheus, models known from before, what came of them.

    with live_plane(control_plane, {"calm": Part(rate=18.0, replicas=3)}) as live, live.operator() as operator:
        live.world.break_(live.key("calm"), FAULTS["dropped"]())
        live.replicas()["calm"]  # every number that its Deployment was given, with time and giver

A batch of one request takes 100 ms, a second is promised: a replica serves about 7 requests/s in time. Each second has
the same number of requests, so that chance moves nothing. What an operator learns of a model in 45 s is in its memory
beforehand.
"""

import asyncio
import contextlib
import datetime as dt
import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from controlplane import ControlPlane, OperatorProcess, Request, audit, until
from controlplane.bootstrap import is_true
from controlplane.nodes import L4, Node
from controlplane.operator_process import USER
from demo import operator as played
from demo.service import Service
from demo.traffic import Traffic
from demo.world import Play, World
from fakes.measured import learned
from operator_world import own_plane
from stories import DEPLOYMENT, MODEL, Manifest
from trimtab.adapters.cluster.connection import connect
from trimtab.adapters.cluster.memory_store import ConfigMapStore
from trimtab.api.objects import ObjectKey
from trimtab.core.scaling.memory import Level, ScalingMemory, to_json
from trimtab.units import Replicas

PLACE = "live"
VARIANT, GPU = "l4", "nvidia.com/gpu"
NODES = (Node("gpus", "test", cpu=4000, memory_gib=40_000, gpu=L4, gpus=400),)
PLAY = Play(service=Service(base_s=0.08, per_item_s=0.02), objective_s=1.0)
TARGET = "1s"
MEASURED_SECONDS = 180.0  # from the first scrape to a sample: usually 15, many times as much on a busy machine
LONG = 3_600


@dataclass(frozen=True)
class Part:
    """A model: the requests per second that come, and the replicas that it is known to have wanted for ten minutes."""

    rate: float
    replicas: int
    most: int = 8


@dataclass(frozen=True)
class Move:
    """A number that a Deployment was given: when, by whom."""

    at: dt.datetime
    replicas: int
    by: str


@dataclass(frozen=True)
class Bounds:
    """The bounds that an autoscaler was given: when, from, to."""

    at: dt.datetime
    least: int
    most: int


@dataclass
class Live:
    """A plane whose models serve traffic that Prometheus sees."""

    plane: ControlPlane
    world: World
    prometheus: str
    parts: Mapping[str, Part]
    mark: int = field(default=0)

    def key(self, name: str) -> str:
        """Return what the world calls a model."""
        return f"{PLACE}/{name}"

    @contextlib.contextmanager
    def operator(self, **more: str) -> Iterator[OperatorProcess]:
        """Run an operator, with more settings, until the end; from then on all models are served and measured."""
        settings = {
            "TRIMTAB_PROMETHEUS_URL": self.prometheus,
            "TRIMTAB_LOG_FORMAT": "text",
            "PYTHONPATH": played.PATH,
            **more,
        }
        command = played.command(self.world.proxy_url)
        with OperatorProcess(self.plane, settings=settings, command=command) as operator:
            for name, part in self.parts.items():
                self.drive(name, part.rate)
                # they were born with their replicas; now all are free to go, as far as people are concerned
                until(lambda name=name: self.plane.admin.get(DEPLOYMENT, f"{name}-{VARIANT}", PLACE), what=name)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
                self.plane.admin.patch(MODEL, name, {"spec": {"scaling": {"minReplicas": 1}}}, namespace=PLACE)
            until(
                lambda: all(self.says(name, "Ready") and self.says(name, "MetricsFresh") for name in self.parts),
                what="all models to be served and measured",
                seconds=MEASURED_SECONDS,
            )
            yield operator

    def drive(self, name: str, rate: float) -> None:
        """Let so many requests come in each second from now on."""
        self.world.drive(self.key(name), Traffic([rate] * LONG, counted=True))

    def statuses(self) -> dict[str, Manifest]:
        """Return the status of each model."""
        return {each["metadata"]["name"]: each.get("status") or {} for each in self.plane.admin.list(MODEL, PLACE)}

    def says(self, name: str, condition: str) -> bool:
        """Tell whether a condition of a model is True."""
        return is_true(self.plane.admin.get(MODEL, name, PLACE) or {}, condition)

    def fresh(self) -> dict[str, tuple[str, str]]:
        """Return status and reason of MetricsFresh, by model."""
        return {
            name: (each["status"], each["reason"])
            for name, status in self.statuses().items()
            for each in status.get("conditions", ())
            if each["type"] == "MetricsFresh"
        }

    def asked(self) -> dict[str, int]:
        """Return what each model's Deployment is asked for now."""
        found = self.plane.admin.list(DEPLOYMENT, PLACE)
        return {_model(each["metadata"]["name"]): each["spec"]["replicas"] for each in found}

    def replicas(self) -> dict[str, list[Move]]:
        """Return every number that each model's Deployment was given, from its creation on, by anybody."""
        found: dict[str, list[Move]] = {name: [] for name in self.parts}
        for request in self._writes("deployments"):
            replicas = _spec(request).get("replicas")
            if replicas is not None and request.subresource in {"", "scale"}:
                found[_model(request.name)].append(Move(request.began, replicas, request.user))
        return found

    def bounds(self) -> dict[str, list[Bounds]]:
        """Return the bounds that each model's autoscaler was given."""
        found: dict[str, list[Bounds]] = {name: [] for name in self.parts}
        for request in self._writes("horizontalpodautoscalers"):
            spec = _spec(request)
            if spec and not request.subresource:
                found[_model(request.name)].append(Bounds(request.began, spec["minReplicas"], spec["maxReplicas"]))
        return found

    def _writes(self, resource: str) -> list[Request]:
        here, what = f'"namespace":"{PLACE}"'.encode(), f'"resource":"{resource}"'.encode()
        lines = (line for line in self.plane.audit.lines(self.mark) if here in line and what in line)
        found = (audit.parse(line) for line in lines)
        return [each for each in found if each.resource == resource and each.writes]


@contextlib.contextmanager
def live_plane(shared: ControlPlane, parts: Mapping[str, Part], *, cold_start: str = "2s") -> Iterator[Live]:
    """Run a plane with these models, and an operator's memory of them, but no operator."""
    plays = {f"{PLACE}/{name}": PLAY for name in parts}
    with own_plane(shared, nodes=NODES, audit_level="Request") as plane, World(plane.admin, plays) as world:
        fates = {"kwok.trimtab.io/ready-after": cold_start, "kwok.trimtab.io/gone-after": "3s"}
        plane.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLACE, "annotations": fates}})
        variant = {"name": VARIANT, "resourceName": GPU, "pricePerHour": "0.80"}
        toleration = {"key": GPU, "operator": "Exists", "effect": "NoSchedule"}
        plane.admin.create(_object("InferencePool", "gpu", variants=[{**variant, "tolerations": [toleration]}]))
        for name, part in parts.items():
            plane.admin.create(_model_manifest(name, part))
        asyncio.run(_remember(plane, parts))
        yield Live(plane, world, plane.start_prometheus(proxy=world.proxy_url), parts)


def falls(moves: list[Move]) -> list[tuple[Move, Move]]:
    """Return each pair of neighbours of which the second is smaller."""
    return [pair for pair in itertools.pairwise(moves) if pair[1].replicas < pair[0].replicas]


def _spec(request: Request) -> Manifest:
    """Return what a request says of a spec; a JSON patch, of managed fields, says nothing."""
    asked = request.raw.get("requestObject")
    if isinstance(asked, list):
        assert not [change for change in asked if change["path"].startswith("/spec")], asked
        return {}
    spec: Manifest = (asked or {}).get("spec") or {}
    return spec


def _every_quarter_of_a_minute(now: int, replicas: int) -> tuple[Level, ...]:
    return tuple(Level(at=now - ago, replicas=Replicas(replicas)) for ago in range(600, 0, -15))


async def _remember(plane: ControlPlane, parts: Mapping[str, Part]) -> None:
    """Store what an operator would have learned in ten minutes."""
    now = int(time.time())
    times = learned(*[(1.0, 0.1)] * 3)
    connection = await connect(str(plane.kubeconfig_for(USER)))
    try:
        await ConfigMapStore(connection, "trimtab-system").save(
            {
                ObjectKey(PLACE, name): to_json(
                    ScalingMemory(
                        variant=VARIANT,
                        times=times,
                        learned_at=now,
                        wanted=_every_quarter_of_a_minute(now, part.replicas),
                        moves=(Level(at=now - LONG, replicas=Replicas(part.replicas)),),
                    )
                )
                for name, part in parts.items()
            }
        )
    finally:
        await connection.close()


def _model_manifest(name: str, part: Part) -> Manifest:
    return _object(
        "AIModel",
        name,
        poolRef={"name": "gpu"},
        model={"source": {"uri": f"s3://models/{name}"}},
        objectives={"latency": {"target": TARGET}},
        scaling={"minReplicas": part.replicas, "maxReplicas": part.most},
    )


def _object(kind: str, name: str, **spec: object) -> Manifest:
    about = {"name": name, "namespace": PLACE}
    return {"apiVersion": "trimtab.io/v1alpha1", "kind": kind, "metadata": about, "spec": spec}


def _model(child: str) -> str:
    return child.removesuffix(f"-{VARIANT}")
