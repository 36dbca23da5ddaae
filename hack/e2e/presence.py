"""Whether this machine can run a kind cluster, and what is missing where it cannot."""

import os

from e2e.engine import ANSWER_S, ImagesError, docker

PROGRAMS = {"kind_bin": "TRIMTAB_KIND_BIN", "kind_kubectl_bin": "TRIMTAB_KUBECTL_BIN"}
"""pytest-kind's options, and the variables that stand for them; without either, pytest-kind downloads its own."""
REASON = "TRIMTAB_E2E_NOT_RUN"


def check() -> None:
    """Find an engine that answers.

    Raises:
        ImagesError: there is none; a script that tried to prepare one may have left a reason in `REASON`.
    """
    if reason := os.environ.get(REASON):
        raise ImagesError(reason)
    try:
        docker("info", seconds=ANSWER_S)
    except ImagesError as error:
        raise ImagesError(f"{error}; start the engine, or let this user reach it") from None
