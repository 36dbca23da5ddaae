"""`python -m trimtab_runtime.profile`: measure by plan, report, exit 0 or 1."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from pydantic import ValidationError

from trimtab.api.fetch import DEFAULT_TERMINATION_LOG, TERMINATION_LOG_VARIABLE, FetchOutcome
from trimtab.api.profile import PROFILE_PLAN_VARIABLE, ProfileFailureReason as Reason, ProfilePlan, ProfileReport
from trimtab_runtime.profile.errors import ProfileError
from trimtab_runtime.profile.measure import Watch, measure
from trimtab_runtime.profile.server import Server


def main(environment: Mapping[str, str]) -> ProfileReport:
    """Carry out the plan in an environment and return the report; never raises."""
    try:
        plan = ProfilePlan.model_validate_json(environment.get(PROFILE_PLAN_VARIABLE, ""))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or PROFILE_PLAN_VARIABLE
        return _failed(Reason.INVALID_PLAN, f"{where}: {first['msg']}; this is a fault of the operator")
    try:
        return profile(plan)
    except ProfileError as error:
        return _failed(error.reason, str(error))
    except Exception as error:  # noqa: BLE001  # the last resort: whatever it is, it must reach the report
        traceback.print_exc()
        return _failed(Reason.INTERNAL_ERROR, f"{type(error).__name__}: {error}; see the log")


def profile(plan: ProfilePlan) -> ProfileReport:
    """Wait for the model, measure it, and return what came of it.

    Raises:
        ProfileError: it could not be measured.
    """
    server = Server(plan.address)
    server.wait_until_ready(plan.model, plan.ready_within)
    model = server.describe(plan.model)
    found = measure(server, model, Watch(ends=time.monotonic() + plan.measure_within))
    return ProfileReport(outcome=FetchOutcome.SUCCEEDED, batches=found.batches, loads=found.loads, notes=found.notes)


def _failed(reason: Reason, message: str) -> ProfileReport:
    return ProfileReport(outcome=FetchOutcome.FAILED, reason=reason, message=message)


def _interrupted(_signal: int, _frame: FrameType | None) -> None:
    raise ProfileError(Reason.INTERRUPTED, "stopped by SIGTERM; nothing of it counts")


def _finish(report: ProfileReport) -> None:
    text = report.to_termination_message()
    sys.stderr.write(f"{text}\n")
    try:
        Path(os.environ.get(TERMINATION_LOG_VARIABLE, DEFAULT_TERMINATION_LOG)).write_text(text, encoding="utf-8")
    except OSError as error:
        sys.stderr.write(f"the report could not be written ({error}); the exit code says how it went\n")
    sys.stderr.flush()
    os._exit(report.exit_code)  # threads of the gRPC client may still wait for the server


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupted)
    _finish(main(os.environ))
