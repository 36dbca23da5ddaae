"""The contract with the Job that measures: texts of bounded size, and nothing believed that cannot be."""

import json

import pytest
from pydantic import ValidationError

from fakes.profiles import REPORT, failed
from trimtab.api.fetch import MAX_REPORT_BYTES, FetchOutcome
from trimtab.api.profile import (
    ProfiledBatch,
    ProfiledLoad,
    ProfileFailureReason,
    ProfilePlan,
    ProfileReport,
    parse_profile_report,
)


def test_a_report_is_read_as_it_was_written() -> None:
    """Numbers, notes and reasons."""
    assert parse_profile_report(REPORT.to_termination_message()) == REPORT
    lost = failed(ProfileFailureReason.NOT_READY, "it did not load")
    assert parse_profile_report(lost.to_termination_message()) == lost


def test_the_longest_report_fits_a_termination_message() -> None:
    """All batches, all loads, and words of four bytes a character."""
    odd = 0.12345678901234567
    report = ProfileReport(
        outcome=FetchOutcome.FAILED,
        reason=ProfileFailureReason.INTERNAL_ERROR,
        message="𝄞" * 5_000,
        batches=tuple(ProfiledBatch(batch=2**power, seconds=odd) for power in range(13)),
        loads=(ProfiledLoad(concurrency=4096, rate=odd, p50=odd, p90=odd, p95=odd, p99=odd),) * 6,
        notes=("𝄞" * 5_000,) * 9,
    )

    text = report.to_termination_message()

    assert len(text.encode()) <= MAX_REPORT_BYTES
    read = parse_profile_report(text)
    assert read is not None
    assert read.batches == report.batches


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        '{"outcome": "Succeeded"}',
        '{"outcome": "Failed"}',
        '{"outcome": "Succeeded", "reason": "NotReady", "batches": [{"batch": 1, "seconds": 1}]}',
        '{"outcome": "Succeeded", "batches": [{"batch": 0, "seconds": 1}]}',
        '{"outcome": "Succeeded", "batches": [{"batch": 1, "seconds": 0}]}',
        '{"outcome": "Succeeded", "batches": [{"batch": 1, "seconds": NaN}]}',
        '{"outcome": "Succeeded", "batches": [{"batch": 2, "seconds": 1}, {"batch": 1, "seconds": 1}]}',
        '{"outcome": "Succeeded", "batches": [{"batch": 1, "seconds": 1}, {"batch": 1, "seconds": 1}]}',
        REPORT.to_termination_message() + " " * MAX_REPORT_BYTES,
    ],
)
def test_what_is_no_report_is_none(text: str | None) -> None:
    """A killed container leaves nothing, or something else."""
    assert parse_profile_report(text) is None


def test_the_exit_code_says_how_it_went() -> None:
    """The Job's failure policy knows 1."""
    assert REPORT.exit_code == 0
    assert failed(ProfileFailureReason.UNSUPPORTED, "streams").exit_code == 1


def test_a_plan_is_the_same_text_each_time_and_stays_on_the_loopback() -> None:
    """What is default is left out; another address than the pod's own is refused."""
    assert json.loads(ProfilePlan(model="fraud", measure_within=60.0).to_environment()) == {
        "measureWithin": 60.0,
        "model": "fraud",
    }
    with pytest.raises(ValidationError):
        ProfilePlan(model="fraud", address="10.0.0.1:8001")
