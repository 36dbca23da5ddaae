"""The fast world: not requests but their distribution, second by second; for sweeps and oracles.

Attainment agrees with the true world within 1 pp for the same course of replicas (tests/unit/simulate/test_fluid.py).
What an autoscaler is shown are means, which do not jump as those of single requests do: one that follows each jump of a
short queue does so less here, and is to be judged in the true world.
"""

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from trimtab.simulate.course import Second, Start, run
from trimtab.simulate.deep import LEAST
from trimtab.simulate.lattice import Station, station
from trimtab.simulate.outcome import Outcome
from trimtab.simulate.setting import Discipline, Routing, Setting
from trimtab.simulate.station import Queue
from trimtab.simulate.view import Autoscaler
from trimtab.units import Seconds

__all__ = ["Autoscaler", "simulate"]

SHARES = np.array((0.2, 0.45, 0.7, 0.88, 0.97, 1.0))
WEIGHTS = np.diff(SHARES, prepend=0.0).tolist()
MIDDLES = SHARES - np.diff(SHARES, prepend=0.0) / 2.0
"""Where in the distribution of a second's waits those are that stand for all."""
ROUNDED = 0.01  # seconds: who is late has waited so much longer than he may, at least
ROUNDING = 1e-9  # seconds: an answer at the target is in time
SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
"""Numbers of pods whose chance is worked out; others are as random as the nearest."""


def simulate(  # noqa: PLR0913 - what, where, by whom; and from where on it counts
    per_second: Sequence[float], setting: Setting, autoscaler: Autoscaler, *, first: int, since: int = 0, seed: int = 0
) -> Outcome:
    """Return what an autoscaler makes of so many requests in each second, from `first` ready replicas on."""
    world = Fluid(per_second, setting)
    return run(world, per_second, setting, autoscaler, Start(first=first, since=since, seed=seed))


Answered = tuple[float, float, float, float]
"""How long requests took, how long their batches did, how many they are, and how many of them are in time."""


