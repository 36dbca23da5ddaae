"""The status of a model, story by story. `told` gives status and reason of a condition, `message` its words."""

import pytest

from fakes.snapshots import (
    SELECTOR,
    SERVICE_OF_MODEL,
    URL,
    condition,
    deployment,
    message,
    model_spec,
    pod,
    pool_found,
    snapshot,
    status_of,
    told,
)
from trimtab.api.conditions import Reason
from trimtab.api.wire import dump
from trimtab.core.health import Trouble
from trimtab.core.snapshot import PoolUnusable

CONFLICT = Trouble(reason=Reason.CONFLICT, message="Deployment fraud-l4 was made by somebody else", needs_change=True)
GOING = Trouble(reason=Reason.WAITING_FOR_DELETION, message="Deployment fraud-l4 is being deleted", needs_change=False)
NO_POOL = PoolUnusable(Reason.POOL_NOT_FOUND, "InferencePool payments/gpus is not there")


def test_a_model_that_serves() -> None:
    """Everything is True, nothing is being worked on, and the numbers add up."""
    status = status_of(snapshot(deployment(asked=2), SERVICE_OF_MODEL, pods=[pod(ready=True), pod(ready=True)]))

    assert [(each.type, each.status, each.reason) for each in status.conditions] == [
        ("Ready", "True", "Serving"),
        ("ModelLoaded", "True", "Loaded"),
        ("CapacityAvailable", "True", "Scheduled"),
        ("PricesKnown", "True", "Priced"),
    ]
    assert message(status, "Ready") == "2 of 2 replicas answer"
    assert message(status, "PricesKnown") == (
        "a replica on l4 costs 0.80 USD per hour, as InferencePool payments/gpus says"
    )
    assert {each.observed_generation for each in status.conditions} == {3}
    assert dump(status) | {"conditions": None} == {
        "observedGeneration": 3,
        "replicas": 2,
        "readyReplicas": 2,
        "selector": SELECTOR,
        "url": URL,
        "variant": "l4",
        "version": {"serving": "s3://models/fraud"},
        "decision": {
            "desiredReplicas": 2,
            "boundBy": "Held",
            "message": "2 replicas: nothing is measured, so what Deployment fraud-l4 has is kept",
            "trail": [
                {"policy": "MeetObjective", "replicas": 1, "because": "nothing is measured"},
                {"policy": "FollowReadings", "replicas": 1, "because": "no direct reading tells of more"},
                {
                    "policy": "HoldWhileBlind",
                    "replicas": 2,
                    "because": "nothing is measured, so what Deployment fraud-l4 has is kept",
                },
                {"policy": "Stabilise", "replicas": 2, "because": "nothing is given back"},
                {"policy": "LimitRate", "replicas": 2, "because": "there is nothing to move away from"},
                {"policy": "RespectBudget", "replicas": 2, "because": "spec.budget is not set"},
                {"policy": "FollowSchedule", "replicas": 2, "because": "scaling.schedules is empty"},
                {"policy": "ObeyPin", "replicas": 2, "because": "spec.replicas is not set"},
                {
                    "policy": "StayInBounds",
                    "replicas": 2,
                    "because": "within scaling.minReplicas and scaling.maxReplicas, or pinned",
                },
                {"policy": "AdviseOnly", "replicas": 2, "because": "scaling.mode is Active"},
            ],
        },
        "cost": {"hourly": "1.60", "currency": "USD"},
        "conditions": None,
    }


def test_a_model_that_was_just_made() -> None:
    """Nothing is known to be wrong: Unknown, not False, stands behind a Ready that is not yet."""
    status = status_of(snapshot(deployment(asked=1, exists=0, observed=0), SERVICE_OF_MODEL))

    assert told(status, "Ready") == ("False", "Progressing")
    assert told(status, "Reconciling") == ("True", "Progressing")
    assert condition(status, "Stalled") is None
    assert told(status, "ModelLoaded") == ("Unknown", "Loading")
    assert told(status, "CapacityAvailable") == ("Unknown", "Progressing")
    assert message(status, "Ready") == "no replica has the model in memory yet: no pod is there yet"
    assert message(status, "Reconciling") == "0 of 1 replicas are ready, 0 run the present template"


def test_replicas_whose_pods_are_not_listed_yet_are_believed_to_be_ready() -> None:
    """Deployments and pods are told by two streams, one ahead of the other; readiness asks Triton for the model."""
    status = status_of(snapshot(deployment(asked=1), SERVICE_OF_MODEL))

    assert told(status, "ModelLoaded") == ("True", "Loaded")
    assert told(status, "CapacityAvailable") == ("True", "Scheduled")


def test_before_the_deployment_is_there() -> None:
    """The first look of all."""
    status = status_of(snapshot())

    assert told(status, "Ready") == ("False", "Progressing")
    assert told(status, "CapacityAvailable") == ("Unknown", "Progressing")
    assert message(status, "Reconciling") == "there is no Deployment yet"
    assert (status.replicas, status.ready_replicas) == (0, 0)


def test_ready_needs_a_service_to_be_called_by() -> None:
    """Replicas that nobody can reach do not answer."""
    status = status_of(snapshot(deployment(asked=1)))

    assert told(status, "Ready") == ("False", "Progressing")
    assert "no Service yet" in message(status, "Ready")


