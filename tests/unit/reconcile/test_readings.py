"""Pods' own pages, on a cluster in memory: who is read, how often, and what comes of a step."""

import asyncio
import contextlib
import logging
import re
from collections.abc import Mapping
from dataclasses import replace

import pytest

from fakes.measured import sample
from fakes.pages import ReadWorld, serving_pod
from fakes.reconcile_live import UNREACHABLE, load
from fakes.reconcile_world import MODEL, model, pool
from trimtab.api.kinds import AIMODEL, INFERENCEPOOL, POD
from trimtab.api.objects import ObjectKey
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.decision import BoundBy, Decision
from trimtab.core.scaling.readings import LONGEST_IN_FORCE, SizedFor
from trimtab.reconcile.live import LiveFacts
from trimtab.reconcile.readings import LONGEST_SILENCE, READS_PER_SECOND, Readings
from trimtab.units import Replicas, RequestsPerSecond


async def read_world(pods: int = 2, rate: float = 20.0) -> ReadWorld:
    """Return a world whose model has served so many requests per second for a minute."""
    world = ReadWorld()
    world.cluster.put(INFERENCEPOOL, pool())
    world.cluster.put(AIMODEL, model())
    world.put_pods(pods)
    world.pages.drive(rate / pods)
    await world.ticks(load(rate), 60)
    return world


async def test_a_step_is_followed_before_prometheus_tells_of_it() -> None:
    """Within three seconds, without a tick; the trail names the reading."""
    world = await read_world()
    await world.turns(3.0)
    before = world.replicas
    world.pages.drive(100.0)
    await world.turns(3.0)

    assert before == 2
    assert world.replicas > 2
    decision = decide(world.facts.added_to(world.snapshot()))
    assert re.match(r"direct reading, 0\.\d s old: 200 requests/s; 200", decision.trail[1].because)


async def test_the_same_step_is_not_counted_twice() -> None:
    """By pages first, by Prometheus later: what is asked for is what Prometheus alone would have asked for."""
    world, other = await read_world(), await read_world()
    world.pages.drive(100.0)
    await world.turns(5.0)
    at_once = world.replicas
    await world.ticks(load(200.0), 50)
    await other.ticks(load(200.0), 55)

    assert at_once <= world.replicas == other.replicas


async def test_what_was_raised_is_held_although_no_page_tells_of_it_any_more() -> None:
    """A burst that was over before Prometheus looked costs a hold, and no oscillation."""
    world = await read_world()
    world.pages.drive(100.0)
    await world.turns(4.0)
    raised = world.replicas
    world.pages.drive(10.0)
    for _ in range(8):
        await world.turns(2.0)
        await world.ticks(load(20.0), 5)
        assert world.replicas == raised

    await world.ticks(load(20.0), 900)
    assert world.replicas == 2 < raised


async def test_steady_traffic_wakes_nobody() -> None:
    """Nor does traffic that falls, nor pages that stand still."""
    world = await read_world()
    await world.turns(20.0)
    world.pages.drive(1.0)
    await world.turns(20.0)
    world.pages.drive(0.0)
    await world.turns(20.0)

    assert world.woken == []
    assert world.replicas == 2
    assert not any(each.step for each in world.rounds)


async def test_a_reading_is_forgotten_after_a_while() -> None:
    """Later it would speak of a time that Prometheus has seen."""
    world = await read_world()
    world.pages.drive(100.0)
    await world.turns(3.0)
    assert world.facts.added_to(world.snapshot()).reading is not None
    world.seconds += LONGEST_IN_FORCE + 1.0

    assert world.facts.added_to(world.snapshot()).reading is None


async def test_a_step_that_goes_on_wakes_again_and_one_that_is_known_does_not() -> None:
    """A tenth more is worth another decision; the same again is not."""
    world = await read_world()
    world.pages.drive(100.0)
    await world.turns(8.0)
    woken = len(world.woken)
    world.pages.drive(400.0)
    await world.turns(4.0)

    assert 1 <= woken <= 6
    assert len(world.woken) > woken


async def test_while_prometheus_is_lost_a_step_is_still_followed() -> None:
    """And never a fall."""
    world = await read_world()
    await world.ticks(UNREACHABLE, 60)
    await world.turns(3.0)
    held = world.replicas
    world.pages.drive(100.0)
    await world.turns(4.0)
    raised = world.replicas
    world.pages.drive(0.0)
    await world.turns(60.0)

    assert held == 2 < raised == world.replicas


async def test_only_pods_that_serve_are_read_under_the_name_that_triton_knows() -> None:
    """Ready, on no way out, with an address."""
    world = await read_world()
    world.edit(model={"source": {"uri": "s3://models/fraud/7"}, "name": "detector"})
    world.cluster.put(POD, serving_pod(2, ready=False))
    world.cluster.put(POD, serving_pod(3, podIP=""))
    leaving = serving_pod(4)
    leaving["metadata"]["finalizers"] = ["example.org/wait"]
    leaving["metadata"]["deletionTimestamp"] = "2026-11-24T00:00:00Z"
    world.cluster.put(POD, leaving)
    await world.turns(3.0)

    assert set(world.pages.asked) == {("10.0.0.1", "detector"), ("10.0.0.2", "detector")}


