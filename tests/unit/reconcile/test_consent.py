"""A pool's consent to code, from the refusal of a fetch to pods that have it; and no others are moved by it."""

import json

from fakes.reconcile_world import World, pool
from trimtab.api.fetch import FETCH_PLAN_VARIABLE, FetchFailureReason, FetchOutcome, FetchReport
from trimtab.api.kinds import DEPLOYMENT, INFERENCEPOOL, POD, Manifest
from trimtab.render.names import labels

REFUSAL = FetchReport(
    outcome=FetchOutcome.FAILED, reason=FetchFailureReason.CODE_REFUSED, message="1/model.py is a program"
)


def consent(world: World) -> str | None:
    """Return the consent in what the present template tells its container that fetches."""
    deployment = world.child(DEPLOYMENT, "fraud-l4")
    assert deployment is not None
    environment = deployment["spec"]["template"]["spec"]["initContainers"][0]["env"]
    plan: Manifest = json.loads(next(each["value"] for each in environment if each["name"] == FETCH_PLAN_VARIABLE))
    return plan.get("code")


def refuse(world: World) -> None:
    """Let the model have a pod whose fetch was refused."""
    ended = {"exitCode": REFUSAL.exit_code, "reason": "Error", "message": REFUSAL.to_termination_message()}
    fetch = {"name": "fetch", "ready": False, "restartCount": 0, "state": {"terminated": ended}}
    about = {"name": "fraud-l4-1", "namespace": "shop", "labels": labels("fraud", "l4")}
    status = {"phase": "Pending", "initContainerStatuses": [fetch]}
    world.cluster.put(POD, {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": {}, "status": status})


async def test_pods_that_were_refused_get_the_consent_that_came_later(world: World) -> None:
    """Their template changes, once: then it is what it should be."""
    await world.look()
    refuse(world)
    await world.settle()
    assert (consent(world), world.condition("Stalled")["reason"]) == (None, "PoolRefusesCode")

    world.cluster.put(INFERENCEPOOL, pool(allowedModels={"code": "Allow"}))
    await world.settle()

    assert consent(world) == "Allow"


async def test_pods_that_work_are_not_moved_by_a_consent(world: World) -> None:
    """Neither when it is given, nor by anything but the user's own change afterwards."""
    await world.look()
    world.become_ready()
    await world.settle()

    world.cluster.put(INFERENCEPOOL, pool(allowedModels={"code": "Allow"}))
    await world.settle()
    kept = consent(world)
    world.edit(serving={"drain": {"timeout": "7s"}})
    await world.settle()

    assert (kept, consent(world)) == (None, "Allow")


async def test_consent_that_is_taken_back_leaves_the_template(world: World) -> None:
    """What serves goes on until its successor is ready, which one that needs the consent never is."""
    world.cluster.put(INFERENCEPOOL, pool(allowedModels={"code": "Allow"}))
    await world.look()
    assert consent(world) == "Allow"

    world.cluster.put(INFERENCEPOOL, pool())
    await world.settle()

    assert consent(world) is None
