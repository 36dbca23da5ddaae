"""A run as a picture: demand, replicas, latency and cost of each model; a PNG, and a page that is whole in itself."""

from __future__ import annotations

import html
import io
import math
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.typing import RcKeyType

from demo.compare import HEADER, accounts
from demo.record import Record
from demo.report import milliseconds, rows
from demo.table import reasons

INK, FAINT, GRID = "#1f2933", "#7b8794", "#e4e7eb"
DEMAND, WANTED, READY, COST = "#3e6fb0", "#e07b39", "#2a9d8f", "#8a6d1f"
LATENCY, ESTIMATE, TARGET = "#6b4fa0", "#b39ddb", "#c8372d"
LOOK: dict[RcKeyType, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "text.color": INK,
    "svg.hashsalt": "trimtab",
    "legend.frameon": False,
    "legend.fontsize": 8,
}
COLUMN, HEIGHT = 6.4, 8.6  # inches
HIGHEST = 4.0  # times the target; what is above is told, not drawn, so that what is near the target can be seen


def draw(records: Sequence[Record]) -> Figure:
    """Return the picture: a column for each model."""
    with mpl.rc_context(LOOK):
        figure = Figure(figsize=(COLUMN * len(records), HEIGHT), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.06))
        grid = figure.subplots(
            4, len(records), sharex=True, squeeze=False, gridspec_kw={"height_ratios": [2, 2.6, 2, 1.3]}
        )
        for column, record in enumerate(records):
            axes: list[Axes] = list(grid[:, column])
            axes[0].set_title(record.model, loc="left", fontsize=13, fontweight="bold", pad=24)
            for axis, panel in zip(axes, (_demand, _replicas, _latency, _cost), strict=True):
                panel(axis, record)
                axis.margins(x=0)
            axes[-1].set_xlabel("seconds", color=FAINT)
        return figure


def png(figure: Figure) -> bytes:
    """Return the picture as a PNG file."""
    with mpl.rc_context(LOOK), io.BytesIO() as file:
        figure.savefig(file, format="png", dpi=140, facecolor="white")
        return file.getvalue()


def page(records: Sequence[Record], figure: Figure, title: str) -> str:
    """Return an HTML page with the picture, the numbers and every decision with its reason."""
    parts = [f"<h1>{html.escape(title)}</h1>", _svg(figure)]
    for record in records:
        parts.append(f"<h2>{html.escape(record.model)}</h2><table>")
        parts += [f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>" for name, value in rows(record)]
        parts.append("</table><table>")
        parts += [_row("th", HEADER), *(_row("td", account.cells()) for account in accounts(record)), "</table>"]
    parts.append("<h2>Why</h2><ol>")
    parts += [f"<li><b>{at_s:.0f} s</b> {html.escape(text)}</li>" for at_s, text in reasons(records)]
    parts.append("</ol>")
    return PAGE.format(title=html.escape(title), body="\n".join(parts))


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #1f2933; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }}
svg {{ width: 100%; height: auto }}
table {{ border-collapse: collapse }}
th, td {{ text-align: left; padding: .15rem 1.5rem .15rem 0; border-bottom: 1px solid #e4e7eb }}
th {{ font-weight: 600 }}
ol {{ list-style: none; padding: 0 }}
li {{ padding: .1rem 0 }}
li b {{ display: inline-block; min-width: 4rem }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _svg(figure: Figure) -> str:
    with mpl.rc_context(LOOK), io.StringIO() as file:
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        text = file.getvalue()
    return text[text.index("<svg") :]


# -- panels ----------------------------------------------------------------------------------------------------------


def _demand(axis: Axes, record: Record) -> None:
    _title(axis, "demand, requests/s")
    times, rates = _times(record), [moment.rate for moment in record.moments]
    axis.fill_between(times, rates, color=DEMAND, alpha=0.18, linewidth=0)
    axis.plot(times, rates, color=DEMAND, linewidth=1.6, gid="demand")
    axis.set_ylim(bottom=0)


def _replicas(axis: Axes, record: Record) -> None:
    _title(axis, "replicas")
    times, ready = _times(record), [moment.ready for moment in record.moments]
    axis.fill_between(times, ready, step="post", color=READY, alpha=0.22, linewidth=0)
    decided = [_or_nan(moment.said.decided) for moment in record.moments]
    axis.step(times, decided, where="post", color=INK, linewidth=1.2, label="decided", gid="decided")
    axis.step(times, ready, where="post", color=READY, linewidth=1.8, label="ready", gid="ready")
    wanted = [_or_nan(moment.said.wanted) for moment in record.moments]
    axis.step(
        times, wanted, where="post", color=WANTED, linewidth=1.2, linestyle=(0, (3, 1.5)), label="wanted", gid="wanted"
    )
    axis.set_ylim(0, max(axis.dataLim.ymax, 1) + 0.7)
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(axis)


def _latency(axis: Axes, record: Record) -> None:
    _title(axis, f"p99 of latency, ms; target {milliseconds(record.target_s)}")
    times, target = _times(record), record.target_s * 1000
    true = [moment.p99_s * 1000 for moment in record.moments]
    highest = max((each for each in true if not math.isnan(each)), default=target)
    top = min(HIGHEST * target, max(highest * 1.1, 1.5 * target))
    axis.plot(
        times, [_or_nan(moment.said.latency_s) * 1000 for moment in record.moments],
        color=ESTIMATE, linewidth=1.4, label="operator's estimate", gid="estimate",
    )  # fmt: skip
    axis.plot(times, true, color=LATENCY, linewidth=1.6, label="true, last 10 s", gid="latency")
    axis.axhline(target, color=TARGET, linewidth=1.1, linestyle=(0, (5, 2)), gid="target")
    late = [value > target for value in true]
    axis.fill_between(times, target, true, where=late, color=TARGET, alpha=0.16, linewidth=0, interpolate=True)
    axis.set_ylim(0, top)
    if highest > top:
        at_s = times[true.index(highest)]
        axis.annotate(
            f"up to {milliseconds(highest / 1000)}", (at_s, top), textcoords="offset points", xytext=(4, -10),
            fontsize=8, color=TARGET,
        )  # fmt: skip
    _legend(axis)


def _cost(axis: Axes, record: Record) -> None:
    times, hourly = _times(record), [_or_nan(moment.said.hourly) for moment in record.moments]
    if all(math.isnan(each) for each in hourly):
        _title(axis, "cost: unknown")
        axis.set_yticks([])
        return
    _title(axis, f"cost, {record.currency} an hour")
    axis.fill_between(times, hourly, step="post", color=COST, alpha=0.2, linewidth=0)
    axis.step(times, hourly, where="post", color=COST, linewidth=1.6, gid="cost")
    axis.set_ylim(bottom=0)
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_major_locator(MaxNLocator(nbins=4))


def _title(axis: Axes, text: str) -> None:
    axis.text(0, 1.03, text, transform=axis.transAxes, fontsize=9, color=FAINT, va="bottom")


def _legend(axis: Axes) -> None:
    axis.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, borderaxespad=0, handlelength=1.6)


def _times(record: Record) -> list[float]:
    return [moment.at_s for moment in record.moments]


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
