"""What a run came to: what became of the requests, how many replicas it took, what they cost and what was spared."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from demo.compare import HOUR_S, integral
from demo.record import Record


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A run of one model in numbers; None is what is not known.

    `attained` is a share, 0 to 1: what failed is not within the objective. `replicas` is the mean of those that
    existed, `most` the most at once. Costs are in the pool's currency: `cost` by the pods that existed, `cost_of_most`
    as if the most had always been there.
    """

    seconds: float
    attained: float
    p99_s: float
    requests: int
    failed: int
    fewest: int
    most: int
    replicas: float
    gpu_hours: float
    cost: float | None
    cost_of_most: float | None


def figures(record: Record) -> Figures:
    """Return the numbers of a run that is over.

    Raises:
        ValueError: nothing was seen of it.
    """
    moments, truth = record.moments, record.truth
    if len(moments) < 2 or truth is None:  # noqa: PLR2004 - there is no time between fewer
        raise ValueError(f"nothing was seen of {record.model}: it has to be looked at twice, and its ledger closed")
    lasted = moments[-1].at_s - moments[0].at_s
    pods = [moment.exist for moment in moments]
    replica_hours = integral(moments, lambda moment: moment.exist) / HOUR_S
    price = record.price
    return Figures(
        seconds=lasted,
        attained=truth.account.attainment,
        p99_s=truth.p99_s,
        requests=truth.account.arrived,
        failed=truth.account.failed,
        fewest=min(pods),
        most=max(pods),
        replicas=replica_hours * HOUR_S / lasted,
        gpu_hours=integral(moments, lambda moment: moment.accelerators) / HOUR_S,
        cost=None if price is None else replica_hours * price,
        cost_of_most=None if price is None else max(pods) * price * lasted / HOUR_S,
    )


def rows(record: Record) -> Iterator[tuple[str, str]]:
    """Yield the numbers of a run with their names, for people."""
    found, currency = figures(record), record.currency
    account = f"{found.requests:,} in {found.seconds:.0f} s"
    yield "requests", account + (f", {found.failed:,} of them failed: {_failures(record)}" if found.failed else "")
    yield f"within {milliseconds(record.target_s)}", percent(found.attained)
    yield "p99 of all answers", milliseconds(found.p99_s)
    yield "replicas", f"{found.fewest} to {found.most}, {found.replicas:.2f} on average"
    if found.gpu_hours:
        yield "GPU-hours", f"{found.gpu_hours:.4f}"
    if found.cost is None or found.cost_of_most is None:
        yield "cost", "unknown: the pool has no price"
        return
    yield "cost", f"{found.cost:.4f} {currency}"
    if found.cost_of_most > found.cost:
        saved = 1 - found.cost / found.cost_of_most
        yield "saved", f"{percent(saved)} of {found.cost_of_most:.4f} {currency}: {found.most} replicas all the time"


def lines(records: Sequence[Record]) -> Iterator[str]:
    """Yield the report, line by line."""
    for record in records:
        yield record.model
        for name, value in rows(record):
            yield f"  {name:<20} {value}"


def milliseconds(duration_s: float | None) -> str:
    """Return a duration as people say it, a dash where there is none."""
    if duration_s is None or math.isnan(duration_s):
        return "-"
    return f"{duration_s:.1f} s" if duration_s >= 1 else f"{duration_s * 1000:.3g} ms"


def percent(share: float) -> str:
    """Return a share as a percentage, a dash where there is none."""
    return "-" if math.isnan(share) else f"{share * 100:.1f} %"


def _failures(record: Record) -> str:
    failures = {} if record.truth is None else record.truth.failures
    return ", ".join(f"{why} ({number:,})" for why, number in failures.items() if number)
