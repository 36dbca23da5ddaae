"""Measure the live loop: how soon replicas follow a step in traffic, and what measuring many models costs.

PYTHONPATH=hack python -m bench live --steps 50 --models 100 1000 --json live.json
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.live_load import Load, load
from bench.live_scene import Scene
from bench.live_steps import Steps, steps
from controlplane import BinariesMissingError, ComponentFailedError
from controlplane.progress import say

INTERRUPTED = 130


@dataclass(frozen=True)
class LiveResults:
    """All that was measured."""

    steps: Steps | None
    loads: tuple[Load, ...]


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for and return 0, or 1 where nothing could be measured."""
    asked = _parser().parse_args(arguments)
    if asked.json and not asked.json.absolute().parent.is_dir():
        say(f"error: --json {asked.json}: there is no such folder; make it first")
        return 1
    try:
        results = measure(asked.steps, asked.models, asked.seconds)
    except KeyboardInterrupt:
        say("interrupted: everything is stopped")
        return INTERRUPTED
    except (BinariesMissingError, ComponentFailedError, TimeoutError) as error:
        say(f"error: {error}")
        return 1
    print(table(results))
    if asked.json:
        asked.json.write_text(json.dumps(dataclasses.asdict(results), indent=2) + "\n")
    return 0


def measure(stepping: int, models: list[int], seconds: int) -> LiveResults:
    """Measure a step in the traffic of each of some models, then each number of models under changing traffic."""
    found = None
    if stepping:
        with Scene.of(stepping, audit_level="Request") as scene:
            found = steps(scene)
    loads = []
    for number in filter(None, models):
        with Scene.of(number) as scene:
            loads.append(load(scene, seconds))
    return LiveResults(found, tuple(loads))


def table(results: LiveResults) -> str:
    """Return the report for people."""
    return "\n".join(_lines(results))


def _lines(results: LiveResults) -> Iterator[str]:
    if results.steps:
        found = results.steps
        yield f"{found.models} models, the traffic of each {found.factor:g} times as much at some moment of a minute"
        yield f"  followed by a rise: {found.followed}; cold start {found.cold_start_s:g} s, part of what follows"
        for what, spread in (
            ("from step to first scale call", found.to_scale),
            ("from step to its replicas Ready", found.to_ready),
            ("from step to last scale call", found.to_last_scale),
        ):
            yield f"  {what:<34} p50 {spread.p50:6.1f} s   p99 {spread.p99:6.1f} s   max {spread.most:6.1f} s"
    for each in results.loads:
        yield ""
        yield from _load(each)


def _load(found: Load) -> Iterator[str]:
    minutes = found.models * found.seconds / 60
    longest = "one above 10 s" if found.tick_most_s is None else f"none above {found.tick_most_s:g} s"
    first, last = found.replicas
    yield f"{found.models} models under changing traffic, {found.seconds:.0f} s, {found.requests_per_s:.0f} requests/s"
    yield f"  {found.ticks} ticks, {found.tick_mean_s:.3f} s in the mean, {longest}"
    yield f"  {found.questions_per_tick:.2f} questions to Prometheus in a tick"
    yield f"  {found.measured} measured, {found.blind_share:.1%} of the time blind; replicas from {first} to {last}"
    yield f"  operator: {found.cpu_s:.1f} s of processor time, memory at most {found.peak_bytes / 2**20:.0f} MiB"
    for what, count in (*found.writes.items(), ("all writes", sum(found.writes.values()))):
        yield f"  {what:<46} {count:>8} {count / minutes:>8.3f} for each model and minute"
    spent = sorted(found.cpu_seconds.items(), key=lambda item: -item[1])
    yield "  cpu seconds: " + ", ".join(f"{component} {seconds:.1f}" for component, seconds in spent)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench live",
        description="Play traffic for many models, and measure how the operator follows it and what that costs.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--steps", type=whole, default=50, metavar="N", help="models whose traffic makes a step; 0: none"
    )
    parser.add_argument("--models", type=whole, nargs="*", default=[100, 1000], help="how many under changing traffic")
    parser.add_argument("--seconds", type=whole, default=120, metavar="S", help="how long each of these is measured")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here too")
    return parser


def whole(text: str) -> int:
    """Return the whole number that a text is.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text}: write a whole number, 0 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
