"""What the audit log says about an operator: pure functions of the requests in it."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from controlplane.audit import AuditLog, Request, parse

CREATED = 201  # also what the server answers to an apply that made a new object
FIRST_ERROR = 400
AIMODELS = b'"aimodels"'


@dataclass(frozen=True)
class Births:
    """How the models came to life, in seconds from the first or from each model's creation.

    `p50_s`, `p99_s` and `max_s` are from when the API server received a model to when it received its Deployment, over
    the models that got one; `missing` got none. None where nothing of the kind happened.
    """

    models: int
    missing: int
    per_second: float
    p50_s: float | None
    p99_s: float | None
    max_s: float | None
    children: int
    children_s: float | None
    last_status_s: float | None


def read(log: AuditLog, since: int, operator: str, *, until: int | None = None) -> list[Request]:
    """Return the requests between two marks that are the operator's or about models: the rest is most of the log."""
    name = f'"{operator}"'.encode()
    return [parse(line) for line in log.lines(since, until) if name in line or AIMODELS in line]


class Tail:
    """The operator's accepted writes as they come, each told once: a whole log is too much to read every second."""

    def __init__(self, log: AuditLog, operator: str) -> None:
        """Begin at the present end of the log."""
        self._log = log
        self._operator = operator
        self._mark = log.mark()

    def news(self) -> dict[str, int]:
        """Count the writes since the last look, by verb and resource."""
        end = self._log.mark()
        found = writes(read(self._log, self._mark, self._operator, until=end), self._operator)
        self._mark = end
        return found


def births(requests: Iterable[Request], operator: str) -> Births:
    """Measure what came of the models that somebody else than the operator created.

    A Deployment belongs to the model whose name it has before its first dash.

    Raises:
        ValueError: no model was created.
    """
    requests = list(requests)
    asked = {
        (request.namespace, request.name): request.began
        for request in requests
        if request.resource == "aimodels" and request.verb == "create" and request.writes
    }
    if not asked:
        raise ValueError("no AIModel was created: look at the log of the API server")
    made = sorted((r for r in requests if r.user == operator and is_creation(r)), key=lambda request: request.began)
    born: dict[tuple[str, str], dt.datetime] = {}
    for request in made:
        if request.resource == "deployments":
            born.setdefault((request.namespace, request.name.partition("-")[0]), request.began)
    first, last = min(asked.values()), max(asked.values())
    statuses = [r.began for r in requests if r.user == operator and r.writes and r.subresource == "status"]
    waits = sorted((born[key] - began).total_seconds() for key, began in asked.items() if key in born)
    return Births(
        models=len(asked),
        missing=len(asked) - len(waits),
        per_second=(len(asked) - 1) / max((last - first).total_seconds(), 1e-6),
        p50_s=percentile(waits, 0.5),
        p99_s=percentile(waits, 0.99),
        max_s=percentile(waits, 1.0),
        children=len(made),
        children_s=max(((request.began - first).total_seconds() for request in made), default=None),
        last_status_s=max(((began - first).total_seconds() for began in statuses), default=None),
    )


def is_creation(request: Request) -> bool:
    """Tell whether a request made a new child: a create, or the first apply. Events tell of children and are none."""
    return request.writes and request.code == CREATED and not request.subresource and request.resource != "events"


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Return the smallest value that `share` of all values do not exceed; None where there are none."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def writes(requests: Iterable[Request], operator: str) -> dict[str, int]:
    """Count the operator's accepted writes, by verb and resource, the most frequent first."""
    return _counted(_what(request) for request in requests if request.user == operator and request.writes)


def refusals(requests: Iterable[Request], operator: str) -> dict[str, int]:
    """Count the operator's requests that were answered with an error, by status, verb and resource."""
    return _counted(
        f"{request.code} {_what(request)}"
        for request in requests
        if request.user == operator and request.code >= FIRST_ERROR
    )


def _counted(things: Iterable[str]) -> dict[str, int]:
    return dict(Counter(things).most_common())


def _what(request: Request) -> str:
    return f"{request.verb} {request.resource}" + (f"/{request.subresource}" if request.subresource else "")
