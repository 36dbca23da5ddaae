"""What a client in the cluster has counted, read from its pod's log while it runs or when it has ended."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

LAST_CHARACTERS = 2_000


class ReportError(Exception):
    """What the client has printed does not tell what was asked."""


@dataclass(frozen=True)
class Second:
    """What came of one second, that began `at` (Unix); `pods` are answers by the pod that gave them."""

    at: float
    sent: int
    answered: int
    failed: int
    late: int
    pods: Mapping[str, int]


@dataclass(frozen=True)
class Failure:
    """A request that was `due` and failed `at` some time (Unix); `pod` answered last on the connection, if one did."""

    due: float
    at: float
    kind: str
    detail: str
    pod: str


@dataclass(frozen=True)
class Totals:
    """What came of some requests.

    `attainment` is the share of all that were sent that was answered in time; `latency_ms` has p50, p90, p95 and p99 of
    all answers, None where there was none. `unfinished` were under way when the client was told to end.
    """

    sent: int
    answered: int
    failed: int
    unfinished: int
    late: int
    attainment: float | None
    latency_ms: Mapping[str, float | None]

    @classmethod
    def of(cls, told: dict[str, Any]) -> Totals:
        """Return the totals among other things that were told."""
        return cls(**{name: told[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Summary:
    """What came of it all: of the `steps` of a load, and of all `total`.

    `behind_ms` is how late the client itself was, as the p99 of all requests: where that is not small beside the
    latencies, the client was too slow for its rate. `resent` are requests over HTTP that were sent once more, since a
    kept connection had ended. `failures` are the first 50, `kinds` count all of them.
    """

    began: float
    ended: float
    total: Totals
    steps: tuple[Totals, ...]
    behind_ms: float | None
    pods: Mapping[str, int]
    kinds: Mapping[str, int]
    failures: tuple[Failure, ...]
    resent: int = 0


@dataclass(frozen=True)
class Report:
    """What a client has printed so far; the summary is its last line. `rest` is what it did not print on purpose."""

    seconds: tuple[Second, ...]
    summary: Summary | None
    rest: str

    @classmethod
    def of(cls, logs: str) -> Report:
        """Read a pod's log, in which other things may stand and the last line may be half written."""
        seconds, summary, rest = [], None, []
        for line in logs.splitlines():
            told = _json(line)
            if "summary" in told:
                summary = _summary(told["summary"])
            elif "at" in told:
                seconds.append(Second(**told))
            else:
                rest.append(line)
        return cls(tuple(seconds), summary, "\n".join(rest))

    def whole(self) -> Summary:
        """Return the summary of a client that has ended.

        Raises:
            ReportError: it has not got to it; the message has what it printed last.
        """
        if self.summary is None:
            last = self.rest[-LAST_CHARACTERS:] or "nothing else was printed"
            raise ReportError(f"there is no summary after {len(self.seconds)} seconds; see the pod's state; {last}")
        return self.summary

    def between(self, since: float, until: float) -> tuple[Second, ...]:
        """Return the seconds that began in a span of time (Unix), its end not included."""
        return tuple(each for each in self.seconds if since <= each.at < until)


def shares(report: Report, since: float, until: float) -> dict[str, float]:
    """Return which share of the answers each pod gave in a span of time; nothing where there were no answers."""
    pods = sum((Counter(each.pods) for each in report.between(since, until)), Counter[str]())
    return {pod: count / pods.total() for pod, count in pods.items()}


def first_shared(report: Report, pods: Collection[str], *, share: float = 0.15, window: int = 10) -> float | None:
    """Return when (Unix) the first window of so many seconds began in which each of the pods gave its share.

    Not the last: connections are dealt out by chance again and again, and now and then a pod has few of twenty.
    """
    for first in range(len(report.seconds) - window + 1):
        seconds = report.seconds[first : first + window]
        given = shares(report, seconds[0].at, seconds[-1].at + 0.5)
        if all(given.get(pod, 0.0) >= share for pod in pods):
            return seconds[0].at
    return None


def failures(report: Report, *, beside: Collection[str] = ()) -> tuple[Failure, ...]:
    """Return the failures on connections to other pods than those `beside`, such as one that was killed.

    Raises:
        ReportError: the client has not ended, or more requests failed than it has told of one by one.
    """
    summary = report.whole()
    if summary.total.failed > len(summary.failures):
        raise ReportError(f"{summary.total.failed} failed, only {len(summary.failures)} are told: {summary.kinds}")
    return tuple(each for each in summary.failures if each.pod not in beside)


def _json(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _summary(told: dict[str, Any]) -> Summary:
    return Summary(
        **{name: told[name] for name in ("began", "ended", "behind_ms", "pods", "kinds")},
        total=Totals.of(told),
        steps=tuple(Totals.of(each) for each in told["steps"]),
        failures=tuple(Failure(**each) for each in told["failures"]),
        resent=told.get("resent", 0),
    )
