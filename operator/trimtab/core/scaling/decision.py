"""A decision on replicas, with the way that led to it."""

from dataclasses import dataclass
from enum import StrEnum

from trimtab.units import Replicas


class BoundBy(StrEnum):
    """What decided the number."""

    HELD = "Held"
    MIN_REPLICAS = "MinReplicas"
    MAX_REPLICAS = "MaxReplicas"
    PIN = "Pin"


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one policy made of the proposal: the replicas after it, and why it moved them or left them."""

    policy: str
    replicas: Replicas
    because: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """How many replicas there shall be; the last step has the same. `pinned` tells that a person fixed the number."""

    replicas: Replicas
    bound_by: BoundBy
    message: str
    pinned: bool
    trail: tuple[Step, ...]
