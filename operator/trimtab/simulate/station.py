"""A queue of the fluid world: the distribution of its work, what lies too deep for that, and who is late already."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from trimtab.simulate.deep import LEAST, Deep
from trimtab.simulate.kernel import BATCHES, BUSY, DONE, LATE, OVER, REFUSED, TOPPED, one_second
from trimtab.simulate.lattice import Floats, Station
from trimtab.simulate.setting import Discipline
from trimtab.units import Seconds

SMOOTHED = 0.1  # share of the newest second in the load of late: ten seconds or so
LEAST_ROOM = 0.1


@dataclass(frozen=True, kw_only=True)
class Passed:
    """One second of one queue, in requests: who of its arrivals will be late, and who waits until there is room.

    `done` is what was worked off, in so many `batches`; `busy` is how many pods worked. `late_served` are late
    requests that were taken in, with the seconds at which they came.
    """

    late: float
    refused: float
    done: float
    batches: float
    busy: float
    late_served: list[tuple[int, float]]


@dataclass(eq=False)
class Queue:
    """So many `copies` of a station of `pods` pods, alike but for chance, and how the work in one is distributed.

    `deep` holds what lies above the lattice. `late` are the requests that will be served when there is room, by their
    second.
    """

    station: Station
    pods: float
    copies: float
    state: Floats
    deep: Deep = field(default_factory=Deep)
    late: deque[list[float]] = field(default_factory=deque)
    holders: float = 0.0
    """How many of the copies have late requests."""
    load: float = 0.0
    """Work that came in a second, of late."""
    late_waiting: float = 0.0
    """Requests in `late`."""

    @property
    def unit(self) -> Seconds:
        """Seconds of work that one request is for a station."""
        return Seconds(1.0 / (self.pods * self.station.service.capacity))

    @property
    def depth(self) -> float:
        """Mean seconds of work that a station has."""
        return float(self.station.lattice @ self.state) + self.deep.work

    @property
    def inside(self) -> float:
        """Requests in it."""
        return self.copies * self.depth / self.unit + self.late_waiting

    def mix(self, other: "Queue") -> None:
        """Let the other's stations be among those of this one."""
        copies = self.copies + other.copies
        self._blend(other, self.copies / copies)
        self.copies = copies

    def pool(self, other: "Queue", station: Station) -> None:
        """Let the other's pods be in the station of this one, with as much work as both had."""
        pods = self.pods + other.pods
        self._blend(other, self.pods / pods)
        self.pods, self.station = pods, station

    def _blend(self, other: "Queue", mine: float) -> None:
        self.state = mine * self.state + (1.0 - mine) * other.state
        self.deep.blend(other.deep, mine)
        self.late = deque(sorted([*self.late, *other.late]))
        self.holders += other.holders
        self.late_waiting += other.late_waiting

    def release(self, copies: float) -> tuple[Seconds, list[tuple[int, float]]]:
        """Let stations go that joined last; return how much work each has, and the late requests that go with them.

        Who joined last has none of what has piled up before, as long as there are others.
        """
        left = self.copies - copies
        share = copies / self.copies
        shallow = float(self.state.sum())
        ends = float(self.station.lattice @ self.state) / shallow if shallow > LEAST else self.depth
        from_lattice = min(share, shallow)
        self.state = self.state * ((shallow - from_lattice) / max(shallow, LEAST) / (1.0 - share))
        keeps = (1.0 - shallow - (share - from_lattice)) / max(1.0 - shallow, LEAST) / (1.0 - share)
        self.deep.scale(keeps)
        gone = self.without_late(1.0 - left / self.holders) if self.holders > left else []
        self.copies, self.holders = left, min(left, self.holders)
        return Seconds(ends), gone

    def without_late(self, share: float) -> list[tuple[int, float]]:
        """Give away a share of the late requests; return them, by their second."""
        gone = [(int(second), amount * share) for second, amount in self.late]
        for part in self.late:
            part[1] *= 1.0 - share
        self.late_waiting *= 1.0 - share
        return gone

    def take_late(self, second: int, requests: float) -> None:
        """Add requests of some second that will be late: where all are served in turn, before those to come."""
        if self.station.discipline is Discipline.DELAY:
            self._refuse(second, requests)
            return
        work = requests * self.unit / self.copies
        self.deep.move(work, 0.0)
        state, self.state = self.state, np.zeros_like(self.state)
        for place in np.flatnonzero(state > LEAST):
            self._put(float(state[place]), float(self.station.lattice[place]) + work)

    def pass_second(self, now: int, arriving: float) -> Passed:
        """Let a second pass in which requests arrive."""
        load = arriving * self.unit / self.copies
        requests = self.copies / self.unit
        self.load += SMOOTHED * (load - self.load)
        due = self._due(now)
        sums, served = self._advance(load, due / requests)
        deep = self.deep.mass
        late = float(sums[LATE]) + load * deep
        refused = float(sums[REFUSED]) * requests
        if self.station.discipline is Discipline.FIFO:
            self._sink(load, float(sums[OVER]))
        if refused > LEAST:
            self._refuse(now, refused)
        return Passed(
            late=late * requests,
            refused=refused,
            done=(float(sums[DONE]) + deep) * requests,
            batches=(float(sums[BATCHES]) + deep / self.station.service.max_batch) * requests,
            busy=(float(sums[BUSY]) + deep) * self.copies * self.pods,
            late_served=self._serve_late(min(due, served * requests)),
        )

    def _refuse(self, second: int, requests: float) -> None:
        self.late.append([second, requests])
        self.late_waiting += requests
        self.holders = min(self.copies, self.holders + requests)

    def _due(self, now: int) -> float:
        """Return how many late requests can be served if there is room.

        They wait behind as much work as they may wait for, and their pod has to be through with that and what comes in
        the meantime.
        """
        due = self.late_waiting
        behind = self.station.slack / max(LEAST_ROOM, 1.0 - self.load)
        for second, amount in reversed(self.late):
            if second + behind <= now:
                break
            due -= amount
        return max(0.0, due)

    def _advance(self, load: float, due: float) -> tuple[Floats, float]:
        """Move the lattice on; return the sums over the second, and how much late work a station takes in."""
        many = len(self.state)
        alone = self._through(load, late_wait=False)
        if due < LEAST:
            self.state = alone[:many]
            return alone[many:], 0.0
        beside = self._through(load, late_wait=True)
        room = float(beside[many + TOPPED])
        share = min(self.holders / self.copies, due / room) if room > LEAST else 1.0
        mixed = (1.0 - share) * alone + share * beside
        self.state = mixed[:many]
        return mixed[many:], share * room

    def _through(self, load: float, *, late_wait: bool) -> Floats:
        share, low, high = one_second(self.station, load, late_wait=late_wait)
        answer = low @ self.state
        return answer + share * (high @ self.state - answer) if share else answer

    def _sink(self, load: float, over: float) -> None:
        """Take what has left the lattice at its top, move what is above it, and put back what comes down again."""
        if self.deep.parts:
            self.deep.move(load - 1.0, load * self.station.by_chance(load) * self.unit)
        mass = float(self.state[-1])
        if mass > LEAST:
            self.state[-1] = 0.0
            self.deep.add(mass, self.station.top + over / mass)
        for part in self.deep.rise_above(self.station.top):
            self._put(part.mass, part.depth)

    def _put(self, mass: float, depth: float) -> None:
        if depth >= self.station.top:
            self.deep.add(mass, depth)
            return
        lattice = self.station.lattice
        low = max(0, int(lattice.searchsorted(depth, side="right")) - 1)
        share = (max(0.0, depth) - lattice[low]) / (lattice[low + 1] - lattice[low])
        self.state[low] += mass * (1.0 - share)
        self.state[low + 1] += mass * share

    def _serve_late(self, amount: float) -> list[tuple[int, float]]:
        served = []
        while amount > LEAST and self.late:
            first = self.late[0]
            part = min(first[1], amount)
            first[1] -= part
            amount -= part
            self.late_waiting -= part
            served.append((int(first[0]), part))
            if first[1] <= LEAST:
                self.late.popleft()
        self.holders = min(self.holders, self.late_waiting)
        return served
