"""Measure the live loop: how soon replicas follow a step in traffic, and what measuring many models costs.

PYTHONPATH=operator:hack python -m bench live --steps 50 --models 100 1000 --steady 30 --json live.json
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.live_load import PERIOD_S, Load, load
from bench.live_scene import OPERATOR, Scene
from bench.live_steady import SPAN_S, Steady, service_of, steady
from bench.live_steps import Steps, steps
from controlplane import BinariesMissingError, ComponentFailedError
from controlplane.progress import say

INTERRUPTED = 130


@dataclass(frozen=True)
class LiveResults:
    """All that was measured."""

    steps: Steps | None
    loads: tuple[Load, ...]
    steady: tuple[Steady, ...] = ()
    steps_without: Steps | None = None


@dataclass(frozen=True)
class Asked:
    """What to measure: numbers of models, 0 for not at all; changing traffic also with the operator of `against`.

    `without` measures steps also while the operator does not read pods itself.
    """

    steps: int
    models: tuple[int, ...]
    steady: int
    seconds: int
    period: int = PERIOD_S
    against: Path | None = None
    without: bool = False


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for and return 0, or 1 where nothing could be measured."""
    asked = _parser().parse_args(arguments)
    if asked.against and not (asked.against / "trimtab").is_dir():
        say(f"error: --against {asked.against}: there is no trimtab in it; name the folder operator/ of a checkout")
        return 1
    if asked.json and not asked.json.absolute().parent.is_dir():
        say(f"error: --json {asked.json}: there is no such folder; make it first")
        return 1
    wanted = Asked(
        asked.steps,
        tuple(asked.models),
        asked.steady,
        asked.seconds,
        asked.period,
        asked.against,
        asked.without_readings,
    )
    try:
        results = measure(wanted)
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


def measure(asked: Asked) -> LiveResults:
    """Measure steps in traffic, then each number of models under changing traffic, then steady traffic."""
    stepped, loads, unchanged = dict[bool, Steps](), list[Load](), tuple[Steady, ...]()
    for readings in (True, False)[: 1 + asked.without] if asked.steps else ():
        with Scene.of(asked.steps, audit_level="Request", readings=readings) as scene:
            stepped[readings] = steps(scene)
    for number in filter(None, asked.models):
        for operator in filter(None, (asked.against, OPERATOR)):
            with Scene.of(number, operator=operator) as scene:
                loads.append(load(scene, asked.seconds, asked.period))
    if asked.steady:
        with Scene.of(asked.steady, service_of=service_of) as scene:
            unchanged = steady(scene)
    return LiveResults(stepped.get(True), tuple(loads), unchanged, stepped.get(False))


def table(results: LiveResults) -> str:
    """Return the report for people."""
    return "\n".join(_lines(results))


def _lines(results: LiveResults) -> Iterator[str]:
    for found, how in ((results.steps, ""), (results.steps_without, ", by Prometheus alone")):
        if found is None:
            continue
        steps_ = f"the traffic of each {found.factor:g} times as much at some moment of a minute"
        yield f"{found.models} models{how}, {steps_}"
        yield f"  followed by a rise: {found.followed}; cold start {found.cold_start_s:g} s, part of what follows"
        for what, spread in (
            ("from step to first scale call", found.to_scale),
            ("from step to its replicas Ready", found.to_ready),
            ("from step to last scale call", found.to_last_scale),
        ):
            yield f"  {what:<34} p50 {spread.p50:6.1f} s   p99 {spread.p99:6.1f} s   max {spread.most:6.1f} s"
        yield f"  operator: {found.cpu_s:.1f} s of processor time in {found.seconds:.0f} s"
    for each in results.loads:
        yield ""
        yield from _load(each)
    if results.steady:
        yield ""
        yield f"steady traffic, {results.steady[0].seconds:.0f} s; for each model and {SPAN_S:.0f} s"
    for still in results.steady:
        told = f"{still.statuses:.2f} statuses written, {still.most} at most; {still.moves:.2f} moves of replicas"
        yield f"  {still.models} models at {still.rate:g} requests/s: {told}"


def _load(found: Load) -> Iterator[str]:
    minutes = found.models * found.seconds / 60
    longest = "one above 10 s" if found.tick_most_s is None else f"none above {found.tick_most_s:g} s"
    first, last = found.replicas
    yield f"{found.models} models under changing traffic, {found.seconds:.0f} s, {found.requests_per_s:.0f} requests/s"
    yield f"  waves of {found.period} s; operator of {found.operator}"
    yield f"  {found.ticks} ticks, {found.tick_mean_s:.3f} s in the mean, {longest}"
    looks = found.looks / max(1, found.ticks)
    yield f"  {found.questions_per_tick:.2f} questions to Prometheus, {looks:.0f} whole looks in a tick"
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
    parser.add_argument("--steady", type=whole, default=30, metavar="N", help="how many under steady traffic; 0: none")
    parser.add_argument(
        "--against", type=Path, metavar="DIR", help="measure changing traffic with the operator in this folder as well"
    )
    parser.add_argument(
        "--without-readings", action="store_true", help="measure steps also by Prometheus alone, for comparison"
    )
    parser.add_argument("--seconds", type=whole, default=120, metavar="S", help="how long changing traffic is measured")
    parser.add_argument(
        "--period", type=positive, default=PERIOD_S, metavar="S", help="of the waves in which traffic changes"
    )
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


def positive(text: str) -> int:
    """Return the whole number above 0 that a text is.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not whole(text):
        raise argparse.ArgumentTypeError(f"{text}: write a whole number above 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
