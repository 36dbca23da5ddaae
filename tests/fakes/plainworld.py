"""A world without chance: one queue, full batches, and replicas that come and go as in the real ones."""

from collections import deque
from collections.abc import Sequence

from trimtab.simulate.course import Second, Start, run
from trimtab.simulate.outcome import Outcome
from trimtab.simulate.setting import Discipline, Setting
from trimtab.simulate.view import Autoscaler, Signal

CRUMB = 1e-9


def play(
    trace: Sequence[float], setting: Setting, autoscaler: Autoscaler, *, first: int = 1, since: int = 0
) -> Outcome:
    """Return what an autoscaler makes of so many requests in each second."""
    return run(_Queue(trace, setting), trace, setting, autoscaler, Start(first=first, since=since))


class _Queue:
    """Whole seconds of arrivals, served in order, as a `course.World`. With DELAY, who is late leaves unanswered."""

    leaving = 0

    def __init__(self, trace: Sequence[float], setting: Setting) -> None:
        self.late = [0.0] * len(trace)
        self._trace, self._setting = trace, setting
        self._waiting: deque[tuple[int, float]] = deque()
        self._pods = 0

    @property
    def unanswered(self) -> float:
        return sum(amount for _, amount in self._waiting)

    def join(self, pods: int) -> None:
        self._pods += pods

    def leave(self, pods: int) -> None:
        self._pods -= pods

    def lose(self, pods: int) -> None:
        self._pods -= pods

    def close(self) -> None:
        for second, amount in self._waiting:
            self.late[second] += amount

    def step(self, second: int) -> Second:
        arriving = self._trace[second] if second < len(self._trace) else 0.0
        if arriving:
            self._waiting.append((second, arriving))
        rate = left = self._pods * self._setting.service.capacity
        while self._waiting and left > CRUMB:
            came, amount = self._waiting.popleft()
            late = second - came > self._setting.slack
            if late and self._setting.discipline is Discipline.DELAY:
                self.late[came] += amount
                continue
            done = min(amount, left)
            left -= done
            self.late[came] += done if late else 0.0
            if amount - done > CRUMB:
                self._waiting.appendleft((came, amount - done))
        worked = rate - left
        working = worked * self._setting.service.batch_time(self._setting.service.max_batch)
        seen = {
            Signal.ARRIVALS: arriving,
            Signal.COMPLETIONS: worked,
            Signal.WAITING: self.unanswered,
            Signal.INSIDE: self.unanswered + working,
            Signal.BUSY: working / self._setting.service.slots,
            Signal.READY: float(self._pods),
        }
        return Second(signals=[seen.get(signal, 0.0) for signal in Signal], latencies=())
