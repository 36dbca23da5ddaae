"""Show the operator at work: a real control plane, Prometheus and operator; traffic that is played.

PYTHONPATH=operator:hack python -m demo --trace requests.csv
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from demo.record import Record

SECONDS = (30, 170)  # with what is before and after, all is over within 4 minutes
OUT = Path("build/demo")
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Play the demo and return the exit status."""
    _listen()
    try:
        return _play(_parser().parse_args(arguments))
    except KeyboardInterrupt:
        print("trimtab: interrupted: everything is stopped, nothing is left", file=sys.stderr)
        return INTERRUPTED


def _play(asked: argparse.Namespace) -> int:
    # What is slow to import is imported here, where Ctrl-C is answered with one line.
    from controlplane import ApiError, BinariesMissingError, ComponentFailedError  # noqa: PLC0415
    from demo.stage import CommandFailedError  # noqa: PLC0415
    from demo.trace_file import TraceError  # noqa: PLC0415

    known = (ApiError, BinariesMissingError, CommandFailedError, ComponentFailedError, OSError, TraceError)
    try:
        _write(asked.out, _tell(asked))
    except known as error:  # TimeoutError is an OSError
        print(f"trimtab: error: {error}", file=sys.stderr)
        return 1
    return 0


def _tell(asked: argparse.Namespace) -> list[Record]:
    from rich.console import Console  # noqa: PLC0415 - as above

    from demo.compare import table  # noqa: PLC0415
    from demo.report import lines  # noqa: PLC0415
    from demo.stage import Stage  # noqa: PLC0415
    from demo.story import Story, play_of_all, traffic_of_all  # noqa: PLC0415
    from demo.trace_file import read_trace  # noqa: PLC0415

    traffic, words = traffic_of_all(asked.seconds, read_trace(asked.trace) if asked.trace else None)
    say(f"Replicas follow traffic: {words}.\nCtrl-C ends it, and leaves nothing behind.")
    with Stage(play_of_all(), say) as stage:
        records = Story(stage, Console(), traffic).tell()
        say("\n── the end: everything is stopped")
    _listen()
    say("\n".join(["", *lines(records), "", *table(records)]))
    return records


def _write(out: Path, records: list[Record]) -> None:
    from demo.picture import draw, page, png  # noqa: PLC0415 - as above
    from demo.stage import deafen  # noqa: PLC0415

    say("\n── drawing (usually 4 s)")
    figure = draw(records)
    files = {"demo.png": png(figure), "demo.html": page(records, figure, "Trimtab: replicas follow traffic").encode()}
    deafen()  # both files or none
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (out / name).write_bytes(content)
        say(f"   {out / name}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="Show the operator at work, in four minutes.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--trace", type=Path, metavar="FILE", help="replay this CSV file (t_s,requests), maybe gzipped")
    parser.add_argument("--seconds", type=_seconds, default=SECONDS[1], metavar="N", help="how long traffic comes")
    parser.add_argument("--out", type=_out, default=OUT, metavar="DIR", help="where the picture is put")
    return parser


def _seconds(text: str) -> int:
    least, most = SECONDS
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"{text}: write a whole number from {least} to {most}")
    return int(text)


def _out(text: str) -> Path:
    """Refuse a folder that cannot be made or written to now, not in four minutes; leave nothing there yet."""
    out = Path(text)
    there = next(each for each in (out.absolute(), *out.absolute().parents) if each.exists())
    try:
        with tempfile.TemporaryDirectory(dir=there):
            return out
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text}: {there}: {error.strerror}; name a folder to write to") from None


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def _listen() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