async def test_who_is_not_decided_on_by_what_was_measured_is_not_read() -> None:
    """Paused, say; and one that is gone is forgotten."""
    world = await read_world()
    await world.turns(2.0)
    world.edit(model={"source": {"uri": "s3://models/fraud/7"}})
    world.facts.undecided(MODEL)
    world.pages.asked.clear()
    await world.turns(5.0)

    assert world.pages.asked == []
    assert world.facts.sized == {}


async def test_pods_that_do_not_answer_are_asked_less_and_less_and_the_log_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing else changes; when they answer again, that is said too."""
    caplog.set_level(logging.INFO, "trimtab.reconcile.readings")
    world = await read_world(pods=1)
    world.pages.silent = True
    await world.turns(1_000.0)
    asked = len(world.pages.asked)
    said = [record.message for record in caplog.records]
    world.pages.silent = False
    await world.turns(LONGEST_SILENCE + 10.0)

    assert asked < 16
    assert len(said) == 1
    assert said[0].startswith("no pod's metrics can be read directly")
    assert caplog.records[-1].message == "pods answer direct readings again"
    assert world.replicas == 2
    assert {(each.answered, each.silent) for each in world.rounds} >= {(0, 1), (1, 0)}


async def test_a_pod_that_is_replaced_is_asked_at_once() -> None:
    """The silence of the one before it, at the same address or not, says nothing of it."""
    world = await read_world(pods=1)
    world.pages.silent = True
    await world.turns(100.0)
    world.cluster.remove(POD, ObjectKey(MODEL.namespace, f"{MODEL.name}-0"))
    world.cluster.put(POD, serving_pod(7))
    world.pages.silent = False
    world.pages.asked.clear()
    await world.turns(3.0)

    assert len(world.pages.asked) >= 2


async def test_a_bug_costs_the_readings_of_one_model_for_a_while(caplog: pytest.LogCaptureFixture) -> None:
    """It is in the log, and all else goes on."""
    world = await read_world()
    world.pages.broken = True
    await world.turns(100.0)

    assert len(world.pages.asked) == 2
    assert "a bug in reading pods" in caplog.text
    assert world.replicas == 2


class FewFacts(LiveFacts):
    """Facts that tell of models which nobody has decided on."""

    def __init__(self, models: Mapping[ObjectKey, SizedFor]) -> None:
        super().__init__()
        self._sized = dict(models)


def planned(rate: float) -> SizedFor:
    """Return a plan for a rate."""
    return SizedFor(rate=RequestsPerSecond(rate), sample=sample(rate))


def crowd(models: int, pods: int, rate: float = 10.0) -> tuple[ReadWorld, Readings]:
    """Return a world with so many models of so many pods each, all decided on."""
    world = ReadWorld()
    keys = [ObjectKey("shop", f"m{number}") for number in range(models)]
    for key in keys:
        world.put_pods(pods, key)
    facts = FewFacts(dict.fromkeys(keys, planned(rate)))
    readings = replace(world.readings, facts=facts)
    world.readings = readings
    return world, readings


async def test_many_models_cost_no_more_than_the_budget() -> None:
    """Some of their pods are left out, so that each model is still read every five seconds."""
    world, _ = crowd(120, 8)
    await world.turns(5.0)
    world.pages.asked.clear()
    world.rounds.clear()
    await world.turns(10.0)

    assert len(world.pages.asked) <= READS_PER_SECOND * 11.0
    assert len(world.rounds) >= 120 * 2


async def test_of_large_models_a_few_pods_are_read_and_all_once_these_look_like_a_step() -> None:
    """What a few say is no evidence: it is what makes all of them worth reading."""
    world, _ = crowd(2, 1_000, rate=20_000.0)
    world.pages.drive(20.0)
    await world.turns(60.0)
    most = max(each.answered for each in world.rounds)
    world.pages.drive(100.0)
    await world.turns(30.0)

    assert most <= READS_PER_SECOND * 2
    assert max(each.answered for each in world.rounds) == 1_000
    assert world.woken


async def test_it_runs_until_it_is_cancelled() -> None:
    """On a loop of its own, in turns."""
    world = await read_world()
    running = asyncio.create_task(world.readings.run())
    world.seconds += 1.0
    async with asyncio.timeout(10.0):
        while not world.rounds:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running

    assert world.rounds[0].answered == 2


async def test_a_model_that_is_decided_on_blind_keeps_what_it_was_planned_with() -> None:
    """And loses it when it is measured again and nothing is expected: its times are not known any more, say."""
    world = await read_world()
    snapshot = world.facts.added_to(world.snapshot())
    blank = Decision(replicas=Replicas(2), bound_by=BoundBy.HELD, message="", pinned=False, trail=())
    world.facts.decided(replace(snapshot, observation=UNREACHABLE), blank)
    assert MODEL in world.facts.sized
    world.facts.decided(snapshot, blank)

    assert MODEL not in world.facts.sized