def test_a_missing_replica_leaves_ready_true() -> None:
    """The model answers; that it is being worked on says Reconciling."""
    status = status_of(snapshot(deployment(asked=3, ready=2), SERVICE_OF_MODEL, pods=[pod(ready=True), pod()]))

    assert told(status, "Ready") == ("True", "Serving")
    assert message(status, "Ready") == "2 of 3 replicas answer"
    assert message(status, "Reconciling") == "2 of 3 replicas are ready, 3 run the present template"


def test_replicas_on_their_way_out_are_told_apart() -> None:
    """`3 of 1` would be no number."""
    status = status_of(snapshot(deployment(asked=3), SERVICE_OF_MODEL, spec=model_spec(pin=1), pods=[pod(ready=True)]))

    assert message(status, "Ready") == "3 replicas answer, of which 1 shall stay"
    assert told(status, "Reconciling") == ("True", "Progressing")


def test_a_pin_to_zero_does_not_answer_and_is_nothing_to_repair() -> None:
    """Whoever waits for Ready wants to call the model; but nothing is being done, and nobody has to do anything."""
    status = status_of(snapshot(deployment(asked=0), SERVICE_OF_MODEL, spec=model_spec(pin=0)))

    assert told(status, "Ready") == ("False", "ScaledToZero")
    assert told(status, "ModelLoaded") == ("False", "NoReplicas")
    assert told(status, "CapacityAvailable") == ("Unknown", "NoReplicas")
    assert condition(status, "Reconciling") is None
    assert condition(status, "Stalled") is None
    assert dump(status)["cost"] == {"hourly": "0.00", "currency": "USD"}


@pytest.mark.parametrize("ready", [0, 2])
def test_a_pool_that_cannot_be_used_makes_ready_false_and_takes_nothing_away(ready: int) -> None:
    """`kubectl wait` must not take a refused spec for a served one; that older replicas still answer is told."""
    status = status_of(snapshot(deployment(asked=2, ready=ready), SERVICE_OF_MODEL, pool=NO_POOL))

    assert told(status, "Ready") == ("False", "PoolNotFound")
    assert told(status, "Stalled") == ("True", "PoolNotFound")
    assert told(status, "PricesKnown") == ("Unknown", "PoolNotFound")
    assert ("2 replicas still answer" in message(status, "Ready")) is (ready > 0)
    assert (status.ready_replicas, status.variant, status.cost, status.decision) == (ready, "l4", None, None)


def test_a_model_without_pool_and_without_replicas() -> None:
    """Refused before anything was made: what stands behind Ready is not known, and for the same reason."""
    status = status_of(snapshot(pool=NO_POOL))

    assert told(status, "Ready") == ("False", "PoolNotFound")
    for kind in ("ModelLoaded", "CapacityAvailable"):
        assert told(status, kind) == ("Unknown", "PoolNotFound")
        assert message(status, kind) == "nothing was started: see Ready"
    assert (status.replicas, status.variant) == (0, None)


def test_a_child_in_the_way_stalls_the_model() -> None:
    """A conflict is for somebody to solve."""
    status = status_of(snapshot(), CONFLICT)

    for kind, value in (("Ready", "False"), ("Stalled", "True")):
        assert told(status, kind) == (value, "Conflict")
        assert message(status, kind) == CONFLICT.message


@pytest.mark.parametrize(("ready", "told_of_ready"), [(0, ("False", "WaitingForDeletion")), (1, ("True", "Serving"))])
def test_a_trouble_that_passes_is_worked_on(ready: int, told_of_ready: tuple[str, str]) -> None:
    """It keeps a model that serves ready."""
    status = status_of(snapshot(deployment(asked=1, ready=ready), SERVICE_OF_MODEL), GOING)

    assert told(status, "Ready") == told_of_ready
    assert told(status, "Reconciling") == ("True", "WaitingForDeletion")
    assert condition(status, "Stalled") is None


def test_while_variants_change_both_count() -> None:
    """The old variant serves, the new one loads; both cost."""
    seen = snapshot(
        deployment("l4", asked=2), deployment("h100", asked=2, ready=0), SERVICE_OF_MODEL, pool=pool_found("h100")
    )

    status = status_of(seen)

    assert told(status, "Ready") == ("True", "Serving")
    assert message(status, "Ready") == "2 replicas of before answer, those of the present spec are not ready yet"
    assert message(status, "Reconciling").endswith("; replicas on l4 stay until then")
    assert (status.variant, status.replicas, status.ready_replicas) == ("h100", 4, 2)
    assert dump(status)["cost"] == {"hourly": "9.80", "currency": "USD"}


def test_before_the_new_variants_deployment_is_there_the_old_one_serves() -> None:
    """Ready does not blink."""
    status = status_of(snapshot(deployment("l4", asked=2), SERVICE_OF_MODEL, pool=pool_found("h100")))

    assert told(status, "Ready") == ("True", "Serving")
    assert "not ready yet" in message(status, "Ready")


def test_an_autoscaler_that_asked_for_more_is_no_work_to_be_done() -> None:
    """Above the decision, the lower bound, the autoscaler moves by itself."""
    status = status_of(
        snapshot(deployment("cpu", asked=4), SERVICE_OF_MODEL, spec=model_spec(variant="cpu"), pool=pool_found("cpu"))
    )

    assert message(status, "Ready") == "4 of 4 replicas answer"
    assert condition(status, "Reconciling") is None
