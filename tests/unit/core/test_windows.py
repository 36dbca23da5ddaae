"""When windows are open, by example: days, ends of months, changes of the clocks, and what counts early."""

import pytest

from fakes.schedules import BERLIN, at, schedule, scheduled, window
from trimtab.core.scaling.windows import Bounds, bounds_at, fault_of, next_of, open_at, until_change
from trimtab.units import Replicas, Seconds

MINUTE = Seconds(60.0)


@pytest.mark.parametrize(
    ("time", "is_open"),
    [
        ("2026-11-24T07:59:59", False),
        ("2026-11-24T08:00:00", True),
        ("2026-11-24T17:59:59", True),
        ("2026-11-24T18:00:00", False),
        ("2026-11-28T12:00:00", False),  # a Saturday
    ],
)
def test_a_window_is_open_from_its_start_until_before_its_end(time: str, is_open: bool) -> None:  # noqa: FBT001 - what is expected
    """To the second."""
    assert bool(open_at(scheduled(window()).scaling, at(time))) is is_open


def test_a_schedule_reads_the_clock_of_its_place() -> None:
    """Eight in Berlin is seven in winter and six in summer, by UTC."""
    scaling = scheduled(window(timeZone=BERLIN)).scaling

    assert [found.begins for found in open_at(scaling, at("2026-11-24T07:30"))] == [at("2026-11-24T07:00")]
    assert [found.begins for found in open_at(scaling, at("2026-07-24T06:30"))] == [at("2026-07-24T06:00")]
    assert open_at(scaling, at("2026-11-24T06:30")) == ()


def test_a_window_opens_when_a_missing_hour_is_over() -> None:
    """On 29 March 2026 Berlin has no 02:30: it opens at 03:00, the first minute that there is, for all of an hour."""
    (found,) = open_at(
        scheduled(window(start="30 2 * * *", duration="1h", timeZone=BERLIN)).scaling, at("2026-03-29T01:30")
    )

    assert (found.begins, found.ends) == (at("2026-03-29T01:00"), at("2026-03-29T02:00"))
    assert found.opens() == "2026-03-29 03:00 Europe/Berlin"


@pytest.mark.parametrize("fold", [0, 1])
def test_a_window_opens_once_in_an_hour_that_comes_twice(fold: int) -> None:
    """On 25 October 2026 Berlin has 02:30 twice: it opens at the first, and lasts over the second."""
    scaling = scheduled(window(start="30 2 * * *", duration="2h", timeZone=BERLIN)).scaling

    (found,) = open_at(scaling, at("2026-10-25T02:45", BERLIN, fold))

    assert (found.begins, found.ends) == (at("2026-10-25T00:30"), at("2026-10-25T02:30"))
    assert [each.begins for each in next_of(scaling, at("2026-10-25T02:15", BERLIN, 1))] == [at("2026-10-26T01:30")]


def test_a_window_is_as_long_as_it_says_when_clocks_change() -> None:
    """Ten hours over a night that has eleven: it ends an hour earlier by the clock."""
    (found,) = open_at(scheduled(window(start="0 20 24 10 *", timeZone=BERLIN)).scaling, at("2026-10-24T19:00"))

    assert found.ends - found.begins == 36_000
    assert found.closes() == "2026-10-25 05:00 Europe/Berlin"


def test_the_last_day_of_a_month_is_l() -> None:
    """28, 29, 30 or 31; a plain 31 leaves out the shorter months."""
    last, plain = (scheduled(window(start=f"0 0 {day} * *")).scaling for day in ("L", "31"))

    assert next_of(last, at("2028-02-01T00:00"))[0].begins == at("2028-02-29T00:00")
    assert next_of(plain, at("2028-02-01T00:00"))[0].begins == at("2028-03-31T00:00")


def test_a_window_that_opens_again_before_it_ends_stays_open() -> None:
    """Each day for two days: the latest counts."""
    (found,) = open_at(scheduled(window(start="0 0 * * *", duration="48h")).scaling, at("2026-11-24T10:00"))

    assert found.begins == at("2026-11-24T00:00")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"timeZone": "Mars/Olympus"}, "scaling.schedules[office].timeZone: Mars/Olympus is not in"),
        ({"timeZone": "Europe"}, "scaling.schedules[office].timeZone: Europe is not in"),  # a folder of zones
        ({"start": "0 8 30 2 *"}, "scaling.schedules[office].start: its day-of-month in '0 8 30 2 *' never comes"),
        (
            {"start": "0 18-8 * * *"},
            "scaling.schedules[office].start: its hour in '0 18-8 * * *' never comes, or a range",
        ),
    ],
)
def test_a_schedule_that_cannot_be_followed_says_why_and_is_left_out(fields: dict[str, str], said: str) -> None:
    """The others are followed."""
    scaling = scheduled(window(**fields), window(name="day", start="0 9 * * *")).scaling

    assert fault_of(schedule(**fields)).startswith(said)
    assert [found.schedule.name for found in open_at(scaling, at("2026-11-24T10:00"))] == ["day"]
    assert [found.schedule.name for found in next_of(scaling, at("2026-11-24T10:00"))] == ["day"]


