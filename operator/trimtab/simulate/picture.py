"""A simulation as a picture: traffic, replicas and late requests over time, and who attains what for how much."""

import io
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator
from matplotlib.typing import RcKeyType

from trimtab.simulate.report import Course, Kind, Report, Row, ordered

INK, FAINT, GRID = "#1f2933", "#7b8794", "#e4e7eb"
TRAFFIC, LIMIT = "#3e6fb0", "#c8372d"
COLOURS = {Kind.OURS: "#2a9d8f", Kind.WHAT_IF: "#6b4fa0", Kind.RIVAL: "#e07b39", Kind.ORACLE: "#7b8794"}
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
COLUMNS = 600
"""Points that a line is drawn with at most: a day has 86,400 seconds, a picture 1,500 pixels."""
LEAST_LATE = 0.01
"""Percent; who has fewer late requests is drawn as if it were so many."""
LETTER, LINE, DOT = 0.0145, 0.03, 0.012
"""Of the panel: how wide a letter is, how high a line, and how large a point."""
SPOTS = [(0.018 + 0.02 * abs(step), 0.032 * step) for step in sorted(range(-9, 10), key=abs)]
"""Where a name may stand beside its point: across from it, else above or below."""

Box = tuple[float, float, float, float]


def draw(report: Report) -> Figure:
    """Return the picture."""
    with mpl.rc_context(LOOK):
        figure = Figure(figsize=(12.0, 6.8), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.06))
        left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1.35, 1.0))[0]
        axes: Sequence[Axes] = left.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": [1.5, 2.4, 1.5]})
        left.suptitle(f"{report.model}, {report.traffic}", x=0.02, ha="left", fontsize=13, fontweight="bold")
        _traffic(axes[0], report)
        _replicas(axes[1], report)
        _late(axes[2], report)
        for axis in axes:
            axis.margins(x=0)
        _places(right.subplots(), report)
        return figure


def png(figure: Figure) -> bytes:
    """Return the picture as a PNG file."""
    with mpl.rc_context(LOOK), io.BytesIO() as file:
        figure.savefig(file, format="png", dpi=140, facecolor="white")
        return file.getvalue()


def svg(figure: Figure) -> str:
    """Return the picture as an SVG element to put into a page."""
    with mpl.rc_context({**LOOK, "svg.fonttype": "none"}), io.StringIO() as file:
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
        text = file.getvalue()
    return text[text.index("<svg") :]


def _traffic(axis: Axes, report: Report) -> None:
    axis.set_title("requests per second", loc="left", color=FAINT, fontsize=9)
    axis.fill_between(*_thinned(report.counts, _mean), color=TRAFFIC, alpha=0.25, linewidth=0)
    axis.plot(*_thinned(report.counts, _mean), color=TRAFFIC, linewidth=1.0)
    axis.set_ylim(bottom=0)
    _learning(axis, report)


def _replicas(axis: Axes, report: Report) -> None:
    axis.set_title("replicas that answer", loc="left", color=FAINT, fontsize=9)
    for course in report.courses:
        style = "--" if course.kind is Kind.ORACLE else "-"
        colour, width = COLOURS[course.kind], 1.8 if course.kind is Kind.OURS else 1.1
        known = report.since if course.kind is Kind.ORACLE else 0  # nobody asks it about what came before
        minutes, ready = _thinned(course.ready[known:], max)
        axis.step(
            [known / 60.0 + minute for minute in minutes], ready, where="post", color=colour, linestyle=style,
            linewidth=width, label=course.name,
        )  # fmt: skip
    axis.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axis.set_ylim(bottom=0)
    axis.legend(loc="upper right", ncols=2)
    _learning(axis, report)


def _late(axis: Axes, report: Report) -> None:
    axis.set_title("requests that were late, so far", loc="left", color=FAINT, fontsize=9)
    for course in report.courses:
        if course.kind is not Kind.ORACLE:
            axis.plot(*_thinned(_summed(course, report.since), max), color=COLOURS[course.kind], label=course.name)
    allowed = (1.0 - report.setting.percentile) * report.rows[0].arrivals
    axis.axhline(allowed, color=LIMIT, linewidth=0.9, linestyle=":")
    axis.annotate(
        "what the objective allows", (0.01, allowed), xycoords=("axes fraction", "data"), color=LIMIT, fontsize=8,
        va="bottom",
    )  # fmt: skip
    axis.set_yscale("symlog", linthresh=10)
    axis.set_ylim(bottom=0)
    axis.set_xlabel("minutes", color=FAINT)
    _learning(axis, report)


