"""`python -m trimtab_runtime.fetch`: fetch by plan, report, exit 0, 1 (try again) or 2 (change something)."""

import logging
import os
import signal
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from trimtab.api.fetch import (
    DEFAULT_TERMINATION_LOG,
    FETCH_PLAN_VARIABLE,
    TERMINATION_LOG_VARIABLE,
    FetchFailureReason as Reason,
    FetchPlan,
    FetchReport,
    one_line,
)
from trimtab_runtime.fetch.guard import ConnectionGuard
from trimtab_runtime.fetch.redaction import RedactedFormatter, redaction_of
from trimtab_runtime.fetch.run import failed, fetch, write_report

WORLD_READABLE = 0o022  # Triton runs under another user id than this container may
STDERR = 2


def main(environment: Mapping[str, str]) -> FetchReport:
    """Carry out the plan in an environment and return the report; never raises."""
    try:
        plan = FetchPlan.model_validate_json(environment.get(FETCH_PLAN_VARIABLE, ""))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or FETCH_PLAN_VARIABLE
        return failed(Reason.INVALID_PLAN, f"{where}: {first['msg']}; this is a fault of the operator")
    environment = {name: value.strip() for name, value in environment.items()}  # Secrets often end with a line's end
    redact = redaction_of(environment)
    log = logging.StreamHandler()
    log.setFormatter(RedactedFormatter(redact))
    logging.basicConfig(handlers=[log], level=logging.WARNING)
    guard = ConnectionGuard(rules=plan.network_rules)
    guard.install()
    try:
        report = fetch(plan, environment)
    except Exception as error:  # noqa: BLE001  # the last resort: whatever it is, it must reach the report
        _say(redact(traceback.format_exc()))
        report = failed(Reason.INTERNAL_ERROR, f"{type(error).__name__}: {error}; see the log")
    if report.reason is not None and guard.refusal is not None:
        # Client libraries hide the cause, or read a refused metadata service as missing credentials.
        return report.model_copy(update={"reason": Reason.ADDRESS_REFUSED, "message": guard.refusal})
    return report.model_copy(update={"message": redact(report.message)})


def _end_on_sigterm() -> None:
    """Report and end at once when asked to: as process 1 a container ignores SIGTERM unless somebody waits for it.

    A thread waits, since Python's own handlers run in the main thread alone, which may be waiting for a server.
    """
    signal.pthread_sigmask(
        signal.SIG_BLOCK, {signal.SIGTERM}
    )  # threads inherit it: the signal stays for the waiting one

    def wait() -> None:
        signal.sigwait({signal.SIGTERM})
        _finish(failed(Reason.INTERRUPTED, "stopped by SIGTERM; the next start fetches again"))

    threading.Thread(target=wait, name="sigterm", daemon=True).start()


def _finish(report: FetchReport) -> None:
    _say(f"{report.reason}: {one_line(report.message)}" if report.reason else report.to_termination_message())
    try:
        write_report(report, Path(os.environ.get(TERMINATION_LOG_VARIABLE, DEFAULT_TERMINATION_LOG)))
    except OSError as error:
        _say(f"the report could not be written ({error}); the exit code says how it went")
    os._exit(report.exit_code)  # threads of client libraries may still wait for a server


def _say(text: str) -> None:
    """Write to the container's log, past Python's buffers: several threads come here, and the process ends after it."""
    os.write(STDERR, f"{text}\n".encode(errors="backslashreplace"))


if __name__ == "__main__":
    os.umask(WORLD_READABLE)
    _end_on_sigterm()
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"  # pods get no identity of their node's
    _finish(main(os.environ))
