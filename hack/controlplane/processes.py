"""Start and stop one plane's processes, none of which outlives it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

GRACE_S = 1.0  # etcd and the controllers end within 0.5 s of SIGTERM; an API server with open watches takes a minute
LOG_TAIL_LINES = 15


class ComponentFailedError(RuntimeError):
    """A component ended or never became ready; the message has its last words and the path of its log."""


@dataclass(frozen=True)
class Component:
    """A running component: its name, its process and its log file."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def running(self) -> bool:
        """Tell whether the process still runs."""
        return self.process.poll() is None

    def last_words(self) -> str:
        """Return the end of the log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-LOG_TAIL_LINES:])


def ended(component: Component) -> ComponentFailedError:
    """Return the error that tells of a component's unexpected end."""
    return _failure(component, f"ended with {component.process.returncode}")


def late(component: Component, seconds: float) -> ComponentFailedError:
    """Return the error that tells of a component that runs and is not ready after `seconds`."""
    return _failure(component, f"was not ready after {seconds:g} s")


def _failure(component: Component, what: str) -> ComponentFailedError:
    message = f"{component.name} {what}; its last words in {component.log}:\n{component.last_words()}"
    return ComponentFailedError(message)


@dataclass
class Guard:
    """The process group that a plane's children live in, cleared up when this process dies (see guard.py).

    `folders` are removed at the end.
    """

    folders: Sequence[Path] = ()
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        """Start the guard, in a process group of its own."""
        script = Path(__file__).with_name("guard.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(script), *map(str, self.folders)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            process_group=0,
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Let the guard end whatever still runs, remove the folders, and wait for it."""
        if self._process is None or self._process.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process = None

    def spawn(self, name: str, argv: Sequence[str], log: Path, environment: Mapping[str, str]) -> Component:
        """Start `argv` in the guard's process group with its output appended to `log`.

        Raises:
            RuntimeError: the guard does not run.
        """
        if self._process is None:
            message = f"cannot start {name}: the guard is not running; use it as a context manager"
            raise RuntimeError(message)
        with log.open("ab") as output:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=log.parent,
                process_group=self._process.pid,
            )
        return Component(name, process, log)


def stop(components: Iterable[Component]) -> None:
    """Ask the components to end, all at once, and kill those that have not after `GRACE_S` seconds."""
    running = [component for component in components if component.running]
    for component in running:
        component.process.send_signal(signal.SIGTERM)
        component.process.send_signal(signal.SIGCONT)  # a test may have paused it
    deadline = time.monotonic() + GRACE_S
    for component in running:
        try:
            component.process.wait(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            component.process.kill()
            component.process.wait()


def plain_environment(folder: Path) -> dict[str, str]:
    """Return an environment in which no component reads or writes anybody's home, proxy or cluster."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "TMPDIR": str(folder)}
