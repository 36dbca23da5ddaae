"""What of a status is worth a write now, and what of it an Event."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from trimtab.api.conditions import Condition, ConditionType, Reason
from trimtab.core.untrusted import entries, text

_NUMBERS = frozenset({"replicas", "readyReplicas", "cost", "models", "accelerators", "hourly", "variants"})
"""What may be told a little later."""
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_AT_REST = frozenset(
    {Reason.PROGRESSING, Reason.SCALED_TO_ZERO, Reason.PAUSED_BY_ANNOTATION, Reason.WAITING_FOR_DELETION}
)
"""Reasons for which a model that never answered needs nobody's attention."""


class Urgency(Enum):
    """How soon a status is to be written."""

    NOTHING = "nothing to write"
    LATER = "numbers and texts differ"
    NOW = "what people and programs wait for differs"


@dataclass(frozen=True)
class Transition:
    """One Event about a condition that changed."""

    warning: bool
    reason: str
    message: str


def urgency(written: object, wanted: Mapping[str, Any]) -> Urgency:
    """Return how soon `wanted` is to be written over `written`, which may be anything; times alone are no change."""
    if written == wanted:
        return Urgency.NOTHING
    if not isinstance(written, Mapping) or not _same_shape(written, wanted):
        return Urgency.NOW
    if _headline(written) != _headline(wanted):
        return Urgency.NOW
    return Urgency.NOTHING if _timeless(written) == _timeless(wanted) else Urgency.LATER


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
        case ConditionType.PRICES_KNOWN:
            return None if first else bad  # a pool without prices is no news at its start
        case _:
            return None


def _headline(status: Mapping[str, Any]) -> dict[str, Any]:
    """Return a status without its numbers, texts and times."""
    return _without(status, _NUMBERS, {"message", "lastTransitionTime"}, {"message"})


def _timeless(status: Mapping[str, Any]) -> dict[str, Any]:
    return _without(status, frozenset(), {"lastTransitionTime"}, set())


def _without(
    status: Mapping[str, Any], fields: frozenset[str], of_conditions: set[str], of_decision: set[str]
) -> dict[str, Any]:
    kept = {field: value for field, value in status.items() if field not in fields}
    if isinstance(kept.get("conditions"), list):
        kept["conditions"] = [_bare(condition, of_conditions) for condition in kept["conditions"]]
    if "decision" in kept:
        kept["decision"] = _bare(kept["decision"], of_decision)
    return kept


def _bare(value: object, fields: set[str]) -> object:
    return (
        {field: each for field, each in value.items() if field not in fields} if isinstance(value, Mapping) else value
    )


def _same_shape(written: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Tell whether what may be told later is at least of the right type, and the times are times."""
    for field in _NUMBERS & written.keys() & wanted.keys():
        if type(written[field]) is not type(wanted[field]):
            return False
    times = (condition.get("lastTransitionTime") for condition in entries(written, "conditions"))
    return all(isinstance(time, str) and _TIME.fullmatch(time) for time in times)
