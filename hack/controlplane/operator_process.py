"""The operator as a child process of a plane: started, killed, started again, and measured.

    prepare(plane)
    with OperatorProcess(plane) as operator:
        operator.kill()
        operator.start()

It runs with the rights of config/rbac, and it ends with the plane at the latest.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from controlplane import bootstrap, ports, processes
from controlplane.plane import ControlPlane
from controlplane.processes import Component
from controlplane.usage import cpu_seconds, peak_bytes

ROOT = Path(__file__).parents[2]
USER = "trimtab-operator"  # in the plane's users; RBAC knows it as the service account of config/rbac
COMMAND = (sys.executable, "-m", "trimtab.app", "run")
READY_S = 60.0  # ten times what it takes with 1,000 models on two busy cores
END_S = 30.0  # terminationGracePeriodSeconds of config/manager
LOOK_S = 0.05


def prepare(plane: ControlPlane) -> None:
    """Give the plane what an installation brings beside CRDs: the operator's namespace, account and rights."""
    bootstrap.install_rights(plane.admin, ROOT / "config")


def operator_environment(plane: ControlPlane, *, probes_port: int, metrics_port: int) -> dict[str, str]:
    """Return the whole environment of an operator that works on `plane`; nothing of ours is inherited."""
    return {
        **processes.plain_environment(plane.layout.folder),
        "KUBECONFIG": str(plane.kubeconfig_for(USER)),
        "PYTHONPATH": str(ROOT / "operator"),
        "PYTHONFAULTHANDLER": "1",  # so that a hang can be asked where it hangs
        "PYTHONUNBUFFERED": "1",
        "TRIMTAB_NAMESPACE": "trimtab-system",
        "TRIMTAB_TRITON_IMAGE": "nvcr.io/nvidia/tritonserver:26.07-py3",
        "TRIMTAB_RUNTIME_IMAGE": "ghcr.io/trimtab/runtime:0.1.0",
        "TRIMTAB_PROBES_ADDRESS": f"{ports.LOOPBACK}:{probes_port}",
        "TRIMTAB_METRICS_ADDRESS": f"{ports.LOOPBACK}:{metrics_port}",
    }


@dataclass
class OperatorProcess:
    """An operator on `plane`, as a context manager.

    `settings` are environment variables beside those of `operator_environment`; `command` is what is run. Two operators
    on one plane need different `name`s, which their logs have too.
    """

    plane: ControlPlane
    settings: Mapping[str, str] = field(default_factory=dict)
    command: Sequence[str] = COMMAND
    name: str = "operator"
    probes_port: int = field(default_factory=ports.free)
    metrics_port: int = field(default_factory=ports.free)
    _component: Component | None = field(default=None, init=False)
    _spent: float = field(default=0.0, init=False)

    def __enter__(self) -> Self:
        """Start it and wait until it is ready; end it where it does not become so."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.stop()

    def start(self, *, wait: bool = True) -> None:
        """Start it, on the same ports as ever, and wait until it is ready, unless `wait` is false.

        Raises:
            RuntimeError: it runs already.
            ComponentFailedError: it ended or did not become ready.
        """
        if self.running:
            raise RuntimeError(f"{self.name} runs already, as process {self.pid}: kill() or stop() it first")
        environment = operator_environment(
            self.plane, probes_port=self.probes_port, metrics_port=self.metrics_port
        ) | dict(self.settings)
        self._component = self.plane.spawn(self.name, self.command, environment)
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self, seconds: float = READY_S) -> None:
        """Wait until it says that it has seen every object once.

        Raises:
            ComponentFailedError: it ended or did not become ready.
        """
        component, deadline = self._started(), time.monotonic() + seconds
        while not self.ready:
            if not component.running:
                raise processes.ended(component)
            if time.monotonic() > deadline:
                raise processes.late(component, seconds)
            time.sleep(LOOK_S)

    def kill(self) -> None:
        """Kill it with SIGKILL, as a node that dies would, and wait for its end."""
        self._end(signal.SIGKILL)

    def stop(self) -> int | None:
        """Ask it to end with SIGTERM, as a kubelet would, and return its exit status; None if it never ran.

        It is killed, and the status is -9, where it has not ended after 30 s.
        """
        return self._end(signal.SIGTERM)

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self._component is not None and self._component.running

    @property
    def ready(self) -> bool:
        """Whether it answers 200 on /readyz."""
        return ports.answers(f"http://{ports.LOOPBACK}:{self.probes_port}/readyz")

    @property
    def alive(self) -> bool:
        """Whether it answers 200 on /healthz."""
        return ports.answers(f"http://{ports.LOOPBACK}:{self.probes_port}/healthz")

    @property
    def metrics_url(self) -> str:
        """Where its own metrics are."""
        return f"http://{ports.LOOPBACK}:{self.metrics_port}/metrics"

    @property
    def pid(self) -> int:
        """The process id of its present or last life."""
        return self._started().process.pid

    @property
    def log(self) -> str:
        """What all its lives have printed."""
        return self._started().log.read_text(errors="replace")

    @property
    def last_words(self) -> str:
        """The end of its log."""
        return self._started().last_words()

    @property
    def cpu_seconds(self) -> float:
        """The processor time of all its lives."""
        return self._spent + (cpu_seconds(self.pid) if self.running else 0.0)

    @property
    def peak_bytes(self) -> int:
        """The largest resident memory of its present life."""
        return peak_bytes(self.pid)

    def _started(self) -> Component:
        if self._component is None:
            raise RuntimeError(f"{self.name} was never started: call start() first")
        return self._component

    def _end(self, number: signal.Signals) -> int | None:
        if self._component is None:
            return None
        process = self._component.process
        if self._component.running:
            self._spent += cpu_seconds(process.pid)
            process.send_signal(number)
            os.kill(process.pid, signal.SIGCONT)  # a test may have frozen it
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
        return process.wait()
