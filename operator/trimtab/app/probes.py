"""What the kubelet and Prometheus ask: alive, ready, and numbers about ourselves."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

import trimtab
from trimtab.app.settings import Address
from trimtab.reconcile.observer import Ticked
from trimtab.reconcile.readings import PagesRead
from trimtab.reconcile.work import Looked

Answer = Callable[[], bool]


@dataclass
class OperatorMetrics:
    """The operator's own metrics; docs/metrics.md tells what each is for."""

    queue_length: Callable[[], int]
    kopf_starts: Callable[[], int]
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        """Register them."""
        self._looks = Counter(
            "trimtab_reconciliations",
            "Looks at one object, by what came of it",
            ["kind", "result"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "trimtab_reconciliation_seconds",
            "How long a look took",
            ["kind"],
            buckets=(0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0),
            registry=self.registry,
        )
        self._tick_seconds = Histogram(
            "trimtab_tick_seconds",
            "How long measuring all models took",
            buckets=(0.05, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
            registry=self.registry,
        )
        self._measured = Gauge("trimtab_models", "Models that are measured", registry=self.registry)
        self._blind = Gauge("trimtab_models_blind", "Models of which nothing is known now", registry=self.registry)
        self._readings = Counter(
            "trimtab_pod_readings",
            "Pods' pages that were read directly, by what came of it",
            ["result"],
            registry=self.registry,
        )
        self._steps = Counter(
            "trimtab_pod_readings_steps",
            "Rounds of direct readings in which more came than was planned with",
            registry=self.registry,
        )
        waiting = Gauge("trimtab_queue_keys", "Objects that wait for a look", registry=self.registry)
        waiting.set_function(self.queue_length)
        starts = Gauge("trimtab_kopf_starts", "How often kopf was started; 1 is well", registry=self.registry)
        starts.set_function(self.kopf_starts)
        Info("trimtab_build", "What is running", registry=self.registry).info({"version": trimtab.__version__})
        ProcessCollector(registry=self.registry)

    def observe_tick(self, ticked: Ticked) -> None:
        """Take note of one tick."""
        self._tick_seconds.observe(ticked.seconds)
        self._measured.set(ticked.models)
        self._blind.set(ticked.blind)

    def observe_pages(self, read: PagesRead) -> None:
        """Count one round of direct readings."""
        self._readings.labels("answered").inc(read.answered)
        self._readings.labels("silent").inc(read.silent)
        self._steps.inc(read.step)

    def observe(self, looked: Looked) -> None:
        """Count one look."""
        kind = looked.key.kind.kind
        self._looks.labels(kind, looked.result).inc()
        self._seconds.labels(kind).observe(looked.seconds)


@asynccontextmanager
async def serving(
    probes: Address, metrics: Address, *, is_ready: Answer, is_alive: Answer, registry: CollectorRegistry
) -> AsyncIterator[tuple[Address, Address]]:
    """Answer /healthz and /readyz on one address and /metrics on another while the body runs; yield where that is.

    Raises:
        OSError: an address cannot be listened on.
    """

    async def said(answer: Answer) -> web.Response:
        good = answer()
        return web.Response(text="ok" if good else "no", status=200 if good else 503)

    async def alive(_: web.Request) -> web.Response:
        return await said(is_alive)

    async def ready(_: web.Request) -> web.Response:
        return await said(is_ready)

    async def numbers(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    runners: list[web.AppRunner] = []
    try:
        for address, routes in (
            (probes, [web.get("/healthz", alive), web.get("/readyz", ready)]),
            (metrics, [web.get("/metrics", numbers)]),
        ):
            application = web.Application()
            application.add_routes(routes)
            runner = web.AppRunner(application, access_log=None)
            await runner.setup()
            runners.append(runner)
            await web.TCPSite(runner, address.host, address.port).start()
        yield _address(runners[0]), _address(runners[1])
    finally:
        for runner in runners:
            await runner.cleanup()


def _address(runner: web.AppRunner) -> Address:
    host, port, *_ = runner.addresses[0]
    return Address(host, port)


@dataclass
class Heartbeat:
    """Tells whether the loop still turns: somebody beats, whoever asks sees how long ago."""

    patience: float = 30.0
    _beaten: float = field(default_factory=time.monotonic, init=False)

    def beat(self) -> None:
        """Say that the loop turns."""
        self._beaten = time.monotonic()

    def is_beating(self) -> bool:
        """Tell whether it was said lately."""
        return time.monotonic() - self._beaten < self.patience
