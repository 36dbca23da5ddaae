"""What one Triton does with one model: how long a batch takes, how batches are made, who waits for whom."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random

Noise = Callable[[Random], float]
"""Draws the factor on one batch's time; its mean is 1."""


def exactly(_: Random) -> float:
    """Let every batch of a size take the same time."""
    return 1.0


def lognormal(variation: float) -> Noise:
    """Return noise whose standard deviation is `variation`: 0.05 is what a model alone on its accelerator shows."""
    variance = math.log1p(variation * variation)
    mean, deviation = -variance / 2, math.sqrt(variance)
    return lambda random: math.exp(random.gauss(mean, deviation))


A_LITTLE = lognormal(0.05)


class OnTimeout(StrEnum):
    """What Triton does with a request that has waited as long as its queue policy allows."""

    DELAY = "DELAY"
    """Serve it after those that have not."""
    REJECT = "REJECT"
    """Answer it with an error, when an instance next looks into the queue."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """A model in one pod; a batch of b requests takes `base_s` + b * `per_item_s`, times the noise.

    An instance that is free takes what waits, at most `max_batch_size`; if that is less, it lets the oldest wait up to
    `max_queue_delay_s` for company. `queue_timeout_s` is the queue policy's; infinite means first come, first served.
    """

    base_s: float
    per_item_s: float = 0.0
    max_batch_size: int = 1
    max_queue_delay_s: float = 0.0
    queue_timeout_s: float = math.inf
    on_timeout: OnTimeout = OnTimeout.DELAY
    instances: int = 1
    noise: Noise = A_LITTLE

    def batch_s(self, size: int) -> float:
        """Return the mean time that a batch of `size` takes."""
        return self.base_s + self.per_item_s * size

    @property
    def capacity(self) -> float:
        """The requests per second that one pod can serve at most, in full batches."""
        return self.instances * self.max_batch_size / self.batch_s(self.max_batch_size)
