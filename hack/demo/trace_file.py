"""Traffic that somebody recorded: a file as `trimtab simulate` reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo.traffic import Traffic
from trimtab.simulate import trace

if TYPE_CHECKING:
    from pathlib import Path

TraceError = trace.TraceError


def read_trace(path: Path) -> Traffic:
    """Return the traffic in a file with the columns `t_s` and `requests`, or with a row for each request.

    Raises:
        TraceError: there is no such file, or it is not a trace.
    """
    return Traffic(list(trace.read_trace(path).counts), counted=True)
