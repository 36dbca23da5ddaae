"""A decision on replicas, with the way that led to it."""

from dataclasses import dataclass
from enum import StrEnum

from trimtab.units import MoneyPerHour, Replicas, RequestsPerSecond


class BoundBy(StrEnum):
    """What decided the number."""

    HELD = "Held"
    OBJECTIVE = "Objective"
    METRICS_LOST = "MetricsLost"
    STABILIZATION = "Stabilization"
    RATE_LIMIT = "RateLimit"
    BUDGET = "Budget"
    SCHEDULE = "Schedule"
    MIN_REPLICAS = "MinReplicas"
    MAX_REPLICAS = "MaxReplicas"
    PIN = "Pin"
    MODE = "Mode"


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one policy made of the proposal: the replicas after it, and why it moved them or left them."""

    policy: str
    replicas: Replicas
    because: str


@dataclass(frozen=True, kw_only=True)
class NextReplica:
    """What one replica more would cost and bring.

    `hourly` is its price, None if it is unknown; `within_now` and `within_then` the shares of requests, 0 to 1, that
    are expected to be answered within the objective without it and with it.
    """

    hourly: MoneyPerHour | None
    within_now: float
    within_then: float


@dataclass(frozen=True, kw_only=True)
class Decision:
    """How many replicas there shall be; the last step has the same. `pinned` tells that a person fixed the number.

    `wanted` is what demand asks for before anything bounds it, None where that is not known, and `expected` the rate
    that is planned with by what Prometheus knows, None where that or capacity is not known. `next_replica` is None
    where nothing can be said of it, `hint` empty where nothing is known to help better than replicas. `ceiling` is what
    an autoscaler that moves by itself may rise to, None where that is `scaling.maxReplicas` alone.
    """

    replicas: Replicas
    bound_by: BoundBy
    message: str
    pinned: bool
    trail: tuple[Step, ...]
    wanted: Replicas | None = None
    expected: RequestsPerSecond | None = None
    next_replica: NextReplica | None = None
    hint: str = ""
    ceiling: Replicas | None = None
