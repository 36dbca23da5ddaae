"""The status of a model that could not be looked at: its spec cannot be read, or looking ended in a bug."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from trimtab.api.conditions import Condition, ConditionType, Reason, Status, with_transition_times
from trimtab.api.identity import ModelIdentity
from trimtab.api.model_status import AIModelStatus

MAX_MESSAGE = 1024


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """What keeps the operator from looking; `is_users` tells that a change of the object is needed, and will help."""

    reason: Reason
    message: str
    is_users: bool


def fallback_status(written: object, model: ModelIdentity, obstacle: Obstacle, now: datetime) -> AIModelStatus:
    """Return what was last known, with conditions that say what is in the way.

    What serves goes on serving, so after a bug `Ready` is Unknown; with a spec that cannot be read it is False.
    """
    try:
        known = AIModelStatus.model_validate(written or {})
    except ValidationError:
        known = AIModelStatus()
    ready: Status = "False" if obstacle.is_users else "Unknown"
    second = ConditionType.STALLED if obstacle.is_users else ConditionType.RECONCILING
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    message = obstacle.message[:MAX_MESSAGE]
    wanted = tuple(
        Condition(
            type=kind,
            status=status,
            observed_generation=model.generation,
            last_transition_time=stamp,
            reason=obstacle.reason,
            message=message,
        )
        for kind, status in ((ConditionType.READY, ready), (second, "True"))
    )
    replaced = {ConditionType.READY, ConditionType.STALLED, ConditionType.RECONCILING}
    kept = tuple(condition for condition in known.conditions if condition.type not in replaced)
    found = written.get("conditions") if isinstance(written, dict) else None
    return known.model_copy(
        update={
            "observed_generation": model.generation,
            "conditions": (*with_transition_times(wanted, found), *kept),
        }
    )