class Fluid:
    """The pods of one model and the requests that come to them; it fills `course.World`.

    Behind a Service all pods are alike but for chance: one queue, whose distribution new pods join empty. Behind a
    gateway that sends each request to the pod with the fewest, all pods are one station; new ones are another, which
    gets all requests until it has as much to do.
    """

    def __init__(self, per_second: Sequence[float], setting: Setting) -> None:
        self.late = [0.0] * len(per_second)
        self._arriving = per_second
        self._setting = setting
        self._pooled = setting.routing is Routing.POOLED
        self._queues: list[Queue] = []
        self._held: list[tuple[int, float]] = []
        self._due: defaultdict[int, list[Answered]] = defaultdict(list)
        self._inside = self._batches = self._busy = self._worked_on = 0.0
        self._leaving: list[int] = []
        self._now = 0
        self._full = setting.service.batch_time(setting.service.max_batch)

    @property
    def pods(self) -> int:
        """How many pods requests are sent to."""
        return round(sum(queue.copies * queue.pods for queue in self._queues))

    @property
    def leaving(self) -> int:
        """How many pods that were told to go still end their work."""
        self._leaving = [until for until in self._leaving if until > self._now]
        return len(self._leaving)

    @property
    def unanswered(self) -> float:
        """Nobody: who will be late was counted at arrival, so nothing is left to see after the end."""
        return 0.0

    def join(self, pods: int) -> None:
        """Send requests to so many more pods, and first those that have waited for one."""
        if not pods:
            return
        among = pods + self.pods
        alike = self._station(pods if self._pooled else among)
        fresh = Queue(alike, pods if self._pooled else 1.0, 1.0 if self._pooled else pods, alike.empty)
        if self._pooled or not self._queues:
            self._queues.append(fresh)
        else:
            self._queues[0].mix(fresh)
            self._queues[0].station = alike

    def leave(self, pods: int) -> None:
        """Tell the pods that joined last to end what they have and go."""
        while pods:
            queue = self._queues[-1]
            part = min(pods, round(queue.copies * queue.pods))
            depth = self._shrink(queue, part)
            # in the mean half a batch is left of what is worked on: its end is what an accelerator is kept for
            ends = depth + self._full / 2.0 if depth > self._full / 2.0 else self._full * min(1.0, depth / queue.unit)
            self._leaving += [math.ceil(self._now + max(ends, self._setting.ending))] * part
            pods -= part

    def lose(self, pods: int) -> None:
        """Lose pods, with the requests that they have; who would have been late anyway is not counted again."""
        for _ in range(pods):
            share = 1.0 / self.pods
            for second, due in self._due.items():
                self._inside -= share * sum(amount for _, _, amount, _ in due)
                self.late[self._now] += share * sum(in_time for _, _, _, in_time in due)
                left = 1.0 - share
                self._due[second] = [
                    (latency, took, amount * left, in_time * left) for latency, took, amount, in_time in due
                ]
            for queue in self._queues:
                self._inside -= sum(amount for _, amount in queue.without_late(share))
            self._shrink(self._queues[-1], 1)

    def step(self, second: int) -> Second:
        """Let a second pass."""
        self._now = second
        arriving = self._arriving[second]
        self._inside += arriving
        self._batches = self._busy = self._worked_on = 0.0
        if self._queues:
            entering = arriving + self._let_in()
            self._level(entering)
            for queue in self._queues[:-1]:
                self._pass(queue, 0.0)
            self._pass(self._queues[-1], entering)
        else:
            self._held.append((second, arriving))
        self._now = second + 1
        return self._second(arriving)

    def close(self) -> None:
        """Count as late who is still not answered."""
        for second, amount in self._held:
            self.late[second] += amount

    # -- parts --------------------------------------------------------------------------------------------------------

    def _station(self, pods: int) -> Station:
        size = min(SIZES, key=lambda each: abs(math.log(each / pods)))
        service, slack, discipline = self._setting.service, self._setting.slack, self._setting.discipline
        if self._pooled:
            return station(service, size, slack, discipline, 1.0)
        return station(service, 1, slack, discipline, 1.0 / size)

    def _shrink(self, queue: Queue, pods: int) -> Seconds:
        """Take pods out of a queue, who answer their late requests; return how much other work each of them has."""
        left = round(queue.copies * queue.pods) - pods
        depth, gone = Seconds(queue.depth), []
        if not left:
            self._queues.remove(queue)
            gone = queue.without_late(1.0)
        else:
            queue.station = self._station(left)
            if self._pooled:
                gone = queue.without_late(pods / (left + pods))
                queue.pods = left
            else:
                depth, gone = queue.release(pods)
        for second, amount in gone:
            self._answer(second, (self._now - second + depth, self._full), amount)
        return depth

    def _level(self, entering: float) -> None:
        """Make the pods that joined last one station with those before if so many requests give both as many."""
        while len(self._queues) > 1:
            last, before = self._queues[-1], self._queues[-2]
            if before.inside / before.pods * last.pods - last.inside > entering:
                return
            self._queues.pop()
            before.pool(last, self._station(round(last.pods + before.pods)))

    def _let_in(self) -> float:
        """Let those in who waited for a first pod; return how many of them can still be in time."""
        held, self._held = self._held, []
        in_time = 0.0
        for second, amount in held:
            if self._now - second <= self._setting.slack:
                in_time += amount
            else:
                self.late[second] += amount
                self._queues[0].take_late(second, amount)
                if self._setting.discipline is Discipline.FIFO:
                    wait = self._now - second + self._queues[0].depth
                    self._answer(second, (wait, self._full), amount)
        return in_time

    def _pass(self, queue: Queue, arriving: float) -> None:
        passed = queue.pass_second(self._now, arriving)
        self.late[self._now] += passed.late
        size = passed.done / passed.batches if passed.batches > LEAST else 1.0
        took = self._setting.service.batch_time(min(size, self._setting.service.max_batch))
        self._batches += passed.batches
        self._busy += passed.busy
        self._worked_on += passed.done * took
        for second, amount in passed.late_served:
            self._answer(second, (max(self._now - second, self._setting.slack + ROUNDED), took), amount)
        if arriving:
            shallow = (arriving - passed.refused) * (1.0 - queue.deep.mass)
            in_time = (arriving - passed.late) / shallow if shallow > LEAST else 0.0
            self._answer_lattice(queue, took, shallow, min(1.0, max(0.0, in_time)))
            for part in queue.deep.parts:
                self._answer(self._now, (part.depth, self._full), arriving * part.mass)

    def _answer_lattice(self, queue: Queue, took: float, entered: float, in_time: float) -> None:
        """Let those be answered who found a station in one of the states of its lattice, that share of them in time."""
        grown = (queue.state * queue.station.entering).cumsum()
        waits = queue.station.wait[grown.searchsorted(MIDDLES * grown[-1])].tolist()
        for wait, weight in zip(waits, WEIGHTS, strict=True):
            self._answer(self._now, (wait, took), entered * weight, in_time)

    def _answer(self, second: int, wait_took: tuple[float, float], amount: float, in_time: float = 0.0) -> None:
        """Let requests that came at any moment of some second be answered after their wait and a batch."""
        latency, took = sum(wait_took), wait_took[1]
        whole = int(latency)
        first, later = second + whole, amount * (latency - whole)
        if first < self._now:
            first, later = self._now, 0.0
        self._due[first].append((latency, took, amount - later, (amount - later) * in_time))
        self._due[first + 1].append((latency, took, later, later * in_time))

    def _second(self, arriving: float) -> Second:
        answered = self._due.pop(self._now - 1, [])
        target = self._setting.target + ROUNDING
        completions = late = latencies = work = 0.0
        for latency, took, amount, _ in answered:
            completions += amount
            latencies += latency * amount
            work += took * amount
            if latency > target:
                late += amount
        self._inside = max(0.0, self._inside - completions)
        waiting = max(0.0, self._inside - self._worked_on)
        return Second(
            signals=(
                arriving,
                completions,
                late,
                waiting,
                self._inside,
                self._busy,
                self.pods,
                latencies,
                work,
                self._batches,
            ),
            latencies=[latency for latency, _, _, _ in answered],
            weights=[amount for _, _, amount, _ in answered],
        )
