"""The true world: each request by itself, in Triton's dynamic batcher, behind a Service or a gateway."""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from trimtab.simulate.batcher import Batcher, Finished, Floats, Pod
from trimtab.simulate.course import Second, Start, run
from trimtab.simulate.outcome import Outcome
from trimtab.simulate.setting import Routing, Setting
from trimtab.simulate.view import Autoscaler

ROUNDING = 1e-9  # seconds: an answer at the target is in time, whatever a sum of floats says


def simulate_requests(  # noqa: PLR0913 - what, where, by whom; and from where on it counts
    arrival_times: ArrayLike,
    setting: Setting,
    autoscaler: Autoscaler,
    *,
    first: int,
    since: int = 0,
    seed: int = 0,
    seconds: int | None = None,
) -> Outcome:
    """Return what an autoscaler makes of requests that come at these ascending moments, from `first` ready replicas on.

    The trace lasts for so many `seconds`, else until the second of the last arrival. What is drawn by chance does not
    depend on the autoscaler any more than it must: which pod a request goes to is one draw for each request.

    Raises:
        ValueError: if the moments descend, are negative, or lie beyond the trace.
    """
    times = np.asarray(arrival_times, dtype=np.float64)
    ends = seconds if seconds is not None else int(times[-1]) + 1 if len(times) else 0
    if len(times) and (times[0] < 0.0 or times[-1] >= ends or np.any(np.diff(times) < 0.0)):
        raise ValueError(
            f"arrival times have to ascend from 0 to less than {ends} s; these begin with {times[0]} and end with"
            f" {times[-1]}: sort them, count from the trace's beginning, or say how many seconds it has"
        )
    world = Fleet(times, ends, setting, seed)
    return run(world, world.arriving, setting, autoscaler, Start(first=first, since=since, seed=seed))


def routes(requests: int, seed: int) -> Floats:
    """Return for each request where among the pods that there are then it goes: 0 is the first, 1 beyond the last."""
    return np.random.default_rng(seed).spawn(2)[0].random(requests)


class Fleet:
    """The pods of one model and the requests that come to them; it fills `course.World`."""

    def __init__(self, times: Floats, seconds: int, setting: Setting, seed: int) -> None:
        bounds = np.searchsorted(times, np.arange(seconds + 1))
        self.arriving: Sequence[float] = np.diff(bounds).tolist()
        self.late = [0.0] * seconds
        self._times, self._bounds = times, list(pairwise(bounds.tolist()))
        self._chances = routes(len(times), seed)
        self._setting = setting
        self._batcher = Batcher(setting, np.random.default_rng(seed).spawn(2)[1])
        self._pods: list[Pod] = []
        self._leaving: list[tuple[Pod, float]] = []
        self._held: deque[tuple[float, float]] = deque()
        self._inside = 0
        self._now = 0
        self._worked = 0.0

    @property
    def leaving(self) -> int:
        """How many pods that were told to go still end their work."""
        instances, now = self._setting.service.instances, self._now
        self._leaving = [
            (pod, until) for pod, until in self._leaving if now < until or pod.fresh or pod.late or pod.idle < instances
        ]
        return len(self._leaving)

    @property
    def unanswered(self) -> float:
        """How many requests have come and are not answered, those that wait for a first pod among them."""
        return self._inside

    def join(self, pods: int) -> None:
        """Send requests to so many more pods, and first those that have waited for one."""
        for _ in range(pods):
            self._pods.append(Pod(idle=self._setting.service.instances, place=len(self._pods)))
            self._batcher.outstanding.append(0)
        if self._held and self._pods:
            held, self._held = self._held, deque()
            self._arrive([at for at, _ in held], [chance for _, chance in held], float(self._now))

    def leave(self, pods: int) -> None:
        """Tell the pods that joined last to end what they have and go."""
        for _ in range(pods):
            self._batcher.outstanding.pop()
            pod = self._pods.pop()
            pod.place = -1
            self._leaving.append((pod, self._now + self._setting.ending))

    def lose(self, pods: int) -> None:
        """Lose the pods that joined first, with the requests that they have: a failure does not choose."""
        for _ in range(pods):
            pod = self._pods.pop(0)
            self._batcher.outstanding.pop(0)
            lost = self._batcher.lose(pod, self._now)
            self._inside -= len(lost)
            self._count_late(np.array(lost))
        for place, pod in enumerate(self._pods):
            pod.place = place

    def step(self, second: int) -> Second:
        """Let a second pass; after the trace's end none arrive."""
        arriving = 0
        if second < len(self._bounds):
            begin, end = self._bounds[second]
            arriving = end - begin
            self._inside += arriving
            self._arrive(self._times[begin:end].tolist(), self._chances[begin:end].tolist(), 0.0)
        self._now = second + 1
        self._batcher.advance(self._now)
        return self._second(arriving, self._batcher.finished())

    def close(self) -> None:
        """Count as late who is still not answered."""
        for pod in [*self._pods, *(pod for pod, _ in self._leaving)]:
            self._count_late(np.array(self._batcher.lose(pod, self._now)))
        self._count_late(np.array([at for at, _ in self._held]))

    def _arrive(self, times: list[float], chances: list[float], earliest: float) -> None:
        batcher, pods = self._batcher, self._pods
        pooled, outstanding = self._setting.routing is Routing.POOLED, batcher.outstanding
        if not pods:
            self._held.extend(zip(times, chances, strict=True))
            return
        many = len(pods)
        for at, chance in zip(times, chances, strict=True):
            now = max(at, earliest)
            if batcher.next_event <= now:
                batcher.advance(now)
            place = int(chance * many)
            if pooled:
                fewest = min(outstanding)
                if outstanding[place] != fewest:
                    place = _next(outstanding, fewest, place)
            outstanding[place] += 1
            pod = pods[place]
            pod.fresh.append(at)
            if pod.idle:
                batcher.work(pod, now)

    def _count_late(self, arrivals: Floats) -> None:
        for second, late in zip(*np.unique(arrivals.astype(np.int64), return_counts=True), strict=True):
            self.late[second] += float(late)

    def _second(self, arriving: int, done: Finished) -> Second:
        latencies = done.latencies
        late = latencies > self._setting.target + ROUNDING
        many_late = int(np.count_nonzero(late))
        if many_late:
            self._count_late(done.arrivals[late])
        self._inside -= len(latencies)
        working, ahead = self._batcher.in_progress(self._now)
        worked = self._batcher.began - ahead
        busy, self._worked = (worked - self._worked) / self._setting.service.instances, worked
        return Second(
            signals=(
                arriving,
                len(latencies),
                many_late,
                self._inside - working,
                self._inside,
                busy,
                len(self._pods),
                float(latencies.sum()),
                float(done.took @ done.sizes),
                len(done.ends),
            ),
            latencies=latencies.tolist(),
        )


def _next(outstanding: list[int], fewest: int, place: int) -> int:
    """Return where the fewest are, from some place on and around: so that the first pods are not favoured."""
    try:
        return outstanding.index(fewest, place)
    except ValueError:
        return outstanding.index(fewest)
