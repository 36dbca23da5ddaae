"""What an answer of the API server means to us, as one of our errors."""

import json
import re
from collections.abc import Mapping
from typing import Any

from trimtab.api.objects import (
    AlreadyExistsError,
    ClusterError,
    ConflictError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
    UnreachableError,
)

FIRST_ERROR = 400
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, TIMEOUT, CONFLICT, GONE = 401, 403, 404, 408, 409, 410
UNPROCESSABLE, TOO_MANY = 422, 429
FIRST_SERVER_ERROR = 500
LONGEST_WAIT = 60.0  # seconds: a server that asks for more is asked again after a minute all the same
LONGEST_WORDS = 1024  # characters of an answer that go into a message: a proxy's error page may be long


class GoneError(ClusterError):
    """The server no longer knows the resource version or the place in a list (410)."""


class UnauthorizedError(UnreachableError):
    """The credentials are not accepted (401): they may have expired, and be renewed."""


NO_RIGHT = re.compile(r"\bcannot [a-z]+ resource\b")
"""RBAC's words. A quota and an admission policy answer 403 too, but about the object: its user is to read them."""
TEST_FAILED = "the server rejected our request due to an error in our request"
SIMPLE_CASES: Mapping[int, type[ClusterError]] = {
    UNAUTHORIZED: UnauthorizedError,
    NOT_FOUND: NotFoundError,
    CONFLICT: ConflictError,
    GONE: GoneError,
}


def error_of(status: int, body: bytes, headers: Mapping[str, str], *, asked: str) -> ClusterError:
    """Return the error for an answer of 400 and above; `asked` is the method and path, for answers without words."""
    told = _status_object(body)
    details = _mapping(told.get("details"))
    message = str(told.get("message") or f"{asked}: HTTP {status} {_text(body)}".rstrip())[:LONGEST_WORDS]
    if status in (TIMEOUT, TOO_MANY) or status >= FIRST_SERVER_ERROR:
        return UnreachableError(message, _retry_after(headers, details))
    if status == FORBIDDEN and NO_RIGHT.search(message):
        return NotAllowedError(message)
    if status == CONFLICT and told.get("reason") == "AlreadyExists":
        return AlreadyExistsError(message)
    if status == UNPROCESSABLE and _is_about_identity(message, details):
        return ConflictError(message)
    return SIMPLE_CASES.get(status, RefusedError)(message)


def _is_about_identity(message: str, details: Mapping[str, Any]) -> bool:
    """Tell whether a 422 says that the object has another uid, rather than that the object is wrong.

    Seen on 1.36: server-side apply blames the field `metadata.uid`; a JSON patch whose test fails is told one sentence
    and no cause, while a schema or a validation always names one.
    """
    causes = details.get("causes")
    if not isinstance(causes, list) or not causes:
        return message == TEST_FAILED
    return any(_mapping(cause).get("field") == "metadata.uid" for cause in causes)


def _retry_after(headers: Mapping[str, str], details: Mapping[str, Any]) -> float:
    for told in (headers.get("Retry-After"), details.get("retryAfterSeconds")):
        text = str(told)
        if text.isascii() and text.isdigit():
            return min(float(text), LONGEST_WAIT)
    return 0.0


def _status_object(body: bytes) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(body))
    except ValueError:
        return {}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(body: bytes) -> str:
    return " ".join(body[:LONGEST_WORDS].decode(errors="replace").split())
