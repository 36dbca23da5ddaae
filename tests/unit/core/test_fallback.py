"""The status of a model that could not be looked at."""

import pytest

from fakes.snapshots import MODEL, NOW, SERVICE_OF_MODEL, condition, deployment, pod, snapshot, status_of, told
from trimtab.api.conditions import Reason
from trimtab.api.wire import dump
from trimtab.core.fallback import Obstacle, fallback_status

SERVING = dump(status_of(snapshot(deployment(asked=2), SERVICE_OF_MODEL, pods=[pod(ready=True)])))
INVALID = Obstacle(reason=Reason.INVALID_SPEC, message="spec.scaling: is missing", is_users=True)
BUG = Obstacle(reason=Reason.RECONCILE_ERROR, message="KeyError: 'spec'", is_users=False)


def test_an_invalid_spec_stalls_and_keeps_what_was_known() -> None:
    """Numbers and the other conditions stay as they were last told."""
    status = fallback_status(SERVING, MODEL, INVALID, NOW)

    assert told(status, "Ready") == ("False", "InvalidSpec")
    assert told(status, "Stalled") == ("True", "InvalidSpec")
    assert told(status, "ModelLoaded") == ("True", "Loaded")
    assert (status.ready_replicas, status.observed_generation) == (2, 3)


def test_after_a_bug_it_is_not_known_whether_the_model_answers() -> None:
    """What serves goes on serving; it is tried again, so it is Reconciling, and Stalled no more."""
    status = fallback_status(dump(fallback_status(SERVING, MODEL, INVALID, NOW)), MODEL, BUG, NOW)

    assert told(status, "Ready") == ("Unknown", "ReconcileError")
    assert told(status, "Reconciling") == ("True", "ReconcileError")
    assert condition(status, "Stalled") is None


@pytest.mark.parametrize("written", [None, {}, "x", {"conditions": "x"}, {"replicas": -1}, {"conditions": [{}]}])
def test_a_hostile_status_of_before_is_not_kept(written: object) -> None:
    """Only what could have been ours is carried on."""
    status = fallback_status(written, MODEL, INVALID, NOW)

    assert [each.type for each in status.conditions] == ["Ready", "Stalled"]
    assert status.replicas is None
