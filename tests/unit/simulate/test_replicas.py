"""A simulated Deployment: starts take their time, what is not ready goes first, accelerators run out."""

import math
from itertools import count
from random import Random
from statistics import fmean, pstdev

from trimtab.simulate.replicas import Replicas, start_times
from trimtab.simulate.setting import ColdStart
from trimtab.units import Seconds


def replicas(*, ready: int, most: float = math.inf) -> Replicas:
    """Return replicas whose starts take 10 s, 11 s, 12 s and so on."""
    times = count(10)
    return Replicas(lambda: next(times), most, ready=ready, asked=ready)


def test_a_start_takes_its_time_and_is_billed_from_the_first_second() -> None:
    """Asked for at 0, they are billed at once and answer after 10 s and 11 s."""
    some = replicas(ready=1)
    some.ask(3, 0)

    assert (some.ready, some.starting, some.billed) == (1, 2, 3)
    assert [some.begin(9), some.begin(10), some.begin(11)] == [0, 1, 1]
    assert (some.ready, some.starting) == (3, 0)


def test_what_is_not_ready_goes_first_and_of_that_what_would_be_last() -> None:
    """From 1 ready and 3 starting to 3: one start less, the one that would end last."""
    some = replicas(ready=1)
    some.ask(4, 0)

    assert some.ask(3, 5) == 0
    assert [some.begin(at) for at in (10, 11, 12)] == [1, 1, 0]


def test_ready_ones_are_told_to_go_and_billed_until_they_are_gone() -> None:
    """Two of three are told to go: they count as leaving until somebody says that they went."""
    some = replicas(ready=3)

    assert some.ask(1, 0) == 2
    assert (some.ready, some.leaving, some.billed) == (1, 2, 3)
    some.leaving = 0
    assert some.billed == 1


def test_what_no_accelerator_is_free_for_waits_and_costs_nothing() -> None:
    """With 3 accelerators 5 replicas are 3 and two that wait; a leaving pod keeps its accelerator until it is gone."""
    some = replicas(ready=3, most=3)
    some.ask(1, 0)
    some.ask(5, 1)

    assert (some.ready, some.starting, some.unschedulable, some.billed) == (1, 0, 4, 3)
    some.leaving = 1
    some.begin(2)
    assert (some.starting, some.unschedulable, some.billed) == (1, 3, 3)


def test_a_lost_replica_is_started_anew() -> None:
    """A Deployment replaces what is lost, with a whole cold start."""
    some = replicas(ready=2)
    some.lose(1, 0)

    assert (some.ready, some.starting) == (1, 1)
    assert some.begin(10) == 1


def test_only_a_new_number_is_a_change() -> None:
    """Asking again for the same is none."""
    some = replicas(ready=2)
    for wanted in (2, 3, 3, 2):
        some.ask(wanted, 0)

    assert some.changes == 2


def test_cold_starts_have_the_mean_and_the_variation_that_were_said() -> None:
    """Lognormal: the mean within 1 %, the standard deviation within 3 % of what was said, over 40,000."""
    draw = start_times(ColdStart(mean=Seconds(60.0), variation=0.3), Random(1))  # noqa: S311 - chance that can be repeated is the point
    drawn = [draw() for _ in range(40_000)]

    assert abs(fmean(drawn) / 60.0 - 1.0) < 0.01
    assert abs(pstdev(drawn) / 18.0 - 1.0) < 0.03
