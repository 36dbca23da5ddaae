"""Play a trace against the operator on a control plane, and the same in the simulated worlds: how far they are apart.

PYTHONPATH=operator:hack python -m bench trace --trace requests.csv.gz --seconds 420
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.trace_play import play
from bench.trace_worlds import FLUID, Part, Played, Simulated, Total, simulated
from controlplane import BinariesMissingError, ComponentFailedError
from controlplane.progress import say
from demo.story import hurried_to
from demo.trace_file import TraceError, read_trace
from demo.traffic import generated_day
from trimtab.units import Seconds

INTERRUPTED = 130
PEAK = 150.0
"""Requests in the busiest second: three to six replicas' worth, and little work for the processors."""
SECONDS = (60, 1_800)
GOAL = 0.05


@dataclass(frozen=True)
class Compared:
    """One model: what was asked of it, and what became of it here and there."""

    words: str
    played: Played
    simulated: Simulated


def main(arguments: Sequence[str] | None = None) -> int:
    """Play what is asked for; return 0 where the world is within 5 % of what was played, else 1."""
    asked = _parser().parse_args(arguments)
    if asked.json and not asked.json.absolute().parent.is_dir():
        say(f"error: --json {asked.json}: there is no such folder; make it first")
        return 1
    try:
        found = measure(list(_parts(asked)), asked.seeds)
    except KeyboardInterrupt:
        say("interrupted: everything is stopped")
        return INTERRUPTED
    except (BinariesMissingError, ComponentFailedError, TimeoutError, TraceError) as error:
        say(f"error: {error}")
        return 1
    print("\n".join(table(found)))
    if asked.json:
        asked.json.write_text(json.dumps([dataclasses.asdict(each) for each in found], indent=2) + "\n")
    return 0 if all(abs(each.simulated.events.ratio(each.played.total) - 1.0) <= GOAL for each in found) else 1


def measure(parts: Sequence[tuple[Part, str]], seeds: int) -> list[Compared]:
    """Play all parts beside each other on one plane, and then each in the worlds, with so many other chances."""
    played = play([part for part, _ in parts])
    return [
        Compared(words, each, simulated(part, Seconds(each.cold_start_s), seeds))
        for (part, words), each in zip(parts, played, strict=True)
    ]


def table(found: Sequence[Compared]) -> Iterator[str]:
    """Yield the report for people."""
    for each in found:
        yield f"{each.played.model}: {each.words}, {each.played.requests:,} requests"
        started = f"{each.played.cold_start_s:.1f} s to start"
        yield f"  {'':<30}{'replica-seconds':>16}{'':>8}{'in time':>10}{'moves':>8}   {started}"
        yield _row("control plane", each.played.total, each.played.total)
        yield _row("discrete-event world, mean", each.simulated.events, each.played.total)
        for number, total in enumerate(each.simulated.each):
            yield _row(f"  chances {number}", total, each.played.total)
        yield _row(FLUID, each.simulated.fluid, each.played.total)


def _row(name: str, total: Total, real: Total) -> str:
    ratio = "" if total is real else f"x {total.ratio(real):.3f}"
    return f"  {name:<30}{total.replica_seconds:>16,.0f}{ratio:>8}{total.attainment:>10.2%}{total.moves:>8.1f}"


def _parts(asked: argparse.Namespace) -> Iterator[tuple[Part, str]]:
    for number, file in enumerate(asked.trace or ()):
        traffic, words = hurried_to(read_trace(file), asked.peak, asked.seconds)
        yield Part(f"trace-{number}", traffic), f"{file.name.partition('.')[0]} {words}"
    if not asked.trace:
        day = generated_day(asked.peak, seconds=asked.seconds)
        yield Part("generated", day), f"a generated day in {asked.seconds} s, {asked.peak:g}/s at most"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench trace",
        description="Play traces against the operator, each for a model of its own, and in the simulated worlds.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--trace", type=Path, nargs="+", metavar="FILE", help="t_s,requests as csv or csv.gz; else a generated day"
    )
    parser.add_argument("--seconds", type=_seconds, default=420, metavar="N", help="how long traffic comes")
    parser.add_argument("--peak", type=float, default=PEAK, metavar="N", help="requests in the busiest second")
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="other chances in the worlds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here too")
    return parser


def _seconds(text: str) -> int:
    least, most = SECONDS
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"{text}: write a whole number from {least} to {most}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
