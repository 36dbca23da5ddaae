"""What of a status is written at once, later or never, and what becomes an Event."""

from typing import Any

import pytest

from fakes.snapshots import NOW, SERVICE_OF_MODEL, deployment, pod, snapshot, status_of
from trimtab.api.conditions import Condition, ConditionType, Reason, Status
from trimtab.api.wire import dump
from trimtab.core.findings import Finding, Occasion, dated
from trimtab.core.reporting import Transition, Urgency, transitions, urgency

SERVING = dump(status_of(snapshot(deployment(asked=2), SERVICE_OF_MODEL, pods=[pod(ready=True)])))


def conditions(*given: tuple[ConditionType, Status, Reason]) -> tuple[Condition, ...]:
    """Return conditions."""
    findings = (Finding(type=kind, status=status, reason=reason, message=f"{kind}.") for kind, status, reason in given)
    return dated(findings, Occasion(now=NOW, generation=3, written_status=None))


def written(*given: tuple[ConditionType, Status, Reason]) -> dict[str, Any]:
    """Return a status with these conditions."""
    return {"conditions": [dump(each) for each in conditions(*given)]}


def with_first_condition(**fields: object) -> dict[str, Any]:
    """Return the serving model's status with other fields in its condition Ready."""
    first, *others = SERVING["conditions"]
    return SERVING | {"conditions": [first | fields, *others]}


def test_an_equal_status_is_not_written() -> None:
    """Nor one that differs in the time of a transition alone."""
    assert urgency(SERVING, SERVING) is Urgency.NOTHING
    assert urgency(with_first_condition(lastTransitionTime="2020-01-01T00:00:00Z"), SERVING) is Urgency.NOTHING


@pytest.mark.parametrize(
    "wanted",
    [
        SERVING | {"replicas": 3},
        SERVING | {"readyReplicas": 1},
        SERVING | {"cost": {"hourly": "9.00", "currency": "USD"}},
        {key: value for key, value in SERVING.items() if key != "cost"},
        SERVING | {"decision": SERVING["decision"] | {"message": "another sentence"}},
        with_first_condition(message="1 of 2 replicas answer"),
    ],
)
def test_numbers_and_texts_are_written_later(wanted: dict[str, Any]) -> None:
    """They move while nothing happens that anybody waits for."""
    assert urgency(SERVING, wanted) is Urgency.LATER


@pytest.mark.parametrize(
    "wanted",
    [
        with_first_condition(status="False"),
        with_first_condition(reason="Progressing"),
        with_first_condition(observedGeneration=4),
        SERVING | {"conditions": SERVING["conditions"][:-1]},
        SERVING | {"observedGeneration": 4},
        SERVING | {"decision": SERVING["decision"] | {"desiredReplicas": 3}},
        SERVING | {"decision": SERVING["decision"] | {"boundBy": "Pin"}},
        {key: value for key, value in SERVING.items() if key != "decision"},
        SERVING | {"url": "http://elsewhere"},
        SERVING | {"variant": "h100"},
        SERVING | {"version": {"serving": "s3://models/other"}},
        SERVING | {"selector": "trimtab.io/model=other"},
    ],
)
def test_what_people_and_programs_wait_for_is_written_now(wanted: dict[str, Any]) -> None:
    """Conditions, decision, address, variant, version and the generation that they are of."""
    assert urgency(SERVING, wanted) is Urgency.NOW


@pytest.mark.parametrize(
    "hostile",
    [
        None,
        [],
        "status",
        7,
        {},
        {"conditions": None},
        SERVING | {"conditions": {"type": "Ready"}},
        SERVING | {"conditions": ["Ready", None, *SERVING["conditions"]]},
        SERVING | {"decision": "mine"},
        SERVING | {"replicas": "2"},
        SERVING | {"readyReplicas": True},
        SERVING | {"cost": None},
        SERVING | {"more": 1},
        with_first_condition(lastTransitionTime="yesterday"),
        with_first_condition(lastTransitionTime=7),
    ],
)
def test_garbage_is_overwritten_now(hostile: object) -> None:
    """Anybody with the right may have written it; it is not to stay."""
    assert urgency(hostile, SERVING) is Urgency.NOW


C, R = ConditionType, Reason


