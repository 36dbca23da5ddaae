"""Runs that were never played, for what is made of them."""

import dataclasses
import math

from demo.gauges import Gauges
from demo.ledger import Account
from demo.recompute import Recomputed
from demo.record import Moment, Record, Said, Truth

HALF = 10
"""Seconds with one replica, and then with three."""


def said(replicas: int, **changes: object) -> Said:
    """Return what an operator says that knows everything."""
    known = Said(
        wanted=replicas,
        decided=replicas,
        bound_by="Objective",
        message=f"{replicas} replicas: 31.0 requests/s expected",
        latency_s=0.06,
        within=0.98,
        hourly=replicas * 0.8,
        currency="USD",
    )
    return dataclasses.replace(known, **changes)  # type: ignore[arg-type]  # by name, as everywhere in tests


def moment(at_s: float, replicas: int, rate: float = 30.0, **changes: object) -> Moment:
    """Return a look at replicas that are all ready."""
    seen = Moment(
        at_s=at_s,
        rate=rate,
        p99_s=0.07,
        ready=replicas,
        exist=replicas,
        accelerators=replicas,
        said=said(replicas),
        gauges=Gauges(demand=rate, within=0.96, existing=replicas, hourly=replicas * 0.8),
    )
    return dataclasses.replace(seen, **changes)  # type: ignore[arg-type]


def run() -> Record:
    """Return 20 s in which one replica becomes three, at 0.80 an hour each; two of 600 requests fail."""
    moments = [moment(float(at_s), 1 if at_s < HALF else 3) for at_s in range(2 * HALF + 1)]
    account = Account(arrived=600, completed=598, within=570, failed=2, seconds=20.0)
    truth = Truth(account=account, failures={"its pod vanished": 2, "no pod was ready": 0}, p99_s=0.09)
    seen = Recomputed(answered=597.0, within=0.95, least=0.94, most=0.97, replica_seconds=39.0)
    return Record(
        model="fraud-scorer",
        target_s=0.08,
        price=0.8,
        currency="USD",
        moments=moments,
        truth=truth,
        recomputed=seen,
    )


def blind() -> Record:
    """Return a run of which neither the operator nor Prometheus said anything, in a pool without prices."""
    record = run()
    moments = [dataclasses.replace(each, said=Said(), gauges=Gauges(), p99_s=math.nan) for each in record.moments]
    return dataclasses.replace(record, moments=moments, price=None, recomputed=None)
