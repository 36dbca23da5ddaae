"""Get the programs of a control plane, or run one until it is interrupted.

PYTHONPATH=hack python -m controlplane build
PYTHONPATH=hack python -m controlplane up --prometheus
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from controlplane.api import ApiError
from controlplane.binaries import BinariesMissingError, find, rebuild
from controlplane.download import ChecksumError
from controlplane.options import Options
from controlplane.plane import ControlPlane
from controlplane.processes import ComponentFailedError, ended
from controlplane.progress import say
from controlplane.versions import PROGRAMS

ROOT = Path(__file__).parents[2]
LOOK_S = 0.5
INTERRUPTED = 130
KNOWN_ERRORS = (ApiError, BinariesMissingError, ChecksumError, ComponentFailedError, OSError, TimeoutError)


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says and return the exit status."""
    asked = _parser().parse_args(arguments)
    try:
        return _build(asked) if asked.command == "build" else _up(asked)
    except KeyboardInterrupt:
        say("interrupted: everything is stopped")
        return INTERRUPTED
    except KNOWN_ERRORS as error:
        say(f"error: {error}")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m controlplane", description="A real control plane on this machine.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    build = commands.add_parser("build", help="fetch or build every program into the cache")
    build.add_argument("--from-source", action="store_true", help="build all of them, whatever is there already")
    up = commands.add_parser("up", help="run a control plane until Ctrl-C")
    up.add_argument("--prometheus", action="store_true", help="run Prometheus too, with config/prometheus/scrape.yaml")
    up.add_argument("--folder", type=Path, metavar="DIR", help="keep the state here, also for the next time")
    up.add_argument(
        "--crds",
        type=Path,
        metavar="DIR",
        default=ROOT / "crds",
        help="definitions to install (default: the project's)",
    )
    return parser


def _build(asked: argparse.Namespace) -> int:
    for program, path in (rebuild if asked.from_source else find)(PROGRAMS).items():
        print(f"{program:<24} {path}")
    return 0


def _up(asked: argparse.Namespace) -> int:
    if not asked.crds.is_dir():
        raise FileNotFoundError(f"--crds {asked.crds}: there is no such folder; name one with *.yaml files of CRDs")
    with ControlPlane(Options(prometheus=asked.prometheus, folder=asked.folder, crds=asked.crds)) as plane:
        print(f"export KUBECONFIG={plane.kubeconfig}")
        print(f"export PATH={plane.binaries['kubectl'].parent}:$PATH")
        print(f"# other users: {plane.layout.kubeconfig('NAME')}, NAME one of {', '.join(plane.people)}")
        if asked.prometheus:
            print(f"# Prometheus: {plane.layout.prometheus_url}")
        print("# Ctrl-C ends it", flush=True)
        while all(component.running for component in plane.components.values()):
            time.sleep(LOOK_S)
        raise next(ended(component) for component in plane.components.values() if not component.running)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    sys.exit(main())
