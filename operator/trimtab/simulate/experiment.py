"""Many policies through the same traffic with the same chances, on as many processors as there are."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from trimtab.api.aimodel import AIModelSpec
from trimtab.core.snapshot import PoolFound
from trimtab.simulate.events import simulate_requests
from trimtab.simulate.fluid import simulate
from trimtab.simulate.ours import Trimtab
from trimtab.simulate.outcome import Outcome
from trimtab.simulate.rivals import RIVALS
from trimtab.simulate.setting import Discipline, Service, Setting
from trimtab.simulate.trace import Trace
from trimtab.simulate.view import Autoscaler

OURS = "trimtab"
HEADROOM, PLANNED_BUSY, PEAK_WINDOW = 1.3, 0.7, 15
"""The most replicas that anybody may ask for: 1.3 times what the past's busiest 15 s needed at 70 % utilisation."""
Item = TypeVar("Item")
Read = TypeVar("Read")


class World(StrEnum):
    """Which world a case is played in."""

    EVENTS = "events"
    """Each request by itself."""
    FLUID = "fluid"
    """Requests as a fluid, second by second: many times faster."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One traffic on one setting. `traces` has one trace for each seed, `first` is how many replicas there are then.

    What came before second `since` is only to learn from.
    """

    name: str
    traces: tuple[Trace, ...]
    setting: Setting
    first: int
    since: int = 0
    world: World = World.FLUID


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A policy: one of the rivals with its knob, as documented where that is None; or Trimtab with a model's spec.

    `discipline` is the queue policy that it is served with, None for that of the case.
    """

    name: str
    knob: float | None = None
    discipline: Discipline | None = None
    model: tuple[AIModelSpec, PoolFound] | None = None

    def autoscaler(self, setting: Setting) -> Autoscaler:
        """Return the policy, fresh: it learns while it runs."""
        if self.name in RIVALS:
            rival = RIVALS[self.name]
            return rival.make(rival.default if self.knob is None else self.knob, setting)
        return Trimtab.on(setting) if self.model is None else Trimtab(*self.model)


@dataclass(frozen=True, kw_only=True)
class Task:
    """One run to be made."""

    case: Case
    contender: Contender
    seed: int


def play(task: Task) -> Outcome:
    """Return what comes of a run."""
    setting = setting_for(task.case, task.contender)
    return world_of(task.case, task.seed, setting)(task.contender.autoscaler(setting))


def setting_for(case: Case, contender: Contender) -> Setting:
    """Return a case's setting with the queue policy that a contender is served with."""
    return replace(case.setting, discipline=contender.discipline or case.setting.discipline)


def world_of(case: Case, seed: int, setting: Setting) -> Callable[[Autoscaler], Outcome]:
    """Return what carries autoscalers out: the same traffic, setting and chances each time."""
    trace, first, since = case.traces[seed], case.first, case.since
    if case.world is World.FLUID:
        return lambda autoscaler: simulate(trace.counts, setting, autoscaler, first=first, since=since, seed=seed)
    times, long = trace.arrivals(seed), len(trace.counts)
    return lambda autoscaler: simulate_requests(
        times, setting, autoscaler, first=first, since=since, seed=seed, seconds=long
    )


@dataclass(frozen=True)
class _Reading:
    """Play a task and keep of it what is asked for: a function that another process can call."""

    read: Callable[[Task, Outcome], object]

    def __call__(self, task: Task) -> object:
        return self.read(task, play(task))


def play_all(tasks: Sequence[Task], read: Callable[[Task, Outcome], Read], *, processes: int = 1) -> Iterator[Read]:
    """Yield what `read`, a function of a module, says of each run, in the order of the tasks, as soon as it can."""
    work: Callable[[Task], Read] = _Reading(read)  # type: ignore[assignment] # it returns what `read` does
    return spread(work, tasks, processes=processes)


def spread(work: Callable[[Item], Read], items: Sequence[Item], *, processes: int = 1) -> Iterator[Read]:
    """Yield the results in the order of the items; they are the same however many processes share the work."""
    if processes <= 1 or len(items) <= 1:
        yield from map(work, items)
        return
    spawned = multiprocessing.get_context("spawn")  # a fork would take the threads of a progress bar along
    with ProcessPoolExecutor(min(processes, len(items)), mp_context=spawned) as pool:
        yield from pool.map(work, items, chunksize=max(1, min(8, len(items) // (4 * processes))))


def peak_ceiling(counts: Sequence[float], service: Service) -> int:
    """Return the most replicas that anybody may ask for, by the past's traffic."""
    windows = [sum(counts[start : start + PEAK_WINDOW]) for start in range(max(1, len(counts) - PEAK_WINDOW + 1))]
    peak = max(windows, default=0.0) / PEAK_WINDOW
    return max(2, round(HEADROOM * peak / PLANNED_BUSY / service.capacity + 0.5))


def first_replicas(counts: Sequence[float], setting: Setting) -> int:
    """Return with how many replicas to begin: enough for the first minute at 70 % utilisation."""
    minute = counts[:60]
    needed = sum(minute) / max(1, len(minute)) / PLANNED_BUSY / setting.service.capacity
    return min(setting.max_replicas, max(setting.min_replicas, round(needed + 0.5)))
