"""Specs with schedules, and times on somebody's clock."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fakes.snapshots import model_spec
from trimtab.api.aimodel import AIModelSpec
from trimtab.api.schedule import Schedule
from trimtab.units import Seconds

BERLIN = "Europe/Berlin"


def window(name: str = "office", start: str = "0 8 * * MON-FRI", duration: str = "10h", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a schedule
    """Return a schedule as it is written: at least 4 replicas in office hours, in UTC, unless said otherwise."""
    return {"name": name, "start": start, "duration": duration, "minReplicas": 4} | more


def schedule(**fields: Any) -> Schedule:  # noqa: ANN401 - fields of a schedule
    """Return a schedule."""
    return Schedule.model_validate(window(**fields))


def scheduled(*windows: dict[str, Any], **fields: Any) -> AIModelSpec:  # noqa: ANN401 - arguments of `model_spec`
    """Return the spec of a model with schedules; its own bounds are 1 and 5 unless others are given."""
    written = model_spec(**fields).model_dump(by_alias=True, exclude_none=True)
    written["scaling"]["schedules"] = list(windows)
    return AIModelSpec.model_validate(written)


def at(time: str, zone: str = "UTC", fold: int = 0) -> Seconds:
    """Return a time on a clock in seconds since the epoch; `fold` 1 is the second of an hour that comes twice."""
    return Seconds(datetime.fromisoformat(time).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp())
