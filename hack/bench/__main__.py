"""Measure the operator on a control plane of its own.

PYTHONPATH=operator:hack python -m bench --models 1000 --json bench.json
PYTHONPATH=operator:hack python -m bench live --help
PYTHONPATH=operator:hack python -m bench policies --help
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import live
from bench.report import as_json, goals, table
from bench.scenario import Scenario
from bench.story import Results, Story
from controlplane import BinariesMissingError, ComponentFailedError, ControlPlane, OperatorProcess, Options, prepare
from controlplane.operator_process import COMMAND
from controlplane.progress import say

ROOT = Path(__file__).parents[2]
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark and return 0 where every goal is met, 1 where one is missed or nothing could be measured."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] in (["live"], ["policies"], ["trace"], ["triton"]):
        return _another(given[0], given[1:])
    asked = _parser().parse_args(given)
    scenario = Scenario(
        models=asked.models,
        per_second=asked.rate,
        namespaces=asked.namespaces,
        pools=asked.pools,
        quiet_s=asked.quiet,
        outage_s=asked.outage,
    )
    if asked.json and not asked.json.absolute().parent.is_dir():
        say(f"error: --json {asked.json}: there is no such folder; make it first")
        return 1
    if asked.folder and asked.folder.exists() and any(asked.folder.iterdir()):
        say(f"error: --folder {asked.folder} is not empty: what is in it would be measured too; name another")
        return 1
    try:
        results = measure(scenario, folder=asked.folder)
    except KeyboardInterrupt:
        say("interrupted: everything is stopped")
        return INTERRUPTED
    except (BinariesMissingError, ComponentFailedError) as error:
        say(f"error: {error}")
        return 1
    print(table(results))
    if asked.json:
        asked.json.write_text(as_json(results) + "\n")
    return 0 if all(goal.met for goal in goals(results)) else 1


def measure(
    scenario: Scenario,
    *,
    folder: Path | None = None,
    command: Sequence[str] = COMMAND,
    settings: Mapping[str, str] | None = None,
) -> Results:
    """Run `scenario` on a plane of its own and return what came of it.

    `folder` keeps the logs; `command` and `settings` are for another operator than ours (see `OperatorProcess`).
    """
    options = Options(nodes=scenario.nodes(), crds=ROOT / "crds", folder=folder)
    with ControlPlane(options) as plane:
        prepare(plane)
        with OperatorProcess(plane, settings=settings or {}, command=command) as process:
            return Story(scenario, plane, process).tell()


def _another(name: str, arguments: list[str]) -> int:
    if name == "live":
        return live.main(arguments)
    # numpy and matplotlib are for these alone
    if name == "policies":
        from bench.policies import command  # noqa: PLC0415

        return command.main(arguments)
    if name == "trace":
        from bench import trace  # noqa: PLC0415

        return trace.main(arguments)
    from bench.triton import command as triton  # noqa: PLC0415

    return triton.main(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Create many models and count what the operator does, from the API server's audit log. "
        "`python -m bench live` measures how it follows traffic, `python -m bench policies` how well it decides.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--models", type=_positive, default=100, help="how many")
    parser.add_argument("--rate", type=_positive, default=50, help="created per second")
    parser.add_argument("--namespaces", type=_positive, default=10, help="how many the models are spread over")
    parser.add_argument(
        "--pools", choices=("shared", "each"), default="shared", help="one for all, or each namespace one"
    )
    parser.add_argument("--quiet", type=_positive, default=60, metavar="S", help="seconds of quiet to count writes in")
    parser.add_argument(
        "--outage", type=_whole, default=60, metavar="S", help="seconds without API server; 0: no outage"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here too")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="keep the plane's and the operator's logs here")
    return parser


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text}: write a whole number, 0 or more")
    return int(text)


def _positive(text: str) -> int:
    if not _whole(text):
        raise argparse.ArgumentTypeError(f"{text}: write a whole number above 0")
    return int(text)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, _interrupt)
    sys.exit(main())
