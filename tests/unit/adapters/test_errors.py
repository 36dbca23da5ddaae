"""What an answer means."""

import json

import pytest

from trimtab.adapters.cluster.errors import GoneError, UnauthorizedError, error_of
from trimtab.api.objects import (
    AlreadyExistsError,
    ClusterError,
    ConflictError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
    UnreachableError,
)


def answered(status: int, *, reason: str = "", message: str = "so it is", details: object = None) -> ClusterError:
    """Return the error for a Status of the API server."""
    body = {"kind": "Status", "code": status, "reason": reason, "message": message, "details": details}
    return error_of(status, json.dumps(body).encode(), {}, asked="GET /x")


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (400, "BadRequest", RefusedError),
        (401, "Unauthorized", UnauthorizedError),
        (403, "Forbidden", RefusedError),
        (404, "NotFound", NotFoundError),
        (405, "MethodNotAllowed", RefusedError),
        (408, "Timeout", UnreachableError),
        (409, "AlreadyExists", AlreadyExistsError),
        (409, "Conflict", ConflictError),
        (410, "Expired", GoneError),
        (413, "RequestEntityTooLarge", RefusedError),
        (422, "Invalid", RefusedError),
        (429, "TooManyRequests", UnreachableError),
        (500, "InternalError", UnreachableError),
        (503, "ServiceUnavailable", UnreachableError),
        (504, "Timeout", UnreachableError),
    ],
)
def test_each_status_has_its_error(status: int, reason: str, expected: type[ClusterError]) -> None:
    """The shell decides by the error's class what to do next; its text is the server's."""
    error = answered(status, reason=reason)

    assert type(error) is expected
    assert "so it is" in str(error)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ('pods is forbidden: User "trimtab" cannot list resource "pods" in API group ""', NotAllowedError),
        ('deployments.apps "m" is forbidden: exceeded quota: small, requested: count/deployments.apps=1', RefusedError),
        ("deployments.apps is forbidden: ValidatingAdmissionPolicy 'names' denied request: no", RefusedError),
    ],
)
def test_a_right_that_we_lack_is_no_fault_of_the_object(words: str, expected: type[ClusterError]) -> None:
    """A server that has just started does not know anybody's rights; a quota's word is for the user."""
    assert type(answered(403, reason="Forbidden", message=words)) is expected


def test_a_422_about_the_uid_is_a_conflict() -> None:
    """Server-side apply blames metadata.uid; a JSON patch whose test failed names no cause."""
    blamed = {"causes": [{"field": "metadata.uid", "message": "field is immutable"}]}
    patch_failed = "the server rejected our request due to an error in our request"

    assert isinstance(answered(422, reason="Invalid", details=blamed), ConflictError)
    assert isinstance(answered(422, reason="Invalid", message=patch_failed, details={}), ConflictError)


@pytest.mark.parametrize(
    "details", [None, {}, {"causes": None}, {"causes": ["x", {"field": "spec.ports"}]}, "nonsense"]
)
def test_another_422_is_a_refusal(details: object) -> None:
    """Whatever shape an admission webhook gives its details."""
    assert isinstance(answered(422, reason="Invalid", details=details), RefusedError)


@pytest.mark.parametrize(
    ("header", "details", "expected"),
    [
        ("7", None, 7.0),
        (None, {"retryAfterSeconds": 3}, 3.0),
        ("7", {"retryAfterSeconds": 3}, 7.0),
        ("86400", None, 60.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None, 0.0),
        ("-1", {"retryAfterSeconds": "soon"}, 0.0),
        (None, None, 0.0),
    ],
)
def test_a_server_that_is_busy_says_how_long(header: str | None, details: object, expected: float) -> None:
    """Retry-After in seconds is honoured, up to a minute; what is no number of seconds is not."""
    body = json.dumps({"details": details}).encode()

    error = error_of(429, body, {} if header is None else {"Retry-After": header}, asked="GET /x")

    assert isinstance(error, UnreachableError)
    assert error.retry_after == expected


@pytest.mark.parametrize(
    "body", [b"", b"<html>\n Bad  gateway </html>", b"[1]", b'"x"', b"\xff\xfe", b'{"message": null}']
)
def test_an_answer_that_is_no_status_still_says_who_was_asked(body: bytes) -> None:
    """A proxy's page, half a page or nothing: the message has the request, the status and the beginning of the page."""
    error = error_of(502, body + b" " * 5000, {}, asked="PATCH /apis/x")

    assert str(error).startswith("PATCH /apis/x: HTTP 502")
    assert len(str(error)) <= 1024
