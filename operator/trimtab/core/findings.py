"""What was found out about one object, before it becomes its conditions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from trimtab.api.conditions import Condition, ConditionType, Reason, Status, with_transition_times
from trimtab.core.untrusted import part, shown


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One condition without its times; the message may be of any length."""

    type: ConditionType
    status: Status
    reason: Reason
    message: str


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """When and of what the findings were made: `written_status` is what stands on the object, by anybody's hand."""

    now: datetime
    generation: int
    written_status: object


def dated(findings: Iterable[Finding], occasion: Occasion) -> tuple[Condition, ...]:
    """Return the conditions, each with the time since when its status has been what it is."""
    stamp = occasion.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = (
        Condition(
            type=finding.type,
            status=finding.status,
            observed_generation=occasion.generation,
            last_transition_time=stamp,
            reason=finding.reason,
            message=shown(finding.message),
        )
        for finding in findings
    )
    return with_transition_times(conditions, part(occasion.written_status, "conditions"))
