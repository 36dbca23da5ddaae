"""Measure a real Triton beside the simulated world, and write docs/benchmarks/triton.md.

PYTHONPATH=operator:hack python -m bench triton --trace requests.csv.gz
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.triton.cases import Case, cases
from bench.triton.client import FailedError, called, warmed
from bench.triton.compare import as_measured, between, figures, world
from bench.triton.document import Row, document
from bench.triton.server import Server, serving
from bench.triton.wheel import TritonMissingError, triton
from controlplane import ComponentFailedError
from controlplane.progress import say, step
from trimtab.simulate.events import routes
from trimtab.simulate.trace import TraceError

DOCS = Path(__file__).parents[3] / "docs" / "benchmarks" / "triton.md"
INTERRUPTED = 130
SEED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure everything and return 0; also where there is no Triton, since that is no fault of ours; else 1."""
    asked = _parser().parse_args(arguments)
    try:
        tree = triton()
    except TritonMissingError as error:
        say(f"skipped: there is no Triton to compare with: {error}")
        return 0
    try:
        rows = list(_rows(tree, asked))
        asked.to.write_text(document(rows, asked.seconds), encoding="utf-8")
    except KeyboardInterrupt:
        say("interrupted: everything is stopped, nothing is written")
        return INTERRUPTED
    except (ComponentFailedError, FailedError, TraceError, OSError) as error:
        say(f"error: {error}")
        return 1
    say(f"wrote {asked.to}")
    return 0


def _rows(tree: Path, asked: argparse.Namespace) -> Iterator[Row]:
    for case in cases(asked.trace):
        policy = case.setting.discipline
        with serving(tree, case.setting, case.replicas) as servers:
            warmed([each.model for each in servers], case.setting.service.slots)
            for load in case.loads:
                with step(f"{case.name}, {policy}, at {load:.0%}", usually=f"{asked.seconds + 5:.0f} s"):
                    row = _row(servers, case, load, asked.seconds)
                say(f"  {row.said}")
                yield row


def _row(servers: Sequence[Server], case: Case, load: float, seconds: float) -> Row:
    """Let the same requests come to the servers and in the world."""
    arrivals = case.arrivals(load, seconds, SEED)
    places = [int(share * case.replicas) for share in routes(len(arrivals), SEED)]
    before = [each.batches() for each in servers]
    latencies = called([each.model for each in servers], arrivals, places)
    batches: dict[int, tuple[int, float]] = {}
    for server, counted in zip(servers, before, strict=True):
        for size, (many, took) in between(counted, server.batches()).items():
            known = batches.get(size, (0, 0.0))
            batches[size] = (known[0] + many, known[1] + took)
    setting = as_measured(case.setting, batches)
    return Row(
        case=case,
        load=load,
        requests=len(arrivals),
        busy=os.getloadavg()[0],
        real=figures(latencies, setting.target),
        world=world(arrivals, setting, case.replicas, seed=SEED),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench triton",
        description="Send the same requests to a real Triton and into the simulated world, and compare latencies.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--trace", type=Path, metavar="FILE", help="replay a piece of it as well: csv or csv.gz")
    parser.add_argument("--seconds", type=float, default=45.0, metavar="S", help="how long requests come in each case")
    parser.add_argument("--to", type=Path, default=DOCS, metavar="FILE", help="the page that is written")
    return parser


if __name__ == "__main__":
    sys.exit(main())
