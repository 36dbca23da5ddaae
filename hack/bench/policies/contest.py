"""Everybody through every cell: all knobs once, then what is worth it with other chances too."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from bench.policies.cells import ATTAINMENT, WARM, Cell
from trimtab.simulate.experiment import OURS, Contender, Task, World, play_all, spread
from trimtab.simulate.judge import Point, Tally, attainment_at, earlier, hours_at, point, tally, tuned
from trimtab.simulate.outcome import Outcome
from trimtab.simulate.rivals import RIVALS
from trimtab.simulate.setting import Discipline
from trimtab.simulate.yardsticks import bound_of, causal_of

SHIPPED, POLICED = Discipline.FIFO, Discipline.DELAY
"""How a rival is served: as Triton comes, or with the queue policy that Trimtab renders."""
NEAR = 1.25
"""A rival that needs so many times the best one's GPU-hours with the first chances is not played with others."""
ALWAYS = "hpa-"
US = Contender(name=OURS)
LEAST_LATE = 1e-4
"""Of late shares that are compared: one of ten thousand requests is chance."""

Frontier = list[tuple[Point, Point]]
"""For each knob of a rival, where it was tuned and where it is judged."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a run came to: where knobs are tuned, and where it is judged."""

    tuning: Tally
    judged: Tally


@dataclass(frozen=True, kw_only=True)
class Yardsticks:
    """The oracles in one cell, at the objective: of one seed."""

    bound: Tally
    causal: Tally


@dataclass
class Results:
    """All figures, by cell, contender and seed."""

    cells: Sequence[Cell]
    runs: dict[tuple[int, Contender], dict[int, Figures]] = field(default_factory=dict)
    yardsticks: dict[int, Yardsticks] = field(default_factory=dict)
    checked: dict[tuple[int, Contender], Tally] = field(default_factory=dict)
    """Of the world of single requests, for the few that were played there."""

    def ours(self, cell: int, seeds: Sequence[int]) -> Point:
        """Return what we came to."""
        return point(None, [self.runs[cell, US][seed].judged for seed in seeds])

    def frontier(self, cell: int, rival: str, discipline: Discipline, seeds: Sequence[int]) -> Frontier:
        """Return where each knob was tuned and where it was judged, of all knobs that were played with these seeds."""
        found = []
        for knob in sorted(RIVALS[rival].sweep):
            runs = self.runs.get((cell, Contender(name=rival, knob=knob, discipline=discipline)), {})
            if all(seed in runs for seed in seeds):
                tuning = point(knob, [runs[seed].tuning for seed in seeds])
                found.append((tuning, point(knob, [runs[seed].judged for seed in seeds])))
        return found


def contest(cells: Sequence[Cell], seeds: int, processes: int, said: Callable[[str], None], thin: int = 1) -> Results:
    """Return all figures; `thin` leaves out all but each so-manieth knob, for a quick look."""
    results = Results(cells)
    everybody = [US, *_rivals(thin)]
    _play(results, [(cell, each, 0) for cell in range(len(cells)) for each in everybody], processes, said)
    later: list[tuple[int, Contender, int]] = []
    for cell in range(len(cells)):
        worth = [US, *dict.fromkeys(_worth_it(results, cell))]
        later += [(cell, each, seed) for seed in range(1, seeds) for each in worth]
    _play(results, later, processes, said)
    said(f"the oracles in {len(cells)} cells")
    for cell, found in enumerate(spread(yardsticks, cells, processes=processes)):
        results.yardsticks[cell] = found
    return results


def check(
    results: Results, chosen: Iterable[tuple[int, Contender]], processes: int, said: Callable[[str], None]
) -> None:
    """Play some again where each request is one by itself, with the first seed."""
    pairs = list(chosen)
    tasks = [
        Task(case=replace(results.cells[cell].case, world=World.EVENTS), contender=each, seed=0) for cell, each in pairs
    ]
    said(f"{len(tasks)} runs request by request")
    for pair, found in zip(pairs, play_all(tasks, _judged, processes=processes), strict=True):
        results.checked[pair] = found


