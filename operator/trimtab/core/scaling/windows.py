"""When the windows of a model's schedules are open, and which bounds hold at one moment.

cronsim knows cron, and gives times on a clock on the wall; what becomes of these when clocks change is said in
docs/adr/0009. All that is compared or added is in seconds since the epoch, so that a window is as long as it says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from trimtab.api.aimodel import ScalingSpec
from trimtab.api.schedule import Schedule
from trimtab.units import Replicas, Seconds, seconds

MINUTE = 60
LONGEST_FOLD = timedelta(hours=3)
"""More than any clock was ever set back by: what comes twice may hide up to so much of the past."""
KNOWN_STARTS = 4_096
"""Of so many schedules and minutes the starts are kept, so that a thousand models cost a search a minute each."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """One time for which a schedule gives other bounds; it is open from `begins` until before `ends`."""

    schedule: Schedule
    begins: Seconds
    ends: Seconds

    def opens(self) -> str:
        """Return when it begins, on the clock that the schedule reads."""
        return _told(self.begins, self.schedule)

    def closes(self) -> str:
        """Return when it ends, on the clock that the schedule reads."""
        return _told(self.ends, self.schedule)


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The fewest and the most replicas that are allowed now.

    `least_by` and `most_by` say which window has set each, as the beginning of a sentence; empty where it is
    `scaling.minReplicas` or `maxReplicas`.
    """

    least: Replicas
    most: Replicas
    least_by: str = ""
    most_by: str = ""


def fault_of(schedule: Schedule) -> str:
    """Return what keeps a schedule from being followed, empty if nothing does; the rest of the model is served."""
    fault = _fault(schedule.start, schedule.time_zone)
    return f"scaling.schedules[{schedule.name}].{fault}" if fault else ""


@lru_cache(maxsize=KNOWN_STARTS)
def _fault(start: str, time_zone: str) -> str:
    try:
        ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError):  # no such file; no such name; a directory of them
        return (
            f"timeZone: {time_zone} is not in this operator's time zone data base: "
            "write another name of the IANA data base, or update the operator"
        )
    try:
        next(CronSim(start, datetime(2026, 1, 1)))  # noqa: DTZ001 - a clock on the wall
    except (CronSimError, StopIteration) as error:  # the second: nothing in 50 years
        part = str(error).removeprefix("Bad ") or "day"
        return (
            f"start: its {part} in {start!r} never comes, or a range in it runs backwards: "
            "write a day that there is, and the smaller end of a range first"
        )
    return ""


def open_at(scaling: ScalingSpec, now: Seconds) -> tuple[Window, ...]:
    """Return the windows that are open, in the order of their schedules."""
    found = (_window(schedule, _last_start(schedule, now)) for schedule in _followed(scaling))
    return tuple(window for window in found if now < window.ends)


def next_of(scaling: ScalingSpec, now: Seconds) -> tuple[Window, ...]:
    """Return the window of each schedule that opens next, the soonest first."""
    found = (_window(schedule, _next_start(schedule, now)) for schedule in _followed(scaling))
    return tuple(sorted(found, key=lambda window: window.begins))


def bounds_at(scaling: ScalingSpec, now: Seconds, lead: Seconds) -> Bounds:
    """Return the bounds that hold now, where a replica takes `lead` to start.

    Of several open windows the largest of each bound counts, and where one is open, the model's own count no more. What
    opens, or is left, within `lead` counts already where it asks for more replicas: they shall be ready by then. It
    never takes any away early.
    """
    own = Bounds(least=Replicas(min(scaling.min_replicas, scaling.max_replicas)), most=Replicas(scaling.max_replicas))
    opened = open_at(scaling, now)
    bounds = own if not opened else _of_windows(scaling, opened)
    for least, because in _soon(scaling, opened, now, lead):
        if least > bounds.least:
            most_by = "; ".join(filter(None, (bounds.most_by, because))) if least > bounds.most else bounds.most_by
            bounds = Bounds(least=least, most=max(least, bounds.most), least_by=because, most_by=most_by)
    return bounds


def until_change(scaling: ScalingSpec, now: Seconds, lead: Seconds) -> Seconds | None:
    """Return how long it takes until a window opens or closes, or counts as if it did; None without a schedule."""
    times = [window.ends for window in open_at(scaling, now)]
    times += [window.begins for window in next_of(scaling, now)]
    later = [time - early - now for time in times for early in (0.0, lead) if time - early > now]
    return Seconds(min(later)) if later else None


