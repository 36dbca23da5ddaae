"""What a simulated model is like, and the cluster that it runs on."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from trimtab.units import RequestsPerSecond, Seconds

NO_TIME = Seconds(0.0)


class Discipline(StrEnum):
    """Whom a server takes next: Triton's queue policies."""

    FIFO = "FIFO"
    """First come, first served: Triton as it comes."""
    DELAY = "DELAY"
    """Those who have waited too long to be in time are served after all others."""


class Routing(StrEnum):
    """Who gets a request."""

    PER_POD = "PerPod"
    """A replica chosen by chance, as behind a ClusterIP: each replica has a queue of its own."""
    POOLED = "Pooled"
    """The replica with the fewest outstanding requests."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """A model in one replica: a batch of b requests takes `base` + b * `per_item`, times noise of mean 1.

    The noise is gamma distributed, `variation` is its standard deviation: 0 is none, 1 makes service times
    exponential. A free instance takes what waits, at most `max_batch`; if that is less, the oldest may wait up to
    `max_delay` for company.
    """

    base: Seconds
    per_item: Seconds = NO_TIME
    max_batch: int = 1
    instances: int = 1
    max_delay: Seconds = NO_TIME
    variation: float = 0.05

    def batch_time(self, size: float) -> Seconds:
        """Return the mean time of a batch."""
        return Seconds(self.base + self.per_item * size)

    @property
    def slots(self) -> int:
        """Requests that a replica works on at once, at most."""
        return self.instances * self.max_batch

    @cached_property
    def capacity(self) -> RequestsPerSecond:
        """Requests per second of one replica that never rests, in full batches."""
        return RequestsPerSecond(self.slots / self.batch_time(self.max_batch))


@dataclass(frozen=True, kw_only=True)
class ColdStart:
    """How long a replica takes from being asked for to its first answer: lognormal with this mean and variation."""

    mean: Seconds
    variation: float = 0.3


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Everything about a simulation but its traffic and its autoscaler.

    A request is in time if it is answered within `target` of its arrival. `percentile` is the share that the objective
    asks for. `accelerators` bounds how many replicas can exist at all, `max_replicas` how many may be asked for.
    `price` is per replica and hour. `failures_per_hour` is how often one ready replica is lost with all that it has.
    A ready replica that is told to go is paid for `ending` at least, however soon it has ended its work.
    """

    service: Service
    target: Seconds
    percentile: float = 0.99
    cold_start: ColdStart = field(default_factory=lambda: ColdStart(mean=Seconds(60.0)))
    discipline: Discipline = Discipline.DELAY
    routing: Routing = Routing.PER_POD
    min_replicas: int = 1
    max_replicas: int = 1000
    accelerators: float = math.inf
    price: float = 1.0
    failures_per_hour: float = 0.0
    ending: Seconds = NO_TIME

    @property
    def slack(self) -> Seconds:
        """How long a request may wait and still be in time, in a full batch; DELAY calls it late from then on."""
        return Seconds(self.target - self.service.batch_time(self.service.max_batch))
