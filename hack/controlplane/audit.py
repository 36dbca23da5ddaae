"""Read the API server's audit log: who asked for what, and what came of it."""

from __future__ import annotations

import datetime as dt
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
LONGEST_LINE = 4 << 20  # bytes: an object of 1.5 MiB, asked for and answered
LEVELS = ("Metadata", "Request", "RequestResponse")


def policy(level: str) -> str:
    """Return an audit policy (JSON, which is YAML) that records every finished request at `level`.

    Raises:
        ValueError: there is no such level.
    """
    if level not in LEVELS:
        message = f"audit level {level!r} does not exist; take one of {', '.join(LEVELS)}"
        raise ValueError(message)
    stages = ["RequestReceived", "ResponseStarted"]  # one line per request: when it is complete, or has panicked
    return json.dumps(
        {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": stages, "rules": [{"level": level}]}
    )


@dataclass(frozen=True)
class Request:
    """One finished request. `began` and `ended` are UTC; `code` is the HTTP status; `raw` is the whole audit event."""

    user: str
    agent: str
    verb: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    began: dt.datetime
    ended: dt.datetime
    raw: dict[str, Any] = field(repr=False)

    @property
    def writes(self) -> bool:
        """Tell whether the request changed something: a write that was accepted and not a dry run."""
        return self.verb in WRITES and self.code < 300 and "dryRun=All" not in self.raw["requestURI"]  # noqa: PLR2004 - HTTP

    @property
    def seconds(self) -> float:
        """How long the server took."""
        return (self.ended - self.began).total_seconds()


def parse(line: str | bytes) -> Request:
    """Return the request that one line of the log tells of."""
    event = json.loads(line)
    target = event.get("objectRef") or {}
    return Request(
        user=event.get("impersonatedUser", event["user"]).get("username", ""),
        agent=event.get("userAgent", ""),
        verb=event["verb"],
        group=target.get("apiGroup", ""),
        resource=target.get("resource", ""),
        subresource=target.get("subresource", ""),
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        code=(event.get("responseStatus") or {}).get("code", 0),
        began=dt.datetime.fromisoformat(event["requestReceivedTimestamp"]),
        ended=dt.datetime.fromisoformat(event["stageTimestamp"]),
        raw=event,
    )


@dataclass(frozen=True)
class AuditLog:
    """The audit log of one plane, at `path`. Requests appear when they end: a watch, when it is closed."""

    path: Path

    def mark(self) -> int:
        """Return the end of the last whole line as of now, to be given to `lines` or `requests` later."""
        if not self.path.exists():
            return 0
        with self.path.open("rb") as log:
            start = max(0, log.seek(0, os.SEEK_END) - LONGEST_LINE)
            log.seek(start)
            return start + log.read().rfind(b"\n") + 1

    def lines(self, since: int = 0, until: int | None = None) -> Iterator[bytes]:
        """Yield the whole lines after the mark `since`, up to the mark `until` or else to the end as of now."""
        left = (self.mark() if until is None else until) - since
        if left <= 0:
            return
        with self.path.open("rb") as log:
            log.seek(since)
            for line in log:
                yield line
                left -= len(line)
                if left <= 0:
                    return

    def requests(self, since: int = 0, **wanted: str) -> list[Request]:
        """Return the requests after the mark `since` whose fields have the `wanted` values.

        `wanted` names string fields of `Request`, such as `user=`, `verb=`, `resource=`, `namespace=`; `agent=` needs
        only be a part of the user agent.

        Raises:
            AttributeError: `Request` has no such field.
        """
        found = (parse(line) for line in self.lines(since))
        return [
            request
            for request in found
            if all(
                value in request.agent if key == "agent" else getattr(request, key) == value
                for key, value in wanted.items()
            )
        ]
