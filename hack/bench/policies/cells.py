"""What everybody is put through: each traffic, with each cold start, in each size of fleet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trimtab.simulate.experiment import Case, World, first_replicas, peak_ceiling
from trimtab.simulate.families import FAMILIES
from trimtab.simulate.setting import ColdStart, Discipline, Routing, Service, Setting
from trimtab.simulate.trace import Trace, read_trace
from trimtab.units import RequestsPerSecond, Seconds

SERVICE = Service(base=Seconds(0.2))
"""A request takes 0.2 s and has a replica to itself: the simplest that can be said of a model."""
TARGET = Seconds(1.2)
ATTAINMENT = 0.99
LONG = 3_600
WARM = 300
"""Seconds at the very beginning that not even knobs are tuned on: nobody has seen anything yet."""
FAMILY_NAMES = ("diurnal", "step", "burst", "square")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A case, and what distinguishes it from the others: `fleet` is how many replicas its traffic keeps busy."""

    traffic: str
    generated: bool
    cold_start: Seconds
    fleet: float
    case: Case

    def __str__(self) -> str:
        """Return its name."""
        return f"{self.traffic}, {self.cold_start:g} s, {self.fleet:g} busy"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """How much is measured."""

    cold_starts: Sequence[float]
    fleets: Sequence[float]
    seeds: int
    routing: Routing
    families: Sequence[str]
    """Of generated traffic; where there are files, in small fleets with the middle cold start only."""


def cells(files: Sequence[Path], scope: Scope) -> Iterator[Cell]:
    """Yield all cells: those of the files first."""
    for file in files:
        trace, name = read_trace(file), file.name.removesuffix(".gz").removesuffix(".csv").removesuffix("_1s")
        for fleet in scope.fleets:
            factor = fleet * SERVICE.capacity / trace.mean
            traces = tuple(trace.scaled(factor, seed=seed) for seed in range(scope.seeds))
            yield from _with_cold_starts(name, traces, fleet, scope, generated=False)
    for name in scope.families:
        for fleet in scope.fleets[:1] if files else scope.fleets:
            rate = RequestsPerSecond(fleet * SERVICE.capacity)
            middle = len(scope.cold_starts) // 2
            for cold_start in scope.cold_starts[middle : middle + 1] if files else scope.cold_starts:
                setting = _setting(cold_start, scope.routing)
                traces = tuple(FAMILIES[name](rate, LONG, seed, setting) for seed in range(scope.seeds))
                yield _cell(name, traces, fleet, setting, generated=True)


def _with_cold_starts(
    name: str, traces: tuple[Trace, ...], fleet: float, scope: Scope, *, generated: bool
) -> Iterator[Cell]:
    for cold_start in scope.cold_starts:
        yield _cell(name, traces, fleet, _setting(cold_start, scope.routing), generated=generated)


def _setting(cold_start: float, routing: Routing) -> Setting:
    return Setting(
        service=SERVICE,
        target=TARGET,
        percentile=ATTAINMENT,
        cold_start=ColdStart(mean=Seconds(cold_start)),
        discipline=Discipline.DELAY,
        routing=routing,
    )


def _cell(name: str, traces: tuple[Trace, ...], fleet: float, setting: Setting, *, generated: bool) -> Cell:
    """Return a cell whose first half is there to learn from and to tune on, and whose second half is judged."""
    counts, half = traces[0].counts, len(traces[0].counts) // 2
    bounded = replace(setting, max_replicas=peak_ceiling(counts[:half], setting.service))
    case = Case(
        name=name,
        traces=traces,
        setting=bounded,
        first=first_replicas(counts, bounded),
        since=half,
        world=World.FLUID,
    )
    return Cell(traffic=name, generated=generated, cold_start=setting.cold_start.mean, fleet=fleet, case=case)
