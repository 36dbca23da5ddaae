"""What of a status is worth a write now, and what of it an Event."""

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from trimtab.api.conditions import Condition, ConditionType, Reason
from trimtab.core.untrusted import count, entries, text

LEAST_CHANGE = 10
"""A measured number that moves by no more than one part in so many has not changed."""
LEAST_DIFFERENCE = 0.05
"""Of numbers in a sentence, such as requests/s: what is expected after the last request fades away for hours."""
_COUNTS = frozenset({"replicas", "readyReplicas", "cost", "models", "accelerators", "hourly", "variants"})
"""What may be told a little later."""
_MEASURED = frozenset({"latency"})
_SPOKEN = frozenset({"message", "trail", "hint", "nextReplica", "wantedReplicas"})
"""What of a decision moves with every look, and may be told seldom."""
CALM = frozenset({"Objective", "Stabilization", "RateLimit", "Budget", "Schedule", "MinReplicas", "MaxReplicas"})
"""What binds a decision while all is well: demand near the border between two of them goes to and fro."""
_VERDICTS = frozenset({ConditionType.OBJECTIVES_MET, ConditionType.TRAFFIC_BALANCED})
"""What cannot always be said: without requests there is nothing to judge."""
_OF_MEASUREMENTS = _VERDICTS | {ConditionType.METRICS_FRESH}
_ON_THE_WAY = frozenset(
    {
        (ConditionType.RECONCILING, Reason.PROGRESSING),
        (ConditionType.CAPACITY_AVAILABLE, Reason.PROGRESSING),
        (ConditionType.CAPACITY_AVAILABLE, Reason.SCHEDULED),
    }
)
"""What every move of replicas passes through, and comes back from by itself."""
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_AT_REST = frozenset(
    {Reason.PROGRESSING, Reason.SCALED_TO_ZERO, Reason.PAUSED_BY_ANNOTATION, Reason.WAITING_FOR_DELETION}
)
"""Reasons for which a model that never answered needs nobody's attention."""


class Urgency(Enum):
    """How soon a status is to be written."""

    NOTHING = "nothing to write"
    SELDOM = "what was measured differs"
    LATER = "numbers and texts differ"
    SOON = "what traffic moves differs"
    NOW = "what people and programs wait for differs"


@dataclass(frozen=True)
class Transition:
    """One Event about a condition that changed."""

    warning: bool
    reason: str
    message: str


def urgency(written: object, wanted: Mapping[str, Any]) -> Urgency:
    """Return how soon `wanted` is to be written over `written`, which may be anything.

    Times alone are no change, nor is a measured number that moves by at most 10 %.
    """
    if written == wanted:
        return Urgency.NOTHING
    if not isinstance(written, Mapping) or not _same_shape(written, wanted):
        return Urgency.NOW
    before, after = _headline(written), _headline(wanted)
    if before != after or _has_turned(written, wanted):
        return Urgency.NOW if _firm(before, after) != _firm(after, before) else Urgency.SOON
    if _counts(written) != _counts(wanted) or _wanted_has_leapt(written, wanted):
        return Urgency.LATER
    return Urgency.NOTHING if _alike(_measured(written), _measured(wanted)) else Urgency.SELDOM


def transitions(written: object, wanted: Iterable[Condition]) -> tuple[Transition, ...]:
    """Return the Events for what changed from `written`, which may be anything: one a condition and a reason."""
    before: dict[str, tuple[str, str]] = {}
    for entry in entries(written, "conditions"):
        before.setdefault(text(entry, "type"), (text(entry, "status"), text(entry, "reason")))
    told: dict[str, Transition] = {}
    for condition in wanted:
        warning = _worth_telling(condition, *before.get(condition.type, ("", "")))
        if warning is not None and condition.reason not in told:
            told[condition.reason] = Transition(warning, condition.reason, condition.message)
    return tuple(told.values())


def _worth_telling(condition: Condition, before: str, its_reason: str) -> bool | None:
    """Return whether a change is a warning, None if it needs no Event; a good start is told by Ready itself."""
    if condition.status in {before, "Unknown"}:
        return None
    bad = condition.status == "False"
    first = before in {"", "Unknown"}
    match condition.type:
        case ConditionType.READY:
            start = first or its_reason in _AT_REST if not bad else first and condition.reason in _AT_REST
            return None if start else bad and condition.reason != Reason.SCALED_TO_ZERO
        case ConditionType.STALLED | ConditionType.PAUSED:
            return condition.type == ConditionType.STALLED
        case ConditionType.MODEL_LOADED | ConditionType.CAPACITY_AVAILABLE:
            no_news = condition.reason == Reason.NO_REPLICAS or (first and not bad)  # Ready tells of a good start
            return None if no_news else bad
        case ConditionType.PRICES_KNOWN | ConditionType.PROFILED:
            no_news = first and condition.type == ConditionType.PRICES_KNOWN  # a pool without prices, at its start
            return None if no_news else bad
        case _:
            return None


