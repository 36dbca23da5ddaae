"""Pods whose pages a test writes: an address, a rate, and what has become of it."""

from dataclasses import dataclass, field

from fakes.reconcile_live import LiveWorld
from fakes.reconcile_world import MODEL
from trimtab.api.kinds import POD, Manifest
from trimtab.api.objects import ObjectKey
from trimtab.core.scaling.observation import NoData, NoDataReason
from trimtab.core.scaling.readings import PodCount
from trimtab.reconcile.observer import Observer, Sources
from trimtab.reconcile.queue import WorkQueue
from trimtab.reconcile.readings import PagesRead, Readings
from trimtab.units import Seconds

SILENT = NoData(NoDataReason.UNREACHABLE, "http://10.0.0.1:8002/metrics: connection refused")


def serving_pod(number: int, model: ObjectKey = MODEL, *, ready: bool = True, **status: object) -> Manifest:
    """Return a pod of a model, with an address of its own."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{model.name}-{number}",
            "namespace": model.namespace,
            "uid": f"{model.name}-{number}",
            "labels": {"trimtab.io/model": model.name},
        },
        "status": {
            "podIP": f"10.0.{number // 250}.{number % 250 + 1}",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            **status,
        },
    }


@dataclass
class Pages:
    """Answers at a rate for each address, all of it served at once; `asked` are the addresses and models, in order."""

    world: LiveWorld
    rate: float = 0.0
    silent: bool = False
    broken: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)
    _ended: float = 0.0
    _since: float = 0.0

    def drive(self, rate: float) -> None:
        """Let each pod answer so many requests per second from now on."""
        self._ended, self._since, self.rate = self._now(), self.world.seconds, rate

    async def read(self, address: str, model: str) -> PodCount | NoData:
        self.asked.append((address, model))
        if self.broken:
            raise RuntimeError("a mistake of ours")
        return SILENT if self.silent else PodCount(at=Seconds(self.world.seconds), ended=self._now(), pending=0.0)

    def _now(self) -> float:
        return self._ended + self.rate * (self.world.seconds - self._since)


class ReadWorld(LiveWorld):
    """A world whose operator reads pods as well, in turns of a tenth of a second."""

    def __init__(self) -> None:
        super().__init__()
        self.pages = Pages(self)
        self.rounds: list[PagesRead] = []
        self.queue = WorkQueue()
        self.woken: list[ObjectKey] = []
        self.observer = Observer(
            self.cluster, Sources(default=self.source), self.facts, self.queue, self.now, is_enough=self.is_enough
        )
        self.readings = Readings(
            self.cluster,
            self.pages,
            self.facts,
            self.wake,
            self.now,
            self.rounds.append,
            clock=lambda: self.seconds,
            spread=lambda: 0.0,
        )

    def is_enough(self, model: ObjectKey) -> bool:
        """Glance at a model."""
        return self.models.glances.is_enough(model)

    def wake(self, model: ObjectKey) -> None:
        """Reconsider a model."""
        self.woken.append(model)
        self.observer.reconsider(model)

    async def turns(self, seconds: float) -> None:
        """Let time pass in turns, with the looks that they ask for, and without a tick."""
        for _ in range(round(seconds * 10)):
            self.seconds += 0.1
            for key in self.readings.due():
                await self.readings.round(key)
            while self.queue:
                found = await self.queue.get()
                await self.models.reconcile(found.object)
                self.queue.done(found)

    def put_pods(self, count: int, model: ObjectKey = MODEL) -> None:
        """Have so many pods serve."""
        for number in range(count):
            self.cluster.put(POD, serving_pod(number, model))
