"""Traces that people recorded, as the demo takes them; what is refused, and why, is `trimtab.simulate`'s business."""

from pathlib import Path

import pytest

from demo.trace_file import TraceError, read_trace
from demo.traffic import Traffic


def test_a_recorded_trace_is_counted_traffic(tmp_path: Path) -> None:
    """Absent seconds have no request, and each request comes once."""
    file = tmp_path / "trace.csv"
    file.write_text("tokens,t_s,requests\n9,1,2\n9,2,0\n9,5,3\n")

    assert read_trace(file) == Traffic([0, 2, 0, 0, 0, 3], counted=True)


def test_what_is_no_trace_is_refused(tmp_path: Path) -> None:
    """With the line that is at fault."""
    file = tmp_path / "trace.csv"
    file.write_text("t_s,requests\n0,1\n\n1,-4\n")

    with pytest.raises(TraceError, match="line 4: requests is -4"):
        read_trace(file)
