"""The bench of policies: who wins a cell, and what the page says of it, from figures written by hand."""

from dataclasses import replace

import pytest

from bench.policies import document as page
from bench.policies.cells import Cell, Scope, cells
from bench.policies.contest import POLICED, SHIPPED, US, Figures, Results, Yardsticks, contest
from bench.policies.verdict import as_written, beaten_by_hpa, in_both, overall, verdict
from trimtab.simulate.experiment import Contender
from trimtab.simulate.judge import Point, Tally
from trimtab.simulate.rivals import RIVALS
from trimtab.simulate.setting import Routing

SCOPE = Scope(cold_starts=(60.0,), fleets=(3.0,), seeds=2, routing=Routing.PER_POD, families=("step",))


def tally(attainment: float, hours: float) -> Tally:
    """Return a tally of ten thousand requests."""
    return Tally(arrivals=10_000.0, violations=10_000.0 * (1.0 - attainment), gpu_hours=hours)


def figures(tuning: float, judged: float, hours: float) -> Figures:
    """Return a run: what it attained on either half, and what it cost."""
    return Figures(tuning=tally(tuning, hours), judged=tally(judged, hours))


@pytest.fixture(scope="module")
def cell() -> Cell:
    """Return a cell; its traffic is not looked at."""
    return next(cells((), SCOPE))


def played(cell: Cell, ours: tuple[float, float], **knobs: Figures) -> Results:
    """Return results of two equal seeds: ours, and of one HPA by knob, as shipped and with the queue policy."""
    results = Results([cell])
    results.runs[0, US] = dict.fromkeys((0, 1), figures(ours[0], ours[0], ours[1]))
    for knob, found in knobs.items():
        for discipline in (SHIPPED, POLICED):
            who = Contender(name="hpa-utilisation", knob=float(knob[1:]) / 10.0, discipline=discipline)
            results.runs[0, who] = dict.fromkeys((0, 1), found)
    results.yardsticks[0] = Yardsticks(bound=tally(0.99, 4.0), causal=tally(0.991, 6.0))
    return results


def test_a_rival_has_the_knob_that_was_best_where_it_was_tuned(cell: Cell) -> None:
    """The cheaper knob reaches 99 % on the first half: it counts, though it is only judged on the second."""
    results = played(cell, (0.992, 6.0), k5=figures(1.0, 1.0, 12.0), k8=figures(0.991, 0.995, 8.0))
    found = verdict(results, 0, (0, 1))

    assert found.shipped.tuned == ("hpa-utilisation", Point(knob=0.8, attainment=0.995, gpu_hours=8.0))
    assert found.ratio(found.shipped) == pytest.approx(0.75)
    assert overall(results, [0], 2, lambda each: each.ratio(each.policed)).around == pytest.approx((0.75, 0.75))


def test_a_rival_that_was_lucky_where_it_was_tuned_has_no_figure(cell: Cell) -> None:
    """It misses the objective where it is judged; with hindsight another knob would have kept it."""
    results = played(cell, (0.992, 6.0), k5=figures(1.0, 1.0, 12.0), k8=figures(0.991, 0.98, 8.0))
    found = verdict(results, 0, (0, 1))

    assert found.shipped.tuned is None
    assert found.shipped.hindsight is not None
    assert 8.0 < found.shipped.hindsight < 12.0


def test_whoever_misses_the_objective_has_no_ratio(cell: Cell) -> None:
    """Fewer GPU-hours for less than was promised are no merit."""
    found = verdict(played(cell, (0.98, 3.0), k8=figures(0.995, 0.995, 8.0)), 0, (0, 1))

    assert not found.reached
    assert found.ratio(found.shipped) is None


def test_late_requests_are_compared_at_equal_gpu_hours(cell: Cell) -> None:
    """Between its knobs at 5 and 7 GPU-hours an HPA with 4 % and 1 % late requests has 2 % at ours, 6; we have 1 %."""
    results = played(cell, (0.99, 6.0), k9=figures(0.96, 0.96, 5.0), k8=figures(0.99, 0.99, 7.0))
    found = verdict(results, 0, (0, 1))

    assert found.late_share == pytest.approx(0.5)
    assert found.late_share_hpa == pytest.approx(0.5)


def test_an_hpa_that_is_better_in_both_figures_is_told(cell: Cell) -> None:
    """Each seed counts; cheaper but later is no defeat, unless row 5 is taken as it is written."""
    better = played(cell, (0.991, 6.0), k8=figures(0.995, 0.995, 5.0))
    other = played(cell, (0.999, 6.0), k8=figures(0.991, 0.991, 5.0))

    assert list(beaten_by_hpa(better, [0], 2, in_both)) == [(0, "hpa-utilisation", 0), (0, "hpa-utilisation", 1)]
    assert list(beaten_by_hpa(other, [0], 2, in_both)) == []
    assert len(list(beaten_by_hpa(other, [0], 2, as_written))) == 2


def test_the_page_has_every_row_and_says_where_it_comes_from(cell: Cell) -> None:
    """Goals, cells, rivals with their sources, the commit; a table's rows have as many columns as its head."""
    about = page.About(command="make bench", minutes=1.0, seeds=2, routing="PerPod", plots=["a.png"], quick=True)
    text = page.document(played(cell, (0.992, 6.0), k8=figures(0.991, 0.995, 8.0)), about)
    tables = [line for line in text.splitlines() if line.startswith("|")]

    assert (
        "| 1 | GPU-hours at 99 % over those of the best tuned rival as shipped | ≤ 0.75, each < 1.00 | **0.75**" in text
    )
    assert "| 4 | GPU-hours at 99 % against the causal oracle | ≤ 1.00 | **1.00**; 1.50 x the clairvoyant bound" in text
    assert page.QUICK in text
    assert page.commit() in text
    assert all(rival.source in text for rival in RIVALS.values())
    assert {line.count("|") for line in tables} == {7, 10}


def test_everybody_plays_with_the_first_seed_and_the_near_ones_with_all(cell: Cell) -> None:
    """A short cell, really played: ours in both seeds, all rivals once, every HPA in both."""
    traces = tuple(each.part(0, 500) for each in cell.case.traces)
    short = replace(cell, case=replace(cell.case, traces=traces, since=350))
    results = contest([short], 2, 1, lambda _: None, thin=4)

    assert set(results.runs[0, US]) == {0, 1}
    assert {who.name for _, who in results.runs} == {*RIVALS, US.name}
    assert results.frontier(0, "hpa-utilisation", POLICED, (0, 1))
    assert results.yardsticks[0].bound.gpu_hours <= results.yardsticks[0].causal.gpu_hours
