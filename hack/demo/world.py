"""Traffic for the pods of a plane, in real time, and Prometheus' way to their metrics."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from controlplane.api import Api
from demo.exposition import page
from demo.faults import Fault
from demo.fleet import Fleet
from demo.manifest import Pod
from demo.proxy import Page, Proxy
from demo.routes import ROUTES, Routing
from demo.service import Service
from demo.traffic import Traffic
from demo.watch import PodWatch

T = TypeVar("T")
STEP_S = 0.05  # how late the queues may be when nobody looks; whoever looks has them advanced to that moment first
PATIENCE_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Play:
    """How a model is played: what the operator's configuration leaves open of the service, and what is asked of it."""

    service: Service
    objective_s: float
    routing: Routing = Routing.RANDOM


class World:
    """Pods that serve, as a context manager beside a running plane.

        with ControlPlane() as plane, World(plane.admin, {"shop/fraud": play}) as world:
            plane.start_prometheus(proxy=world.proxy_url)
            world.drive("shop/fraud", generated_day(peak=60))
            world.ask("shop/fraud", lambda fleet: fleet.ledger.total)

    A model is named by its namespace and the value of its pods' label `trimtab.io/model`. Its pods serve from the
    moment at which they are Ready. A pod that is deleted gets no more requests and ends its work; one that is deleted
    without grace, or whose containers stop, loses it. Pods of models not in `plays` have no Triton.

    Everything happens on one thread of its own, at real speed; all methods may be called from any other.
    """

    def __init__(self, api: Api, plays: Mapping[str, Play], *, seed: int = 0) -> None:
        self._plays = dict(plays)
        self._seed = seed
        self._fleets = {
            model: Fleet(play.objective_s, route=ROUTES[play.routing](), seed=f"{seed}/{model}")
            for model, play in self._plays.items()
        }
        self._pods: dict[str, Pod] = {}  # those that serve or have served and are there, by address
        self._proxy = Proxy(self._look)
        self._watch = PodWatch(api, seen=self._seen, gone=self._gone)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="world", daemon=True)
        self._stack = contextlib.AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self._began = 0.0
        self.began_at = 0.0
        """When the world's clock was 0, in seconds since 1970."""
        self.proxy_url = ""

    def __enter__(self) -> Self:
        """Start the clock, the watch and the proxy."""
        self._thread.start()
        self._began, self.began_at = time.monotonic(), time.time()
        try:
            self._wait(self._start())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End everything.

        Raises:
            Exception: whatever ended the world early.
        """
        self._end()

    # -- for those outside -------------------------------------------------------------------------------------------

    @property
    def now_s(self) -> float:
        """The world's clock."""
        return time.monotonic() - self._began

    def drive(self, model: str, traffic: Traffic) -> None:
        """Let traffic come to a model from now on, instead of what came so far; it stops at its end."""

        def feed(fleet: Fleet) -> None:
            begins = fleet.now_s
            fleet.feed(begins + at for at in traffic.arrivals(f"{self._seed}/{model}/traffic"))

        self.ask(model, feed)

    def ask(self, model: str, question: Callable[[Fleet], T]) -> T:
        """Return what `question` finds in a model's fleet, advanced to this moment.

        Return copies from it, not the fleet's own objects: they go on changing.

        Raises:
            KeyError: no such model is played.
        """
        if model not in self._fleets:
            raise KeyError(f"{model} is not played here: there are {', '.join(self._fleets) or 'none'}")

        async def answer() -> T:
            return question(self._advanced(model))

        return self._wait(answer())

    def break_(self, model: str, fault: Fault) -> None:
        """Let all scrapes of a model's pods meet a fault from now on; see `demo.faults`."""
        self._proxy.faults[model] = fault

    def heal(self, model: str) -> None:
        """Let scrapes be answered as usual again."""
        self._proxy.faults.pop(model, None)

    # -- on the world's thread ---------------------------------------------------------------------------------------

    async def _start(self) -> None:
        self.proxy_url = await self._stack.enter_async_context(self._proxy.listen())
        self._tasks = [asyncio.create_task(work) for work in (self._run(), self._watch.run())]

    async def _run(self) -> None:
        while True:
            for model in self._fleets:
                self._advanced(model)
            await asyncio.sleep(STEP_S)

    def _advanced(self, model: str) -> Fleet:
        fleet = self._fleets[model]
        fleet.advance(self.now_s)
        return fleet

    def _seen(self, pod: Pod) -> None:
        play = self._plays.get(pod.model)
        if play is None:
            return
        fleet = self._advanced(pod.model)
        if not pod.works:
            fleet.vanish(pod.name)
            self._hide(pod)
        elif pod.ready and not pod.terminating:
            fleet.join(pod.name, pod.service(play.service))
            self._pods[pod.ip] = pod
        else:
            fleet.unroute(pod.name)

    def _gone(self, pod: Pod) -> None:
        if pod.model not in self._plays:
            return
        fleet = self._advanced(pod.model)
        if pod.drains:
            fleet.leave(pod.name)
        else:
            fleet.vanish(pod.name)
        self._hide(pod)

    def _hide(self, pod: Pod) -> None:
        """Take a pod's address away from it, unless another pod has it by now."""
        if pod.ip in self._pods and self._pods[pod.ip].uid == pod.uid:
            del self._pods[pod.ip]

    def _look(self, ip: str) -> Page | None:
        pod = self._pods.get(ip)
        if pod is None:
            return None
        fleet = self._advanced(pod.model)
        server = fleet.servers[pod.name]
        return Page(pod.model, page(server, pod.triton_name, pod.quantiles, now_s=fleet.now_s))

    # -- the thread --------------------------------------------------------------------------------------------------

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Have work done on the world's thread; if the world has ended by itself, raise what ended it."""
        for task in self._tasks:
            if task.done() and not task.cancelled():
                work.close()
                raise RuntimeError("the world has ended; what it served is gone") from task.exception()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    def _end(self) -> None:
        try:
            asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(PATIENCE_S)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _stop(self) -> None:
        ended = await _cancelled(self._tasks)
        await self._stack.aclose()
        await _cancelled(asyncio.all_tasks() - {asyncio.current_task()})  # answers that were late, and nobody waits for
        for each in ended:
            if isinstance(each, Exception):
                raise each


async def _cancelled(tasks: Iterable[asyncio.Task[Any] | None]) -> list[Any]:
    """Cancel tasks, wait for their end, and return what came of them."""
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    return await asyncio.gather(*running, return_exceptions=True)