def _headline(status: Mapping[str, Any]) -> dict[str, Any]:
    """Return a status without its numbers, texts, times and what is measured."""
    kept = {field: value for field, value in status.items() if field not in _COUNTS | _MEASURED | {"conditions"}}
    decision = kept.get("decision")
    if isinstance(decision, Mapping):
        bound = decision.get("boundBy")
        calm = {"boundBy": "by what is measured"} if isinstance(bound, str) and bound in CALM else {}
        kept["decision"] = _bare(decision, _SPOKEN) | calm
    conditions = status.get("conditions")
    kept["conditions"] = (
        [_bare(each, {"message", "lastTransitionTime"}) for each in conditions if _kind(each) not in _VERDICTS]
        if isinstance(conditions, list)
        else conditions
    )
    return kept


def _firm(headline: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return a headline without what follows traffic by itself: the number of replicas, and that it is on its way.

    While a Deployment's controller has not seen a new number, nobody knows which version serves: that is no news, as
    long as it comes back as it was.
    """
    conditions = headline["conditions"]
    if isinstance(conditions, list):
        conditions = [each for each in conditions if (_kind(each), text(each, "reason")) not in _ON_THE_WAY]
    return {
        **headline,
        "version": headline.get("version") if "version" in other else None,
        "decision": _bare(headline.get("decision"), {"desiredReplicas"}),
        "conditions": conditions,
    }


def _counts(status: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return what counts and costs, and what conditions say that are not about measurements."""
    told = (each for each in entries(status, "conditions") if _kind(each) not in _OF_MEASUREMENTS)
    return {field: value for field, value in status.items() if field in _COUNTS}, [
        text(each, "message") for each in told
    ]


def _measured(status: Mapping[str, Any]) -> list[object]:
    """Return what moves with every look: what was measured, and what is said about it."""
    about = (each for each in entries(status, "conditions") if _kind(each) in _OF_MEASUREMENTS)
    return [
        {field: value for field, value in status.items() if field in _MEASURED | {"decision"}},
        [_bare(each, {"lastTransitionTime", "observedGeneration"}) for each in about],
    ]


def _has_turned(written: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Tell whether a verdict became its opposite; that one can be given no more, or again, is no news."""
    before = {text(each, "type"): text(each, "status") for each in entries(written, "conditions")}
    return any(
        {before.get(text(each, "type")), text(each, "status")} == {"True", "False"}
        for each in entries(wanted, "conditions")
    )


def _wanted_has_leapt(written: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    before, after = (count(status, "decision", "wantedReplicas") for status in (written, wanted))
    return has_leapt(before, after)


def has_leapt(before: int | None, after: int | None) -> bool:
    """Tell whether demand asks for a number that is more than one replica and 10 % away, or became known or unknown."""
    if before is None or after is None:
        return before != after
    return abs(after - before) > 1 and not _near(before, after)


def _alike(written: object, wanted: object) -> bool:
    """Tell whether two values differ by no more than 10 % of each number, in texts too."""
    if isinstance(written, Mapping) and isinstance(wanted, Mapping):
        return written.keys() == wanted.keys() and all(_alike(written[key], wanted[key]) for key in wanted)
    if isinstance(written, list) and isinstance(wanted, list):
        return len(written) == len(wanted) and all(map(_alike, written, wanted))
    if isinstance(written, str) and isinstance(wanted, str):
        same_words = _NUMBER.sub("0", written) == _NUMBER.sub("0", wanted)
        return same_words and all(
            _near(float(before), float(after)) or abs(float(before) - float(after)) <= LEAST_DIFFERENCE
            for before, after in zip(_NUMBER.findall(written), _NUMBER.findall(wanted), strict=True)
        )
    if type(written) is type(wanted) is int:
        return _near(written, wanted)
    return written == wanted


def _near(written: float, wanted: float) -> bool:
    return LEAST_CHANGE * abs(wanted - written) <= abs(written) < math.inf


def _kind(condition: object) -> str:
    return text(condition, "type")


def _bare(value: object, fields: Collection[str]) -> Any:  # noqa: ANN401 - whatever stands there
    return (
        {field: each for field, each in value.items() if field not in fields} if isinstance(value, Mapping) else value
    )


def _same_shape(written: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Tell whether what may be told later is at least of the right type, and the times are times."""
    both = [(written, wanted, _COUNTS | _MEASURED)]
    if isinstance(written.get("decision"), Mapping) and isinstance(wanted.get("decision"), Mapping):
        both.append((written["decision"], wanted["decision"], _SPOKEN))
    for found, meant, fields in both:
        if any(type(found[field]) is not type(meant[field]) for field in fields & found.keys() & meant.keys()):
            return False
    times = (condition.get("lastTransitionTime") for condition in entries(written, "conditions"))
    return all(isinstance(time, str) and _TIME.fullmatch(time) for time in times)
