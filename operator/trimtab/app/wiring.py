"""Build the parts, connect them, run them until asked to stop."""

import asyncio
import contextlib
import datetime as dt
import logging
import random
import signal
from collections.abc import Coroutine
from dataclasses import dataclass

import trimtab
from trimtab.adapters.cluster.cluster import Cluster
from trimtab.adapters.cluster.connection import Connection, connect
from trimtab.adapters.cluster.memory_store import ConfigMapStore
from trimtab.adapters.cluster.rate import Rate
from trimtab.adapters.prometheus.source import PrometheusSource
from trimtab.adapters.triton.reader import PodReader
from trimtab.api.kinds import AIMODEL, INFERENCEPOOL, Kind
from trimtab.api.objects import Change, ClusterError, ObjectKey, key_of
from trimtab.app.kopf_shell import KopfShell
from trimtab.app.model_metrics import ModelMetrics
from trimtab.app.probes import Heartbeat, OperatorMetrics, serving
from trimtab.app.provided import provided_by
from trimtab.app.settings import Settings
from trimtab.reconcile.live import LiveFacts, keep
from trimtab.reconcile.model import ModelReconciler
from trimtab.reconcile.observer import Observer, Sources
from trimtab.reconcile.pool import PoolReconciler
from trimtab.reconcile.queue import Key, WorkQueue
from trimtab.reconcile.readings import Readings
from trimtab.reconcile.report import Reporter
from trimtab.reconcile.triggers import Triggers
from trimtab.reconcile.work import Workers
from trimtab.units import Seconds

logger = logging.getLogger(__name__)

BEAT = Seconds(1.0)
NEW_KINDS = Seconds(10.0)
RESYNC = Seconds(600.0)
"""Every object is looked at again this often though nothing was heard: what one missed event can cost."""


@dataclass
class Operator:
    """The parts of a running operator."""

    cluster: Cluster
    queue: WorkQueue
    workers: Workers
    kopf: KopfShell
    metrics: OperatorMetrics
    heart: Heartbeat
    facts: LiveFacts
    memories: ConfigMapStore
    observer: Observer
    readings: Readings | None


def build(settings: Settings, connection: Connection, reader: PodReader) -> Operator:
    """Return the parts, connected but not running; for the loop that this is called in."""
    queue = WorkQueue()
    loop = asyncio.get_running_loop()

    def on_change(change: Change) -> None:
        triggers.on_change(change)

    cluster = Cluster(connection, on_change=on_change)
    triggers = Triggers(cluster, queue)
    reporter = Reporter(cluster)
    numbers = ModelMetrics()
    facts = LiveFacts(on_decided=numbers.decided, on_undecided=numbers.undecided)
    provided = provided_by(settings, _now().date())
    models = ModelReconciler(cluster, settings.render, reporter, _now, queue.anybody_first, facts, provided)
    pools = PoolReconciler(cluster, reporter, _now, provided)

    async def on_bug(key: Key, error: Exception) -> None:
        if key.kind == AIMODEL:
            await models.report_bug(key.object, error)

    def wake(kind: Kind, key: ObjectKey) -> None:
        if cluster.synced():  # until then whatever kopf hears of is in the first lists as well
            with contextlib.suppress(RuntimeError):  # the loop was closed between the question and the call
                loop.call_soon_threadsafe(queue.add, Key(kind, key))

    kopf = KopfShell(wake)
    metrics = OperatorMetrics(queue_length=lambda: len(queue), kopf_starts=lambda: kopf.starts)
    metrics.registry.register(numbers)
    looks = {AIMODEL: models.reconcile, INFERENCEPOOL: pools.reconcile}
    workers = Workers(queue, looks, on_bug, metrics.observe)
    memories = ConfigMapStore(connection, settings.namespace)
    sources = Sources(
        default=None if settings.prometheus is None else PrometheusSource(settings.prometheus),
        named={name: PrometheusSource(config) for name, config in settings.prometheus_sources.items()},
    )
    observer = Observer(cluster, sources, facts, queue, _now, metrics.observe_tick, models.glances.is_enough)
    readings = None
    if settings.pod_readings:
        readings = Readings(cluster, reader, facts, observer.reconsider, _now, metrics.observe_pages)
    return Operator(cluster, queue, workers, kopf, metrics, Heartbeat(), facts, memories, observer, readings)


