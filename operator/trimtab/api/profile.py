"""The contract between the operator and the Job that measures a model before traffic does.

The operator renders a `ProfilePlan` into the environment variable `TRIMTAB_PROFILE_PLAN`; the container answers with a
`ProfileReport` in its termination message and an exit code: 0 measured, 1 failed.
"""

import json
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from trimtab.api.fetch import MAX_REPORT_BYTES, FetchOutcome, TritonModelName, one_line
from trimtab.api.wire import Wire

PROFILE_PLAN_VARIABLE = "TRIMTAB_PROFILE_PLAN"
MOST_BATCHES = 13  # 1, 2, 4 ... 4096
MOST_LOADS = 6
LARGEST_BATCH = 4096
LONGEST_SECONDS = 3_600.0
SHORTEST_SECONDS = 1e-6
MOST_NOTES = 3

_Time = Annotated[float, Field(ge=SHORTEST_SECONDS, le=LONGEST_SECONDS, allow_inf_nan=False)]
_Rate = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]


class ProfileFailureReason(StrEnum):
    """Why a model could not be measured."""

    INVALID_PLAN = "InvalidPlan"
    NOT_READY = "NotReady"
    UNSUPPORTED = "Unsupported"
    REQUEST_FAILED = "RequestFailed"
    INTERRUPTED = "Interrupted"
    INTERNAL_ERROR = "InternalError"


class ProfilePlan(Wire):
    """What is to be measured: a model by its name in Triton, at an address on the loopback.

    `ready_within` is how long it may take to load, `measure_within` how long measuring may take, in seconds.
    """

    model: TritonModelName
    address: Annotated[str, Field(max_length=64, pattern=r"^127\.0\.0\.1:[0-9]{1,5}$")] = "127.0.0.1:8001"
    ready_within: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] = 1_200.0
    measure_within: Annotated[float, Field(gt=0, le=3_600, allow_inf_nan=False)] = 300.0

    def to_environment(self) -> str:
        """Return the plan as the environment carries it: the same plan, the same text."""
        values = self.model_dump(by_alias=True, mode="json", exclude_defaults=True)
        return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


class ProfiledBatch(Wire):
    """How long Triton took to execute one batch, by its own statistics: the median of several series."""

    batch: Annotated[int, Field(ge=1, le=LARGEST_BATCH)]
    seconds: _Time


class ProfiledLoad(Wire):
    """What requests of one input each, so many under way at a time, came to: requests/s, and latency by percentile."""

    concurrency: Annotated[int, Field(ge=1, le=LARGEST_BATCH)]
    rate: _Rate
    p50: _Time
    p90: _Time
    p95: _Time
    p99: _Time


class ProfileReport(Wire):
    """What was measured, or why it was not. `notes` say what of it is not as the model's users may have it."""

    outcome: FetchOutcome
    reason: ProfileFailureReason | None = None
    message: str = ""
    batches: Annotated[tuple[ProfiledBatch, ...], Field(max_length=MOST_BATCHES)] = ()
    loads: Annotated[tuple[ProfiledLoad, ...], Field(max_length=MOST_LOADS)] = ()
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.outcome is FetchOutcome.FAILED) == (self.reason is None):
            raise ValueError("a failed profile has a reason, a successful one has none")
        if self.reason is None and not self.batches:
            raise ValueError("a successful profile has at least one batch")
        sizes = [each.batch for each in self.batches]
        if sizes != sorted(set(sizes)):
            raise ValueError("batches must rise in size, each once")
        return self

    @property
    def exit_code(self) -> int:
        """0 measured, 1 failed."""
        return 0 if self.reason is None else 1

    def to_termination_message(self) -> str:
        """Return the report as JSON of at most 4 KiB; a long message or list of notes is cut."""
        notes = tuple(one_line(note)[:100] for note in self.notes[:MOST_NOTES])
        short = self.model_copy(update={"message": one_line(self.message)[:300], "notes": notes})
        return short.model_dump_json(by_alias=True, exclude_none=True)


def parse_profile_report(text: str | None) -> ProfileReport | None:
    """Return the report in a termination message, None where it is no such report (a killed container leaves none)."""
    if not text or len(text.encode(errors="replace")) > MAX_REPORT_BYTES:
        return None
    try:
        return ProfileReport.model_validate_json(text)
    except ValidationError:
        return None
