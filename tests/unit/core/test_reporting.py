"""What of a status is written at once, later or never, and what becomes an Event."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.measured import LOST, measured, sample
from fakes.snapshots import NOW, SERVICE_OF_MODEL, deployment, model_spec, pod, snapshot, status_of
from trimtab.api.conditions import Condition, ConditionType, Reason, Status
from trimtab.api.wire import dump
from trimtab.core.findings import Finding, Occasion, dated
from trimtab.core.reporting import Transition, Urgency, transitions, urgency
from trimtab.core.scaling.observation import LatencyDistribution, LatencyPoint, NoData, Sample
from trimtab.units import Seconds

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
        SERVING | {"decision": SERVING["decision"] | {"boundBy": "Pin"}},
        {key: value for key, value in SERVING.items() if key != "decision"},
        SERVING | {"url": "http://elsewhere"},
        SERVING | {"variant": "h100"},
        SERVING | {"version": {"serving": "s3://models/other"}},
        SERVING | {"selector": "trimtab.io/model=other"},
    ],
)
def test_what_people_and_programs_wait_for_is_written_now(wanted: dict[str, Any]) -> None:
    """Conditions, what binds a decision, address, variant, version and the generation that they are of."""
    assert urgency(SERVING, wanted) is Urgency.NOW


def on_the_way(capacity: tuple[str, str]) -> dict[str, Any]:
    """Return the serving model's status while a replica more is asked for, with a status and reason of its node."""
    kept = [each for each in SERVING["conditions"] if each["type"] != "CapacityAvailable"]
    said = {"lastTransitionTime": "2026-11-24T10:00:00Z", "observedGeneration": 3, "message": "0 of 3"}
    moving = {**said, "type": "Reconciling", "status": "True", "reason": "Progressing"}
    node = {**said, "type": "CapacityAvailable", "status": capacity[0], "reason": capacity[1]}
    decision = SERVING["decision"] | {"desiredReplicas": 3}
    return SERVING | {"conditions": [*kept, moving, node], "decision": decision}


@pytest.mark.parametrize(
    "wanted",
    [
        SERVING | {"decision": SERVING["decision"] | {"desiredReplicas": 3}},
        on_the_way(("Unknown", "Progressing")),
        on_the_way(("True", "Scheduled")),
    ],
    ids=["number", "no node yet", "on a node"],
)
def test_what_each_move_of_replicas_passes_through_is_written_soon(wanted: dict[str, Any]) -> None:
    """And that it is over: traffic does it by itself, again and again."""
    assert urgency(SERVING, wanted) is urgency(wanted, SERVING) is Urgency.SOON


def test_a_move_that_meets_trouble_is_written_now() -> None:
    """Nobody knows how long that takes."""
    moving, stuck = on_the_way(("Unknown", "Progressing")), on_the_way(("False", "Unschedulable"))

    assert urgency(moving, stuck) is urgency(stuck, moving) is Urgency.NOW


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


def live(told: Sample | NoData, wanted: int = 2, decided: int = 2) -> dict[str, Any]:
    """Return the status of a model of which something was measured, with a decision like those that are taken on it."""
    world = snapshot(deployment(asked=2), SERVICE_OF_MODEL, spec=model_spec(least=2, most=2), pods=[pod(ready=True)])
    status = dump(status_of(measured(world, told)))
    if isinstance(told, NoData):
        return status
    because = f"{told.arrivals:.1f} requests/s expected within 12 s"
    trail = [{**step, "replicas": wanted, "because": because} for step in status["decision"]["trail"]]
    numbers = {"desiredReplicas": decided, "wantedReplicas": wanted, "boundBy": "Objective"}
    return status | {"decision": {**numbers, "message": because, "trail": trail}}


def answered(rate: float, p99: float = 0.05, busiest: float = 1.1) -> Sample:
    """Return a sample of requests of which 99 of 100 took so many seconds."""
    points = (LatencyPoint(quantile=0.5, latency=Seconds(0.01)), LatencyPoint(quantile=0.99, latency=Seconds(p99)))
    latency = LatencyDistribution(points=points, requests=1e3, source="PodSummaries", resolution=Seconds(0.001))
    return replace(sample(rate), latency=latency, busiest=busiest)


STEADY = live(answered(270.0))


@pytest.mark.parametrize("told", [answered(280.0, 0.052), answered(250.0, 0.047, 1.15)])
def test_a_measured_number_that_hardly_moves_is_not_written(told: Sample) -> None:
    """By less than 10 %, in sentences too."""
    wanted = live(told)

    assert wanted != STEADY
    assert urgency(STEADY, wanted) is Urgency.NOTHING


