"""Laws of the formats that cross a process border."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, strategies as st

from trimtab.api.conditions import Condition, with_transition_times
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
from trimtab.units import DURATION, milliseconds, seconds, whole_seconds

NOW = "2026-11-24T10:00:00Z"
any_text = st.text(st.characters(), max_size=3_000)  # with lone surrogates, which no encoding takes
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=15,
)


@given(message=any_text, notes=st.lists(any_text, max_size=6), count=st.integers(0, 2**63))
def test_a_report_fits_and_comes_back(message: str, notes: list[str], count: int) -> None:
    """Any text fits 4 KiB, and outcome, reason and numbers survive."""
    report = FetchReport(
        outcome=FetchOutcome.FAILED,
        reason=FetchFailureReason.INTERRUPTED,
        message=message,
        notes=tuple(notes),
        bytes=count,
        files=count,
        digest="sha256:" + "f" * 64,
    )

    text = report.to_termination_message()

    assert len(text.encode()) <= MAX_REPORT_BYTES
    read = parse_fetch_report(text)
    assert read is not None
    assert (read.outcome, read.reason, read.bytes, read.digest) == (report.outcome, report.reason, count, report.digest)


@given(st.text(max_size=200) | json_values.map(json.dumps))
def test_any_text_is_a_report_or_none(text: str) -> None:
    """Whoever wrote it: nothing is raised."""
    report = parse_fetch_report(text)

    assert report is None or report.outcome in FetchOutcome


@given(st.dictionaries(st.text(max_size=10), json_values, max_size=4))
def test_a_plan_is_stable(config: dict[str, Any]) -> None:
    """The same plan has the same ASCII text, whatever the order of its keys, and comes back as itself."""
    plan = FetchPlan(model="m", source=FetchSource(uri="s3://b/k"), config=config)
    reordered = FetchPlan(model="m", source=FetchSource(uri="s3://b/k"), config=dict(reversed(config.items())))

    text = plan.to_environment()

    assert text == reordered.to_environment()
    assert text.isascii()
    assert FetchPlan.model_validate_json(text).to_environment() == text


@given(any_text)
def test_one_line_is_one_line(text: str) -> None:
    """It can be printed, and doing it again changes nothing."""
    line = one_line(text)

    assert line.isprintable()
    assert one_line(line) == line


@given(st.text(alphabet="a./\\\x00 ", max_size=12))
def test_a_safe_path_never_leaves_its_folder(path: str) -> None:
    """However it is joined, no segment moves up or starts anew."""
    if is_safe_relative_path(path):
        assert not path.startswith("/")
        assert not {"", ".", ".."} & set(path.split("/"))


@given(json_values)
def test_transition_times_survive_any_status(written: Any) -> None:  # noqa: ANN401 - JSON
    """What somebody else wrote is kept only where it is a time, and nothing is raised."""
    wanted = Condition(type="Ready", status="True", last_transition_time=NOW, reason="Serving", message="")

    assert with_transition_times([wanted], written) == (wanted,)


@given(st.integers(1, 999_999), st.sampled_from(["ms", "s", "m", "h"]))
def test_durations_agree(number: int, unit: str) -> None:
    """Milliseconds, seconds and whole seconds tell the same time; the last is rounded up by less than a second."""
    text = f"{number}{unit}"

    assert round(seconds(text) * 1_000) == milliseconds(text)
    assert 0 <= whole_seconds(text) - seconds(text) < 1


@given(st.text(alphabet="0123456789msh -.e\u0663", max_size=9))
def test_what_is_read_as_a_duration_is_spelled_as_the_api_says(text: str) -> None:
    """The reader takes exactly the pattern that the server enforces; anything else is a ValueError."""
    if re.fullmatch(DURATION, text) and not text.endswith("\n"):
        assert milliseconds(text) > 0
    else:
        with pytest.raises(ValueError, match="is not a duration"):
            milliseconds(text)
