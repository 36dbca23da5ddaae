"""Who won, cell by cell, and what that comes to over all of them: the rows of the table of goals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.policies.cells import ATTAINMENT
from bench.policies.contest import ALWAYS, LEAST_LATE, POLICED, SHIPPED, Frontier, Results, tuned_point
from trimtab.simulate.experiment import Contender
from trimtab.simulate.judge import Point, attainment_at, geometric_mean, hours_at, interval, point
from trimtab.simulate.rivals import RIVALS
from trimtab.simulate.setting import Discipline

LESS, MORE = 0.001, 1.02
"""What row 5 allows: 0.1 pp fewer in time, 2 % more GPU-hours."""
RESAMPLES = 300


@dataclass(frozen=True, kw_only=True)
class Best:
    """The best rival of a cell: the cheapest that reaches the objective where it is judged.

    Its knob was `tuned` on the first half; `hindsight` is the least GPU-hours of any rival with any knob, interpolated,
    with the knobs chosen on the very part that is judged. Each is None where nobody reaches it.
    """

    tuned: tuple[str, Point] | None
    hindsight: float | None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One cell: ours against the best rival, as shipped and with the queue policy."""

    ours: Point
    shipped: Best
    policed: Best
    late_share: float | None
    """Our late requests over the best rival's as shipped, with hindsight, at our GPU-hours; None: none is so cheap."""
    late_share_hpa: float | None

    @property
    def reached(self) -> bool:
        """Whether we keep the objective."""
        return self.ours.attainment >= ATTAINMENT

    def ratio(self, best: Best) -> float | None:
        """Return our GPU-hours over the tuned best's, None unless both reach the objective."""
        return self.ours.gpu_hours / best.tuned[1].gpu_hours if self.reached and best.tuned else None

    def ratio_hindsight(self, best: Best) -> float | None:
        """Return our GPU-hours over the best's with hindsight, None unless both reach the objective."""
        return self.ours.gpu_hours / best.hindsight if self.reached and best.hindsight else None


def verdict(results: Results, cell: int, seeds: Sequence[int]) -> Verdict:
    """Return who won a cell, with these seeds together."""
    ours = results.ours(cell, seeds)
    shipped = _frontiers(results, cell, SHIPPED, seeds)
    policed = _frontiers(results, cell, POLICED, seeds)
    return Verdict(
        ours=ours,
        shipped=_best(shipped),
        policed=_best(policed),
        late_share=_late_share(ours, shipped),
        late_share_hpa=_late_share(ours, [each for each in shipped if each[0].startswith(ALWAYS)]),
    )


def _frontiers(results: Results, cell: int, discipline: Discipline, seeds: Sequence[int]) -> list[tuple[str, Frontier]]:
    all_ = ((name, results.frontier(cell, name, discipline, seeds)) for name in RIVALS)
    return [(name, frontier) for name, frontier in all_ if frontier]


def _best(frontiers: Iterable[tuple[str, Frontier]]) -> Best:
    known = list(frontiers)
    chosen = [(name, tuned_point(frontier)) for name, frontier in known]
    reached = [each for each in chosen if each[1].attainment >= ATTAINMENT]
    hours = [hours_at([judged for _, judged in frontier], ATTAINMENT) for _, frontier in known]
    return Best(
        tuned=min(reached, key=lambda each: each[1].gpu_hours, default=None),
        hindsight=min((each for each in hours if each is not None), default=None),
    )


def _late_share(ours: Point, frontiers: Iterable[tuple[str, Frontier]]) -> float | None:
    attained = [attainment_at([judged for _, judged in frontier], ours.gpu_hours) for _, frontier in frontiers]
    known = [each for each in attained if each is not None]
    if not known:
        return None
    return max(LEAST_LATE, 1.0 - ours.attainment) / max(LEAST_LATE, 1.0 - max(known))


@dataclass(frozen=True, kw_only=True)
class Overall:
    """A figure over cells, with the interval in which it lies with 95 % confidence, by the seeds."""

    mean: float | None
    around: tuple[float, float] | None
    worst: float | None
    cells: int


def overall(results: Results, cells: Sequence[int], seeds: int, read: Callable[[Verdict], float | None]) -> Overall:
    """Return the geometric mean over cells of a figure, where there is one."""

    def mean(chosen: Sequence[int]) -> float | None:
        return geometric_mean([each for each in (read(verdict(results, cell, chosen)) for cell in cells) if each])

    known = [each for each in (read(verdict(results, cell, range(seeds))) for cell in cells) if each]
    return Overall(
        mean=geometric_mean(known),
        around=interval(seeds, mean, resamples=RESAMPLES),
        worst=max(known, default=None),
        cells=len(known),
    )


def beaten_by_hpa(
    results: Results, cells: Iterable[int], seeds: int, beats: Callable[[Point, Point], bool]
) -> Iterator[tuple[int, str, int]]:
    """Yield where a tuned HPA with our queue policy beats us: cell, HPA and seed.

    Its knob is the one that was tuned on the first half, with all seeds; `beats` gets its point and ours, of one seed.
    """
    for cell in cells:
        for name in (each for each in RIVALS if each.startswith(ALWAYS)):
            frontier = results.frontier(cell, name, POLICED, range(seeds))
            if not frontier:
                continue
            hpa = Contender(name=name, knob=tuned_point(frontier).knob, discipline=POLICED)
            for seed in range(seeds):
                theirs = point(hpa.knob, [results.runs[cell, hpa][seed].judged])
                if beats(theirs, results.ours(cell, (seed,))):
                    yield cell, name, seed


def as_written(theirs: Point, ours: Point) -> bool:
    """Tell whether row 5 fails as it is written: both figures have to be as good, whatever the other one is."""
    return ours.attainment < theirs.attainment - LESS or ours.gpu_hours > MORE * theirs.gpu_hours


def in_both(theirs: Point, ours: Point) -> bool:
    """Tell whether an HPA is better in one figure and not worse in the other: then nobody would choose us."""
    better = theirs.attainment > ours.attainment + LESS and theirs.gpu_hours <= ours.gpu_hours
    cheaper = theirs.gpu_hours * MORE < ours.gpu_hours and theirs.attainment >= ours.attainment
    return better or cheaper