def _of_windows(scaling: ScalingSpec, opened: tuple[Window, ...]) -> Bounds:
    wide = max(opened, key=lambda window: _most(scaling, window))
    high = max(opened, key=lambda window: _least(scaling, window))
    return Bounds(
        least=_least(scaling, high),
        most=_most(scaling, wide),
        least_by=f"schedule {high.schedule.name}, open until {high.closes()}, asks for {_least(scaling, high)} or more",
        most_by=""
        if wide.schedule.max_replicas is None
        else f"schedule {wide.schedule.name}, open until {wide.closes()}, allows no more than {_most(scaling, wide)}",
    )


def _soon(
    scaling: ScalingSpec, opened: tuple[Window, ...], now: Seconds, lead: Seconds
) -> Iterator[tuple[Replicas, str]]:
    """Yield the fewest replicas that will be asked for within a start of one, and by what."""
    takes = f"and a replica takes {lead:.0f} s to start"
    for window in next_of(scaling, now):
        if window.begins <= now + lead:
            least = _least(scaling, window)
            name = window.schedule.name
            yield least, f"schedule {name} begins at {window.opens()}, {takes}, so {least} or more are asked for now"
    last = max(opened, key=lambda window: window.ends, default=None)
    if last is not None and last.ends <= now + lead and not open_at(scaling, last.ends):
        least = Replicas(min(scaling.min_replicas, scaling.max_replicas))
        name = last.schedule.name
        yield least, f"schedule {name} ends at {last.closes()}, {takes}, so scaling.minReplicas {least} counts now"


def _least(scaling: ScalingSpec, window: Window) -> Replicas:
    """Return a window's fewest replicas; an object of before the rules may have its bounds crossed."""
    return Replicas(min(window.schedule.min_replicas, _most(scaling, window)))


def _most(scaling: ScalingSpec, window: Window) -> Replicas:
    return Replicas(window.schedule.max_replicas or scaling.max_replicas)


def _followed(scaling: ScalingSpec) -> Iterator[Schedule]:
    return (schedule for schedule in scaling.schedules if not _fault(schedule.start, schedule.time_zone))


def _window(schedule: Schedule, begins: int) -> Window:
    return Window(schedule=schedule, begins=Seconds(float(begins)), ends=Seconds(begins + seconds(schedule.duration)))


def _told(time: Seconds, schedule: Schedule) -> str:
    there = datetime.fromtimestamp(time, ZoneInfo(schedule.time_zone))
    return f"{there:%Y-%m-%d %H:%M} {schedule.time_zone}"


def _last_start(schedule: Schedule, now: Seconds) -> int:
    """Return when a schedule's last window began, now included."""
    return _starts_around(schedule.start, schedule.time_zone, int(now // MINUTE))[0]


def _next_start(schedule: Schedule, now: Seconds) -> int:
    """Return when a schedule's next window begins, after now."""
    return _starts_around(schedule.start, schedule.time_zone, int(now // MINUTE))[1]


@lru_cache(maxsize=KNOWN_STARTS)
def _starts_around(start: str, time_zone: str, minute: int) -> tuple[int, int]:
    """Return the last start up to a minute since the epoch, and the first after it: windows begin on whole minutes.

    cronsim is asked without a time zone, about the clock on the wall; what it gives is compared in true time. In the
    second of two equal hours the wall hides a part of the past, so there it is asked from further on.
    """
    now, zone = minute * MINUTE, ZoneInfo(time_zone)
    there = datetime.fromtimestamp(now, zone)
    wall = there.replace(tzinfo=None)
    beyond = wall + (LONGEST_FOLD if there.fold else timedelta(seconds=1))
    backwards = (_in_true_time(time, zone) for time in CronSim(start, beyond, reverse=True))
    forwards = (_in_true_time(time, zone) for time in CronSim(start, wall))
    return next(time for time in backwards if time <= now), next(time for time in forwards if time > now)


def _in_true_time(wall: datetime, zone: ZoneInfo) -> int:
    """Return when a clock shows a time first; one that it leaves out counts as the end of the gap."""
    while (there := wall.replace(tzinfo=zone)).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall:
        wall += timedelta(minutes=1)
    return int(there.timestamp())
