"""Traffic: how many requests came in each second, and when exactly where that is known; read, scaled, cut."""

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TIME, REQUESTS, TOKENS_IN, TOKENS_OUT = "t_s", "requests", "tokens_in", "tokens_out"
LONGEST_S = 31 * 86_400  # a month; it is kept second by second
MOST = 100_000  # requests per second
MOST_DIGITS = 15
GZIP = b"\x1f\x8b"
NOT_REQUESTS = ("request", "count", "counts", "rate", "rps", "qps")
"""Columns that would be numbers of requests: a file with one of them has no row for each request."""
JITTER = 5.0
"""Seconds by which copies of a request come earlier or later, at most: what is scaled keeps its course, and the chance
in it is that of as many more clients, not of the same ones all at once."""
SAMPLE = (
    f"the first line is `{TIME},{REQUESTS}`, the others are like `17,3`: a second, and the requests in it; or the "
    f"first line is `{TIME}`, and the others are the moments of single requests, like `17.25`"
)


class TraceError(ValueError):
    """The file is not a trace; `str()` says what is wrong, in which line, and what to do."""

    def __init__(self, path: Path, line: int | None, what: str, then: str = SAMPLE) -> None:
        where = f"{path}, line {line}" if line else str(path)
        super().__init__(f"{where}: {what}. Next: {then}")


@dataclass(frozen=True)
class Trace:
    """Requests in each second, from 0 on; `counts` may have fractions where they are rates.

    Tokens are sums over each second, where they are known. `times` are the moments of all requests in ascending order,
    where these are known.
    """

    counts: tuple[float, ...]
    tokens_in: tuple[float, ...] = ()
    tokens_out: tuple[float, ...] = ()
    times: tuple[float, ...] = ()

    @property
    def mean(self) -> float:
        """Requests per second."""
        return sum(self.counts) / len(self.counts) if self.counts else 0.0

    def arrivals(self, seed: int = 0) -> NDArray[np.float64]:
        """Return the moments of all requests, ascending: the real ones, else any moments of their second.

        A rate that is no whole number is rounded up or down by chance, so that it is kept in the mean.
        """
        if self.times:
            return np.array(self.times)
        random = np.random.default_rng(seed)
        whole = _whole(np.array(self.counts, dtype=np.float64), random)
        return np.sort(np.repeat(np.arange(len(whole), dtype=np.float64), whole) + random.random(int(whole.sum())))

    def part(self, first: int, seconds: int) -> "Trace":
        """Return what came in so many seconds from `first` on; time counts from there."""
        cut = slice(first, first + seconds)
        return Trace(
            self.counts[cut],
            self.tokens_in[cut],
            self.tokens_out[cut],
            tuple(at - first for at in self.times if first <= at < first + seconds),
        )

    def scaled(self, factor: float, *, seed: int = 0) -> "Trace":
        """Return so many times the traffic, of the same course.

        Each request has as many copies, the first at its own time, the others up to `JITTER` seconds off; for a share
        that is left there is a thinned copy of all. So a whole factor keeps the number exactly, and 1 changes nothing.
        """
        if factor == 1.0:
            return self
        random = np.random.default_rng(seed)
        long = len(self.counts)
        times = self.arrivals(seed)
        copies, share = int(factor), factor % 1.0
        parts = [times] if copies else []
        parts += [_moved(times, long, random) for _ in range(1, copies)]
        if share > 0.0:
            chosen = times[random.random(len(times)) < share]
            parts.append(_moved(chosen, long, random) if copies else chosen)
        everything = np.sort(np.concatenate(parts))
        return Trace(
            counts=tuple(np.bincount(everything.astype(np.int64), minlength=long).astype(float).tolist()),
            tokens_in=tuple(tokens * factor for tokens in self.tokens_in),
            tokens_out=tuple(tokens * factor for tokens in self.tokens_out),
            times=tuple(everything.tolist()) if self.times else (),
        )


def dispersion(counts: Sequence[float], window: int = 60) -> float:
    """Return the index of dispersion over windows of so many seconds: their counts' variance by their mean.

    1 is Poisson; NaN where there are fewer than two windows, or no request.
    """
    many = len(counts) // window
    sums = np.array(counts[: many * window], dtype=np.float64).reshape(many, window).sum(axis=1)
    return float(sums.var(ddof=1) / sums.mean()) if many > 1 and sums.any() else math.nan


