"""What a real Triton is compared in: models, loads, and requests that come at moments drawn before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trimtab.simulate.setting import Discipline, Service, Setting
from trimtab.simulate.trace import read_trace
from trimtab.units import Seconds

Floats = NDArray[np.float64]
LOADS = (0.3, 0.6, 0.85)
BEYOND = 1.15
BUSY_PIECE_S = 900
"""Of a trace, from its first second on: what is replayed, faster."""
SINGLE = Service(base=Seconds(0.24), instances=3, variation=0.0)
BATCHED = Service(base=Seconds(0.16), per_item=Seconds(0.04), max_batch=8, instances=2, variation=0.0)
"""Slow enough that a busy machine's milliseconds do not show: it sleeps 0.24 to 0.48 s."""
TARGET = Seconds(2.0)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A model on so many replicas, at some shares of what these can serve; `trace` is whose course requests follow."""

    name: str
    setting: Setting
    loads: tuple[float, ...] = LOADS
    replicas: int = 1
    trace: Path | None = None

    def arrivals(self, load: float, seconds: float, seed: int) -> Floats:
        """Return the moments of all requests: a Poisson process, or a piece of the trace, that much faster.

        Raises:
            TraceError: it is no trace.
        """
        rate = load * self.replicas * self.setting.service.capacity
        if self.trace is None:
            gaps = np.random.default_rng(seed).exponential(1.0 / rate, int(2.0 * rate * seconds) + 100)
            moments: Floats = np.cumsum(gaps)
            return moments[moments < seconds]
        times = read_trace(self.trace).part(0, BUSY_PIECE_S).arrivals(seed)
        hurried: Floats = times * (len(times) / BUSY_PIECE_S / rate)
        return hurried[hurried < seconds]


def cases(trace: Path | None) -> Iterator[Case]:
    """Yield all cases: without a queue policy, then with the one that the operator sets."""

    def served(service: Service, discipline: Discipline, delay: float = 0.0) -> Setting:
        return Setting(service=replace(service, max_delay=Seconds(delay)), target=TARGET, discipline=discipline)

    first_come, delay = Discipline.FIFO, Discipline.DELAY
    yield Case(name="three instances, one by one", setting=served(SINGLE, first_come))
    yield Case(name="two instances, batches of 8", setting=served(BATCHED, first_come))
    yield Case(name="... which wait 20 ms for company", setting=served(BATCHED, first_come, 0.02))
    if trace:
        name = f"... two replicas, {trace.name.partition('.')[0]}"
        yield Case(name=name, setting=served(BATCHED, first_come), loads=(0.6,), replicas=2, trace=trace)
    yield Case(name="three instances, one by one", setting=served(SINGLE, delay, 0.001), loads=(0.6, 0.85, BEYOND))
    yield Case(name="two instances, batches of 8", setting=served(BATCHED, delay, 0.001), loads=(*LOADS, BEYOND))
    one = replace(SINGLE, instances=1, base=Seconds(0.12))
    yield Case(name="one instance, one by one", setting=served(one, delay, 0.001), loads=(0.3, 0.6))
