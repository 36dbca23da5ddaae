"""The audit log: whole lines only, and what counts as a write."""

import json
from pathlib import Path

import pytest

from controlplane import AuditLog
from controlplane.audit import parse, policy


def line(**changes: object) -> bytes:
    """Return one line of a log: an accepted create of a Deployment, but for `changes`."""
    event = {
        "verb": "create",
        "user": {"username": "somebody"},
        "userAgent": "trimtab/0.1.0",
        "requestURI": "/apis/apps/v1/namespaces/a/deployments",
        "objectRef": {"apiGroup": "apps", "resource": "deployments", "namespace": "a", "name": "m-l4"},
        "responseStatus": {"code": 201},
        "requestReceivedTimestamp": "2026-11-24T10:00:00.000000Z",
        "stageTimestamp": "2026-11-24T10:00:00.250000Z",
    }
    return json.dumps(event | changes).encode() + b"\n"


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    """Return an empty log."""
    return AuditLog(tmp_path / "audit.jsonl")


def test_a_line_that_is_being_written_is_left_for_the_next_time(log: AuditLog) -> None:
    """A reader never sees half a request, and misses none: a mark stands at the end of a whole line."""
    log.path.write_bytes(line(verb="get") + line()[:40])
    before = log.requests()
    mark = log.mark()
    with log.path.open("ab") as file:
        file.write(line()[40:])

    assert [request.verb for request in before] == ["get"]
    assert [request.verb for request in log.requests(mark)] == ["create"]
    assert log.requests(log.mark()) == []


def test_a_log_that_is_not_there_yet_is_empty(log: AuditLog) -> None:
    """The API server makes the file with the first request."""
    assert log.mark() == 0
    assert log.requests() == []


def test_requests_are_found_by_their_fields(log: AuditLog) -> None:
    """Fields must be equal; of the user agent a part is enough."""
    log.path.write_bytes(line() + line(verb="patch") + line(user={"username": "other"}))

    assert len(log.requests(verb="create", user="somebody", resource="deployments", agent="trimtab")) == 1
    assert log.requests(agent="kubectl") == []
    with pytest.raises(AttributeError):
        log.requests(colour="blue")


def test_who_is_impersonated_is_who_asks() -> None:
    """`--as` counts for whom it names."""
    assert parse(line(impersonatedUser={"username": "tenant-a"})).user == "tenant-a"


@pytest.mark.parametrize(
    ("change", "writes"),
    [
        ({}, True),
        ({"verb": "patch", "responseStatus": {"code": 200}}, True),
        ({"verb": "get"}, False),
        ({"responseStatus": {"code": 409}}, False),
        ({"requestURI": "/apis/apps/v1/namespaces/a/deployments?dryRun=All"}, False),
    ],
)
def test_a_write_is_what_changed_something(change: dict[str, object], *, writes: bool) -> None:
    """Reads, refusals and dry runs are none."""
    request = parse(line(**change))

    assert request.writes is writes
    assert request.seconds == 0.25


def test_a_level_that_does_not_exist_is_refused_with_those_that_do() -> None:
    """The API server would not start, and say so only in its log."""
    with pytest.raises(ValueError, match="'Everything' does not exist; take one of Metadata, Request"):
        policy("Everything")
