"""Write the page that says how far the simulated world is from a real Triton."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.policies.document import commit
from bench.triton.cases import Case
from bench.triton.compare import Figures
from bench.triton.wheel import RELEASE
from trimtab.simulate.setting import Discipline

GOAL = 0.10
TITLES = {
    Discipline.FIFO: "First come, first served",
    Discipline.DELAY: "Fresh requests first: the queue policy `DELAY`",
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A case at one load. `busy` is the machine's load average after it."""

    case: Case
    load: float
    requests: int
    busy: float
    real: Figures
    world: Figures

    @property
    def said(self) -> str:
        """Return it in a line."""
        return f"real {_told(self.real)}; world {_told(self.world)}"


def document(rows: Sequence[Row], seconds: float) -> str:
    """Return the whole page."""
    return "\n".join(_lines(rows, seconds)) + "\n"


def _lines(rows: Sequence[Row], seconds: float) -> Iterator[str]:
    yield "# The discrete-event world beside a real Triton"
    yield ""
    yield (
        f"Written by `make bench WHAT=triton` from commit {commit()}; do not edit it. Triton {RELEASE} on "
        f"processors, a model that sleeps, {os.cpu_count()} cores, {_priority()}."
    )
    yield ""
    yield (
        f"Open-loop requests over HTTP, {seconds:g} s for each row; the world gets the very same moments, and the "
        "batch times that Triton counted. Seconds; *late* is longer than the target. Ratios are the world's over the "
        "real one's. *Busy* is the machine's load average. Where that is above the number of cores, start it with "
        "`chrt -r 5`: what becomes of a Triton that waits for processors stands in README.md."
    )
    for discipline, title in TITLES.items():
        found = [row for row in rows if row.case.setting.discipline is discipline]
        yield from ("", f"## {title}", "", _within(found), "")
        yield "| model | load | requests | real p50, p95, late | world | ratios | busy |"
        yield "|---|---|---|---|---|---|---|"
        for row in found:
            cells = (_told(row.real), _told(row.world), _ratios(row.world, row.real), f"{row.busy:.1f}")
            yield f"| {row.case.name} | {row.load:.0%} | {row.requests} | {' | '.join(cells)} |"


def _priority() -> str:
    first = os.sched_getscheduler(0) != os.SCHED_OTHER
    return "before all other processes in real time" if first else "beside other processes as any"


def _within(rows: Sequence[Row]) -> str:
    near = sum(row.world.apart(row.real) <= GOAL for row in rows)
    return f"p50 and p95 are within {GOAL:.0%} in {near} of {len(rows)} rows."


def _told(found: Figures) -> str:
    return f"{found.p50:.3f}, {found.p95:.3f}, {found.late:.1%}"


def _ratios(found: Figures, real: Figures) -> str:
    return f"{found.p50 / real.p50:.2f}, {found.p95 / real.p95:.2f}"
