"""What a client of the end-to-end tests counts: when requests are due, and what has come of them."""

from __future__ import annotations

import argparse
import asyncio
import bisect
import math
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

PERCENTILES = (50, 90, 95, 99)
TOLD_FAILURES = 50
TOLD_CHARACTERS = 300
FAILURES: tuple[tuple[type[Exception], str], ...] = (  # the first that fits
    (TimeoutError, "timeout"),
    (ConnectionRefusedError, "refused"),
    (ConnectionError, "reset"),
    (asyncio.IncompleteReadError, "reset"),
    (socket.gaierror, "name"),
    (OSError, "unreachable"),
    (ValueError, "wrong"),  # no JSON, or not what it should be
    (LookupError, "wrong"),
    (TypeError, "wrong"),
)


@dataclass(frozen=True)
class Step:
    """A `rate` in requests per second, for some `seconds`."""

    rate: float
    seconds: float


def steps_of(text: str) -> tuple[Step, ...]:
    """Return the steps of `5:30,40:120`: rate and seconds of each.

    Raises:
        argparse.ArgumentTypeError: it is written in another way, a rate is negative, or a time not above zero.
    """
    try:
        steps = [Step(float(rate), float(seconds)) for rate, seconds in (each.split(":") for each in text.split(","))]
    except ValueError:
        steps = []
    if not steps or any(not 0 <= each.rate < math.inf or not 0 < each.seconds < math.inf for each in steps):
        raise argparse.ArgumentTypeError(f"{text!r}: write rates and seconds as in 5:30,40:120")
    return tuple(steps)


def due_times(steps: Sequence[Step], chance: Random | None = None) -> Iterator[tuple[int, float]]:
    """Yield the number of its step and the time, in seconds from the beginning, of each request.

    They are evenly spaced, or come by `chance` as from many users that know nothing of each other.
    """
    began = 0.0
    for number, step in enumerate(steps):
        due, count = began, 0
        while step.rate and due < began + step.seconds - 1e-9:  # 30 times 0.1 s are 3 s, not a little less
            yield number, due
            count += 1
            due = began + count / step.rate if chance is None else due + chance.expovariate(step.rate)
        began += step.seconds


class WrongError(Exception):
    """There was an answer, but not what was asked for; `kind` is such as `http 503`, `grpc UNAVAILABLE` or `wrong`."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


def kind_of(error: Exception) -> str:
    """Return what a failure is called."""
    if isinstance(error, WrongError):
        return error.kind
    return next((name for kind, name in FAILURES if isinstance(error, kind)), type(error).__name__)


@dataclass(slots=True)
class Request:
    """A request of some step; times are in seconds from the beginning. Without `ended` it is under way."""

    step: int
    due: float
    begun: float
    ended: float | None = None
    failure: str = ""


class Count:
    """What has come of all requests so far; `began` is in seconds of Unix."""

    def __init__(self, target_ms: float | None, began: float) -> None:
        self.began = began
        self._target_ms = math.inf if target_ms is None else target_ms
        self._requests: list[Request] = []
        self._failures: list[dict[str, Any]] = []
        self._pods = Counter[str]()
        self._seconds = 0
        self._fresh, self._fresh_pods = Counter[str](), Counter[str]()

    def begin(self, step: int, due: float, now: float) -> Request:
        """Count a request that is sent now."""
        self._requests.append(Request(step, due, now))
        self._fresh["sent"] += 1
        return self._requests[-1]

    def end(self, request: Request, now: float, pod: str, error: Exception | None = None) -> None:
        """Count an answer or an error that comes now."""
        request.ended = now
        if error is None:
            self._fresh["answered"] += 1
            self._fresh["late"] += (now - request.due) * 1000 > self._target_ms
            self._pods[pod] += 1
            self._fresh_pods[pod] += 1
            return
        request.failure = kind_of(error)
        self._fresh["failed"] += 1
        if len(self._failures) < TOLD_FAILURES:
            times = {"due": round(self.began + request.due, 3), "at": round(self.began + now, 3)}
            told = {"kind": request.failure, "detail": str(error)[:TOLD_CHARACTERS], "pod": pod}
            self._failures.append(times | told)

    def second(self) -> dict[str, Any]:
        """Return what came of the second that has just ended; answers count when they come, not when they were due."""
        counts = {name: self._fresh[name] for name in ("sent", "answered", "failed", "late")}
        line = {"at": round(self.began + self._seconds, 3), **counts, "pods": dict(self._fresh_pods)}
        self._seconds += 1
        self._fresh.clear()
        self._fresh_pods.clear()
        return line

    def summary(self, steps: Sequence[Step]) -> dict[str, Any]:
        """Return what came of it all, and of each step; `behind_ms` is how late we were ourselves, as the p99."""
        behind = sorted(1000 * (each.begun - each.due) for each in self._requests)
        by_step: list[list[Request]] = [[] for _ in steps]
        for each in self._requests:
            by_step[each.step].append(each)
        return {
            "began": round(self.began, 3),
            "ended": round(time.time(), 3),
            **self._told(self._requests),
            "behind_ms": _percentile(behind, 99),
            "pods": dict(self._pods),
            "kinds": Counter(each.failure for each in self._requests if each.failure),
            "failures": self._failures,
            "steps": [{**vars(step), **self._told(those)} for step, those in zip(steps, by_step, strict=True)],
        }

    def _told(self, those: list[Request]) -> dict[str, Any]:
        """Return the counts of some requests: percentiles of the answers, attainment of all that was sent."""
        ended = [each for each in those if each.ended is not None]
        ordered = sorted(1000 * (each.ended - each.due) for each in ended if each.ended and not each.failure)
        in_time = bisect.bisect_right(ordered, self._target_ms)
        return {
            "sent": len(those),
            "answered": len(ordered),
            "failed": len(ended) - len(ordered),
            "unfinished": len(those) - len(ended),
            "late": len(ordered) - in_time,
            "attainment": round(in_time / len(those), 6) if those else None,
            "latency_ms": {f"p{each}": _percentile(ordered, each) for each in PERCENTILES},
        }


def _percentile(ordered: list[float], percent: float) -> float | None:
    """Return the smallest of the ordered values that `percent` of them do not exceed; of none there is none."""
    return round(ordered[math.ceil(len(ordered) * percent / 100) - 1], 2) if ordered else None
