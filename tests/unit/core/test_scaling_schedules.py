"""What schedules do to a decision, beside the other policies."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fakes.measured import measured, remembered, sample, watched
from fakes.schedules import scheduled, window
from fakes.snapshots import (
    SERVICE_OF_MODEL,
    deployment,
    message,
    model_spec,
    pool_found,
    snapshot,
    status_of,
    told,
)
from trimtab.api.aimodel import AIModelSpec
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.decision import BoundBy, Decision
from trimtab.core.snapshot import ModelSnapshot

NIGHT = window("night", "0 22 * * *", "8h", minReplicas=1, maxReplicas=2)


def seen(
    spec: AIModelSpec, time: str, *, asked: int = 1, variant: str = "l4", rate: float | None = 1.0
) -> ModelSnapshot:
    """Return a snapshot at a time on 24 November 2026, UTC; with a rate of 1, one replica has always been enough."""
    found = snapshot(
        deployment(variant, asked=asked),
        SERVICE_OF_MODEL,
        spec=spec,
        pool=pool_found(variant),
        now=datetime.fromisoformat(f"2026-11-24T{time}").replace(tzinfo=UTC),
    )
    if rate is None:
        return found
    seconds = found.now.timestamp() - snapshot().now.timestamp()
    wanted = tuple(replace(level, at=int(level.at + seconds)) for level in watched(1))
    return measured(found, sample(rate), remembered(wanted=wanted))


def step(decision: Decision, policy: str = "FollowSchedule") -> str:
    """Return what a policy said."""
    (found,) = (step.because for step in decision.trail if step.policy == policy)
    return found


def test_in_a_window_its_minimum_is_raised_to_and_named() -> None:
    """The headline names it too."""
    decision = decide(seen(scheduled(window()), "10:00"))

    assert (decision.replicas, decision.bound_by) == (4, BoundBy.SCHEDULE)
    assert decision.message.startswith(
        "4 replicas: schedule office, open until 2026-11-24 18:00 UTC, asks for 4 or more"
    )


def test_demand_goes_above_a_windows_minimum() -> None:
    """It is the least, not the number."""
    decision = decide(seen(scheduled(window(), most=9), "10:00", asked=4, rate=900.0))

    assert decision.replicas > 4
    assert decision.bound_by is BoundBy.OBJECTIVE
    assert step(decision).startswith("schedule office, open until")


def test_after_a_window_what_it_asked_for_is_given_back() -> None:
    """In the steps in which anything is given back."""
    decision = decide(seen(scheduled(window()), "18:00", asked=4))

    assert decision.replicas < 4
    assert decision.bound_by is not BoundBy.SCHEDULE
    assert step(decision) == "no window is open; office begins at 2026-11-25 08:00 UTC"


def test_a_windows_maximum_takes_replicas_away_when_it_opens() -> None:
    """Though nobody measures: it is a person's word."""
    for rate in (1_000.0, None):
        decision = decide(seen(scheduled(NIGHT, most=9), "22:00", asked=7, rate=rate))

        assert (decision.replicas, decision.bound_by) == (2, BoundBy.SCHEDULE)
        assert "schedule night, open until 2026-11-25 06:00 UTC, allows no more than 2; it was" in decision.message


def test_a_window_goes_before_the_budget() -> None:
    """As minReplicas does: it is a promise to callers, and WithinBudget says what it costs."""
    found = seen(scheduled(window(), budget="1.60"), "10:00", asked=4)

    assert decide(found).replicas == 4
    assert told(status_of(found), "WithinBudget") == ("False", "OverBudget")


@pytest.mark.parametrize(
    ("pin", "replicas", "bound_by"), [(1, 1, BoundBy.PIN), (0, 0, BoundBy.PIN), (9, 2, BoundBy.SCHEDULE)]
)
def test_a_pin_goes_before_a_windows_minimum_and_not_before_its_maximum(
    pin: int, replicas: int, bound_by: BoundBy
) -> None:
    """As with minReplicas and maxReplicas."""
    decision = decide(seen(scheduled(NIGHT | {"minReplicas": 2}, pin=pin, most=9), "23:00"))

    assert (decision.replicas, decision.bound_by, decision.pinned) == (replicas, bound_by, True)


def test_advice_keeps_to_the_windows() -> None:
    """What runs is kept, within the bounds that hold now."""
    decision = decide(seen(scheduled(window(), mode="Advisory"), "10:00", asked=2))

    assert decision.replicas == 4


def test_where_the_processor_decides_a_window_moves_the_autoscalers_bounds() -> None:
    """Its lower bound is the window's minimum, more or less than the model's own; its upper one the ceiling."""
    wide = seen(scheduled(window(maxReplicas=12), least=2), "10:00", variant="cpu", rate=None)
    low = seen(scheduled(NIGHT, least=3, most=9), "23:00", variant="cpu", rate=None, asked=3)
    before = seen(scheduled(NIGHT, least=3, most=9), "21:00", variant="cpu", rate=None, asked=3)
    advised = seen(scheduled(NIGHT, least=3, most=9, mode="Advisory"), "23:00", variant="cpu", rate=None, asked=3)

    assert [(decide(each).replicas, decide(each).ceiling) for each in (wide, low, before, advised)] == [
        (4, 12),
        (1, 2),
        (3, None),
        (1, 2),
    ]


def test_what_a_window_will_need_is_kept_in_the_ten_minutes_before_it() -> None:
    """A first start that was quicker than was thought moves the time; what it started must not go for that."""
    decision = decide(seen(scheduled(window()), "07:51", asked=5))

    assert (decision.replicas, decision.bound_by) == (4, BoundBy.SCHEDULE)
    assert "schedule office begins at 2026-11-24 08:00 UTC, so what runs is kept for it" in decision.message
    assert decide(seen(scheduled(window()), "07:49", asked=3)).replicas < 3


def test_a_window_that_is_coming_starts_nothing_that_is_not_there() -> None:
    """Before it counts, it only keeps; and it keeps no more than it asks for."""
    assert decide(seen(scheduled(window()), "07:51", asked=1)).replicas == 1
    assert decide(snapshot(spec=scheduled(window()), now=datetime(2026, 11, 24, 7, 51, tzinfo=UTC))).replicas == 1


def test_a_model_without_schedules_is_decided_as_ever() -> None:
    """The policy says so, and moves nothing."""
    decision = decide(seen(model_spec(), "10:00"))

    assert step(decision) == "scaling.schedules is empty"
    assert decision.bound_by is not BoundBy.SCHEDULE


def test_schedules_that_cannot_be_followed_are_told_and_cost_nothing_else() -> None:
    """The model is decided for as if they were not there."""
    spec = scheduled(window(timeZone="Mars/Olympus"))
    decision = decide(seen(spec, "10:00"))
    status = status_of(seen(spec, "10:00"))

    assert decision.replicas == decide(seen(model_spec(), "10:00")).replicas
    assert step(decision) == "no schedule can be followed: see SchedulesValid"
    assert told(status, "SchedulesValid") == ("False", "ScheduleUnusable")
    assert message(status, "SchedulesValid").startswith("scaling.schedules[office].timeZone: Mars/Olympus is not in")


def test_sound_schedules_say_when_they_open_next() -> None:
    """The soonest first."""
    status = status_of(seen(scheduled(window(), NIGHT), "10:00"))

    assert told(status, "SchedulesValid") == ("True", "SchedulesFollowed")
    assert message(status, "SchedulesValid") == (
        "night opens next at 2026-11-24 22:00 UTC; office opens next at 2026-11-25 08:00 UTC"
    )
