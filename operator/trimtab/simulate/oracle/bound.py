"""The least GPU-hours for an attainment that anybody could reach who knows the future.

A dynamic program over steps. In a step n replicas are ready. It costs n for each second, each miss has a price, and
each replica more than before costs a mean cold start, since starts are billed and can be ordered in time. Going down is
free, and so is what there is at the beginning. Requests are a fluid, served at the rate of full batches; a request is
missed if what waits before it takes longer than the target leaves beside the quickest batch. No order of service has
fewer misses.

It is below anything real: a number of replicas that was just changed to begins with an empty queue, routing is perfect,
batches are full, nobody drains. A real policy, though, moves within steps. Holding the most of each of its steps would
cost it at most all of a step but one second for each replica more or fewer; so that much is given back for each move,
and the program stays a bound. Short steps give little back, but empty the queue more often; so the highest of several
is taken (Azure code, 60 s to start, at 99 %: steps of 1, 2, 5, 8, 15 and 30 s come to 3.73, 3.89, 4.01, 3.95, 3.76 and
3.29 times the work that there is).

The price is found by bisection. For each price the program's value less the price of the misses that are allowed is a
lower bound (Lagrange's), and the highest of them is taken. The plan is from steps of 5 s that give nothing back.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trimtab.simulate.outcome import HOUR
from trimtab.simulate.setting import Setting

STEPS = (2, 5, 15)
PLANNED_STEP = 5
MOST_STEPS = 3_600
"""Of a program: longer traces take the longer of the steps."""
CARRIED = 120
LEAST_AGES, MOST_AGES = 4, 30
"""Steps, in all so many seconds, for which the queue of unchanged replicas is carried on; it counts as empty before."""
CHEAPEST, DEAREST = 1e-3, 1e6
"""Seconds of a replica that a miss may cost: from where none saves anything to where nothing is left to buy."""
CLOSE = 1.0 + 1e-3

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Bound:
    """The least that `attainment` can cost, and a plan that reaches it if a changed fleet forgets its queue.

    `gpu_hours` is below anything that is possible. `plan` has the ready replicas of each second and costs `planned`. If
    not even all replicas at all times attain what was asked for, `attainment` is what they do.
    """

    attainment: float
    gpu_hours: float
    plan: tuple[int, ...]
    planned: float


def clairvoyant(per_second: Sequence[float], setting: Setting, *, attainment: float) -> Bound:
    """Return the least GPU-hours at which this share of the arrivals is in time.

    Raises:
        ValueError: if the share is not between 0 and 1.
    """
    trace = _Trace.of(per_second, setting, attainment)
    start = setting.cold_start.mean
    held = [
        _lowest(_Program.of(trace, step, up=start - step + 1, down=1.0 - step), trace)[0]
        for step in _steps(trace, start)
    ]
    plan = _planned(trace, start)
    return Bound(
        attainment=1.0 - trace.allowed / trace.arrivals if trace.arrivals else 1.0,
        gpu_hours=max([trace.idle, *held]) / HOUR,
        plan=tuple(plan.tolist()),
        planned=_cost(plan, start) / HOUR,
    )


def planned(per_second: Sequence[float], setting: Setting, *, attainment: float) -> tuple[int, ...]:
    """Return the plan alone: the ready replicas of each second.

    Raises:
        ValueError: if the share is not between 0 and 1.
    """
    return tuple(_planned(_Trace.of(per_second, setting, attainment), setting.cold_start.mean).tolist())


@dataclass(frozen=True)
class _Trace:
    """The arrivals of each second, the numbers of replicas for them, their rates, and the misses that are allowed."""

    arriving: Floats
    counts: Floats
    rates: Floats
    patience: float
    allowed: float

    @classmethod
    def of(cls, per_second: Sequence[float], setting: Setting, attainment: float) -> "_Trace":
        if not 0.0 <= attainment <= 1.0:
            raise ValueError(f"attainment {attainment} is not possible: give a share from 0 to 1")
        arriving = np.asarray(per_second, dtype=np.float64)
        useful = math.ceil(float(arriving.max(initial=0.0)) / setting.service.capacity)
        most = max(setting.min_replicas, int(min(setting.max_replicas, setting.accelerators, useful)))
        counts = np.arange(setting.min_replicas, most + 1, dtype=np.float64)
        rates, patience = counts * setting.service.capacity, max(0.0, setting.target - setting.service.batch_time(1))
        fewest = 0.0
        waiting = np.zeros(1)
        for amount in arriving:
            fewest += float(_pass(waiting, amount, rates[-1:], patience)[0])
        return cls(arriving, counts, rates, patience, max((1.0 - attainment) * float(arriving.sum()), fewest))

    @property
    def arrivals(self) -> float:
        return float(self.arriving.sum())

    @property
    def idle(self) -> float:
        """Seconds of the replicas that there have to be, whatever comes."""
        return float(self.counts[0] * len(self.arriving))


@dataclass(frozen=True)
class _Program:
    """A trace in steps: `missed[k, age, i]` is what `counts[i]` replicas miss in step k, the same since `age` steps.

    `up` and `down` are what a replica more and a replica fewer cost, in seconds of a replica.
    """

    missed: Floats
    counts: Floats
    lengths: Floats
    up: float
    down: float

    @classmethod
    def of(cls, trace: _Trace, step: int, *, up: float, down: float) -> "_Program":
        begins = np.append(np.arange(0, len(trace.arriving), step), len(trace.arriving))
        return cls(_missed(trace, begins, step), trace.counts, np.diff(begins).astype(np.float64), up, down)


@dataclass(frozen=True)
class _Found:
    """What is cheapest for a price: the places of the replicas of each step, what they cost, and what they miss."""

    places: Integers
    cost: float
    misses: float


def _steps(trace: _Trace, start: float) -> list[int]:
    """Return the steps whose moves, given back, are not worth more than a start; of long traces not too many."""
    valid = [step for step in STEPS if 2.0 * (step - 1) <= start] or [1]
    return [step for step in valid if len(trace.arriving) <= MOST_STEPS * step] or valid[-1:]


def _planned(trace: _Trace, start: float) -> Integers:
    step = max(PLANNED_STEP, math.ceil(len(trace.arriving) / MOST_STEPS))
    everything = np.full(len(trace.arriving), int(trace.counts[-1]), dtype=np.int64)
    best = _lowest(_Program.of(trace, step, up=start, down=0.0), trace)[1]
    if best is None:
        return everything
    plan = np.repeat(best.places, step)[: len(trace.arriving)] + int(trace.counts[0])
    return min(everything, plan, key=lambda each: _cost(each, start))


def _cost(plan: Integers, start: float) -> float:
    return float(plan.sum() + start * np.maximum(np.diff(plan), 0).sum())


def _lowest(program: _Program, trace: _Trace) -> tuple[float, _Found | None]:
    """Return the highest lower bound that any price gives, and the cheapest that misses no more than is allowed."""
    low, high, bound = CHEAPEST, DEAREST, 0.0
    best: _Found | None = None
    while high / low > CLOSE and len(program.lengths):
        price = math.sqrt(low * high)
        found = _cheapest(program, price)
        bound = max(bound, found.cost + price * (found.misses - trace.allowed))
        if found.misses <= trace.allowed:
            high, best = price, found if best is None or found.cost < best.cost else best
        else:
            low = price
    return bound, best


def _pass(waiting: Floats, amount: float, rates: Floats, patience: float) -> Floats:
    """Let a second pass over what waits, in place; return what is missed."""
    waiting += amount - rates
    np.maximum(waiting, 0.0, out=waiting)
    over = np.maximum(waiting - rates * patience, 0.0)
    waiting -= over
    return over


def _missed(trace: _Trace, begins: Integers, step: int) -> Floats:
    ages = min(MOST_AGES, max(LEAST_AGES, CARRIED // step))
    missed = np.zeros((len(begins) - 1, ages, len(trace.rates)))
    waiting = np.zeros((ages, len(trace.rates)))
    for k, (begin, end) in enumerate(pairwise(begins.tolist())):
        waiting[1:] = waiting[:-1].copy()  # an emptier past never misses more: the oldest of the ages goes
        waiting[0] = 0.0
        for amount in trace.arriving[begin:end]:
            missed[k] += _pass(waiting, amount, trace.rates, trace.patience)
    return missed


def _cheapest(program: _Program, price: float) -> _Found:
    """Return what costs least where a miss costs so many seconds of a replica."""
    many, ages, sizes = program.missed.shape
    runs = np.full((ages, sizes), math.inf)  # by how long nothing has changed: the cost so far
    origin = np.zeros((many, sizes), dtype=np.int64)  # from how many a change came
    youngest = np.zeros((many, sizes), dtype=np.int64)  # the age of the cheapest
    stayed = np.zeros((many, sizes), dtype=np.bool_)  # whether the oldest was the oldest before
    entered = np.zeros(sizes)
    for k in range(many):
        if k:
            entered, origin[k] = _changed(runs.min(axis=0), program)
        stayed[k] = runs[-1] < runs[-2]
        oldest = np.minimum(runs[-1], runs[-2])
        runs[1:] = runs[:-1].copy()
        runs[0], runs[-1] = entered, oldest
        runs += program.counts * program.lengths[k] + price * program.missed[k]
        youngest[k] = runs.argmin(axis=0)
    value = runs.min(axis=0)
    size = int(value.argmin())
    places, misses = np.zeros(many, dtype=np.int64), 0.0
    least, age = float(value[size]), int(youngest[-1, size])
    for k in range(many - 1, -1, -1):
        places[k] = size
        misses += float(program.missed[k, age, size])
        if age == ages - 1:
            age -= not stayed[k, size]
        elif age:
            age -= 1
        elif k:
            size = int(origin[k, size])
            age = int(youngest[k - 1, size])
    return _Found(places, least - price * misses, misses)


def _changed(value: Floats, program: _Program) -> tuple[Floats, Integers]:
    """Return for each number of replicas the cheapest way to it from another, and from which."""
    last, counts = len(value) - 1, program.counts
    below = _first_minimum(value - program.up * counts)[:-1]
    above = (last - _first_minimum((value + program.down * counts)[::-1])[::-1])[1:]
    up, down = np.full(len(value), math.inf), np.full(len(value), math.inf)
    up[1:] = value[below] + program.up * (counts[1:] - counts[below])
    down[:-1] = value[above] + program.down * (counts[above] - counts[:-1])
    return np.minimum(up, down), np.where(up < down, np.append(0, below), np.append(above, last))


def _first_minimum(value: Floats) -> Integers:
    """Return for each place the place of the least up to it."""
    least = np.minimum.accumulate(value)
    indices = np.where(value == least, np.arange(len(value)), 0)
    return np.maximum.accumulate(indices)
