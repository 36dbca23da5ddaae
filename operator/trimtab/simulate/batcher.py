"""Triton's dynamic batcher, request by request: queues, instances, and who is taken next.

A request is the moment of its arrival. Work is done per batch, not per request, wherever that can be.
"""

import heapq
import itertools
import math
from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trimtab.simulate.setting import Discipline, Setting

DRAWN_AT_ONCE = 4_096
Floats = NDArray[np.float64]


@dataclass(eq=False, slots=True)
class Pod:
    """One Triton with the model: what waits in it, and how many of its instances are idle."""

    idle: int
    fresh: deque[float] = field(default_factory=deque)
    late: deque[float] = field(default_factory=deque)
    looks_again: float = -1.0
    place: int = -1
    """Its index among the pods that requests are sent to; -1 where it gets none."""


Event = tuple[float, int, Pod, list[float] | None, float]
"""When; a number that orders what happens at once; where; the batch that is done, and how long it took.

Without a batch it is the moment at which the oldest request has waited long enough for company.
"""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """Batches that were done since somebody asked: when, how long they took, and the arrivals that were in them."""

    ends: Floats
    sizes: NDArray[np.int64]
    took: Floats
    arrivals: Floats

    @property
    def latencies(self) -> Floats:
        """Return how long each request took, in the order of `arrivals`."""
        return np.repeat(self.ends, self.sizes) - self.arrivals


class Batcher:
    """All pods of a model on one agenda. `outstanding` has the requests in each pod that requests are sent to."""

    def __init__(self, setting: Setting, random: np.random.Generator) -> None:
        service = setting.service
        self.outstanding: list[int] = []
        self.began = 0.0
        """Seconds of work that was begun so far, summed over instances; what lost pods did not do is taken off."""
        self._events: list[Event] = []
        self._numbers = itertools.count()
        self._noise = noise(service.variation, random)
        self._times = [service.batch_time(size) for size in range(service.max_batch + 1)]
        self._max_batch, self._max_delay = service.max_batch, service.max_delay
        self._patience = setting.slack if setting.discipline is Discipline.DELAY else math.inf
        self._ends, self._sizes, self._took, self._arrivals = array("d"), array("q"), array("d"), array("d")

    def advance(self, until: float) -> None:
        """Let all happen that happens up to some moment."""
        events, outstanding, pop = self._events, self.outstanding, heapq.heappop
        while events and events[0][0] <= until:
            at, _, pod, batch, took = pop(events)
            if batch is not None:
                size = len(batch)
                self._ends.append(at)
                self._sizes.append(size)
                self._took.append(took)
                self._arrivals.extend(batch)
                pod.idle += 1
                if pod.place >= 0:
                    outstanding[pod.place] -= size
            if pod.fresh or pod.late:
                self.work(pod, at)

    @property
    def next_event(self) -> float:
        """When something will happen next; infinite where nothing will."""
        return self._events[0][0] if self._events else math.inf

    def work(self, pod: Pod, now: float) -> None:
        """Start the batches that a pod can start."""
        fresh, late, patience = pod.fresh, pod.late, self._patience
        while pod.idle:
            while fresh and now - fresh[0] > patience:
                late.append(fresh.popleft())
            waiting = len(fresh) + len(late)
            if waiting >= self._max_batch:
                size = self._max_batch
            elif waiting == 0 or (self._max_delay and self._waits_for_company(pod, now)):
                return
            else:
                size = waiting
            batch = [fresh.popleft() if fresh else late.popleft() for _ in range(size)]
            took = self._times[size] * next(self._noise)
            self.began += took
            pod.idle -= 1
            heapq.heappush(self._events, (now + took, next(self._numbers), pod, batch, took))

    def _waits_for_company(self, pod: Pod, now: float) -> bool:
        due = (pod.late or pod.fresh)[0] + self._max_delay
        if now >= due:
            return False
        if due != pod.looks_again:
            pod.looks_again = due
            heapq.heappush(self._events, (due, next(self._numbers), pod, None, 0.0))
        return True

    def lose(self, pod: Pod, now: float) -> list[float]:
        """Take a pod away in the middle of its work; return the arrivals of the requests that are lost with it."""
        lost = [*pod.fresh, *pod.late]
        for at, _, where, batch, _ in self._events:
            if where is pod and batch is not None:
                lost += batch
                self.began -= at - now
        self._events = [event for event in self._events if event[2] is not pod]
        heapq.heapify(self._events)
        return lost

    def in_progress(self, now: float) -> tuple[int, float]:
        """Return how many requests are worked on, and how much of the work that has begun lies ahead, in seconds."""
        requests, ahead = 0, 0.0
        for at, _, _, batch, _ in self._events:
            if batch is not None:
                requests += len(batch)
                ahead += at - now
        return requests, ahead

    def finished(self) -> Finished:
        """Return what was done since this was asked before."""
        done = Finished(
            ends=np.array(self._ends),
            sizes=np.array(self._sizes),
            took=np.array(self._took),
            arrivals=np.array(self._arrivals),
        )
        for column in (self._ends, self._took, self._arrivals):
            del column[:]
        del self._sizes[:]
        return done


def noise(variation: float, random: np.random.Generator) -> Iterator[float]:
    """Yield factors of mean 1 and standard deviation `variation`, gamma distributed."""
    if not variation:
        return itertools.repeat(1.0)
    shape = variation**-2
    return itertools.chain.from_iterable(
        (random.standard_gamma(shape, DRAWN_AT_ONCE) / shape).tolist() for _ in itertools.count()
    )
