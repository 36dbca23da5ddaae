"""Runs of many policies: the same chances for all, and the same results however they are shared out."""

import pytest

from trimtab.app.simulation import judged
from trimtab.simulate.experiment import (
    OURS,
    Case,
    Contender,
    Task,
    World,
    first_replicas,
    peak_ceiling,
    play,
    play_all,
    setting_for,
)
from trimtab.simulate.setting import Discipline, Service, Setting
from trimtab.simulate.trace import Trace
from trimtab.simulate.yardsticks import bound_of, causal_of
from trimtab.units import Seconds

SETTING = Setting(service=Service(base=Seconds(0.2)), target=Seconds(1.2), max_replicas=12)
COUNTS = tuple(10.0 if second < 150 else 20.0 for second in range(300))
CASE = Case(name="step", traces=(Trace(counts=COUNTS),) * 2, setting=SETTING, first=4, since=100)
TASKS = [
    Task(case=CASE, contender=Contender(name=name), seed=seed) for name in (OURS, "hpa-concurrency") for seed in (0, 1)
]


def test_results_do_not_depend_on_how_many_processes_share_the_work() -> None:
    """In order and equal: one process, and two."""
    assert list(play_all(TASKS, judged)) == list(play_all(TASKS, judged, processes=2))


@pytest.mark.parametrize("world", World)
def test_a_run_repeats_and_a_seed_makes_another(world: World) -> None:
    """Chance comes from the seed alone."""
    case = Case(name="step", traces=CASE.traces, setting=SETTING, first=4, since=100, world=world)
    first, again, other = (play(Task(case=case, contender=Contender(name=OURS), seed=seed)) for seed in (0, 0, 1))

    assert first == again
    assert first.billed != other.billed or first.late != other.late
    assert first.arrivals == pytest.approx(sum(COUNTS[100:]), rel=0.05)


def test_a_contender_is_served_with_its_own_queue_policy() -> None:
    """None leaves that of the case."""
    assert setting_for(CASE, Contender(name=OURS)).discipline is SETTING.discipline
    assert setting_for(CASE, Contender(name="keda", discipline=Discipline.FIFO)).discipline is Discipline.FIFO


def test_a_knob_is_the_rivals_own_unless_it_is_said() -> None:
    """Twice the peak takes more than the 1.3 times that are the default."""
    default = play(Task(case=CASE, contender=Contender(name="static-peak"), seed=0))
    careful = play(Task(case=CASE, contender=Contender(name="static-peak", knob=2.0), seed=0))

    assert careful.gpu_hours > default.gpu_hours


def test_nobody_may_ask_for_more_than_the_past_justifies() -> None:
    """1.3 x 20 requests/s / 0.7 at 5 per replica are 7.4: 8; a single second's peak counts a fifteenth."""
    assert peak_ceiling(COUNTS, SETTING.service) == 8
    assert peak_ceiling((*COUNTS, 150.0), SETTING.service) == 11
    assert peak_ceiling((), SETTING.service) == 2


def test_a_run_begins_with_enough_for_its_first_minute() -> None:
    """10 requests/s at 5 per replica and 70 %: 3; never beyond the bounds."""
    assert first_replicas(COUNTS, SETTING) == 3
    assert first_replicas((), SETTING) == 1
    assert first_replicas((1_000.0,) * 60, SETTING) == 12


def test_oracles_keep_the_objective_and_the_bound_is_the_cheaper_one() -> None:
    """Whoever knows the future needs no more than whoever hears of it."""
    bound, told = bound_of(CASE, 0, 0.99), causal_of(CASE, 0, 0.99)

    assert bound.tally.gpu_hours <= told.gpu_hours
    assert told.attainment >= 0.99
    assert bound.tally.attainment >= 0.99
    assert len(bound.plan) == 200
