"""Measure: batch by batch by Triton's own statistics, then requests of one input with several under way."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from trimtab.api.profile import (
    LARGEST_BATCH,
    LONGEST_SECONDS,
    SHORTEST_SECONDS,
    ProfiledBatch,
    ProfiledLoad,
    ProfileFailureReason as Reason,
)
from trimtab_runtime.profile.errors import ProfileError
from trimtab_runtime.profile.inputs import Request, request_of
from trimtab_runtime.profile.server import Executed, Model

SERIES = 5
"""Of which the median counts: a neighbour that wakes up spoils one."""
OF_A_SERIES = 0.4
"""Seconds that a series of requests should take: hundreds of short ones, a single long one."""
MOST = 200
"""Requests of a series."""
UNCOUNTED = 3
"""Requests before the first series of each size: compilers, allocators, caches ..."""
OF_A_SHARE = 0.1
"""... but no further one that would take more of the size's time."""
QUICKEST = 1e-4
"""Seconds of a request; none is quicker through a network interface."""
FOR_BATCHES = 0.6
"""The share of the time that may go into batches; the rest is for loads."""
LOADS = 4
LONGEST_LOAD = 8.0
"""Seconds of one load; half a thousand requests settle a 99th percentile well enough."""
FEWEST_ANSWERS = 20
"""Below, a load says nothing about percentiles."""
MOST_UNDER_WAY = 64
"""Requests at a time; one client in Python keeps no more busy."""
DIGITS = 4
QUANTILES = (0.5, 0.9, 0.95, 0.99)


class Measured(Protocol):
    """What is measured: see `server.Server`."""

    def executed(self, model: str, batch: int | None) -> Executed:
        """Return what was executed so far."""

    def ask(self, model: str, request: Request, times: int, deadline: float) -> None:
        """Ask the same so many times."""

    def load(self, model: str, request: Request, concurrency: int, seconds: float) -> list[float]:
        """Return the latencies of requests with so many under way."""


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """What came of it; `notes` say what is missing, or not as users may have it."""

    batches: tuple[ProfiledBatch, ...]
    loads: tuple[ProfiledLoad, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Time that is left until an end of the monotonic clock, which `now` reads."""

    ends: float
    now: Callable[[], float] = field(default=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds, none or less when it is over."""
        return self.ends - self.now()

    def share(self, of: float) -> "Watch":
        """Return a watch for a part of what is left."""
        return Watch(ends=self.now() + of * self.left, now=self.now)


def measure(server: Measured, model: Model, watch: Watch) -> Measurements:
    """Measure a model in the time that is left.

    Raises:
        ProfileError: not even single requests could be measured.
    """
    notes = [
        f"input {each.name} may have any size, and was measured with 1: {list(each.shape)}"
        for each in model.inputs
        if each.is_open
    ]
    batches = tuple(_batches(server, model, watch.share(FOR_BATCHES)))
    if not batches:
        raise ProfileError(
            Reason.REQUEST_FAILED,
            f"not one series of single requests to model {model.name!a} ended in time; raise profile.timeLimit",
        )
    wanted = sizes_of(model.max_batch)
    if len(batches) < len(wanted):
        notes.append(f"time was up before batches of {wanted[len(batches)]}; raise profile.timeLimit")
    loads = tuple(_loads(server, model, watch))
    return Measurements(batches=batches, loads=loads, notes=tuple(notes))


def sizes_of(largest: int | None) -> tuple[int, ...]:
    """Return the batches to measure: doubled from 1 up, and the largest."""
    most = min(LARGEST_BATCH, largest or 1)
    return tuple(sorted({*(2**power for power in range(most.bit_length())), most}))


def concurrencies_of(model: Model) -> tuple[int, ...]:
    """Return how many requests to keep under way: from 1 up to what fills every copy's batch twice, in even factors."""
    most = max(2, min(MOST_UNDER_WAY, 2 * model.copies * (model.max_batch or 1)))
    return tuple(sorted({round(most ** (step / (LOADS - 1))) for step in range(LOADS)}))


def _batches(server: Measured, model: Model, watch: Watch) -> Iterator[ProfiledBatch]:
    sizes = sizes_of(model.max_batch)
    for number, size in enumerate(sizes):
        if watch.left <= 0:
            return
        try:
            seconds = _execution(server, model, size, (watch, watch.share(1.0 / (len(sizes) - number))))
        except ProfileError:
            if watch.left <= 0:
                return  # the request ran into the end, not into a fault of the model
            raise
        if seconds is not None:
            yield ProfiledBatch(batch=size, seconds=_told(min(max(seconds, SHORTEST_SECONDS), LONGEST_SECONDS)))


def _execution(server: Measured, model: Model, size: int, watches: tuple[Watch, Watch]) -> float | None:
    """Return how long a batch of one size takes to execute: the median of series; None if none of it was executed.

    The first watch is that of all sizes, at whose end a request is given up; the second is this size's share of it.
    """
    every, mine = watches
    request = request_of(model.inputs, None if model.max_batch is None else size)
    once = _uncounted(server, model, request, every, mine)
    times = max(1, min(MOST, round(OF_A_SERIES / once), int(mine.left / SERIES / once)))
    found: list[float] = []
    for _ in range(SERIES):
        if found and mine.left < times * once:
            break
        before = _sums(server, model.name, size)
        server.ask(model.name, request, times, every.ends)
        after = _sums(server, model.name, size)
        found += [now.seconds / now.count for now in (_first(before, after),) if now is not None]
    return statistics.median(found) if found else None


def _uncounted(server: Measured, model: Model, request: Request, every: Watch, mine: Watch) -> float:
    """Ask what meets all that happens only once, fewer times where requests are long; return what the last took."""
    once = QUICKEST
    for number in range(UNCOUNTED):
        if number and once > OF_A_SHARE * mine.left:
            break
        began = every.now()
        server.ask(model.name, request, 1, every.ends)
        once = max(QUICKEST, every.now() - began)
    return once


def _sums(server: Measured, model: str, size: int) -> tuple[Executed, Executed]:
    """Return what was executed in batches of a size, and in any: an ensemble counts no sizes."""
    return server.executed(model, size), server.executed(model, None)


def _first(before: tuple[Executed, Executed], after: tuple[Executed, Executed]) -> Executed | None:
    """Return what was executed in between, by size if that is counted."""
    between = (now.since(then) for then, now in zip(before, after, strict=True))
    return next((each for each in between if each.count > 0), None)


def _loads(server: Measured, model: Model, watch: Watch) -> Iterator[ProfiledLoad]:
    request = request_of(model.inputs, None if model.max_batch is None else 1)
    levels = concurrencies_of(model)
    for number, concurrency in enumerate(levels):
        seconds = min(LONGEST_LOAD, watch.left / (len(levels) - number))
        if seconds <= 0:
            return
        began = watch.now()
        latencies = sorted(server.load(model.name, request, concurrency, seconds))
        took = watch.now() - began
        if len(latencies) >= FEWEST_ANSWERS:
            p50, p90, p95, p99 = (_told(_at(latencies, share)) for share in QUANTILES)
            rate = _told(len(latencies) / took)
            yield ProfiledLoad(concurrency=concurrency, rate=rate, p50=p50, p90=p90, p95=p95, p99=p99)


def _at(rising: list[float], share: float) -> float:
    return max(SHORTEST_SECONDS, rising[min(len(rising) - 1, int(share * len(rising)))])


def _told(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
