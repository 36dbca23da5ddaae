"""What was seen of a model, second by second: what the operator says, what its pods are, what the ledger knows."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.fleet import Fleet
from demo.gauges import Gauges
from demo.ledger import Account
from demo.recompute import Recomputed

Manifest = dict[str, Any]

P99 = 0.99
RATE_S = 3  # whole seconds that the shown traffic is the mean of
LATENCY_S = 10  # and that the shown latency is of; the ledger's intervals make it at most 2 s more
US = 1e6
DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h)")
UNIT_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """Return a duration of the API, such as `80ms`, in seconds.

    Raises:
        ValueError: it is none.
    """
    found = DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no duration: one is written like 80ms, 2.5s or 10m")
    return float(found[1]) * UNIT_S[found[2]]


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the operator has written into a model's status; None and empty is what it has not.

    `within` is the share of requests, 0 to 1, that it takes to be answered within the objective.
    """

    wanted: int | None = None
    decided: int | None = None
    bound_by: str = ""
    message: str = ""
    latency_s: float | None = None
    within: float | None = None
    hourly: float | None = None
    currency: str = ""


def said_in(status: Mapping[str, Any]) -> Said:
    """Return what an AIModel's status says."""
    decision, latency, cost = (status.get(part) or {} for part in ("decision", "latency", "cost"))
    decided, observed, within = (
        decision.get("desiredReplicas"),
        latency.get("observed"),
        latency.get("withinTargetPercent"),
    )
    return Said(
        wanted=decision.get("wantedReplicas"),
        decided=decided,
        bound_by=decision.get("boundBy", ""),
        message=decision.get("message", ""),
        latency_s=None if observed is None else seconds(observed),
        within=None if within is None else float(within) / 100,
        hourly=float(cost["hourly"]) if "hourly" in cost else None,
        currency=cost.get("currency", ""),
    )


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One look, `at_s` seconds after the traffic began.

    `rate` is of the last seconds, and `p99_s` the true 99th percentile of the last ten, NaN where nothing was answered.
    `exist` counts the pods that hold a node's resources, those that drain included.
    """

    at_s: float
    rate: float
    p99_s: float
    ready: int
    exist: int
    accelerators: int = 0
    said: Said = field(default_factory=Said)
    gauges: Gauges = field(default_factory=Gauges)


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What became of all requests of a run, from the ledger."""

    account: Account
    failures: dict[str, int]
    p99_s: float


@dataclass(kw_only=True)
class Record:
    """A run of one model. `price` is of one replica for an hour, None where the pool has none.

    `recomputed` is what Prometheus itself knows of it, once it was asked.
    """

    model: str
    target_s: float
    price: float | None
    currency: str
    moments: list[Moment] = field(default_factory=list)
    truth: Truth | None = None
    recomputed: Recomputed | None = None

    @property
    def changes(self) -> list[Moment]:
        """The moments at which another number of replicas was decided than before."""
        found: list[Moment] = []
        for moment in self.moments:
            if moment.said.decided is not None and (not found or moment.said.decided != found[-1].said.decided):
                found.append(moment)
        return found


def traffic_now(fleet: Fleet) -> tuple[float, float]:
    """Return the requests per second of the last seconds, and the true 99th percentile of the latency in seconds."""
    second = int(fleet.now_s)  # is not over yet
    arrived = fleet.ledger.between(second - RATE_S, second).arrived
    return arrived / RATE_S, fleet.ledger.latencies(max(0.0, fleet.now_s - LATENCY_S), fleet.now_s).quantile(P99) / US


def truth_since(fleet: Fleet, began_s: float) -> Truth:
    """Return what became of the requests since a moment of the world's clock."""
    ledger, end_s = fleet.ledger, math.ceil(fleet.now_s)
    return Truth(
        account=ledger.between(began_s, end_s),
        failures={str(why): number for why, number in ledger.failures.items()},
        p99_s=ledger.latencies(began_s, end_s).quantile(P99) / US,
    )
