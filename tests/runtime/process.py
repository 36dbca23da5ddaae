"""Run a fetch as the container would, and see what a kubelet would see: exit code, termination message, log."""

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from runtime.zygote import READY, World
from trimtab.api.fetch import (
    FETCH_PLAN_VARIABLE,
    MAX_REPORT_BYTES,
    TERMINATION_LOG_VARIABLE,
    FetchPlan,
    FetchReport,
    parse_fetch_report,
)

ROOT = Path(__file__).resolve().parents[2]
PYTHONPATH = os.pathsep.join(str(ROOT / folder) for folder in ("operator", "runtime", "tests"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ended:
    """What is left of a fetch: its exit code, its report, None if it left none, and its log."""

    exit_code: int
    report: FetchReport | None
    log: str

    @property
    def told(self) -> FetchReport:
        """The report of a process that is known to have left one."""
        assert self.report is not None, f"no report, exit code {self.exit_code}:\n{self.log}"
        return self.report


Ask = Callable[..., Ended]
"""What the fixture `ask` is."""


class Running:
    """A fetch in progress; `pid` is its process."""

    def __init__(self, zygote: subprocess.Popen[str], world: World, termination_log: Path) -> None:
        self._zygote, self._world, self._termination_log = zygote, world, termination_log
        self.pid = int(self._tell(json.dumps(dataclasses.asdict(world))))

    def _tell(self, line: str) -> str:
        assert self._zygote.stdin is not None
        self._zygote.stdin.write(line + "\n")
        self._zygote.stdin.flush()
        return self._hear()

    def _hear(self) -> str:
        assert self._zygote.stdout is not None
        answer = self._zygote.stdout.readline().strip()
        assert answer, "the zygote is gone; its own errors are on standard error"
        return answer

    def end(self) -> Ended:
        """Wait for the process, and check what holds of every fetch: a consistent end, and no credentials told."""
        exit_code = int(self._hear())
        text = self._termination_log.read_text() if self._termination_log.exists() else ""
        log = Path(self._world.log).read_text(errors="replace")
        ended = Ended(exit_code=exit_code, report=parse_fetch_report(text), log=log)
        assert len(text.encode()) <= MAX_REPORT_BYTES
        if ended.report is not None:
            assert exit_code == ended.report.exit_code
        secrets = [value for name, value in self._world.environment.items() if is_secret(name)]
        assert [secret for secret in secrets if secret.strip() in text + log] == []
        return ended


def is_secret(variable: str) -> bool:
    """Tell whether the value of an environment variable must not be seen anywhere."""
    return any(word in variable for word in ("SECRET", "TOKEN", "PASSWORD", "CREDENTIALS"))


class Kubelet:
    """Starts fetches one after the other, each in a process of its own."""

    def __init__(self, zygote: subprocess.Popen[str], folder: Path) -> None:
        self._zygote, self._folder, self._runs = zygote, folder, 0

    def start(
        self,
        plan: FetchPlan | str,
        credentials: Mapping[str, str] | None = None,
        *,
        hosts: Mapping[str, str] | None = None,
        largest_file_bytes: int | None = None,
        user: int | None = None,
    ) -> Running:
        """Start the init container."""
        self._runs += 1
        termination_log = self._folder / f"termination-{self._runs}"
        environment = {
            "HOME": str(self._folder),
            "PATH": os.environ["PATH"],
            FETCH_PLAN_VARIABLE: plan if isinstance(plan, str) else plan.to_environment(),
            TERMINATION_LOG_VARIABLE: str(termination_log),
            **(credentials or {}),
        }
        if user is not None:
            os.chown(self._folder, user, user)
        world = World(
            environment=environment,
            log=str(self._folder / f"log-{self._runs}"),
            hosts=dict(hosts or {}),
            largest_file_bytes=largest_file_bytes,
            user=user,
        )
        return Running(self._zygote, world, termination_log)


@contextmanager
def zygote() -> Iterator[subprocess.Popen[str]]:
    """Start the process that forks fetches; it ends with the context."""
    command = [sys.executable, "-m", "runtime.zygote"]
    with subprocess.Popen(
        command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": PYTHONPATH}
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline().strip() == READY
            yield process
        finally:
            process.kill()
