"""The results as a page of docs/benchmarks, in Markdown."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.policies.cells import ATTAINMENT, SERVICE, TARGET, WARM
from bench.policies.contest import POLICED, SHIPPED, US, Results
from bench.policies.goals import goals
from bench.policies.verdict import Best, Verdict, verdict
from trimtab.simulate.experiment import Contender
from trimtab.simulate.judge import Point
from trimtab.simulate.rivals import RIVALS

QUICK = "**A quick look: few cells, knobs and seeds. Nothing here is a result.**"
WHAT = """\
Attainment is requests within the objective over all arrivals. GPU-hours are replicas from being asked for to being
gone, cold starts and draining included. Ours is untuned, with the same defaults everywhere; each rival's main knob
is swept on the first half of each trace and judged on the second.
"""
CELLS = """\
In time % / GPU-hours; in italics where the objective is missed. *Bound*: the clairvoyant's GPU-hours at 99 %. Each
rival has its name and its tuned knob, then our GPU-hours over its own; in brackets the same over those of the best
rival and knob in hindsight, interpolated. A dash: nobody keeps the objective there. The last column has our late
requests over the best rival's as shipped at equal GPU-hours, its knob chosen in hindsight; a dash: no rival is as
cheap.

| traffic | cold start | busy | bound | causal oracle | ours | best as shipped | best with our queue policy | late |
|---|---|---|---|---|---|---|---|---|
"""
CHECKED = """\
The tables come from the fast world, in which requests are a fluid. These are the same runs where each request is one by
itself, with the first seed: in time % / GPU-hours, the fast world's in brackets.

| traffic | cold start | ours | best as shipped | best with our queue policy |
|---|---|---|---|---|
"""
PLOTS = """\
Each line is one rival's knob, with our queue policy; dotted as shipped. Down and to the left is better; the red line is
the objective. First seed.
"""
HOW = """\
- A request takes {service:g} s, one at a time in a replica, and is in time within {target:g} s; routing is {routing}.
  Traffic is scaled so that it keeps the number of replicas in column *busy* busy on average.
- Everybody has the same traffic, chances and `maxReplicas` (1.3 x the busiest 15 s of the first half / 0.7: {least} to
  {most}). The first {warm} s count for nothing; knobs are tuned on the rest of the first half, and the second half is
  judged. *Tuned* is the cheapest knob that keeps the objective on the first half.
- All knobs are played with the first seed; with the other seeds those that come near the best rival, around the tuned
  one, and every HPA. Seeds change cold starts, service times, and the copies, or the whole, of the traffic.
