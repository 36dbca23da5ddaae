"""The states in which a queue of the fluid world can be, and what each of them means for who comes then.

The state is the time that a station (one pod, or a pool that shares its load) needs for all that it has, when it works
at full rate. For one slot that is the wait itself; how several slots and batches differ is said where it matters.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from trimtab.simulate.setting import Discipline, Service
from trimtab.units import Seconds

Floats = NDArray[np.float64]

STATES = 64  # larger matrices are spread over threads by OpenBLAS, which costs more than it saves
COARSE = 16
GROWTH = 1.25
"""Under FIFO, so many of the states lie further and further apart: who comes there is late, only how long counts."""
MOST_TICKS = 4_096  # in a second
NORMAL = ((-2.334, 0.0459), (-0.742, 0.4541), (0.742, 0.4541), (2.334, 0.0459))
"""Deviations of a normal distribution that stand for all, each with its weight (Gauss and Hermite)."""


@dataclass(frozen=True, eq=False)
class Station:
    """Pods that share their load perfectly (one, or all of a pool), and what their requests may wait."""

    service: Service
    pods: int
    slack: Seconds
    discipline: Discipline
    known: float = 0.0
    """Share of the arrivals' variance from second to second that is seen already in their numbers: all of it in a pool,
    1/n of it behind a Service that spreads them over n pods."""

    @cached_property
    def unit(self) -> Seconds:
        """Time for one request at full rate."""
        return Seconds(1.0 / (self.pods * self.service.capacity))

    @cached_property
    def spread(self) -> Seconds:
        """How much earlier than after all the work ahead a request is taken, since slots end one by one.

        c slots that are all busy have half a batch time of work left in the mean, and the next is free after 1/(c+1).
        """
        slots = self.pods * self.service.slots
        return Seconds(self.service.batch_time(self.service.max_batch) * (0.5 - 1.0 / (slots + 1)))

    @cached_property
    def _reach(self) -> Seconds:
        """How much work is told apart finely: up to where a request is late, and a batch more."""
        more = 1.0 if self.discipline is Discipline.FIFO else 1.5
        return Seconds(max(self.slack, 0.0) + more * self.service.batch_time(self.service.max_batch))

    @cached_property
    def fine(self) -> int:
        """How many states are a step apart: all under DELAY, where nothing is above them."""
        return STATES - (COARSE if self.discipline is Discipline.FIFO else 0)

    @cached_property
    def ticks(self) -> int:
        """Moves of the lattice in a second: as many as its step allows, in which time takes one step away."""
        return min(MOST_TICKS, max(1, int((self.fine - 1) / self._reach)))

    @cached_property
    def step(self) -> Seconds:
        """Return the step of the lattice where it is fine."""
        return Seconds(max(1.0 / self.ticks, self._reach / (self.fine - 1)))

    @cached_property
    def lattice(self) -> Floats:
        """Return the states: seconds of work. Above what is fine, steps grow."""
        steps = np.ones(STATES)
        steps[0] = 0.0
        steps[self.fine :] = GROWTH ** np.arange(1, STATES - self.fine + 1)
        lattice: Floats = np.cumsum(steps) * self.step
        return lattice

    @property
    def top(self) -> Seconds:
        """The highest state."""
        return Seconds(float(self.lattice[-1]))

    @cached_property
    def batch(self) -> Floats:
        """Return the mean size of the batches that are executed in each state."""
        inside = self.lattice / self.unit / (self.pods * self.service.instances)
        return np.clip(inside, 1.0, self.service.max_batch)

    @cached_property
    def busy(self) -> Floats:
        """Return the share of the instances that work in each state.

        Requests that are alone in their slots are half done in the mean, so twice as many slots are busy as there is
        work for. Batches are half done, too, but as many requests wait for the next one.
        """
        instances = self.pods * self.service.instances
        inside = self.lattice / self.unit * (2.0 if self.service.max_batch == 1 else 1.0)
        return np.where(self.lattice > 0.0, np.clip(inside / self.batch, 1.0, instances) / instances, 0.0)

    @cached_property
    def speed(self) -> Floats:
        """Return the share of the full rate at which a station works in each state."""
        rate = self.busy * self.pods * self.service.instances * self.batch / self._batch_times
        return np.minimum(1.0, rate * self.unit)

    @cached_property
    def _batch_times(self) -> Floats:
        return self.service.base + self.service.per_item * self.batch

    @cached_property
    def wait(self) -> Floats:
        """Return how long a request waits that comes in each state.

        That is until all the work ahead is done, less what slots that end one by one spare. Batches that are not full
        leave no work ahead, but as long as all instances have one, a request waits for the next that ends.
        """
        waits = np.maximum(0.0, self.lattice - self.spread)
        if self.service.max_batch == 1:
            return waits
        next_end = self._batch_times / (self.pods * self.service.instances + 1)
        waits = np.maximum(waits, np.where(self.busy >= 1.0, next_end, 0.0))
        alone = (self.lattice <= self.spread) & (self.batch < self.service.max_batch)
        return np.where(alone, np.maximum(waits, self.service.max_delay), waits)

    @cached_property
    def _around(self) -> Floats:
        """Return over how many seconds waits are spread evenly in each state.

        That is one step of the lattice. Where requests are taken in batches it is the time of one; in a pool too, since
        its pods have queues of their own, of which the shortest is taken by number, not by time.
        """
        one_by_one = self.pods == self.service.max_batch == 1
        queue = 0.0 if one_by_one else self.service.batch_time(self.service.max_batch)
        return np.where(self.lattice > self.spread, max(self.step, queue), self.step)

    @cached_property
    def refused(self) -> Floats:
        """Return the share of requests that have to wait until there is room if they come in each state."""
        if self.discipline is Discipline.FIFO:
            return np.zeros_like(self.lattice)
        return np.clip(0.5 + (self.wait - self.slack) / self._around, 0.0, 1.0)

    @cached_property
    def entering(self) -> Floats:
        """Return the share of requests that do not."""
        return 1.0 - self.refused

    @cached_property
    def late(self) -> Floats:
        """Return the share of requests that are late if they come in each state: by their wait, or by their batch."""
        times = self._batch_times
        spare = self.slack + self.service.batch_time(self.service.max_batch) - times - self.wait
        late = np.zeros_like(self.lattice)
        for deviations, weight in NORMAL:
            varied = spare - deviations * self.service.variation * times
            late += weight * np.maximum(self.refused, np.clip(0.5 - varied / self._around, 0.0, 1.0))
        return late

    def by_chance(self, load: float) -> float:
        """Return the share of arrivals that comes at random, beside those of which a second's number tells enough.

        To be late, requests have to pile up for a time; what is seen from second to second counts if it is longer.
        """
        reach = max(self.slack, self.step)
        pile = min(reach / max(abs(1.0 - load), 1e-3), reach * reach / self.unit)
        return 1.0 - self.known * pile / (pile + 0.25)

    @property
    def empty(self) -> Floats:
        """Return the distribution in which there is no work for certain."""
        state = np.zeros(STATES)
        state[0] = 1.0
        return state


@lru_cache(maxsize=512)
def station(service: Service, pods: int, slack: Seconds, discipline: Discipline, known: float) -> Station:
    """Return a station; the same one for the same arguments, so that its matrices are worked out once."""
    return Station(service, pods, slack, discipline, known)
