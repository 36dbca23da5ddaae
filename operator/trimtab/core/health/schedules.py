"""Whether a model's schedules can be followed, and when their windows open."""

from trimtab.api.conditions import ConditionType, Reason
from trimtab.core.findings import Finding
from trimtab.core.scaling.windows import fault_of, next_of
from trimtab.core.snapshot import ModelSnapshot
from trimtab.units import Seconds


def schedules_valid(snapshot: ModelSnapshot) -> tuple[Finding, ...]:
    """Say which schedules can be followed; nothing where there is none. What cannot be is left out, not the model."""
    kind, scaling = ConditionType.SCHEDULES_VALID, snapshot.spec.scaling
    if not scaling.schedules:
        return ()
    faults = [fault for fault in map(fault_of, scaling.schedules) if fault]
    if faults:
        message = f"{'; '.join(faults)}. Until then it is as if this schedule were not there"
        return (Finding(type=kind, status="False", reason=Reason.SCHEDULE_UNUSABLE, message=message),)
    opens = next_of(scaling, Seconds(snapshot.now.timestamp()))
    message = "; ".join(f"{window.schedule.name} opens next at {window.opens()}" for window in opens)
    return (Finding(type=kind, status="True", reason=Reason.SCHEDULES_FOLLOWED, message=message),)
