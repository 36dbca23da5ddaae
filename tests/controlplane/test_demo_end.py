"""Ctrl-C in the demo, at any moment: one line, and nothing is left."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from controlplane import ControlPlane, until

ROOT = Path(__file__).parents[2]
LINE = "trimtab: interrupted: everything is stopped, nothing is left"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Return the folder for temporary files of the demo, empty before and after."""
    folder = tmp_path / "t"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == []


def left(place: Path) -> list[psutil.Process]:
    """Return the processes that name the folder."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(place) in word for word in process.info["cmdline"] or ())
    ]


@pytest.mark.parametrize(
    "moment",
    ["Ctrl-C ends it", "a control plane", "the operator", "apply --server-side", "waiting until"],
)
def test_an_interrupt_leaves_nothing_behind(place: Path, control_plane: ControlPlane, moment: str) -> None:
    """As on a terminal, it reaches every process of the group; a second one at once does no harm."""
    assert control_plane.binaries  # they are there: nothing is built here
    out = place / "out"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'operator'}:{ROOT / 'hack'}", "TMPDIR": str(place)}
    with subprocess.Popen(
        [sys.executable, "-m", "demo", "--seconds", "30", "--out", str(out)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as demo:
        assert demo.stdout is not None
        assert any(moment in line for line in demo.stdout), f"it never said {moment!r}"
        os.killpg(demo.pid, signal.SIGINT)
        os.killpg(demo.pid, signal.SIGINT)
        _, said = demo.communicate(timeout=60)

    until(lambda: not left(place), what="everything to be gone", seconds=10)
    assert demo.returncode == 130
    assert [line for line in said.splitlines() if "not using" not in line] == [LINE]
