"""One Triton with one model, request by request: its queue, its batcher, its instances, and what it counts.

It has no clock: whoever owns the agenda lets it work at the right moments. A request is the moment of its arrival.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from demo.service import OnTimeout, Service
from demo.window import Window

US = 1e6
# Of a batch's time, as a real Triton reported it for a model in numpy (20 ms + 2 ms an item): research on 2.51.
INPUT_SHARE = 0.002
OUTPUT_SHARE = 0.03


@dataclass
class Agenda:
    """What will happen in the pods of one model, soonest first: a batch is done, or a batcher has waited enough."""

    events: list[tuple[float, int, Triton, Batch | None]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def add(self, at_s: float, server: Triton, batch: Batch | None) -> None:
        """Let a batch of a server be done at some moment, or let the server look into its queue again."""
        heapq.heappush(self.events, (at_s, next(self._numbers), server, batch))


@dataclass(frozen=True, slots=True)
class Batch:
    """Requests that are executed together."""

    arrived_s: list[float]
    began_s: float


@dataclass
class Counters:
    """What Triton counts from the moment at which the model was loaded; durations are sums over requests."""

    success: int = 0
    rejected: int = 0
    executions: int = 0
    request_us: float = 0.0
    queue_us: float = 0.0
    input_us: float = 0.0
    infer_us: float = 0.0
    output_us: float = 0.0


class Windows:
    """The same durations over the last minute."""

    def __init__(self, began_s: float) -> None:
        self.request = Window(began_s)
        self.queue = Window(began_s)
        self.input = Window(began_s)
        self.infer = Window(began_s)
        self.output = Window(began_s)

    def in_order(self) -> tuple[Window, ...]:
        """Return them in the order of Triton's page."""
        return self.request, self.queue, self.input, self.infer, self.output


class Triton:
    """A loaded model in a pod of some `name`; `alive` turns false when the pod is lost."""

    def __init__(self, name: str, service: Service, agenda: Agenda, random: Random, *, loaded_s: float) -> None:
        self.name = name
        self.service = service
        self.counters = Counters()
        self.windows = Windows(loaded_s)
        self.alive = True
        self.idle = service.instances
        self.outstanding = 0
        """Requests that are here, waiting or executed."""
        self._agenda = agenda
        self._random = random
        self._fresh: deque[float] = deque()
        self._late: deque[float] = deque()
        self._looks_again_s = -1.0

    @property
    def pending(self) -> int:
        """How many requests wait."""
        return len(self._fresh) + len(self._late)

    def accept(self, now_s: float) -> int:
        """Take a request in; return how many others were rejected on this occasion."""
        self._fresh.append(now_s)
        self.outstanding += 1
        return self.work(now_s) if self.idle else 0

    def finish(self, now_s: float, batch: Batch) -> tuple[list[float], int]:
        """End a batch; return its requests' latencies in microseconds, and how many others were rejected then."""
        size = len(batch.arrived_s)
        latencies = [(now_s - arrived) * US for arrived in batch.arrived_s]
        waits = [(batch.began_s - arrived) * US for arrived in batch.arrived_s]
        self._count(now_s, latencies, waits, (now_s - batch.began_s) * US)
        self.outstanding -= size
        self.idle += 1
        return latencies, self.work(now_s)

    def work(self, now_s: float) -> int:
        """Start what can be started; return how many requests were rejected."""
        rejected = 0
        while self.idle and (self._fresh or self._late):
            rejected += self._sort_out_late(now_s)
            size = min(self.pending, self.service.max_batch_size)
            if size == 0 or self._waits_for_company(now_s, size):
                break
            self._start(now_s, size)
        return rejected

    def _sort_out_late(self, now_s: float) -> int:
        fresh, timeout = self._fresh, self.service.queue_timeout_s
        late = []
        while fresh and now_s - fresh[0] > timeout:
            late.append(fresh.popleft())
        if self.service.on_timeout is OnTimeout.REJECT:
            self.counters.rejected += len(late)
            self.outstanding -= len(late)
            return len(late)
        self._late += late
        return 0

    def _waits_for_company(self, now_s: float, size: int) -> bool:
        service = self.service
        if size == service.max_batch_size or not service.max_queue_delay_s:
            return False
        due = (self._late or self._fresh)[0] + service.max_queue_delay_s
        if now_s >= due:
            return False
        if due != self._looks_again_s:
            self._looks_again_s = due
            self._agenda.add(due, self, None)
        return True

    def _start(self, now_s: float, size: int) -> None:
        fresh, late = self._fresh, self._late
        arrived = [fresh.popleft() if fresh else late.popleft() for _ in range(size)]
        takes = self.service.batch_s(size) * self.service.noise(self._random)
        self._agenda.add(now_s + takes, self, Batch(arrived, now_s))
        self.idle -= 1

    def _count(self, now_s: float, latencies_us: list[float], waits_us: list[float], batch_us: float) -> None:
        size = len(latencies_us)
        counters, windows = self.counters, self.windows
        put_in, put_out = batch_us * INPUT_SHARE, batch_us * OUTPUT_SHARE
        inferred = batch_us - put_in - put_out
        counters.success += size
        counters.executions += 1
        counters.request_us += sum(latencies_us)
        counters.queue_us += sum(waits_us)
        counters.input_us += size * put_in
        counters.infer_us += size * inferred
        counters.output_us += size * put_out
        windows.request.slot(now_s).add(latencies_us)
        windows.queue.slot(now_s).add(waits_us)
        windows.input.slot(now_s).add_same(put_in, size)
        windows.infer.slot(now_s).add_same(inferred, size)
        windows.output.slot(now_s).add_same(put_out, size)