- Intervals are paired bootstraps over seeds. Days are not resampled: there is one trace of each.
- Rivals, with their knobs, and where their algorithms are written down:
"""


@dataclass(frozen=True, kw_only=True)
class About:
    """How a run was made: what the page has to say beside its figures."""

    command: str
    minutes: float
    seeds: int
    routing: str
    plots: Sequence[str]
    quick: bool


def commit() -> str:
    """Return the commit that is checked out, and whether the files differ from it."""
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty=, with changes that are not committed", "--abbrev=12"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "unknown: there is no git here"
    return told.stdout.strip()


def document(results: Results, about: About) -> str:
    """Return the page."""
    everything = list(range(len(results.cells)))
    real = [cell for cell in everything if not results.cells[cell].generated]
    verdicts = [verdict(results, cell, range(about.seeds)) for cell in everything]
    where = "real traces" if real else "generated traffic: no trace files were given"
    parts = [
        "# Policies",
        *_head(results, about),
        f"## Goals, on {where}",
        "\n".join(goals(results, real or everything, about.seeds, verdicts)),
        "## Cells",
        CELLS + "\n".join(_cells(results, verdicts)),
    ]
    if results.checked:
        parts += ["## Request by request", CHECKED + "\n".join(_checked(results, verdicts))]
    if about.plots:
        parts += [
            "## Frontiers",
            PLOTS.rstrip(),
            *(f"![Late requests against GPU-hours]({name})" for name in about.plots),
        ]
    parts += ["## How", _how(results, about)]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _head(results: Results, about: About) -> Iterator[str]:
    yield (
        f"Written by `{about.command}` from commit {commit()}; do not edit it. {len(results.cells)} cells, "
        f"{len(RIVALS)} rivals, {about.seeds} seeds, {sum(map(len, results.runs.values()))} runs, "
        f"{about.minutes:.0f} min on {os.cpu_count()} cores ({platform.machine()}, Python {platform.python_version()})."
    )
    if about.quick:
        yield QUICK
    yield WHAT


def _cells(results: Results, verdicts: Sequence[Verdict]) -> Iterator[str]:
    for place, (cell, found) in enumerate(zip(results.cells, verdicts, strict=True)):
        known = results.yardsticks[place]
        causal = f"{100 * known.causal.attainment:.2f} / {known.causal.gpu_hours:.2f}"
        late = "-" if found.late_share is None else f"{found.late_share:.2f}"
        yield (
            f"| {cell.traffic} | {cell.cold_start:g} s | {cell.fleet:g} | {known.bound.gpu_hours:.2f} | {causal} "
            f"| {_point(found.ours)} | {_best(found, found.shipped)} | {_best(found, found.policed)} | {late} |"
        )


def _point(found: Point) -> str:
    figures = f"{100 * found.attainment:.2f} / {found.gpu_hours:.2f}"
    return figures if found.attainment >= ATTAINMENT else f"*{figures}*"


def _best(found: Verdict, best: Best) -> str:
    ratio, hindsight = found.ratio(best), found.ratio_hindsight(best)
    if best.tuned is None:
        return "-" if hindsight is None else f"- ({hindsight:.2f})"
    name, where = best.tuned
    told = "" if ratio is None else f"; **{ratio:.2f}**"
    beside = "" if hindsight is None else f" ({hindsight:.2f})"
    return f"{name} {where.knob:g}: {_point(where)}{told}{beside}"


def chosen(results: Results, seeds: int) -> Iterator[tuple[int, Contender]]:
    """Yield whom to play again request by request: us, and the best tuned rivals, where fleets are small."""
    smallest = min(cell.fleet for cell in results.cells)
    for place, cell in enumerate(results.cells):
        if cell.fleet == smallest and not cell.generated:
            found = verdict(results, place, range(seeds))
            yield place, US
            for best, discipline in ((found.shipped, SHIPPED), (found.policed, POLICED)):
                if best.tuned is not None:
                    yield place, Contender(name=best.tuned[0], knob=best.tuned[1].knob, discipline=discipline)


def _checked(results: Results, verdicts: Sequence[Verdict]) -> Iterator[str]:
    for place in sorted({cell for cell, _ in results.checked}):
        cell, found = results.cells[place], verdicts[place]
        columns = [_again(results, place, US)]
        for best, discipline in ((found.shipped, SHIPPED), (found.policed, POLICED)):
            who = best.tuned and Contender(name=best.tuned[0], knob=best.tuned[1].knob, discipline=discipline)
            columns.append(_again(results, place, who) if who else "-")
        yield f"| {cell.traffic} | {cell.cold_start:g} s | {' | '.join(columns)} |"


def _again(results: Results, place: int, who: Contender) -> str:
    truly, fast = results.checked[place, who], results.runs[place, who][0].judged
    figures = (f"{100 * each.attainment:.2f} / {each.gpu_hours:.2f}" for each in (truly, fast))
    return ("" if who == US else f"{who.name}: ") + "{} ({})".format(*figures)


def _how(results: Results, about: About) -> str:
    most = [cell.case.setting.max_replicas for cell in results.cells]
    said = HOW.format(
        service=SERVICE.base, target=TARGET, routing=about.routing, least=min(most), most=max(most), warm=WARM
    )
    rivals = (
        f"  - {rival.name}: {rival.knob} ({', '.join(f'{each:g}' for each in rival.sweep)}); {rival.source}"
        for rival in RIVALS.values()
    )
    return said + "\n".join(rivals)
