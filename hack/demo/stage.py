"""What the demo plays on: a control plane, a world of traffic, Prometheus, the operator; and a user with kubectl."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from controlplane import ControlPlane, OperatorProcess, Options, prepare
from controlplane.processes import ended, plain_environment
from demo import operator as played
from demo.world import Play, World

ROOT = Path(__file__).parents[2]
COMMAND_S = 60.0  # a hundred times what a command takes
NO_SUCH_COMMAND = "No such command"
T = TypeVar("T")
Say = Callable[[str], None]


class CommandFailedError(RuntimeError):
    """A command of the demo's failed; the message has the command and its last words."""


@dataclass
class Stage:
    """Everything that runs, as a context manager; all of it has ended after the block, however it ends.

    `plays` says how models are played, `say` prints a line, `settings` are the operator's beside where Prometheus is.
    """

    plays: Mapping[str, Play]
    say: Say
    settings: Mapping[str, str] = field(default_factory=dict)
    plane: ControlPlane = field(init=False)
    world: World = field(init=False)
    operator: OperatorProcess = field(init=False)
    prometheus: str = field(default="", init=False)
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, init=False)

    def __enter__(self) -> Self:
        """Start everything, and say so.

        Raises:
            ComponentFailedError: something ended, or did not become ready.
        """
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        self._stack.__exit__(kind, error, trace)

    def _start(self) -> None:
        with self.step("a control plane: etcd, API server, controllers, scheduler, and 28 GPUs that KWOK plays", "8 s"):
            self.plane = self._enter(ControlPlane(Options(crds=ROOT / "crds")))
            prepare(self.plane)
        with self.step("Prometheus, with config/prometheus/scrape.yaml; what it scrapes is played", "2 s"):
            self.world = self._enter(World(self.plane.admin, self.plays))
            self.prometheus = self.plane.start_prometheus(proxy=self.world.proxy_url)
        with self.step("the operator, with the rights of config/rbac", "4 s"):
            settings = {"TRIMTAB_PROMETHEUS_URL": self.prometheus, "PYTHONPATH": played.PATH, **self.settings}
            command = played.command(self.world.proxy_url)
            self.operator = self._enter(OperatorProcess(self.plane, settings=settings, command=command))

    def _enter(self, part: contextlib.AbstractContextManager[T]) -> T:
        entered = self._stack.enter_context(part)
        self._stack.callback(deafen)  # comes first when all ends, after whichever part
        return entered

    @contextlib.contextmanager
    def step(self, what: str, usually: str) -> Iterator[None]:
        """Say that something begins and how long it usually takes, and in the end how long it took."""
        self.say(f"\n── {what} (usually {usually})")
        began = time.monotonic()
        yield
        self.say(f"   took {time.monotonic() - began:.0f} s")

    def check(self) -> None:
        """Check that everything still runs.

        Raises:
            ComponentFailedError: something has ended.
        """
        for component in self.plane.components.values():
            if not component.running:
                raise ended(component)

    # -- a user ------------------------------------------------------------------------------------------------------

    def kubectl(self, *arguments: str) -> None:
        """Say a kubectl command, run it in the project's folder, and say what it said.

        Raises:
            CommandFailedError: it failed.
        """
        done = self._run(("kubectl", *arguments), [str(self.plane.binaries["kubectl"]), *arguments])
        if done.returncode:
            raise CommandFailedError(f"kubectl {' '.join(arguments)} failed: {done.stdout.strip()}")

    def trimtab(self, *arguments: str) -> None:
        """Say a command of the operator's command line, run it, and say what it said, also where it failed."""
        command = [sys.executable, "-m", "trimtab.app", *arguments]
        done = self._run(("kubectl", "trimtab", *arguments), command, quiet_if=NO_SUCH_COMMAND)
        if NO_SUCH_COMMAND in done.stdout:
            self.say(f"(this version has no command {arguments[0]})")

    def _run(
        self, shown: tuple[str, ...], command: list[str], *, quiet_if: str = ""
    ) -> subprocess.CompletedProcess[str]:
        self.say(f"\n$ {' '.join(shown)}")
        environment = {
            **plain_environment(self.plane.layout.folder),
            "KUBECONFIG": str(self.plane.kubeconfig),
            "PYTHONPATH": str(ROOT / "operator"),
        }
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        if not quiet_if or quiet_if not in done.stdout:
            self.say(done.stdout.rstrip())
        return done

    def objects(self, kind: str, namespace: str, selector: str = "") -> list[dict[str, Any]]:
        """Return the objects of a kind in a namespace, of those that a label selector matches."""
        return self.plane.admin.list(kind, namespace, selector)


def deafen() -> None:
    """Let nobody interrupt the end: it takes a second or two, and what it leaves undone would stay."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
