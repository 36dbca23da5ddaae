"""Three accounts of one run, side by side: the operator's, the ledger's, and Prometheus' own."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from demo.record import Moment, Record

HOUR_S = 3600.0
AGREED = 0.02
"""How far apart they may be, as a share of the ledger's."""
DEMAND_S, BEFORE_S = 30.0, 24.0
"""The operator's demand is the mean of half a minute, its share in time that of Triton's windows, 54 s on average."""
UNKNOWN = "-"


@dataclass(frozen=True, kw_only=True)
class Account:
    """One figure, by each of the three; None is who does not know it. `spelled` writes it for people.

    Where Prometheus' is not exact, it is surely from `least` to `most`.
    """

    name: str
    spelled: Callable[[float], str]
    operator: float | None
    ledger: float
    prometheus: float | None
    least: float | None = None
    most: float | None = None

    @property
    def apart(self) -> float | None:
        """How far the farthest two are apart, as a share of the ledger's; None where nobody else knows."""
        known = [each for each in (self.operator, self.ledger, self.prometheus) if each is not None]
        return (max(known) - min(known)) / self.ledger if len(known) > 1 and self.ledger else None

    def cells(self) -> tuple[str, ...]:
        """Return it as people read it: its name, the three, how far they are apart, the bounds."""
        three = (
            UNKNOWN if each is None else self.spelled(each) for each in (self.operator, self.ledger, self.prometheus)
        )
        apart = UNKNOWN if self.apart is None else _percent(self.apart)
        bounds = "" if self.least is None or self.most is None else f"{_percent(self.least)} to {_percent(self.most)}"
        return (self.name, *three, apart, bounds)


HEADER = ("", "operator", "ledger", "Prometheus", "apart", "surely")
WIDTHS = (20, 10, 10, 12, 8, 0)


def accounts(record: Record) -> tuple[Account, ...]:
    """Return the figures of a run that is over.

    Raises:
        ValueError: its ledger was not closed.
    """
    moments, truth, seen = record.moments, record.truth, record.recomputed
    if truth is None:
        raise ValueError(f"the ledger of {record.model} was not closed")
    answered, price = truth.account.completed, record.price
    replica_seconds = integral(moments, lambda moment: moment.exist)
    found = [
        Account(
            name="requests answered",
            spelled=_counted,
            operator=None,
            ledger=answered,
            prometheus=None if seen is None else seen.answered,
        ),
        Account(
            name="of these in time",
            spelled=_percent,
            operator=estimated(moments),
            ledger=truth.account.within / answered if answered else 1.0,
            prometheus=None if seen is None else seen.within,
            least=None if seen is None else seen.least,
            most=None if seen is None else seen.most,
        ),
        Account(
            name="replica-seconds",
            spelled=_counted,
            operator=_said(moments, lambda moment: moment.gauges.existing),
            ledger=replica_seconds,
            prometheus=None if seen is None else seen.replica_seconds,
        ),
    ]
    if price is not None:
        hourly = _said(moments, lambda moment: moment.gauges.hourly)
        found.append(
            Account(
                name=f"cost, {record.currency}",
                spelled=lambda amount: f"{amount:.4f}",
                operator=None if hourly is None else hourly / HOUR_S,
                ledger=replica_seconds * price / HOUR_S,
                prometheus=None if seen is None else seen.replica_seconds * price / HOUR_S,
            )
        )
    return tuple(found)


def table(records: Sequence[Record]) -> Iterator[str]:
    """Yield the accounts of all runs, line by line, and in the end whether they agree."""
    largest, of_what = 0.0, ""
    for record in records:
        yield _row((record.model, *HEADER[1:]))
        for account in accounts(record):
            yield _row(account.cells())
            if (account.apart or 0.0) > largest:
                largest, of_what = account.apart or 0.0, f"{account.name} of {record.model}"
    verdict = "all within" if largest <= AGREED else "not all within"
    yield f"The largest difference is {_percent(largest)}{f' ({of_what})' if of_what else ''}: {verdict} {AGREED:.0%}."


def integral(moments: Sequence[Moment], value: Callable[[Moment], float]) -> float:
    """Return the sum of what was seen, each times the seconds until the next look."""
    return sum(value(moment) * (following.at_s - moment.at_s) for moment, following in pairwise(moments))


def estimated(moments: Sequence[Moment]) -> float | None:
    """Return the mean of the operator's estimates, each weighted with the requests that it is about, by its own demand.

    These are the requests of the last 54 s: those of the last 30 s, and those of 24 s before.
    """
    times = [moment.at_s for moment in moments]
    total = weights = 0.0
    for moment in moments:
        if moment.gauges.within is not None:
            before = bisect.bisect_right(times, moment.at_s - DEMAND_S) - 1
            earlier = moments[before].gauges.demand if before >= 0 else None
            weight = (moment.gauges.demand or 0.0) * DEMAND_S + (earlier or 0.0) * BEFORE_S
            total += moment.gauges.within * weight
            weights += weight
    return total / weights if weights else None


def _said(moments: Sequence[Moment], value: Callable[[Moment], float | None]) -> float | None:
    """Return the integral of what the operator said, None where it did not always know it."""
    if any(value(moment) is None for moment in moments[:-1]):
        return None
    return integral(moments, lambda moment: value(moment) or 0.0)


def _row(cells: tuple[str, ...]) -> str:
    name, *others = cells
    padded = (f"{cell:>{width}}" for cell, width in zip(others, WIDTHS[1:], strict=True))
    return "  ".join(("", f"{name:<{WIDTHS[0]}}", *padded)).rstrip()


def _counted(number: float) -> str:
    return f"{number:,.0f}"


def _percent(share: float) -> str:
    return f"{share * 100:.2f} %"