def test_a_sound_schedule_has_no_fault() -> None:
    """In any case of letters."""
    assert fault_of(schedule(start="*/15 8-18/2 1,15,L jan-mar mon", timeZone=BERLIN)) == ""


def bounds(
    time: str, *windows: dict[str, object], lead: float = 60.0, least: int = 1, most: int = 5
) -> tuple[int, int]:
    """Return what is allowed at a time on 24 November 2026."""
    found = bounds_at(scheduled(*windows, least=least, most=most).scaling, at(f"2026-11-24T{time}"), Seconds(lead))
    return found.least, found.most


def test_of_overlapping_windows_the_largest_of_each_bound_counts() -> None:
    """Whatever their order; the model's own count no more."""
    night = window("night", "0 0 * * *", "24h", minReplicas=1, maxReplicas=2)
    launch = window("launch", "0 9 * * *", "2h", minReplicas=8, maxReplicas=12)

    assert bounds("08:00", night, launch, least=3) == (1, 2)
    assert bounds("10:00", night, launch, least=3) == (8, 12)
    assert bounds("10:00", launch, night, least=3) == (8, 12)


def test_a_window_without_a_maximum_has_the_models_own() -> None:
    """Also beside one that has a smaller one."""
    assert bounds("10:00", window(), window("small", "0 9 * * *", "2h", minReplicas=1, maxReplicas=2)) == (4, 5)


def test_a_window_counts_one_start_of_a_replica_earlier() -> None:
    """So that replicas are ready at eight; with what it says of it."""
    assert bounds("07:58:59", window()) == (1, 5)
    assert bounds("07:59:00", window()) == (4, 5)

    found = bounds_at(scheduled(window()).scaling, at("2026-11-24T07:59"), MINUTE)

    assert found.least_by == (
        "schedule office begins at 2026-11-24 08:00 UTC, and a replica takes 60 s to start, "
        "so 4 or more are asked for now"
    )


def test_what_a_window_takes_away_it_takes_on_time() -> None:
    """A smaller maximum is not there a start early."""
    night = window("night", "0 22 * * *", "8h", minReplicas=1, maxReplicas=2)

    assert bounds("21:59:59", night, least=3) == (3, 5)
    assert bounds("22:00:00", night, least=3) == (1, 2)


def test_the_models_own_minimum_counts_one_start_before_a_window_ends() -> None:
    """Replicas are ready in the morning too, and the maximum stands aside as far as they need it."""
    night = window("night", "0 22 * * *", "8h", minReplicas=1, maxReplicas=2)

    assert bounds("05:58:59", night, least=3) == (1, 2)
    assert bounds("05:59:00", night, least=3) == (3, 3)
    found = bounds_at(scheduled(night, least=3).scaling, at("2026-11-24T05:59"), MINUTE)
    assert found.least_by.startswith("schedule night ends at 2026-11-24 06:00 UTC, and a replica takes 60 s to start")
    assert found.most_by.startswith("schedule night, open until 2026-11-24 06:00 UTC, allows no more than 2; schedule")


def test_no_minimum_counts_early_that_another_window_covers() -> None:
    """The night is followed by the day, not by the model's own minimum."""
    night = window("night", "0 22 * * *", "8h", minReplicas=1)
    day = window("day", "0 6 * * *", "16h", minReplicas=2)

    assert bounds("05:59:30", night, day, least=3) == (2, 5)


def test_a_window_that_is_larger_than_the_model_is_followed_early_and_wholly() -> None:
    """Its minimum is above the model's own maximum."""
    assert bounds("07:59:30", window(minReplicas=9, maxReplicas=12)) == (9, 9)
    assert bounds("08:00:00", window(minReplicas=9, maxReplicas=12)) == (9, 12)


def test_crossed_bounds_of_before_the_rules_end_at_the_maximum() -> None:
    """As the model's own do."""
    assert bounds("10:00", window(minReplicas=9)) == (5, 5)


def test_without_a_schedule_the_models_own_bounds_hold_always() -> None:
    """Nothing will change either."""
    scaling = scheduled(least=2).scaling

    assert bounds_at(scaling, at("2026-11-24T10:00"), MINUTE) == Bounds(least=Replicas(2), most=Replicas(5))
    assert until_change(scaling, at("2026-11-24T10:00"), MINUTE) is None


@pytest.mark.parametrize(
    ("time", "seconds"),
    [("07:00:00", 3_540), ("07:59:00", 60), ("08:00:00", 35_940), ("17:59:00", 60), ("18:00:00", 50_340)],
)
def test_the_next_look_is_when_something_changes(time: str, seconds: float) -> None:
    """A start before the beginning, the beginning, a start before the end, the end."""
    assert until_change(scheduled(window()).scaling, at(f"2026-11-24T{time}"), MINUTE) == seconds
