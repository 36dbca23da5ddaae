"""What the operator tells the container that fetches a model, and what that answers."""

from typing import Any

import pytest
from pydantic import ValidationError

from trimtab.api.fetch import (
    MAX_REPORT_BYTES,
    FetchFailureReason,
    FetchOutcome,
    FetchPlan,
    FetchReport,
    FetchSource,
    is_safe_relative_path,
    one_line,
    parse_fetch_report,
)

S3 = FetchSource(uri="s3://models/fraud")


def test_a_plan_says_only_what_is_not_the_default() -> None:
    """So that a new default of a newer container rolls no pod, and the text is easy to read in `kubectl describe`."""
    plan = FetchPlan(model="fraud", source=S3)

    assert plan.to_environment() == '{"model":"fraud","source":{"uri":"s3://models/fraud"}}'


def test_a_plan_has_one_text() -> None:
    """Neither the order of keys nor the notation of an endpoint makes another pod template."""
    one = FetchPlan(
        model="m", source=S3, config={"a": 1, "b": {"d": "\u00e9", "c": 2}}, allowed_endpoints=("B:1", "a.:2")
    )
    same = FetchPlan(
        model="m", source=S3, config={"b": {"c": 2, "d": "\u00e9"}, "a": 1}, allowed_endpoints=("a:2", "b:01")
    )

    assert one.to_environment() == same.to_environment()
    assert one.to_environment().isascii()
    assert FetchPlan.model_validate_json(one.to_environment()) == one
    assert one.network_rules.allowed_endpoints == {"a:2", "b:1"}


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ({}, "exactly one of uri and path"),
        ({"uri": "s3://b/k", "path": "/source"}, "exactly one of uri and path"),
        ({"uri": "s3://b/k", "subPath": "x"}, "subPath needs path"),
        ({"path": "source"}, "must be absolute"),
        ({"path": "/source/../etc"}, "must be absolute and without '..'"),
        ({"path": "/source", "subPath": "../etc"}, "must be a relative path"),
        ({"path": "/source", "subPath": "/etc"}, "must be a relative path"),
        ({"path": "/source", "subPath": ""}, "must be a relative path"),
    ],
)
def test_a_source_is_one_thing(source: dict[str, Any], problem: str) -> None:
    """A plan that contradicts itself is refused before anything is fetched."""
    with pytest.raises(ValidationError, match=problem):
        FetchPlan.model_validate({"model": "m", "source": source})


def test_a_mounted_source_has_a_folder() -> None:
    """The path of the mount, and what lies below it."""
    assert FetchSource(path="/source", sub_path="a/b").sub_path == "a/b"
    assert FetchSource(path="/source").sub_path is None


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("a", True), ("a/b.c/_d", True), ("\u540d/\u00e9", True), ("...", True), ("n" * 255, True), ("a b", True),
        ("", False), ("/a", False), ("a/", False), ("a//b", False), (".", False), ("a/..", False), ("a\\b", False),
        ("a\nb", False), ("a\x00", False), ("\ud800", False), ("n" * 256, False), ("\u540d" * 86, False),
        ("a/" * 512 + "a", False),
    ],
    ids=ascii,
)  # fmt: skip
def test_a_path_stays_below_its_folder(path: str, safe: bool) -> None:  # noqa: FBT001 - a row of the table
    """It means the same to every reader, and fits a file system: 255 bytes a name."""
    assert is_safe_relative_path(path) is safe


@pytest.mark.parametrize("reason", FetchFailureReason)
def test_an_exit_code_says_whether_to_try_again(reason: FetchFailureReason) -> None:
    """1: the same plan may succeed later; 2: somebody has to change something."""
    report = FetchReport(outcome=FetchOutcome.FAILED, reason=reason)

    again = {"SourceUnreachable", "Interrupted", "DiskFull", "InternalError"}
    assert report.exit_code == (1 if reason in again else 2)


def test_success_has_no_reason_and_failure_has_one() -> None:
    """A report that contradicts itself is none."""
    assert FetchReport(outcome=FetchOutcome.SUCCEEDED).exit_code == 0
    for contradiction in ('{"outcome":"Succeeded","reason":"TooLarge"}', '{"outcome":"Failed"}'):
        assert parse_fetch_report(contradiction) is None


@pytest.mark.parametrize(
    "letter", ["a", '"', "\u00e9", "\u540d", "\U0001f600", "\x00", "\ud800", "\u2028", "\\"], ids=ascii
)
@pytest.mark.parametrize("length", [0, 299, 600, 1100, 2100, 5000])
def test_a_report_fits_a_termination_message(letter: str, length: int) -> None:
    """Whatever is in it, it has at most 4096 bytes, is one line, and can be read back with its reason."""
    report = FetchReport(
        outcome=FetchOutcome.FAILED,
        reason=FetchFailureReason.UNSAFE_PATH,
        message=letter * length,
        notes=(letter * length,) * 9,
        digest="sha256:" + "0" * 64,
        bytes=2**62,
        files=2**31,
    )

    text = report.to_termination_message()

    assert len(text.encode()) <= MAX_REPORT_BYTES
    assert "\n" not in text
    read = parse_fetch_report(text)
    assert read is not None
    assert (read.reason, read.bytes) == (report.reason, report.bytes)
    assert read.message[:200] == one_line(report.message)[:200]


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "Error: killed",
        "{",
        "[]",
        "null",
        '{"outcome":"Perhaps"}',
        '{"outcome":"Succeeded","bytes":-1}',
        " " * 5000,
    ],
)
def test_what_is_no_report_is_none(text: str | None) -> None:
    """A container that was killed leaves none, and one that somebody else wrote may leave anything."""
    assert parse_fetch_report(text) is None


def test_a_text_becomes_one_line() -> None:
    """Runs of white space and of what cannot be printed are one space."""
    assert one_line("  a\tb\r\n\x1b[2Jc\u2028\ud800d ") == "a b [2Jc d"
