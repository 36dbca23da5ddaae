"""What a person sees while it happens: a live table on a terminal, else a line for each model every five seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from demo.record import Moment, Record
from demo.report import milliseconds

EVERY_S = 5.0
COLUMNS = ("model", "traffic", "p99", "estimate", "target", "wanted", "bound by", "ready", "cost/h")
NUMBERS = frozenset(COLUMNS) - {"model", "bound by"}
ROW = 102  # characters that a row takes; what is beyond them is for the traffic of the last minute
BARS = "▁▂▃▄▅▆▇█"
MINUTE = 30  # bars at most, one for each other second
LEAST_BARS = len("traffic so far")
REASONS = 4  # decisions shown, the last one last


def cells(record: Record, moment: Moment) -> tuple[str, ...]:
    """Return what is shown of a model at a moment, in the order of `COLUMNS`; a dash is what is not known."""
    said = moment.said
    wanted = "-" if said.wanted is None else str(said.wanted)
    of = "" if said.decided is None else f"/{said.decided}"
    cost = "unknown" if said.hourly is None else f"{said.hourly:.2f} {said.currency}"
    return (
        record.model,
        f"{moment.rate:.0f}/s",
        milliseconds(moment.p99_s),
        milliseconds(said.latency_s),
        milliseconds(record.target_s),
        wanted,
        said.bound_by or "-",
        f"{moment.ready}{of}",
        cost,
    )


def plain(record: Record, moment: Moment) -> str:
    """Return a moment in one line."""
    model, rate, p99, estimate, target, wanted, bound_by, ready, cost = cells(record, moment)
    return (
        f"{moment.at_s:4.0f} s  {model:<14}{rate:>6}  p99 {p99:>7} (estimate {estimate:>7}, target {target})  "
        f"wanted {wanted:>2} by {bound_by:<13} ready {ready:<6} cost/h {cost}"
    )


def reasons(records: Sequence[Record]) -> Iterator[tuple[float, str]]:
    """Yield each decision for another number of replicas, with its moment, in the order of time."""
    for at_s, model, message in sorted(
        (moment.at_s, record.model, moment.said.message) for record in records for moment in record.changes
    ):
        yield at_s, f"{model}: {message}"


def bars(rates: Sequence[float]) -> str:
    """Return a line of bars, the highest for the highest rate."""
    highest = max(rates, default=0.0)
    return "".join(BARS[min(len(BARS) - 1, int(rate / highest * len(BARS)))] if highest else BARS[0] for rate in rates)


def whole(records: Sequence[Record], *, lasts_s: float, width: int) -> RenderableType:
    """Return the live table of all models that were looked at, and the last decisions under it."""
    at_s = max((record.moments[-1].at_s for record in records if record.moments), default=0.0)
    room = min(MINUTE, width - ROW)
    shows_bars = room >= LEAST_BARS
    title = f"{at_s:.0f} of {lasts_s:.0f} s"
    table = Table(title=title, title_justify="left", header_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    if width < ROW:
        table.box, table.padding = None, (0, 1, 0, 0)
    for name in COLUMNS:
        table.add_column(name, justify="right" if name in NUMBERS else "left", no_wrap=name in NUMBERS)
    if shows_bars:
        table.add_column("traffic so far", no_wrap=True)
    for record in records:
        if record.moments:
            rates = [moment.rate for moment in record.moments[-1 : -2 * room : -2]][::-1]
            table.add_row(*_styled(record, record.moments[-1]), *([Text(bars(rates), style="cyan")] * shows_bars))
    last = list(reasons(records))[-REASONS:]
    why = (Text(f"{at_s:4.0f} s  {text}", style="dim", no_wrap=True, overflow="ellipsis") for at_s, text in last)
    return Group(table, *why)


def _styled(record: Record, moment: Moment) -> Iterator[Text]:
    late = not math.isnan(moment.p99_s) and moment.p99_s > record.target_s
    waits = moment.said.decided is not None and moment.ready < moment.said.decided
    styles = {"model": "bold", "p99": "bold red" if late else "green", "ready": "yellow" if waits else ""}
    for name, text in zip(COLUMNS, cells(record, moment), strict=True):
        yield Text(text, style=styles.get(name, ""))


@dataclass
class Show:
    """Shows the records of a run that lasts `lasts_s` seconds, as a context manager: `update` after each look."""

    console: Console
    records: Sequence[Record]
    lasts_s: float
    _live: Live | None = field(default=None, init=False)
    _next_s: float = field(default=0.0, init=False)
    _told: int = field(default=0, init=False)

    def __enter__(self) -> Self:
        """Begin."""
        if self.console.is_terminal:
            self._live = Live(console=self.console, auto_refresh=False)
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave what was shown last, and give the terminal back."""
        if self._live is not None:
            self._live.__exit__(kind, error, trace)

    def update(self) -> None:
        """Show what is so now."""
        if self._live is not None:
            shown = whole(self.records, lasts_s=self.lasts_s, width=self.console.width)
            self._live.update(shown, refresh=True)
            return
        told = list(reasons(self.records))
        for at_s, text in told[self._told :]:
            self._say(f"{at_s:4.0f} s  {text}")
        self._told = len(told)
        latest = [(record, record.moments[-1]) for record in self.records if record.moments]
        if latest and latest[0][1].at_s >= self._next_s:
            self._next_s += EVERY_S
            for record, moment in latest:
                self._say(plain(record, moment))

    def _say(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)
