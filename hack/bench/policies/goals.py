"""The rows of the table of goals, in Markdown: what was to be reached, and what was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bench.policies.cells import ATTAINMENT
from bench.policies.contest import Results
from bench.policies.verdict import Overall, Verdict, as_written, beaten_by_hpa, in_both, overall
from trimtab.simulate.judge import geometric_mean
from trimtab.simulate.rivals import RIVALS

ROWS: tuple[tuple[str, str, str, Callable[[Verdict], float | None]], ...] = (
    (
        "1",
        "GPU-hours at 99 % over those of the best tuned rival as shipped",
        "≤ 0.75, each < 1.00",
        lambda each: each.ratio(each.shipped),
    ),
    ("", "the same, its knob chosen on the judged part", "", lambda each: each.ratio_hindsight(each.shipped)),
    (
        "2",
        "... when every rival gets our queue policy",
        "≤ 0.85, each ≤ 1.02",
        lambda each: each.ratio(each.policed),
    ),
    ("", "the same, its knob chosen on the judged part", "", lambda each: each.ratio_hindsight(each.policed)),
    ("3", "late requests over the best rival's at equal GPU-hours, as shipped", "≤ 0.5", lambda each: each.late_share),
    ("", "... over the best HPA's", "≤ 0.25", lambda each: each.late_share_hpa),
)
"""Rows 1 to 3 of the goals: number, what, goal, and the figure of one cell."""


def goals(results: Results, cells: Sequence[int], seeds: int, verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yield the lines of the table, over these cells, and what it leaves out."""
    yield "| | what | goal | found, 95 % by seeds | worst cell | cells |"
    yield "|---|---|---|---|---|---|"
    for number, what, goal, read in ROWS:
        yield _row((number, what, goal), overall(results, cells, seeds, read), len(cells))
    yield _yardstick_row(results, cells, verdicts)
    yield _hpa_row(results, cells, seeds)
    missed = [cell for cell in cells if not verdicts[cell].reached]
    lost = [cell for cell in missed if verdicts[cell].shipped.hindsight or verdicts[cell].policed.hindsight]
    named = f": {'; '.join(str(results.cells[cell]) for cell in lost)}" if lost else ""
    yield ""
    yield (
        f"Ours keeps the objective in {len(cells) - len(missed)} of {len(cells)} cells. In {len(lost)} of the others "
        f"some rival does{named}. Ratios of GPU-hours are over the cells in which both sides keep it."
    )


def _row(titles: tuple[str, str, str], found: Overall, all_cells: int) -> str:
    around = f", {found.around[0]:.2f} to {found.around[1]:.2f}" if found.around else ""
    mean = "none" if found.mean is None else f"**{found.mean:.2f}**{around}"
    worst = "" if found.worst is None else f"{found.worst:.2f}"
    return f"| {' | '.join(titles)} | {mean} | {worst} | {found.cells} of {all_cells} |"


def _yardstick_row(results: Results, cells: Sequence[int], verdicts: Sequence[Verdict]) -> str:
    ratios, bounds = [], []
    for cell in cells:
        known, ours = results.yardsticks[cell], verdicts[cell].ours
        if verdicts[cell].reached and known.causal.attainment >= ATTAINMENT:
            ratios.append(ours.gpu_hours / known.causal.gpu_hours)
        if verdicts[cell].reached:
            bounds.append(ours.gpu_hours / known.bound.gpu_hours)
    mean, distance = geometric_mean(ratios), geometric_mean(bounds)
    found = "none" if mean is None else f"**{mean:.2f}**"
    beside = "" if distance is None else f"; {distance:.2f} x the clairvoyant bound"
    worst = f"{max(ratios):.2f}" if ratios else ""
    what = "GPU-hours at 99 % against the causal oracle"
    return f"| 4 | {what} | ≤ 1.00 | {found}{beside} | {worst} | {len(ratios)} of {len(cells)} |"


def _hpa_row(results: Results, cells: Sequence[int], seeds: int) -> str:
    runs = len(cells) * seeds * sum(name.startswith("hpa-") for name in RIVALS)
    both = list(beaten_by_hpa(results, cells, seeds, in_both))
    written = list(beaten_by_hpa(results, cells, seeds, as_written))
    what = (
        "runs in which a tuned HPA with our queue policy is better: by 0.1 pp at no more GPU-hours, or by 2 % of these"
    )
    found = f"**{len(both)}** of {runs}; in {len(written)} one figure alone is worse"
    return f"| 5 | {what} | 0 | {found} | {results.cells[both[0][0]] if both else ''} | {len(cells)} of {len(cells)} |"
