"""Whether this machine can run a kind cluster, and what is missing where it cannot."""

import os
import shutil
import subprocess

PROGRAMS = {"kind_bin": "TRIMTAB_KIND_BIN", "kind_kubectl_bin": "TRIMTAB_KUBECTL_BIN"}
"""pytest-kind's options, and the variables that stand for them; without either, pytest-kind downloads its own."""
REASON = "TRIMTAB_E2E_NOT_RUN"
ANSWER_S = 20.0


class EngineMissingError(RuntimeError):
    """There is no engine that could run a cluster; the message says what is missing and what to do."""


def check() -> None:
    """Find an engine that answers.

    Raises:
        EngineMissingError: there is none; a script that tried to prepare one may have left a reason in `REASON`.
    """
    if reason := os.environ.get(REASON):
        raise EngineMissingError(reason)
    if shutil.which("docker") is None:
        raise EngineMissingError("there is no docker on the PATH: install an engine that kind can use")
    try:
        done = subprocess.run(["docker", "info"], capture_output=True, text=True, timeout=ANSWER_S, check=False)
    except subprocess.TimeoutExpired:
        raise EngineMissingError(f"`docker info` did not answer within {ANSWER_S:g} s: start the engine") from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise EngineMissingError(f"`docker info` failed ({said[-1]}): start the engine, or let this user reach it")
