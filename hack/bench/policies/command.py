"""Measure Trimtab beside its rivals, and write docs/benchmarks/policies.md with its pictures.

PYTHONPATH=operator:hack python -m bench policies --traces DIR
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.policies.cells import FAMILY_NAMES, Scope, cells
from bench.policies.contest import Results, check, contest
from bench.policies.document import About, chosen, document
from bench.policies.plots import frontiers
from trimtab.simulate.setting import Routing
from trimtab.simulate.trace import TraceError

DOCS = Path(__file__).parents[3] / "docs" / "benchmarks"
INTERRUPTED = 130
QUICK_COLD_STARTS, QUICK_FLEETS, QUICK_FAMILIES, QUICK_SEEDS, QUICK_THIN = (60.0,), (3.0,), ("burst",), 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for and return 0, or 1 where nothing could be measured."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    asked = _parser().parse_args(given)
    began = time.monotonic()

    def said(what: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {what}", file=sys.stderr, flush=True)

    try:
        files = list(_files(asked.traces))
        scope = _scope(asked, files)
        everything = list(cells(files, scope))
        said(f"{len(everything)} cells, {scope.seeds} seeds")
        results = contest(everything, scope.seeds, asked.processes, said, QUICK_THIN if asked.quick else 1)
        if not asked.quick:
            check(results, chosen(results, scope.seeds), asked.processes, said)
        written = _write(results, scope, asked, time.monotonic() - began)
    except KeyboardInterrupt:
        said("interrupted: nothing is written")
        return INTERRUPTED
    except (TraceError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for place in written:
        said(f"wrote {place}")
    return 0


def _write(results: Results, scope: Scope, asked: argparse.Namespace, seconds: float) -> Iterator[Path]:
    """Write the page and its pictures, and return where they are."""
    folder: Path = asked.to
    folder.mkdir(parents=True, exist_ok=True)
    plots = []
    for fleet in scope.fleets:
        name = f"policies-{fleet:g}.png"
        title = f"Late requests against GPU-hours; traffic that keeps {fleet:g} replicas busy"
        (folder / name).write_bytes(frontiers(results, fleet, title))
        plots.append(name)
    about = About(
        command="make bench" + (" QUICK=1" if asked.quick else "") + (" TRACES=..." if asked.traces else ""),
        minutes=seconds / 60.0,
        seeds=scope.seeds,
        routing=str(scope.routing),
        plots=plots,
        quick=asked.quick,
    )
    page = folder / "policies.md"
    page.write_text(document(results, about), encoding="utf-8")
    return iter((page, *(folder / name for name in plots)))


def _scope(asked: argparse.Namespace, files: Sequence[Path]) -> Scope:
    quick = asked.quick
    families = QUICK_FAMILIES if quick else FAMILY_NAMES
    return Scope(
        cold_starts=asked.cold_starts or (QUICK_COLD_STARTS if quick else (15.0, 60.0, 300.0)),
        fleets=asked.fleets or (QUICK_FLEETS if quick else (3.0, 20.0)),
        seeds=asked.seeds or (QUICK_SEEDS if quick else 5),
        routing=Routing(asked.routing),
        families=() if quick and files else families,
    )


def _files(folder: Path | None) -> Iterator[Path]:
    """Yield the traces in a folder: those with a row a second, or all where there are none of these."""
    if folder is None:
        return
    known = sorted(each for each in folder.iterdir() if each.name.endswith((".csv", ".csv.gz")))
    counted = [each for each in known if "_requests" not in each.name]
    if not known:
        raise FileNotFoundError(f"{folder} holds no .csv and no .csv.gz: name a folder with traces, or none at all")
    yield from counted or known


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench policies",
        description="Play Trimtab and its rivals over traces, cold starts and sizes of fleets, and write the tables.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--traces", type=Path, metavar="DIR", help="csv or csv.gz with t_s,requests; else generated ones"
    )
    parser.add_argument("--quick", action="store_true", help="two minutes, to see that it works")
    parser.add_argument("--seeds", type=int, metavar="N", help="how often, each with other chances")
    parser.add_argument("--cold-starts", type=float, nargs="+", metavar="S", help="in seconds")
    parser.add_argument("--fleets", type=float, nargs="+", metavar="N", help="replicas that the traffic keeps busy")
    parser.add_argument("--routing", choices=[str(each) for each in Routing], default=str(Routing.PER_POD))
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, metavar="N", help="runs side by side")
    parser.add_argument("--to", type=Path, default=DOCS, metavar="DIR", help="where the page and the pictures go")
    return parser
