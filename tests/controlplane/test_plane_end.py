"""However a plane ends, nothing of it is left: no process, no folder, no port."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from controlplane import ControlPlane, Options, ports, until
from controlplane.plane import PREFIX

ROOT = Path(__file__).parents[2]
BARE = Options(controller_manager=False, scheduler=False, kwok=False)
UP = [sys.executable, "-m", "controlplane", "up"]
PROGRAM = """
import time
from controlplane import ControlPlane, Options
with ControlPlane(Options(scheduler=False, kwok=False)):
    print("started", flush=True)
    time.sleep(600)
"""
IN_A_PROGRAM = [sys.executable, "-c", PROGRAM]


@dataclass(frozen=True)
class Traces:
    """What a plane has while it runs."""

    processes: list[psutil.Process]
    folder: Path
    ports: list[int]

    def left(self) -> list[object]:
        """Return what is left of it."""
        processes = [process for process in self.processes if process.is_running() and process.status() != "zombie"]
        taken = [port for port in self.ports if not can_be_had(port)]
        return [*processes, *taken, *([self.folder] if self.folder.exists() else [])]


def can_be_had(port: int) -> bool:
    """Tell whether a new server could listen on a port."""
    holder = ports.hold(port, after_use=True)
    if holder is not None:
        holder.close()
    return holder is not None


def traces(folder: Path) -> Traces:
    """Return the traces of the plane in `folder`: its processes are those that name the folder."""
    processes = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in word for word in process.info["cmdline"] or ())
    ]
    listening = [
        connection.laddr.port
        for process in processes
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    return Traces(processes, folder, listening)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Return the folder for temporary files of a program that runs a plane."""
    folder = tmp_path / "t"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == []


def started(command: list[str], place: Path) -> tuple[subprocess.Popen[str], Traces]:
    """Run a program that starts a plane, and wait until it says that it has."""
    environment = {"PYTHONPATH": str(ROOT / "hack"), "TMPDIR": str(place), "HOME": str(Path.home()), "PATH": "/usr/bin"}
    log = place.with_name("stderr")
    with log.open("w") as stderr:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True)
    assert process.stdout is not None
    assert process.stdout.readline(), f"it ended with {process.wait()}: {log.read_text()}"
    (folder,) = place.glob(f"{PREFIX}*")
    return process, traces(folder)


@pytest.mark.parametrize(
    ("command", "number", "programs"),
    [(UP, signal.SIGINT, 6), (UP, signal.SIGTERM, 6), (IN_A_PROGRAM, signal.SIGKILL, 4)],
    ids=["Ctrl-C", "SIGTERM", "SIGKILL"],
)
def test_nothing_is_left_when_the_program_that_started_it_ends(
    place: Path, command: list[str], number: signal.Signals, programs: int
) -> None:
    """Interrupted, asked to end, or killed without a farewell: the guard sees to it."""
    process, found = started(command, place)
    with process:
        process.send_signal(number)

    until(lambda: not found.left(), what="everything to be gone", seconds=10)

    assert len(found.processes) == programs
    assert len(found.ports) >= 3
    assert process.returncode == {signal.SIGKILL: -9}.get(number, 130)


def test_nothing_is_left_after_an_exception(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fixture whose test fails ends its plane; so does one that fails itself."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    found: list[Traces] = []

    def fail_with(plane: ControlPlane) -> None:
        with plane:
            found.append(traces(plane.layout.folder))
            raise LookupError

    with pytest.raises(LookupError):
        fail_with(ControlPlane(BARE))

    assert len(found[0].processes) == 3
    assert found[0].left() == []


def test_a_plane_that_cannot_start_says_why_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A component that ends at once is named with its last words, and the others end too."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    binaries = ControlPlane(BARE).binaries | {"kube-apiserver": Path("/usr/bin/false")}

    with pytest.raises(RuntimeError, match="kube-apiserver ended with 1"), ControlPlane(BARE, binaries=binaries):
        pytest.fail("it started")

    assert list(tmp_path.iterdir()) == []


def test_a_kept_folder_is_taken_up_again(tmp_path: Path) -> None:
    """What `up --folder` kept is there the next time, with new ports and tokens."""
    options = Options(controller_manager=False, scheduler=False, kwok=False, folder=tmp_path / "kept")
    name = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kept"}}

    with ControlPlane(options) as plane:
        plane.admin.create(name)
        first = plane.kubeconfig.read_text()
    with ControlPlane(options) as plane:
        assert plane.admin.get("v1/Namespace", "kept") is not None
        assert plane.kubeconfig.read_text() != first

    assert traces(tmp_path / "kept").processes == []
