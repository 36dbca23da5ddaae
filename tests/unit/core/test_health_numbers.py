"""What a model says of its price, its version and its pause, and that an unchanged world changes no byte."""

from datetime import timedelta

import pytest

from fakes.snapshots import (
    CPU,
    L4,
    NOW,
    SERVICE_OF_MODEL,
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
from trimtab.api.kinds import Manifest
from trimtab.api.wire import dump
from trimtab.core.health import Trouble
from trimtab.core.snapshot import PoolFound

CONFLICT = Trouble(reason=Reason.CONFLICT, message="Deployment fraud-l4 was made by somebody else", needs_change=True)
PAUSED = {"trimtab.io/paused": "true"}


def test_an_unknown_price_is_told_and_no_cost_is_shown() -> None:
    """Unknown is not zero."""
    status = status_of(snapshot(deployment("cpu", asked=1), SERVICE_OF_MODEL, pool=pool_found("cpu")))

    assert told(status, "PricesKnown") == ("False", "Unpriced")
    assert "variant cpu of InferencePool payments/gpus has no pricePerHour" in message(status, "PricesKnown")
    assert status.cost is None


@pytest.mark.parametrize("pool", [pool_found("l4", L4), pool_found("l4", L4, CPU)])
def test_replicas_without_a_price_make_the_cost_unknown(pool: PoolFound) -> None:
    """A former variant that the pool offers no more, or without a price: the sum is not known, so none is shown."""
    status = status_of(snapshot(deployment("l4", asked=1), deployment("cpu", asked=1), pool=pool))

    assert told(status, "PricesKnown") == ("True", "Priced")
    assert status.cost is None


def test_a_paused_model_says_so_and_how_it_is() -> None:
    """What is there stays: that is the decision while it is paused; nothing is being worked on."""
    seen = snapshot(deployment(asked=2, ready=1), SERVICE_OF_MODEL, spec=model_spec(pin=4), annotations=PAUSED)

    status = status_of(seen)

    assert told(status, "Paused") == ("True", "PausedByAnnotation")
    assert status.conditions[-1].type == "Paused"
    assert told(status, "Ready") == ("True", "Serving")
    assert condition(status, "Reconciling") is None
    assert dump(status)["decision"] == {
        "desiredReplicas": 2,
        "boundBy": "Paused",
        "message": "paused: 2 replicas stay as they are",
        "trail": [],
    }


def test_a_model_paused_at_birth_waits() -> None:
    """Nothing is made, and the reason is told."""
    status = status_of(snapshot(annotations=PAUSED))

    assert told(status, "Ready") == ("False", "PausedByAnnotation")
    assert told(status, "ModelLoaded") == ("False", "NoReplicas")
    assert status.decision is None


def test_a_paused_model_at_one_or_no_replica() -> None:
    """The sentence is right for one, and for a scale that cannot be read."""
    one, unreadable = (status_of(snapshot(deployment(asked=asked), annotations=PAUSED)) for asked in (1, "x"))

    assert dump(one)["decision"]["message"] == "paused: 1 replica stays as it is"
    assert dump(unreadable)["decision"]["desiredReplicas"] == 0
    assert told(unreadable, "ModelLoaded") == ("False", "NoReplicas")


@pytest.mark.parametrize("value", ["", "false", "True", "yes"])
def test_only_true_pauses(value: str) -> None:
    """The annotation's one documented value."""
    assert condition(status_of(snapshot(annotations={"trimtab.io/paused": value})), "Paused") is None


@pytest.mark.parametrize(
    ("model", "version"),
    [
        ({"source": {"uri": "https://models.example/fraud.zip"}}, "https://models.example/fraud.zip"),
        ({"source": {"uri": "s3://models/fraud"}, "digest": "sha256:" + "0" * 64}, "sha256:" + "0" * 64),
        ({"source": {"oci": {"image": "registry.example/fraud:7"}}}, "oci://registry.example/fraud:7"),
        ({"source": {"oci": {"image": "registry.example/fraud:7", "path": "m"}}}, "oci://registry.example/fraud:7/m"),
        ({"source": {"persistentVolumeClaim": {"claimName": "weights"}}}, "pvc://weights"),
        ({"source": {"persistentVolumeClaim": {"claimName": "weights", "path": "fraud/2"}}}, "pvc://weights/fraud/2"),
        ({"source": {}}, ""),
    ],
)
def test_the_version_is_the_digest_or_else_the_source(model: Manifest, version: str) -> None:
    """What is asked for, as one text; a source that no rule would admit today does no harm."""
    seen = snapshot(deployment(), SERVICE_OF_MODEL, spec=model_spec(model=model), pods=[pod(ready=True)])

    assert dump(status_of(seen))["version"] == {"serving": version}


@pytest.mark.parametrize(
    ("updated", "observed", "pods"),
    [
        (1, 1, [pod(ready=True, template="old", born="2026-11-24T08:00:00Z"), pod()]),
        (0, 1, [pod(ready=True)]),
        (1, 0, [pod(ready=True)]),
        (1, 1, []),
    ],
    ids=["the new one is not ready", "no pod of it yet", "the controller has not looked", "no pod is known"],
)
def test_the_version_is_left_out_while_only_replicas_of_before_answer(
    updated: int, observed: int, pods: list[Manifest]
) -> None:
    """What the spec asks for is not what is served: a reader must not take the one for the other."""
    seen = snapshot(deployment(asked=1, exists=2, ready=1, updated=updated, observed=observed), pods=pods)

    assert status_of(seen).version is None


def test_an_unchanged_world_gives_the_same_status_to_the_byte() -> None:
    """An hour later, times of transitions included: else every look would be a write."""
    world = (deployment(asked=2, ready=1), SERVICE_OF_MODEL)
    first = status_of(snapshot(*world))

    later = status_of(snapshot(*world, written_status=dump(first), now=NOW + timedelta(hours=1)))

    assert later == first


def test_a_condition_that_changed_carries_the_time_of_its_change() -> None:
    """Ready changed now, PricesKnown did not."""
    first = status_of(snapshot(deployment(asked=1, ready=0), SERVICE_OF_MODEL))
    seen = snapshot(deployment(asked=1), SERVICE_OF_MODEL, written_status=dump(first), now=NOW + timedelta(hours=1))

    later = status_of(seen)

    times = {each.type: each.last_transition_time for each in later.conditions}
    assert (times["Ready"], times["PricesKnown"]) == ("2026-11-24T11:00:00Z", "2026-11-24T10:00:00Z")


def test_a_time_that_lies_ahead_is_not_believed() -> None:
    """Anybody may have written it; a condition cannot have changed after now."""
    status = dump(status_of(snapshot(deployment(asked=1), SERVICE_OF_MODEL)))
    for each in status["conditions"]:
        each["lastTransitionTime"] = "9999-12-31T23:59:59Z"

    later = status_of(snapshot(deployment(asked=1), SERVICE_OF_MODEL, written_status=status))

    assert {each.last_transition_time for each in later.conditions} == {"2026-11-24T10:00:00Z"}


def test_a_message_is_one_line_of_at_most_1024_characters() -> None:
    """Whatever a pod or an admission policy said."""
    trouble = Trouble(reason=Reason.CHILD_REFUSED, message="no\n\tway \x1b[31m" + "x" * 1_000_000, needs_change=True)

    said = message(status_of(snapshot(), trouble), "Ready")

    assert said.startswith("no way [31mxxx")
    assert said.endswith("...")
    assert len(said) == 1024
