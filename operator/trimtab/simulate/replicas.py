"""The replicas of a simulated Deployment: asked for, starting, ready, leaving, and gone."""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from trimtab.simulate.setting import ColdStart


def start_times(cold_start: ColdStart, random: Random) -> Callable[[], float]:
    """Return what draws cold starts, in seconds."""
    variance = math.log1p(cold_start.variation**2)
    mean, deviation = math.log(cold_start.mean) - variance / 2.0, math.sqrt(variance)
    return lambda: math.exp(random.gauss(mean, deviation))


@dataclass
class Replicas:
    """Starts and ends replicas as a Deployment does: what is not ready goes first, then what was ready last.

    `start_time` draws how long a start takes, in seconds; `most` is how many the cluster has room for. Whoever plays
    the pods says in `leaving` how many still end their work. Everything happens between two seconds.
    """

    start_time: Callable[[], float]
    most: float
    ready: int = 0
    asked: int = 0
    leaving: int = 0
    changes: int = 0
    _starting: list[float] = field(default_factory=list)

    @property
    def starting(self) -> int:
        """How many have an accelerator and do not answer yet."""
        return len(self._starting)

    @property
    def unschedulable(self) -> int:
        """How many wait for an accelerator."""
        return max(0, self.asked - self.ready - len(self._starting))

    @property
    def billed(self) -> int:
        """How many accelerators are taken."""
        return self.ready + len(self._starting) + self.leaving

    def ask(self, replicas: int, now: int) -> int:
        """Ask for so many from now on; return how many ready ones are told to go, which the caller sees off."""
        if replicas != self.asked:
            self.changes += 1
            self.asked = replicas
        unready = min(max(0, self.ready + len(self._starting) - replicas), len(self._starting))
        if unready:
            self._starting = sorted(self._starting)[:-unready]  # also a heap
        gone = max(0, self.ready - replicas)
        self.ready -= gone
        self.leaving += gone
        self._start(now)
        return gone

    def begin(self, now: int) -> int:
        """Let those whose start is over answer, and start what an accelerator is free for; return how many joined."""
        joined = 0
        while self._starting and self._starting[0] <= now:
            heapq.heappop(self._starting)
            joined += 1
        self.ready += joined
        self._start(now)
        return joined

    def lose(self, lost: int, now: int) -> None:
        """Lose ready ones with their nodes' processes; others are started in their place."""
        self.ready -= lost
        self._start(now)

    def _start(self, now: int) -> None:
        room = min(self.unschedulable, self.most - self.billed)
        for _ in range(int(max(0, room))):
            heapq.heappush(self._starting, now + self.start_time())
