"""Conditions keep the time of their last transition, whatever somebody else wrote into a status."""

import pytest

from trimtab.api.conditions import Condition, Status, with_transition_times

NOW = "2026-11-24T10:00:00Z"
BEFORE = "2026-11-01T00:00:00Z"


def ready(status: Status = "True") -> Condition:
    """Return a condition as it is wanted now."""
    return Condition(type="Ready", status=status, last_transition_time=NOW, reason="Serving", message="")


def entry(**about: object) -> dict[str, object]:
    """Return a condition as it was found on the object."""
    return {"type": "Ready", "status": "True", "lastTransitionTime": BEFORE, **about}


def test_an_unchanged_status_keeps_its_time() -> None:
    """Another reason or message is no transition."""
    (condition,) = with_transition_times([ready()], [entry(reason="Progressing")])

    assert condition.last_transition_time == BEFORE
    assert condition.reason == "Serving"


def test_a_changed_status_has_the_new_time() -> None:
    """From True to False at NOW."""
    (condition,) = with_transition_times([ready("False")], [entry()])

    assert condition.last_transition_time == NOW


@pytest.mark.parametrize(
    "written",
    [
        None, 3, "x", {}, {"type": "Ready"}, [None], [3], ["Ready"], [[]], [{}], [{"type": "Ready"}],
        [entry(type=["Ready"])], [entry(status=True)], [entry(status={})], [entry(type="Stalled")],
        *([entry(lastTransitionTime=time)] for time in (
            None, 0, "yesterday", f"{BEFORE}\n", "2026-11-01T00:00:00+00:00", "\u0662026-11-01T00:00:00Z",
        )),
    ],
    ids=ascii,
)  # fmt: skip
def test_what_is_no_condition_is_passed_over(written: object) -> None:
    """Anybody with the right may have written it; it neither stops the operator nor gets into what it writes."""
    assert with_transition_times([ready()], written) == (ready(),)
