"""Metric sources by name: each pool is measured by its own, and one that names a wrong one concerns no other."""

import datetime as dt
from collections.abc import Collection, Mapping

import pytest

from fakes.cluster import FakeCluster
from fakes.measured import sample
from fakes.reconcile_world import MODEL, SETTINGS, World, model, pool
from trimtab.api.kinds import AIMODEL, INFERENCEPOOL, Manifest
from trimtab.api.objects import ObjectKey
from trimtab.core.provided import Provided
from trimtab.core.scaling.observation import ModelRef, Observation
from trimtab.reconcile.live import LiveFacts
from trimtab.reconcile.model import ModelReconciler
from trimtab.reconcile.observer import Observer, Sources, Ticked
from trimtab.reconcile.pool import PoolReconciler
from trimtab.reconcile.queue import WorkQueue


class Counting:
    """Measures the same of every model, and remembers which it was asked about."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def observe(self, models: Collection[ModelRef]) -> Mapping[ModelRef, Observation]:
        self.asked += [each.label for each in models]
        return dict.fromkeys(models, sample(1.0))


class MeasuredWorld(World):
    """A world with a default source, one named team-b, and whatever pools a test makes."""

    def restart(self) -> None:
        super().restart()
        self.facts, self.queue, self.ticked = LiveFacts(), WorkQueue(), list[Ticked]()
        self.default, self.team_b = Counting(), Counting()
        self.sources = Sources(default=self.default, named={"team-b": self.team_b})
        provided = Provided(metric_sources=("team-b",))
        self.models = ModelReconciler(
            self.cluster, SETTINGS, self.reporter, self.now, facts=self.facts, provided=provided
        )
        self.pools = PoolReconciler(self.cluster, self.reporter, self.now, provided)

    def put_pool(self, name: str, source: str | None) -> None:
        """Put a pool there that names a source, and one model on it."""
        metrics = {} if source is None else {"metrics": {"sourceRef": {"name": source}}}
        self.cluster.put(INFERENCEPOOL, named(pool(**metrics), name))
        manifest = named(model(), name)
        self.cluster.put(AIMODEL, {**manifest, "spec": {**manifest["spec"], "poolRef": {"name": name}}})

    async def tick(self) -> None:
        """Measure once."""
        await Observer(self.cluster, self.sources, self.facts, self.queue, self.now, self.ticked.append).tick()

    async def told(self, name: str, kind: str) -> tuple[str, str, str]:
        """Look at a model, and return what it says in a condition, empty where it says nothing."""
        self.seconds += 600
        await self.models.reconcile(ObjectKey("shop", name))
        return said(self.cluster, AIMODEL, name, kind)


def named(manifest: Manifest, name: str) -> Manifest:
    """Return a manifest under another name, in the namespace of the world."""
    return {**manifest, "metadata": {**manifest["metadata"], "name": name, "namespace": "shop", "uid": f"uid-{name}"}}


def said(cluster: FakeCluster, kind: object, name: str, condition: str) -> tuple[str, str, str]:
    """Return status, reason and message of a condition."""
    found = cluster.objects[kind, ObjectKey("shop", name)]  # type: ignore[index] # kinds are what it is keyed by
    conditions = (found.get("status") or {}).get("conditions") or []
    return next(
        ((each["status"], each["reason"], each["message"]) for each in conditions if each["type"] == condition),
        ("", "", ""),
    )


async def test_each_pool_is_measured_by_the_source_that_it_names() -> None:
    """Or by the default."""
    world = MeasuredWorld()
    world.put_pool("plain", None)
    world.put_pool("theirs", "team-b")

    await world.tick()

    assert (world.default.asked, world.team_b.asked) == (["plain"], ["theirs"])
    assert (world.ticked[0].models, world.ticked[0].blind) == (2, 0)


async def test_a_source_that_is_not_there_blinds_the_models_of_that_pool_alone() -> None:
    """They say which sources there are; nobody else is asked in its place."""
    world = MeasuredWorld()
    world.put_pool("plain", None)
    world.put_pool("wrong", "team-c")

    await world.tick()

    assert (world.default.asked, world.team_b.asked) == (["plain"], [])
    status, reason, message = await world.told("wrong", "MetricsFresh")
    assert (status, reason) == ("False", "SourceUnknown")
    assert "InferencePool shop/wrong asks for metric source team-c" in message
    assert "there are team-b." in message
    assert (await world.told("plain", "MetricsFresh"))[:2] == ("False", "Stale")  # ten minutes later; it was measured
    assert world.ticked[0].blind == 1


async def test_a_pool_says_that_its_source_is_not_there() -> None:
    """For its administrator, who may correct it."""
    world = MeasuredWorld()
    world.put_pool("wrong", "team-c")

    await world.pools.reconcile(ObjectKey("shop", "wrong"))

    assert said(world.cluster, INFERENCEPOOL, "wrong", "MetricSourceKnown")[:2] == ("False", "SourceUnknown")


@pytest.mark.parametrize("named_before", ["team-b", "team-c"])
async def test_models_that_nobody_measures_any_more_say_nothing_of_measurements(named_before: str) -> None:
    """The pool names no source now, and there is no default: what was known does not grow old, it is gone."""
    world = MeasuredWorld()
    world.sources = Sources(named=world.sources.named)
    world.put_pool("moved", named_before)
    await world.tick()
    assert (await world.told("moved", "MetricsFresh"))[0] == "False"
    world.put_pool("moved", None)

    await world.tick()

    assert len(world.queue) == 1
    assert (await world.told("moved", "MetricsFresh")) == ("", "", "")
    assert (world.ticked[1].models, world.ticked[1].blind) == (0, 0)


async def test_a_window_of_a_schedule_wakes_the_model() -> None:
    """Where nobody measures nothing else would; midnight is when the world begins."""
    world = World()
    world.cluster.put(INFERENCEPOOL, pool())
    manifest = model()
    window = {"name": "day", "start": "0 8 * * *", "duration": "10h", "minReplicas": 3}
    scaling = {**manifest["spec"]["scaling"], "schedules": [window]}
    world.cluster.put(AIMODEL, {**manifest, "spec": {**manifest["spec"], "scaling": scaling}})
    await world.settle()

    outcome = await world.models.reconcile(MODEL)
    assert outcome.look_again_in is not None
    world.seconds += outcome.look_again_in

    assert world.now() == dt.datetime(2026, 11, 24, 7, 59, tzinfo=dt.UTC)
    await world.models.reconcile(MODEL)
    assert world.status()["decision"]["boundBy"] == "Schedule"
    assert world.status()["decision"]["desiredReplicas"] == 3
