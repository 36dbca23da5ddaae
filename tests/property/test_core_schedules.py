"""Laws of schedules. `tests/unit/core/test_windows.py` and `test_scaling_schedules.py` have the examples."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import assume, given, strategies as st

from fakes.measured import measured, sample
from fakes.schedules import schedule, scheduled, window
from fakes.snapshots import deployment, snapshot
from trimtab.api.aimodel import AIModelSpec
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.windows import bounds_at, fault_of, next_of, open_at, until_change
from trimtab.core.snapshot import ModelSnapshot
from trimtab.units import Seconds

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Chatham")
YEAR = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
CHANGES = [
    int(datetime.fromisoformat(f"2026-{day}T{hour}:00:00").replace(tzinfo=UTC).timestamp())
    for day, hour in (
        ("03-29", "01"), ("10-25", "01"), ("03-08", "07"), ("11-01", "06"), ("04-04", "15"), ("10-03", "15"),
    )
]  # fmt: skip
"""When clocks change in one of these zones."""
times = st.integers(YEAR, YEAR + 366 * 86_400) | st.builds(
    lambda change, off: change + off, st.sampled_from(CHANGES), st.integers(-10_800, 10_800)
)
leads = st.sampled_from([1.0, 60.0, 600.0, 7_200.0]).map(Seconds)


@st.composite
def crons(draw: st.DrawFn) -> str:
    """Return a time as people write it: at one time of some days, or each hour or so."""
    minute = draw(st.sampled_from(["0", "30", "*/20", "15,45"]))
    hour = draw(st.sampled_from(["0", "1", "2", "2,3", "8-18/2", "23", "*"]))
    day, weekday = draw(st.sampled_from([("*", "*"), ("*", "MON-FRI"), ("L", "*"), ("31", "*"), ("1,15", "SUN")]))
    return f"{minute} {hour} {day} * {weekday}"


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    """Return a schedule."""
    least, most = sorted(draw(st.tuples(st.integers(1, 30), st.integers(1, 30))))
    more: dict[str, Any] = {"minReplicas": least, "timeZone": draw(st.sampled_from(ZONES))}
    if least > 20 or draw(st.booleans()):
        more["maxReplicas"] = most
    return window(start=draw(crons()), duration=draw(st.sampled_from(["1m", "1h", "10h", "72h"])), **more)


@st.composite
def specs(draw: st.DrawFn) -> AIModelSpec:
    """Return an unpinned spec with up to three schedules, some of which nobody can follow."""
    written = draw(st.lists(windows(), min_size=1, max_size=3))
    if draw(st.booleans()):
        written.append(window(timeZone="Mars/Olympus"))
    named = [each | {"name": f"w{number}"} for number, each in enumerate(written)]
    return scheduled(*named, least=draw(st.integers(1, 20)), most=draw(st.integers(20, 30)))


@given(crons(), st.sampled_from(ZONES), times)
def test_the_last_start_and_the_next_are_those_of_the_clock_on_the_wall(start: str, zone: str, time: int) -> None:
    """In the day around, minute by minute on that clock: none is passed over, and none is made up.

    A time that there is not moves to the end of the gap; of an hour that comes twice the first counts.
    """
    scaling = scheduled(window(start=start, timeZone=zone, duration="1m")).scaling
    (following,) = next_of(scaling, Seconds(float(time)))
    there = ZoneInfo(zone)
    assume(following.begins - time < 3 * 86_400)

    early = range(time // 60 * 60 + 60, int(following.begins), 60)
    clock = [datetime.fromtimestamp(second, there) for second in early]

    assert [each for each in clock if matches(start, each) and not each.fold] == []
    begins = datetime.fromtimestamp(following.begins, there)
    assert begins.fold == 0
    assert matches(start, begins) or is_after_a_gap(begins)


def matches(start: str, time: datetime) -> bool:
    """Tell whether a clock shows a time that an expression of `crons` names: a second reading of cron."""
    minute, hour, day, _, weekday = start.split()
    minutes = {"0": [0], "30": [30], "*/20": [0, 20, 40], "15,45": [15, 45]}[minute]
    hours = {"*": range(24), "2,3": [2, 3], "8-18/2": range(8, 19, 2)}.get(hour) or [int(hour)]
    is_last = (time + timedelta(days=1)).day == 1
    days = {"L": is_last, "31": time.day == 31, "1,15": time.day in {1, 15} or time.weekday() == 6}.get(day, True)
    weekdays = weekday != "MON-FRI" or time.weekday() < 5
    return time.minute in minutes and time.hour in hours and days and weekdays


def is_after_a_gap(time: datetime) -> bool:
    """Tell whether the clock jumped to this time."""
    before = (time.astimezone(UTC) - timedelta(minutes=1)).astimezone(time.tzinfo)
    return before.utcoffset() != time.utcoffset()


@given(windows(), times)
def test_what_is_open_has_begun_and_has_not_ended(written: dict[str, Any], time: int) -> None:
    """And it is a window that had been announced."""
    scaling, now = scheduled(written | {"maxReplicas": 30}).scaling, Seconds(float(time))

    for found in open_at(scaling, now):
        assert found.begins <= now < found.ends
        (announced,) = next_of(scaling, Seconds(found.begins - 1.0))
        assert announced == found


@given(specs(), times, leads)
def test_the_bounds_hold_until_the_next_change(spec: AIModelSpec, time: int, lead: Seconds) -> None:
    """A second before it they are what they are now: whoever looks again then misses nothing."""
    scaling, now = spec.scaling, Seconds(float(time))
    later = until_change(scaling, now, lead)

    assert later is not None
    assert later > 0
    first, last = (bounds_at(scaling, when, lead) for when in (now, Seconds(now + later - 1)))
    assert (first.least, first.most) == (last.least, last.most)


@given(specs(), times, leads)
def test_the_bounds_are_never_crossed_and_never_beyond_what_was_written(
    spec: AIModelSpec, time: int, lead: Seconds
) -> None:
    """Whatever overlaps."""
    bounds = bounds_at(spec.scaling, Seconds(float(time)), lead)

    written = [spec.scaling.min_replicas, *(each.min_replicas for each in spec.scaling.schedules)]
    assert min(written) <= bounds.least <= max(written)
    assert bounds.least <= bounds.most


@given(specs(), times, leads)
def test_when_a_window_opens_its_minimum_has_been_asked_for_since_a_start_before(
    spec: AIModelSpec, time: int, lead: Seconds
) -> None:
    """All the time: replicas that were started for it are not taken away before it opens."""
    scaling = spec.scaling
    for found in next_of(scaling, Seconds(float(time))):
        least = min(found.schedule.min_replicas, found.schedule.max_replicas or scaling.max_replicas)
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            assert bounds_at(scaling, Seconds(found.begins - share * lead), lead).least >= least


@st.composite
def snapshots(draw: st.DrawFn, pin: st.SearchStrategy[int | None]) -> ModelSnapshot:
    """Return a snapshot of a model with schedules at any time."""
    spec = draw(specs()).model_copy(update={"replicas": draw(pin)})
    found = snapshot(
        deployment(asked=draw(st.integers(0, 40))), spec=spec, now=datetime.fromtimestamp(draw(times), UTC)
    )
    return measured(found, sample(draw(st.floats(0.0, 5_000.0)))) if draw(st.booleans()) else found


def allowed(found: ModelSnapshot) -> tuple[int, int]:
    """Return the bounds that the decision of a snapshot has to keep."""
    bounds = bounds_at(found.spec.scaling, Seconds(found.now.timestamp()), Seconds(60.0))
    return bounds.least, bounds.most


@given(snapshots(st.none()))
def test_a_decision_keeps_to_the_bounds_of_now(found: ModelSnapshot) -> None:
    """Whatever was measured, and whatever runs."""
    least, most = allowed(found)

    assert least <= decide(found).replicas <= most


@given(snapshots(st.integers(0, 60)))
def test_a_pin_is_bounded_from_above_alone(found: ModelSnapshot) -> None:
    """By the window's maximum in place of the model's own."""
    assert found.spec.replicas is not None

    assert decide(found).replicas == min(found.spec.replicas, allowed(found)[1])


@given(st.sampled_from(ZONES), crons(), times)
def test_a_schedule_that_nobody_can_follow_changes_no_number(zone: str, start: str, time: int) -> None:
    """It is as if it were not there."""
    bad = scheduled(window(start=start, timeZone=zone), window("bad", timeZone="Mars/Olympus", minReplicas=5), most=9)
    good = scheduled(window(start=start, timeZone=zone), most=9)
    now = datetime.fromtimestamp(time, UTC)

    assert fault_of(schedule(start=start, timeZone=zone)) == ""
    assert decide(snapshot(spec=bad, now=now)).replicas == decide(snapshot(spec=good, now=now)).replicas
