"""Traffic that somebody recorded: a CSV file, or one under gzip, with a row for each second that had requests."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

from demo.traffic import Traffic

TIME, REQUESTS = "t_s", "requests"
LONGEST_S = 31 * 86_400  # a month; it is kept second by second
MOST = 100_000  # requests per second
GZIP = b"\x1f\x8b"
SAMPLE = f"the first line is `{TIME},{REQUESTS}`, the others are like `17,3`: a second, and the requests in it"


class TraceError(ValueError):
    """The file is not a trace; `str()` says what is wrong, in which line, and what to do."""

    def __init__(self, path: Path, line: int | None, what: str, then: str = SAMPLE) -> None:
        where = f"{path}, line {line}" if line else str(path)
        super().__init__(f"{where}: {what}. Next: {then}")


def read_trace(path: Path) -> Traffic:
    """Return the traffic in a file with the columns `t_s` and `requests`; others are passed over.

    Seconds that are absent had no request. A byte order mark and any ends of lines are fine.

    Raises:
        TraceError: there is no such file, or it is not a trace.
    """
    rates: list[float] = []
    rows = _rows(path)
    _, header = next(rows, (1, []))
    columns = _columns(path, header)
    for line, row in rows:
        second, requests = (_number(path, line, row, header, column) for column in columns)
        if second < len(rates):
            what = f"second {second} comes after second {len(rates) - 1}"
            raise TraceError(path, line, what, f"sort the rows by {TIME}, with one row for each second")
        if second >= LONGEST_S:
            what = f"second {second} is beyond {LONGEST_S}, a month"
            raise TraceError(path, line, what, f"let {TIME} count from the trace's beginning")
        if requests > MOST:
            raise TraceError(path, line, f"{requests} requests in a second are more than {MOST}", "check the units")
        rates += [0.0] * (second - len(rates))
        rates.append(float(requests))
    if not any(rates):
        raise TraceError(path, None, "there is no request in it", f"give a file with requests; {SAMPLE}")
    return Traffic(rates, counted=True)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, each with the number of its line."""
    try:
        with path.open("rb") as raw:
            zipped = raw.peek(2)[:2] == GZIP
            with gzip.open(raw) if zipped else raw as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
                reader = csv.reader(text, strict=True)
                for row in reader:
                    if row:
                        yield reader.line_num, row
    except OSError as error:  # so is gzip.BadGzipFile
        then = "name a file that you may read, not damaged by its transfer"
        raise TraceError(path, None, error.strerror or str(error), then) from error
    except (EOFError, zlib.error) as error:
        raise TraceError(path, None, f"it is cut off or damaged: {error}", "fetch the file again") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TraceError(path, None, f"it is not a CSV file in UTF-8: {error}") from error


def _columns(path: Path, header: list[str]) -> tuple[int, int]:
    if not header:
        raise TraceError(path, None, "it is empty")
    for name in (TIME, REQUESTS):
        if name not in header:
            raise TraceError(path, 1, f"no column {name} among {', '.join(header)[:80]}")
    return header.index(TIME), header.index(REQUESTS)


def _number(path: Path, line: int, row: list[str], header: list[str], column: int) -> int:
    name = header[column]
    if len(row) != len(header):
        raise TraceError(path, line, f"{len(row)} fields under {len(header)} columns", "give each column a value")
    text = row[column].strip()
    if text.startswith("-"):
        raise TraceError(path, line, f"{name} is {text[:20]}: less than nothing", f"remove the row, or correct {name}")
    if not (text.isascii() and text.isdigit() and len(text) < 16):  # noqa: PLR2004 - 16 digits are no number of anything here
        raise TraceError(path, line, f"{name} is {text[:20]!r}, not a whole number from 0 on", f"correct {name}")
    return int(text)