@pytest.mark.parametrize(
    "wanted",
    [
        live(answered(270.0, 0.06)),
        live(answered(210.0)),
        live(answered(270.0, busiest=1.4)),
        live(sample(270.0)),
        live(answered(270.0), wanted=1),
        STEADY | {"decision": STEADY["decision"] | {"message": "another sentence"}},
        STEADY | {"decision": STEADY["decision"] | {"hint": "another hint"}},
        STEADY | {"decision": STEADY["decision"] | {"trail": STEADY["decision"]["trail"][1:]}},
        STEADY | {"decision": STEADY["decision"] | {"boundBy": "Stabilization"}},
    ],
    ids=["latency", "demand", "balance", "no latency", "one fewer wanted", "words", "hint", "trail", "bound"],
)
def test_what_is_measured_is_written_seldom(wanted: dict[str, Any]) -> None:
    """It never rests: steady traffic is worth one write in five minutes."""
    assert urgency(STEADY, wanted) is urgency(wanted, STEADY) is Urgency.SELDOM


def test_what_fades_away_is_not_written() -> None:
    """Hours after the last request a little is still expected, and less and less of it; half of a request/s is more."""
    little, less, more = (
        {**STEADY, "decision": {**STEADY["decision"], "message": f"1 replica: {rate} requests/s expected"}}
        for rate in ("0.028", "0", "0.5")
    )

    assert urgency(little, less) is urgency(less, little) is Urgency.NOTHING
    assert urgency(little, more) is urgency(more, little) is Urgency.SELDOM


def test_demand_that_leaps_is_written_a_little_later() -> None:
    """Two replicas more than were wanted, or wanted at all; not one more, nor 5 % more."""
    few, more, many, hardly = (live(answered(270.0), wanted=number) for number in (2, 4, 94, 98))
    unknown = few | {"decision": {key: value for key, value in few["decision"].items() if key != "wantedReplicas"}}

    assert urgency(few, more) is urgency(more, few) is urgency(few, unknown) is urgency(unknown, few) is Urgency.LATER
    assert urgency(few, live(sample(270.0), wanted=0)) is Urgency.LATER
    assert urgency(many, hardly) is not Urgency.LATER


@pytest.mark.parametrize(
    "wanted",
    [live(answered(270.0, 0.09)), live(answered(270.0, busiest=1.6)), live(answered(270.0), decided=3)],
    ids=["missed", "uneven", "another number"],
)
def test_a_verdict_that_turns_is_written_soon(wanted: dict[str, Any]) -> None:
    """And back."""
    assert urgency(STEADY, wanted) is urgency(wanted, STEADY) is Urgency.SOON


@pytest.mark.parametrize(
    "wanted",
    [
        live(LOST),
        live(replace(answered(270.0), age=Seconds(60.0))),
        STEADY | {"decision": STEADY["decision"] | {"boundBy": "Pin"}},
    ],
    ids=["lost", "old", "pinned"],
)
def test_blindness_and_a_persons_word_are_written_now(wanted: dict[str, Any]) -> None:
    """And their end."""
    assert urgency(STEADY, wanted) is urgency(wanted, STEADY) is Urgency.NOW


@pytest.mark.parametrize(
    "hostile",
    [
        STEADY | {"latency": 7},
        STEADY | {"latency": None},
        STEADY | {"decision": STEADY["decision"] | {"trail": "mine"}},
        STEADY | {"decision": STEADY["decision"] | {"wantedReplicas": True}},
        STEADY | {"decision": STEADY["decision"] | {"boundBy": ["Objective"]}},
    ],
)
def test_garbage_in_place_of_what_was_measured_is_overwritten_now(hostile: dict[str, Any]) -> None:
    """Of another type than it can have."""
    assert urgency(hostile, STEADY) is Urgency.NOW


@pytest.mark.parametrize(
    "hostile",
    [
        STEADY | {"latency": STEADY["latency"] | {"observed": 63}},
        STEADY | {"latency": STEADY["latency"] | {"observed": "9" * 5_000 + "ms"}},
        STEADY | {"decision": STEADY["decision"] | {"trail": [7, *STEADY["decision"]["trail"][1:]]}},
        STEADY | {"decision": STEADY["decision"] | {"trail": [*STEADY["decision"]["trail"], None]}},
    ],
)
def test_garbage_within_what_was_measured_is_overwritten_in_time(hostile: dict[str, Any]) -> None:
    """It looks like what may be there."""
    assert urgency(hostile, STEADY) is Urgency.SELDOM


def test_a_number_of_any_size_can_be_compared() -> None:
    """The server's integers have 64 bits, ours no end."""
    steps = [{**each, "replicas": 10**400} for each in STEADY["decision"]["trail"]]

    assert urgency(STEADY | {"decision": STEADY["decision"] | {"trail": steps}}, STEADY) is Urgency.SELDOM


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
        ((C.PROFILED, "Unknown", R.PROFILE_RUNNING), (C.PROFILED, "False", R.PROFILE_FAILED), True),
        ((C.PROFILED, "Unknown", R.PROFILE_RUNNING), (C.PROFILED, "True", R.PROFILE_MEASURED), False),
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
