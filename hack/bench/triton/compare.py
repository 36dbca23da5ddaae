"""Put what a real Triton did beside what the simulated world does with the very same requests."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trimtab.simulate.events import simulate_requests
from trimtab.simulate.setting import Discipline, Setting
from trimtab.simulate.view import View
from trimtab.units import Seconds

Floats = NDArray[np.float64]
Batches = Mapping[int, tuple[int, float]]
"""By size: how many were executed, and the seconds that they took in all."""
QUANTILES = (0.5, 0.95)
AFTER_S = 120
"""Seconds for what waits at the end to be answered: whoever is late counts too."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """How long requests took, in seconds, and which share of them was not in time."""

    p50: float
    p95: float
    late: float

    def apart(self, other: Figures) -> float:
        """Return how far the farther of both quantiles is from another's, as a share of that."""
        return max(abs(self.p50 / other.p50 - 1.0), abs(self.p95 / other.p95 - 1.0))


def figures(latencies: Floats, target: float) -> Figures:
    """Return the figures of requests; a target that is kept to the microsecond is kept."""
    p50, p95 = (float(each) for each in np.quantile(latencies, QUANTILES))
    return Figures(p50=p50, p95=p95, late=float(np.mean(latencies > target)))


def between(before: Batches, after: Batches) -> dict[int, tuple[int, float]]:
    """Return what was executed between two readings of counters."""
    none = (0, 0.0)
    found = {
        size: (many - before.get(size, none)[0], took - before.get(size, none)[1])
        for size, (many, took) in after.items()
    }
    return {size: each for size, each in found.items() if each[0] > 0}


def fitted(batches: Batches) -> tuple[float, float]:
    """Return what a batch takes and each request in it adds, by least squares over all executions, in seconds.

    Where all batches had one size, nothing is known of what a request adds: then it is 0.

    Raises:
        ValueError: nothing was executed.
    """
    weights = np.array([many for many, _ in batches.values()], dtype=np.float64)
    if not weights.sum():
        raise ValueError("no batch was executed, so nothing is known of how long one takes; call the model first")
    sizes, times = np.array(list(batches), dtype=np.float64), np.array([took / many for many, took in batches.values()])
    mean_size, mean_time = np.average(sizes, weights=weights), np.average(times, weights=weights)
    variance = np.average((sizes - mean_size) ** 2, weights=weights)
    if not variance:
        return float(mean_time), 0.0
    slope = float(np.average((sizes - mean_size) * (times - mean_time), weights=weights) / variance)
    return float(mean_time - slope * mean_size), slope


class _Fixed:
    """Asks for nothing, and keeps the view."""

    def __init__(self) -> None:
        self.view = View(0, 0)

    def __call__(self, view: View) -> None:
        self.view = view


def world(arrivals: Floats, setting: Setting, replicas: int, *, seed: int) -> Figures:
    """Return what becomes of the requests in the discrete-event world, with a number of replicas that stays."""
    seconds = math.ceil(float(arrivals[-1])) + AFTER_S
    watching = _Fixed()
    outcome = simulate_requests(arrivals, setting, watching, first=replicas, seed=seed, seconds=seconds)
    p50, p95 = (float(watching.view.latency_quantile(each, seconds)) for each in QUANTILES)
    return Figures(p50=p50, p95=p95, late=1.0 - outcome.attainment)


def as_measured(setting: Setting, batches: Batches) -> Setting:
    """Return a setting whose service takes as long as was measured; the queue policy's timeout stays."""
    base, per_item = fitted(batches)
    service = replace(setting.service, base=Seconds(base), per_item=Seconds(per_item), variation=0.0)
    measured = replace(setting, service=service)
    if setting.discipline is Discipline.FIFO:
        return measured
    return replace(measured, target=Seconds(setting.slack + service.batch_time(service.max_batch)))
