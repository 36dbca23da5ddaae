"""What `trimtab simulate` has to say, as values, as JSON and as a table; `picture` draws it, `page` prints it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from trimtab.simulate.judge import Tally, interval, point
from trimtab.simulate.setting import Setting

VERSION = 1
"""Of the JSON. Fields may be added; one that goes or changes its meaning makes a new version."""


class Kind(StrEnum):
    """What a row is about."""

    OURS = "trimtab"
    WHAT_IF = "what-if"
    RIVAL = "rival"
    ORACLE = "oracle"


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one policy came to: one tally for each seed. `source` says where its algorithm is written down."""

    name: str
    kind: Kind
    tallies: tuple[Tally, ...]
    knob: str = ""
    source: str = ""

    @property
    def attainment(self) -> float:
        """Share of all requests in time, 0 to 1."""
        return point(None, self.tallies).attainment

    @property
    def gpu_hours(self) -> float:
        """Of replicas, cold starts and draining included; the mean of the seeds."""
        return point(None, self.tallies).gpu_hours

    @property
    def violations(self) -> float:
        """Requests that were late or lost; the mean of the seeds."""
        return sum(each.violations for each in self.tallies) / len(self.tallies)

    @property
    def arrivals(self) -> float:
        """Requests that came; the mean of the seeds."""
        return sum(each.arrivals for each in self.tallies) / len(self.tallies)

    @property
    def replica_changes(self) -> float:
        """Moves of the number asked for; the mean of the seeds."""
        return sum(each.replica_changes for each in self.tallies) / len(self.tallies)

    def interval(self, figure: str) -> tuple[float, float] | None:
        """Return where `attainment` or `gpu_hours` lies with 95 % confidence, None of a single seed."""
        return interval(
            len(self.tallies), lambda seeds: float(getattr(point(None, [self.tallies[seed] for seed in seeds]), figure))
        )


@dataclass(frozen=True, kw_only=True)
class Course:
    """What one policy did in the first seed, for the picture: one number for each second."""

    name: str
    kind: Kind
    ready: Sequence[int]
    late: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Report:
    """A finished simulation. `price` is of one replica and hour, None where it is not known.

    `since` is the second from which on it counts, `counts` the requests of each second of the first seed.
    """

    model: str
    traffic: str
    setting: Setting
    world: str
    service: str
    price: Decimal | None
    currency: str
    since: int
    counts: Sequence[float]
    rows: tuple[Row, ...]
    courses: tuple[Course, ...] = ()
    notes: tuple[str, ...] = ()

    def cost(self, row: Row) -> float | None:
        """Return what a row costs, None where that is not known."""
        return None if self.price is None else float(self.price) * row.gpu_hours

    @property
    def objective(self) -> str:
        """The objective in words."""
        return f"{self.setting.percentile:.4g} of all requests within {self.setting.target:g} s"


def as_json(report: Report) -> str:
    """Return it as JSON; docs/simulate.md describes each field."""
    setting = report.setting
    told: dict[str, Any] = {
        "version": VERSION,
        "model": report.model,
        "traffic": {
            "source": report.traffic,
            "seconds": len(report.counts),
            "judged_from_second": report.since,
            "requests": report.rows[0].arrivals,
        },
        "setting": {
            "world": report.world,
            "service": report.service,
            "batch_base_s": setting.service.base,
            "batch_per_item_s": setting.service.per_item,
            "max_batch": setting.service.max_batch,
            "instances": setting.service.instances,
            "target_s": setting.target,
            "percentile": setting.percentile,
            "cold_start_s": setting.cold_start.mean,
            "queue_policy": str(setting.discipline),
            "routing": str(setting.routing),
            "min_replicas": setting.min_replicas,
            "max_replicas": setting.max_replicas,
            "price_per_replica_hour": None if report.price is None else str(report.price),
            "currency": report.currency,
            "seeds": len(report.rows[0].tallies),
        },
        "policies": [_row(report, row) for row in report.rows if row.kind is not Kind.ORACLE],
        "oracles": [_row(report, row) for row in report.rows if row.kind is Kind.ORACLE],
        "notes": list(report.notes),
    }
    return json.dumps(told, indent=2, ensure_ascii=False)


def _row(report: Report, row: Row) -> dict[str, Any]:
    cost = report.cost(row)
    return {
        "name": row.name,
        "kind": str(row.kind),
        "knob": row.knob or None,
        "attainment": round(row.attainment, 6),
        "attainment_95": _rounded(row.interval("attainment"), 6),
        "gpu_hours": round(row.gpu_hours, 4),
        "gpu_hours_95": _rounded(row.interval("gpu_hours"), 4),
        "cost": None if cost is None else round(cost, 4),
        "violations": round(row.violations, 2),
        "replica_changes": round(row.replica_changes, 2),
        "source": row.source or None,
    }


def _rounded(pair: tuple[float, float] | None, digits: int) -> list[float] | None:
    return None if pair is None else [round(each, digits) for each in pair]


HEADINGS = ("policy", "in time %", "late", "GPU-hours", "cost", "changes")
UNKNOWN = "unknown"


def headings(report: Report) -> tuple[str, ...]:
    """Return what stands above the columns of `cells`."""
    return tuple(f"{each} {report.currency}" if each == "cost" and report.price else each for each in HEADINGS)


def cells(report: Report, row: Row) -> tuple[str, ...]:
    """Return a row's figures as text, in the order of `headings`."""
    cost = report.cost(row)
    return (
        row.name,
        _with_spread(100.0 * row.attainment, row.interval("attainment"), 100.0, "{:.2f}"),
        f"{row.violations:,.0f}",
        _with_spread(row.gpu_hours, row.interval("gpu_hours"), 1.0, "{:.2f}"),
        UNKNOWN if cost is None else f"{cost:,.2f}",
        f"{row.replica_changes:,.0f}",
    )


def _with_spread(value: float, around: tuple[float, float] | None, times: float, form: str) -> str:
    if around is None:
        return form.format(value)
    return form.format(value) + f" ±{form.format((around[1] - around[0]) / 2.0 * times)}"


def table(report: Report) -> Table:
    """Return the rows as a table for a terminal: ours first, then the rivals by what they attain, then the oracles."""
    made = Table(box=box.SIMPLE_HEAD)
    for place, heading in enumerate(headings(report)):
        made.add_column(heading, justify="right" if place else "left", no_wrap=True)
    promised = report.setting.percentile
    for row in ordered(report.rows):
        name, in_time, *others = cells(report, row)
        bold = "bold" if row.kind in {Kind.OURS, Kind.WHAT_IF} else "dim" if row.kind is Kind.ORACLE else ""
        reached = Text(in_time, style="green" if row.attainment >= promised else "red")
        made.add_row(Text(name, style=bold), reached, *others, style=bold)
    return made


def ordered(rows: Iterable[Row]) -> list[Row]:
    """Return ours, then the rivals, those that attain most first, then the oracles."""
    kinds = list(Kind)
    return sorted(rows, key=lambda row: (kinds.index(row.kind), -row.attainment if row.kind is Kind.RIVAL else 0.0))


def title(report: Report) -> str:
    """Return what was simulated, in a sentence."""
    minutes = (len(report.counts) - report.since) / 60.0
    return (
        f"{report.model} on {report.traffic}: {minutes:.0f} min, {report.rows[0].arrivals:,.0f} requests; "
        f"objective {report.objective}"
    )