def read_trace(path: Path) -> Trace:
    """Return the traffic in a CSV file, or in one under gzip.

    With a column `requests` a row is a second; seconds that are absent had none. Without it a row is a request, in any
    order. Columns `tokens_in` and `tokens_out` are kept, others are passed over. A byte order mark and any ends of
    lines are fine.

    Raises:
        TraceError: there is no such file, or it is not a trace.
    """
    rows = _rows(path)
    _, header = next(rows, (1, []))
    if not header:
        raise TraceError(path, None, "it is empty")
    if TIME not in header:
        raise TraceError(path, 1, f"no column {TIME} among {', '.join(header)[:80]}")
    meant = [name for name in header if name.lower() in NOT_REQUESTS]
    if REQUESTS not in header and meant:
        raise TraceError(path, 1, f"no column {REQUESTS}", f"if {meant[0]} is what it is, call it {REQUESTS}")
    table = _Table(path, tuple(header))
    counts, tokens_in, tokens_out, times = (table.seconds if REQUESTS in header else table.requests)(rows)
    if not any(counts):
        raise TraceError(path, None, "there is no request in it", f"give a file with requests; {SAMPLE}")
    return Trace(
        tuple(counts),
        tuple(tokens_in) if TOKENS_IN in header else (),
        tuple(tokens_out) if TOKENS_OUT in header else (),
        tuple(times),
    )


def _whole(counts: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.int64]:
    low = np.floor(counts)
    return (low + (random.random(len(counts)) < counts - low)).astype(np.int64)


def _moved(times: NDArray[np.float64], long: int, random: np.random.Generator) -> NDArray[np.float64]:
    moved = np.abs(times + random.uniform(-JITTER, JITTER, len(times)))  # what would come before the start, comes after
    return np.minimum(np.where(moved >= long, 2.0 * long - moved, moved), np.nextafter(long, 0.0)) % long


Columns = tuple[list[float], list[float], list[float], list[float]]
"""Requests, tokens in and tokens out by second, and the moments of the requests where there is a row for each."""


@dataclass(frozen=True)
class _Table:
    """A file of which the first line has been read."""

    path: Path
    header: tuple[str, ...]

    def seconds(self, rows: Iterator[tuple[int, list[str]]]) -> Columns:
        columns: tuple[list[float], list[float], list[float]] = ([], [], [])
        for line, row in rows:
            second = int(self._number(line, row, TIME))
            long = len(columns[0])
            if second < long:
                what = f"second {second} comes after second {long - 1}"
                raise TraceError(self.path, line, what, f"sort the rows by {TIME}, with one row for each second")
            self._check(line, second)
            for column, name in zip(columns, (REQUESTS, TOKENS_IN, TOKENS_OUT), strict=True):
                column.extend([0.0] * (second - long))
                column.append(float(self._number(line, row, name)) if name in self.header else 0.0)
            self._check_many(line, columns[0][-1])
        return *columns, []

    def requests(self, rows: Iterator[tuple[int, list[str]]]) -> Columns:
        columns: tuple[list[float], list[float], list[float]] = ([], [], [])
        times: list[float] = []
        for line, row in rows:
            at = self._number(line, row, TIME, whole=False)
            second = int(at)
            self._check(line, second)
            times.append(at)
            for column, name in zip(columns, (None, TOKENS_IN, TOKENS_OUT), strict=True):
                column.extend([0.0] * (second + 1 - len(column)))
                if name is None:
                    column[second] += 1.0
                elif name in self.header:
                    column[second] += self._number(line, row, name)
            self._check_many(line, columns[0][second])
        return *columns, sorted(times)

    def _check(self, line: int, second: int) -> None:
        if second >= LONGEST_S:
            what = f"second {second} is beyond {LONGEST_S}, a month"
            raise TraceError(self.path, line, what, f"let {TIME} count from the trace's beginning")

    def _check_many(self, line: int, requests: float) -> None:
        if requests > MOST:
            what = f"{requests:.0f} requests in a second are more than {MOST}"
            raise TraceError(self.path, line, what, "check the units")

    def _number(self, line: int, row: list[str], name: str, *, whole: bool = True) -> float:
        if len(row) != len(self.header):
            what = f"{len(row)} fields under {len(self.header)} columns"
            raise TraceError(self.path, line, what, "give each column a value")
        text = row[self.header.index(name)].strip()
        if text.startswith("-"):
            then = f"remove the row, or correct {name}"
            raise TraceError(self.path, line, f"{name} is {text[:20]}: less than nothing", then)
        digits = text if whole else text.replace(".", "", 1)
        if not (digits.isascii() and digits.isdigit() and len(text) <= (MOST_DIGITS if whole else 2 * MOST_DIGITS)):
            kind = "a whole number" if whole else "a number"
            raise TraceError(self.path, line, f"{name} is {text[:20]!r}, not {kind} from 0 on", f"correct {name}")
        return float(text)


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
