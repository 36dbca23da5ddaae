"""A small world whose operator measures: what a test says was measured comes in ticks, and time moves with them."""

from collections.abc import Collection, Mapping

from fakes.reconcile_world import MODEL, World, model, pool
from trimtab.api.kinds import AIMODEL, DEPLOYMENT, INFERENCEPOOL
from trimtab.core.scaling.observation import ModelRef, NoData, NoDataReason, Observation, RatePoint, Sample
from trimtab.core.snapshot import ModelSnapshot
from trimtab.reconcile.gather import gather_model
from trimtab.reconcile.live import LiveFacts
from trimtab.reconcile.model import ModelReconciler
from trimtab.reconcile.observer import Observer, Sources
from trimtab.reconcile.queue import WorkQueue
from trimtab.units import RequestsPerSecond, Seconds

UNREACHABLE = NoData(NoDataReason.UNREACHABLE, "Prometheus at http://p:9090: connection refused")


def load(rate: float) -> Sample:
    """Return what is measured at a steady rate of a model that takes 20 ms for one request."""
    history = tuple(RatePoint(ago=Seconds(5.0 * n), rate=RequestsPerSecond(rate)) for n in range(180, 0, -1))
    arrivals = RequestsPerSecond(rate)
    return Sample(
        age=Seconds(2.0),
        window=Seconds(30.0),
        pods=2,
        arrivals=arrivals,
        completions=arrivals,
        failures=RequestsPerSecond(0.0),
        pending=0.0,
        batch_size=1.0,
        batch_time=Seconds(0.02),
        queue_time=Seconds(0.001),
        history=history,
    )


class FakeSource:
    """Answers with what a test has put there."""

    def __init__(self) -> None:
        self.observation: Observation = UNREACHABLE
        self.asked: list[set[ModelRef]] = []

    async def observe(self, models: Collection[ModelRef]) -> Mapping[ModelRef, Observation]:
        self.asked.append(set(models))
        return dict.fromkeys(models, self.observation)


class LiveWorld(World):
    """A world whose operator measures. `looks` counts what ticks have found worth a whole look."""

    looks = 0

    def restart(self) -> None:
        super().restart()
        self.facts = LiveFacts()
        self.source = getattr(self, "source", FakeSource())
        self.models = ModelReconciler(
            self.cluster, self.models.settings, self.reporter, self.now, lambda: self.others, self.facts
        )

    async def ticks(self, observation: Observation, seconds: int, every: int = 5) -> None:
        """Let time pass, in ticks of five seconds or others, with the same observation in each."""
        self.source.observation = observation
        queue, is_enough = WorkQueue(), self.models.glances.is_enough
        sources = Sources(default=self.source)
        observer = Observer(self.cluster, sources, self.facts, queue, self.now, is_enough=is_enough)
        for _ in range(seconds // every):
            self.seconds += every
            await observer.tick()
            while queue:
                self.looks += 1
                key = await queue.get()
                await self.models.reconcile(key.object)
                queue.done(key)

    def snapshot(self) -> ModelSnapshot:
        """Return what would be gathered of the model now."""
        manifest = self.cluster.get(AIMODEL, MODEL)
        assert manifest is not None
        found = gather_model(self.cluster, manifest, self.now())
        assert isinstance(found, ModelSnapshot)
        return found

    @property
    def replicas(self) -> int:
        """What the Deployment is asked for."""
        found = self.child(DEPLOYMENT, "fraud-l4")
        assert found is not None
        return int(found["spec"]["replicas"])


def live_world() -> LiveWorld:
    """Return a world with a model that has been born."""
    world = LiveWorld()
    world.cluster.put(INFERENCEPOOL, pool())
    world.cluster.put(AIMODEL, model())
    return world