def _judged(_: Task, outcome: Outcome) -> Tally:
    return tally(outcome)


def both(task: Task, outcome: Outcome) -> Figures:
    """Return what is kept of a run."""
    return Figures(tuning=earlier(outcome, task.case.traces[task.seed].counts, WARM), judged=tally(outcome))


def yardsticks(cell: Cell) -> Yardsticks:
    """Return the oracles in one cell."""
    return Yardsticks(bound=bound_of(cell.case, 0, ATTAINMENT).tally, causal=tally(causal_of(cell.case, 0, ATTAINMENT)))


def _rivals(thin: int) -> Iterator[Contender]:
    for rival in RIVALS.values():
        for knob in sorted(rival.sweep)[::thin]:
            for discipline in (SHIPPED, POLICED):
                yield Contender(name=rival.name, knob=knob, discipline=discipline)


def _worth_it(results: Results, cell: int) -> Iterator[Contender]:
    """Yield the rivals that are near the best one in any figure, each with the knobs that matter for it."""
    ours = results.ours(cell, (0,))
    for discipline in (SHIPPED, POLICED):
        frontiers = {name: results.frontier(cell, name, discipline, (0,)) for name in RIVALS}
        near = [name for name in frontiers if name.startswith(ALWAYS)]
        for figure in (_hindsight, _tuned, _late):
            figures = {name: figure(frontier, ours) for name, frontier in frontiers.items()}
            best = min(figures.values())
            near += [name for name, each in figures.items() if each <= NEAR * best < math.inf]
        for name in dict.fromkeys(near):
            for knob in _knobs(frontiers[name], ours):
                yield Contender(name=name, knob=knob, discipline=discipline)


def _hindsight(frontier: Frontier, _: Point) -> float:
    """Return the GPU-hours at the objective with the best knob; infinite where it is out of reach."""
    hours = hours_at([judged for _, judged in frontier], ATTAINMENT)
    return math.inf if hours is None else hours


def _tuned(frontier: Frontier, _: Point) -> float:
    """Return the GPU-hours with the tuned knob, infinite where it misses the objective."""
    found = tuned_point(frontier)
    return found.gpu_hours if found.attainment >= ATTAINMENT else math.inf


def _late(frontier: Frontier, ours: Point) -> float:
    """Return the share of late requests at our GPU-hours, infinite where it is never so cheap."""
    attained = attainment_at([judged for _, judged in frontier], ours.gpu_hours)
    return math.inf if attained is None else max(LEAST_LATE, 1.0 - attained)


def tuned_point(frontier: Frontier) -> Point:
    """Return where a rival is judged with the knob that was the cheapest to reach the objective where it is tuned."""
    knob = tuned([tuning for tuning, _ in frontier], ATTAINMENT).knob
    return next(judged for _, judged in frontier if judged.knob == knob)


def _knobs(frontier: Frontier, ours: Point) -> list[float | None]:
    """Return the knobs around the tuned one, around the objective, and around our GPU-hours."""
    judged = [each for _, each in frontier]
    as_cheap = [each for each in judged if each.gpu_hours <= ours.gpu_hours] or judged
    wanted = (
        tuned_point(frontier),
        tuned(judged, ATTAINMENT),
        max(as_cheap, key=lambda each: each.attainment),
    )
    around = {judged.index(each) + step for each in wanted for step in (-1, 0, 1)}
    return [each.knob for place, each in enumerate(judged) if place in around]


def _play(
    results: Results, runs: Sequence[tuple[int, Contender, int]], processes: int, said: Callable[[str], None]
) -> None:
    tasks = [Task(case=results.cells[cell].case, contender=each, seed=seed) for cell, each, seed in runs]
    said(f"{len(tasks)} runs")
    for number, ((cell, contender, seed), found) in enumerate(
        zip(runs, play_all(tasks, both, processes=processes), strict=True), 1
    ):
        results.runs.setdefault((cell, contender), {})[seed] = found
        if number % max(1, len(tasks) // 10) == 0:
            said(f"{100 * number // len(tasks)} %")
