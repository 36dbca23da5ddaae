"""The frontiers as pictures: one panel for each traffic and cold start."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from itertools import cycle

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import NullFormatter

from bench.policies.cells import ATTAINMENT
from bench.policies.contest import POLICED, SHIPPED, Results
from trimtab.simulate.judge import Point
from trimtab.simulate.picture import COLOURS, FAINT, LIMIT, LOOK
from trimtab.simulate.report import Kind
from trimtab.simulate.rivals import RIVALS

LEAST = 0.01
"""Percent of late requests below which a panel does not go."""
LEAST_WIDTH = 8.0  # inches
PALETTE = (
    "#e07b39", "#3e6fb0", "#8a6d1f", "#6b4fa0", "#b0466f", "#4f8f3a", "#a6761d", "#5b8fa8", "#c06060", "#777777",
)  # fmt: skip


def frontiers(results: Results, fleet: float, title: str) -> bytes:
    """Return the panels of one size of fleets as a PNG file."""
    chosen = [place for place, cell in enumerate(results.cells) if cell.fleet == fleet]
    traffics = list(dict.fromkeys(results.cells[place].traffic for place in chosen))
    starts = sorted({results.cells[place].cold_start for place in chosen})
    with mpl.rc_context(LOOK), io.BytesIO() as file:
        width = max(LEAST_WIDTH, 1.0 + 3.3 * len(starts))
        columns = int(width / 1.9)
        size = (width, 0.9 + 2.7 * len(traffics) + 0.2 * math.ceil((len(RIVALS) + 3) / columns))
        figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08))
        panels = figure.subplots(len(traffics), len(starts), squeeze=False)
        for panel in panels.flat:
            panel.set_axis_off()  # generated traffic has one cold start only
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
        for place in chosen:
            cell = results.cells[place]
            axis: Axes = panels[traffics.index(cell.traffic)][starts.index(cell.cold_start)]
            axis.set_axis_on()
            axis.set_xlabel("GPU-hours", color=FAINT)
            axis.set_title(f"{cell.traffic}, cold start {cell.cold_start:g} s", loc="left", color=FAINT, fontsize=8)
            _panel(axis, results, place)
        for axis in panels[:, 0]:
            axis.set_ylabel("late, % of all", color=FAINT)
        handles, labels = panels[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=columns, fontsize=7)
        figure.savefig(file, format="png", dpi=110, facecolor="white")
        return file.getvalue()


def _panel(axis: Axes, results: Results, place: int) -> None:
    ours, known = results.ours(place, (0,)), results.yardsticks[place]
    for name, colour in zip(RIVALS, cycle(PALETTE), strict=False):
        for discipline, style, width in ((POLICED, "-", 1.1), (SHIPPED, ":", 0.8)):
            points = [judged for _, judged in results.frontier(place, name, discipline, (0,))]
            label = name if discipline is POLICED else None
            axis.plot(*_series(points), style, color=colour, linewidth=width, marker=".", markersize=3, label=label)
    axis.scatter(*_series([ours]), s=70, color=COLOURS[Kind.OURS], zorder=5, label="trimtab")
    axis.scatter(
        [known.causal.gpu_hours], [_late(known.causal.attainment)], marker="D", s=26, color=FAINT, zorder=4,
        label="causal oracle",
    )  # fmt: skip
    axis.axvline(known.bound.gpu_hours, color=FAINT, linewidth=0.9, linestyle="--", label="clairvoyant bound at 99 %")
    axis.axhline(100.0 * (1.0 - ATTAINMENT), color=LIMIT, linewidth=0.9, linestyle=":")
    axis.set_yscale("log")
    axis.set_xscale("log")
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_ylim(LEAST / 2.0, 100.0)
    axis.set_xlim(0.9 * known.bound.gpu_hours, 5.0 * known.bound.gpu_hours)
    ticks = [round(known.bound.gpu_hours * factor, 2) for factor in (1.0, 1.5, 2.0, 3.0, 4.0)]
    axis.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks])


def _series(points: Sequence[Point]) -> tuple[list[float], list[float]]:
    return [each.gpu_hours for each in points], [_late(each.attainment) for each in points]


def _late(attainment: float) -> float:
    return max(LEAST, 100.0 * (1.0 - attainment))