@pytest.mark.parametrize(
    ("before", "after", "warning"),
    [
        ((C.READY, "False", R.MODEL_FETCH_FAILED), (C.READY, "True", R.SERVING), False),
        ((C.READY, "True", R.SERVING), (C.READY, "False", R.PROGRESSING), True),
        ((C.READY, "True", R.SERVING), (C.READY, "False", R.SCALED_TO_ZERO), False),
        ((C.READY, "Unknown", R.RECONCILE_ERROR), (C.READY, "False", R.CONFLICT), True),
        ((C.MODEL_LOADED, "Unknown", R.LOADING), (C.MODEL_LOADED, "False", R.MODEL_FETCH_FAILED), True),
        ((C.MODEL_LOADED, "False", R.MODEL_FETCH_FAILED), (C.MODEL_LOADED, "True", R.LOADED), False),
        ((C.CAPACITY_AVAILABLE, "True", R.SCHEDULED), (C.CAPACITY_AVAILABLE, "False", R.PODS_REFUSED), True),
        ((C.CAPACITY_AVAILABLE, "False", R.UNSCHEDULABLE), (C.CAPACITY_AVAILABLE, "True", R.SCHEDULED), False),
        ((C.PRICES_KNOWN, "True", R.PRICED), (C.PRICES_KNOWN, "False", R.UNPRICED), True),
        ((C.PRICES_KNOWN, "False", R.UNPRICED), (C.PRICES_KNOWN, "True", R.PRICED), False),
        (None, (C.STALLED, "True", R.CONFLICT), True),
        (None, (C.PAUSED, "True", R.PAUSED_BY_ANNOTATION), False),
        (None, (C.READY, "False", R.POOL_NOT_FOUND), True),
    ],
)
def test_a_change_that_somebody_should_know_becomes_one_event(
    before: tuple[ConditionType, Status, Reason] | None,
    after: tuple[ConditionType, Status, Reason],
    *,
    warning: bool,
) -> None:
    """With the condition's own reason and words."""
    told = transitions(written(*([] if before is None else [before])), conditions(after))

    assert told == (Transition(warning, after[2], f"{after[0]}."),)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, (C.READY, "True", R.ACCEPTED)),
        ((C.READY, "False", R.PROGRESSING), (C.READY, "True", R.SERVING)),
        ((C.READY, "Unknown", R.RECONCILE_ERROR), (C.READY, "True", R.SERVING)),
        (None, (C.READY, "False", R.PROGRESSING)),
        (None, (C.READY, "False", R.SCALED_TO_ZERO)),
        ((C.READY, "Unknown", R.RECONCILE_ERROR), (C.READY, "False", R.PROGRESSING)),
        ((C.READY, "False", R.PROGRESSING), (C.READY, "False", R.MODEL_FETCH_FAILED)),
        ((C.READY, "True", R.SERVING), (C.READY, "Unknown", R.RECONCILE_ERROR)),
        (None, (C.MODEL_LOADED, "Unknown", R.LOADING)),
        ((C.MODEL_LOADED, "Unknown", R.LOADING), (C.MODEL_LOADED, "True", R.LOADED)),
        ((C.MODEL_LOADED, "True", R.LOADED), (C.MODEL_LOADED, "False", R.NO_REPLICAS)),
        (None, (C.CAPACITY_AVAILABLE, "True", R.SCHEDULED)),
        (None, (C.PRICES_KNOWN, "False", R.UNPRICED)),
        ((C.PRICES_KNOWN, "Unknown", R.POOL_NOT_FOUND), (C.PRICES_KNOWN, "True", R.PRICED)),
        (None, (C.RECONCILING, "True", R.PROGRESSING)),
        ((C.STALLED, "True", R.CONFLICT), (C.STALLED, "True", R.CHILD_REFUSED)),
    ],
)
def test_what_nobody_waits_for_becomes_no_event(
    before: tuple[ConditionType, Status, Reason] | None, after: tuple[ConditionType, Status, Reason]
) -> None:
    """A birth, a first Unknown, a good start that Ready tells of, an unchanged status."""
    assert transitions(written(*([] if before is None else [before])), conditions(after)) == ()


def test_one_cause_becomes_one_event() -> None:
    """Ready, Stalled and ModelLoaded fall together; the first tells."""
    before = written((C.READY, "True", R.SERVING), (C.MODEL_LOADED, "True", R.LOADED))
    after = conditions(
        (C.READY, "False", R.MODEL_LOAD_FAILED),
        (C.STALLED, "True", R.MODEL_LOAD_FAILED),
        (C.MODEL_LOADED, "False", R.MODEL_LOAD_FAILED),
    )

    assert transitions(before, after) == (Transition(warning=True, reason="ModelLoadFailed", message="Ready."),)


@pytest.mark.parametrize(
    "hostile",
    [
        None,
        "conditions",
        {"conditions": "Ready"},
        {"conditions": [None, 7, {"type": {}}, {"type": "Ready", "status": ["True"]}, {"status": "True"}]},
    ],
)
def test_a_hostile_status_of_before_counts_as_none(hostile: object) -> None:
    """What cannot be read cannot have been told before."""
    after = conditions((C.READY, "False", R.CONFLICT))

    assert transitions(hostile, after) == (Transition(warning=True, reason="Conflict", message="Ready."),)