async def run(settings: Settings, reader: PodReader | None = None) -> None:
    """Run the operator until SIGTERM or SIGINT; it reads pods with `reader`, and closes it at the end.

    Raises:
        ClusterError: there is no cluster to be found in this environment.
        OSError: a port that we listen on is taken.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    connection = await connect(
        rate=Rate(writes_per_second=settings.writes_per_second, burst=2 * settings.writes_per_second)
    )
    reader = PodReader() if reader is None else reader
    operator = build(settings, connection, reader)
    logger.info("starting", extra={"version": trimtab.__version__})
    try:
        async with serving(
            settings.probes,
            settings.metrics,
            is_ready=operator.cluster.synced,
            is_alive=operator.heart.is_beating,
            registry=operator.metrics.registry,
        ):
            operator.kopf.start()
            await _until(stopping, _work(operator))
    finally:
        logger.info("stopping")
        await asyncio.to_thread(operator.kopf.stop)
        operator.queue.close()
        await reader.close()
        await connection.close()


async def _work(operator: Operator) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(operator.cluster.run())
        group.create_task(_beat(operator))
        await _until_synced(operator.cluster)
        logger.info("ready: every object was seen once")
        if operator.observer.sources.exist:
            await _restore(operator)
            group.create_task(keep(operator.facts, operator.memories))
        await operator.observer.tick()  # a first decision without numbers would forget what was learned
        group.create_task(operator.observer.run())
        group.create_task(operator.workers.run())
        if operator.readings is not None:
            group.create_task(operator.readings.run())
        group.create_task(_resync(operator))
        group.create_task(_notice_new_kinds(operator))


async def _until(stopping: asyncio.Event, work: Coroutine[None, None, None]) -> None:
    """Run `work` until somebody says stop; an error in it ends the process, and the kubelet starts a fresh one."""
    working = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        if working.done():
            working.result()
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working


async def _restore(operator: Operator) -> None:
    """Take back what was learned before; without it the first decisions hold what runs."""
    try:
        operator.facts.restore(await operator.memories.load())
    except ClusterError as error:
        logger.warning("what was learned before cannot be read", extra={"because": str(error)})


async def _until_synced(cluster: Cluster) -> None:
    while not cluster.synced():  # noqa: ASYNC110 - once, at the start: an event would have to cross the port for it
        await asyncio.sleep(0.05)


async def _beat(operator: Operator) -> None:
    while True:
        operator.heart.beat()
        await asyncio.sleep(BEAT)


async def _resync(operator: Operator) -> None:
    """Look at everything now and then, each object at another moment."""
    while True:
        for key in _all_keys(operator.cluster):
            operator.queue.add_after(key, Seconds(random.uniform(0.0, RESYNC)))  # noqa: S311 - spreads load, no secret
        await asyncio.sleep(RESYNC)


async def _notice_new_kinds(operator: Operator) -> None:
    """Look at everything when the cluster has learned a kind that children are made of: a PodMonitor, say."""
    known = operator.cluster.capabilities()
    while True:
        await asyncio.sleep(NEW_KINDS)
        if operator.cluster.capabilities() != known:
            known = operator.cluster.capabilities()
            for key in _all_keys(operator.cluster):
                operator.queue.add(key)


def _all_keys(cluster: Cluster) -> list[Key]:
    return [Key(kind, key_of(manifest)) for kind in (INFERENCEPOOL, AIMODEL) for manifest in cluster.list(kind)]


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
