"""What an autoscaler may see of a simulated world: sums over windows of the past, each as late as its source is."""

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from trimtab.units import Seconds


class Signal(Enum):
    """What is recorded for each second; the numbers are sums over that second.

    Replicas that are leaving are counted with their work and their requests, but not as `READY`.
    """

    ARRIVALS = 0
    COMPLETIONS = 1
    LATE = 2
    """Completions that took longer than the target."""
    WAITING = 3
    """Requests that wait, at the second's end; also those that no replica is there for."""
    INSIDE = 4
    """Requests that wait or are worked on, at the second's end."""
    BUSY = 5
    """Replicas that work, as a sum of their instances' shares of the second."""
    READY = 6
    """Replicas that answer."""
    LATENCY = 7
    """Seconds that completions took, summed over them."""
    WORK = 8
    """Seconds that the batches of the completions took, summed over the completions."""
    BATCHES = 9
    """Batches that were completed."""


@dataclass
class View:
    """The past, second by second, and the replicas of now.

    `ready` answer, `starting` exist and do not yet; `unschedulable` of them wait for an accelerator. `asked` is what
    was asked for last. `now` is the number of seconds that are over.
    """

    min_replicas: int
    max_replicas: int
    now: int = 0
    ready: int = 0
    starting: int = 0
    asked: int = 0
    unschedulable: int = 0
    _sums: list[list[float]] = field(default_factory=lambda: [[0.0] for _ in Signal])
    _latencies: "array[float]" = field(default_factory=lambda: array("d"))
    _weights: "array[float]" = field(default_factory=lambda: array("d"))
    _ends: list[int] = field(default_factory=lambda: [0])

    def record(
        self, second: Sequence[float], latencies: Sequence[float] = (), weights: Sequence[float] | None = None
    ) -> None:
        """Append one second: its numbers in the order of `Signal`, and how long its completions took.

        Latencies count once each, or as often as `weights` say.
        """
        for sums, value in zip(self._sums, second, strict=True):
            sums.append(sums[-1] + value)
        self._latencies.extend(latencies)
        self._weights.extend([1.0] * len(latencies) if weights is None else weights)
        self._ends.append(len(self._latencies))
        self.now += 1

    def total(self, signal: Signal, window: int, lag: int = 0) -> float:
        """Return the sum over the `window` seconds that ended `lag` seconds ago; what was before the start is 0."""
        sums = self._sums[signal.value]
        end = max(0, self.now - lag)
        return sums[end] - sums[max(0, end - window)]

    def mean(self, signal: Signal, window: int, lag: int = 0) -> float:
        """Return the mean per second over the window; over what there is of it at the start, 0 without any."""
        seen = min(window, max(0, self.now - lag))
        return self.total(signal, window, lag) / seen if seen else 0.0

    def per_replica(self, signal: Signal, window: int, lag: int = 0) -> float:
        """Return the mean per second and ready replica over the window; 0 where none was ready."""
        ready = self.total(Signal.READY, window, lag)
        return self.total(signal, window, lag) / ready if ready else 0.0

    def latency_quantile(self, quantile: float, window: int, lag: int = 0) -> Seconds:
        """Return what a share `quantile` of the window's completions took at most; NaN where there was none."""
        end = max(0, self.now - lag)
        part = slice(self._ends[max(0, end - window)], self._ends[end])
        if part.start == part.stop:
            return Seconds(math.nan)
        latencies = np.frombuffer(self._latencies[part])
        order = np.argsort(latencies)
        weights = np.cumsum(np.frombuffer(self._weights[part])[order])
        place = np.searchsorted(weights, quantile * weights[-1] * (1.0 - 1e-12))
        return Seconds(float(latencies[order[min(int(place), len(order) - 1)]]))


Autoscaler = Callable[[View], int | None]
"""Asked at the end of each second, it says how many replicas it wants now; None leaves what there is."""
