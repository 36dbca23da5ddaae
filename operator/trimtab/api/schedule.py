"""A schedule: times at which a model shall have other bounds than at all others."""

from typing import Annotated

from pydantic import Field

from trimtab.api.rules import Rule, duration_between, spelled
from trimtab.api.wire import DnsLabel, Duration, Wire

MOST_SCHEDULES = 8


def _field(value: str, besides: str = "") -> str:
    """Return the pattern of one field of a cron expression: `*`, values and ranges of them, steps, joined by commas."""
    item = rf"(\*|({value})(-({value}))?)(/[1-9][0-9]?)?"
    item = f"({item}|{besides})" if besides else item
    return rf"{item}(,{item})*"


_MONTHS = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
_DAYS = "SUN|MON|TUE|WED|THU|FRI|SAT"
_CRON = (
    f"^(?i:{_field('[0-5]?[0-9]')} +{_field('[01]?[0-9]|2[0-3]')} +{_field('0?[1-9]|[12][0-9]|3[01]', 'L')}"
    f" +{_field(f'0?[1-9]|1[0-2]|{_MONTHS}')} +{_field(f'[0-7]|{_DAYS}')})$"
)
_TIME_ZONE = r"^[A-Z][A-Za-z0-9_+-]*(/[A-Z][A-Za-z0-9_+-]*){0,2}$"
_HOURS_THERE = "timestamp('2026-01-01T00:00:00Z').getHours(self) >= 0"


class Schedule(Wire):
    """A window that opens again and again, and the bounds that hold while it is open."""

    rules = (
        Rule(
            "!has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
            "minReplicas must not exceed maxReplicas: lower it, or raise maxReplicas",
            ".minReplicas",
        ),
    )

    name: Annotated[DnsLabel, Field(max_length=40, description="Its name, which decisions tell.")]
    start: Annotated[
        str,
        Field(
            max_length=100,
            pattern=_CRON,
            description="When the window opens, as in cron: minute, hour, day of the month (L is the last), month, day "
            "of the week, such as '0 8 * * MON-FRI'. Where neither day begins with *, either is enough. It counts as "
            "open one measured cold start earlier, so that replicas are ready when it opens.",
        ),
        spelled(
            _CRON,
            "must be five fields as in cron, such as '0 8 * * MON-FRI': minute 0-59, hour 0-23, day of the month 1-31 "
            "or L, month 1-12 or JAN-DEC, day of the week 0-7 or SUN-SAT; in each *, ranges, lists and steps",
        ),
    ]
    duration: Annotated[
        Duration,
        duration_between("1m", "744h"),
        Field(description="How long it stays open, in real time: a change of the clocks does not shorten it."),
    ]
    time_zone: Annotated[
        str,
        Field(
            max_length=64,
            pattern=_TIME_ZONE,
            description="Whose clock `start` reads, a name of the IANA data base such as Europe/Berlin.",
        ),
        Rule(  # getHours asks the API server's own copy of the data base, and fails with the name where it is not there
            f"self.matches(r'{_TIME_ZONE}') && self != 'Local' && {_HOURS_THERE}",
            "must be a name of the IANA time zone data base, such as UTC or Europe/Berlin",
        ),
    ] = "UTC"
    min_replicas: Annotated[
        int,
        Field(
            ge=1, le=1000, description="In place of scaling.minReplicas; of several open windows the largest counts."
        ),
    ]
    max_replicas: Annotated[
        int | None,
        Field(
            ge=1,
            le=1000,
            description="In place of scaling.maxReplicas, more or less than it; absent means that one. "
            "Of several open windows the largest counts.",
        ),
    ] = None