def _learning(axis: Axes, report: Report) -> None:
    if report.since:
        axis.axvspan(0, report.since / 60.0, color=GRID, alpha=0.6, linewidth=0)


def _places(axis: Axes, report: Report) -> None:
    """Draw each policy where its cost and its late requests put it; down and to the left is better."""
    axis.set_title("down and to the left is better", loc="left", color=FAINT, fontsize=9)
    axis.set_xlabel("GPU-hours", color=FAINT)
    axis.set_ylabel("late requests, % of all", color=FAINT)
    axis.set_yscale("log")
    places = [(row, row.gpu_hours, max(LEAST_LATE, 100.0 * (1.0 - row.attainment))) for row in ordered(report.rows)]
    for row, hours, late in places:
        marker = "D" if row.kind is Kind.ORACLE else "o"
        axis.scatter([hours], [late], s=70 if row.kind is Kind.OURS else 30, color=COLOURS[row.kind], marker=marker)
    axis.axhline(100.0 * (1.0 - report.setting.percentile), color=LIMIT, linewidth=0.9, linestyle=":")
    hours_ = [hours for _, hours, _ in places]
    room = max(0.1, max(hours_) - min(hours_))
    axis.set_xlim(max(0.0, min(hours_) - 0.1 * room), max(hours_) + 0.3 * room)
    axis.set_ylim(LEAST_LATE / 2.0, 200.0)
    ticks = [each for each in (0.01, 0.1, 1.0, 10.0, 100.0) if each >= LEAST_LATE]
    axis.set_yticks(ticks, [f"{each:g}" for each in ticks])
    _name(axis, places)


def _name(axis: Axes, places: Sequence[tuple[Row, float, float]]) -> None:
    """Write the names beside their points, each as near as the others leave room for."""
    to_axes = axis.transData + axis.transAxes.inverted()
    at = [tuple(to_axes.transform((hours, late))) for _, hours, late in places]
    taken = [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y in at]
    for (row, _, _), (x, y) in zip(places, at, strict=True):
        width = LETTER * len(row.name)
        boxes = [
            (x + side + dx, y + dy - LINE / 2.0, x + side + dx + width, y + dy + LINE / 2.0)
            for dx, dy in SPOTS
            for side in (0.0, -width - 2.0 * dx)
        ]
        inside = [box for box in boxes if box[0] >= 0.0 and box[2] <= 1.0 and box[1] >= 0.0 and box[3] <= 1.0]
        box = next((box for box in inside if not any(_cross(box, other) for other in taken)), boxes[0])
        taken.append(box)
        axis.annotate(
            row.name, (x, y), xytext=(box[0], (box[1] + box[3]) / 2.0), xycoords="axes fraction",
            textcoords="axes fraction", fontsize=8, va="center",
            color=INK if row.kind is Kind.RIVAL else COLOURS[row.kind],
            fontweight="bold" if row.kind is Kind.OURS else "normal",
            arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.4, "shrinkA": 0, "shrinkB": 3},
        )  # fmt: skip


def _cross(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _summed(course: Course, since: int) -> list[float]:
    total, sums = 0.0, []
    for second, late in enumerate(course.late):
        total += late if second >= since else 0.0
        sums.append(total)
    return sums


def _mean(part: Sequence[float]) -> float:
    return sum(part) / len(part)


def _thinned(values: Sequence[float], read: Callable[[Sequence[float]], float]) -> tuple[list[float], list[float]]:
    """Return minutes and values, several seconds put together by `read` where there are more than can be seen."""
    step = max(1, -(-len(values) // COLUMNS))
    starts = range(0, len(values), step)
    return [start / 60.0 for start in starts], [float(read(values[start : start + step])) for start in starts]
