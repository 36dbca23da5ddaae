"""Run real Tritons on loopback with a model that sleeps, and read what they say of their batches."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.triton.wheel import LIBRARIES
from controlplane.ports import LOOPBACK, answers, free
from controlplane.processes import Component, Guard, ended, late
from trimtab.simulate.setting import Discipline, Setting

MODEL = "sleeper"
READY_S, DRAIN_S = 60.0, 20.0
ANSWER_S = 10.0
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where Triton's Python backend puts it, whatever we want
_STRAIGHT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever the environment says


@dataclass(frozen=True)
class Server:
    """One Triton: where it answers."""

    url: str

    @property
    def model(self) -> str:
        """Where its model is."""
        return f"{self.url}/v2/models/{MODEL}"

    def batches(self) -> dict[int, tuple[int, float]]:
        """Return how many batches of each size were executed so far, and how many seconds that took in all."""
        with _STRAIGHT.open(f"{self.model}/stats", timeout=ANSWER_S) as answer:
            told: list[dict[str, Any]] = json.load(answer)["model_stats"][0]["batch_stats"]
        steps = ("compute_input", "compute_infer", "compute_output")
        return {
            each["batch_size"]: (each["compute_infer"]["count"], sum(each[step]["ns"] for step in steps) / 1e9)
            for each in told
        }


def configuration(setting: Setting) -> str:
    """Return the config.pbtxt of a model such as a setting describes, with its queue policy as the operator sets it.

    A service of single requests without a queue policy has no dynamic batcher at all.
    """
    service = setting.service
    lines = [
        f'backend: "python" max_batch_size: {service.max_batch}',
        'input [ { name: "INPUT", data_type: TYPE_FP32, dims: [ 1 ] } ]',
        'output [ { name: "OUTPUT", data_type: TYPE_FP32, dims: [ 1 ] } ]',
        f"instance_group [ {{ count: {service.instances}, kind: KIND_CPU }} ]",
        "parameters [",
        f'  {{ key: "base_s", value: {{ string_value: "{service.base}" }} }},',
        f'  {{ key: "item_s", value: {{ string_value: "{service.per_item}" }} }}',
        "]",
    ]
    delay = f"max_queue_delay_microseconds: {round(service.max_delay * 1e6)}"
    if setting.discipline is Discipline.DELAY:
        timeout = f"default_timeout_microseconds: {round(setting.slack * 1e6)}"
        lines.append(f"dynamic_batching {{ {delay} default_queue_policy {{ timeout_action: DELAY {timeout} }} }}")
    elif service.max_batch > 1:
        lines.append(f"dynamic_batching {{ {delay} }}")
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def serving(tree: Path, setting: Setting, replicas: int) -> Iterator[Sequence[Server]]:
    """Run so many Tritons until the end of the block; `tree` is where the program lies.

    Raises:
        ComponentFailedError: one of them ended, or did not become ready.
    """
    prefix = f"trimtab-bench-{os.getpid()}"
    folder = Path(tempfile.mkdtemp(prefix="trimtab-triton-"))
    try:
        with Guard((folder,)) as guard:
            models = folder / "models" / MODEL / "1"
            models.mkdir(parents=True)
            shutil.copy(Path(__file__).with_name("sleeper.py"), models / "model.py")
            (models.parent / "config.pbtxt").write_text(configuration(setting))
            started = [_start(guard, tree, folder, f"{prefix}-{number}") for number in range(replicas)]
            try:
                for server, component in started:
                    _wait(server, component)
                yield [server for server, _ in started]
            finally:
                _stop([component for _, component in started])
    finally:
        for region in SHARED_MEMORY.glob(f"{prefix}-*"):
            region.unlink(missing_ok=True)


def _start(guard: Guard, tree: Path, folder: Path, name: str) -> tuple[Server, Component]:
    port = free()
    libraries = os.pathsep.join((str(tree / "lib"), str(LIBRARIES)))
    environment = {
        # the backend takes for its Python the one that it finds first, and that one's NumPy
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), "/usr/bin", "/bin")),
        "LD_LIBRARY_PATH": libraries,
        "HOME": str(folder),
        "TMPDIR": str(folder),
    }
    command = [
        str(tree / "bin" / "tritonserver"),
        f"--model-repository={folder / 'models'}",
        f"--backend-directory={tree / 'backends'}",
        f"--backend-config=python,shm-region-prefix-name={name}",
        "--disable-auto-complete-config",
        "--exit-timeout-secs=5",
        "--allow-grpc=false",
        "--allow-metrics=false",
        f"--http-address={LOOPBACK}",
        f"--http-port={port}",
        "--log-info=false",
    ]
    return Server(f"http://{LOOPBACK}:{port}"), guard.spawn(
        "tritonserver", command, folder / f"{name}.log", environment
    )


def _wait(server: Server, component: Component) -> None:
    deadline = time.monotonic() + READY_S
    while not answers(f"{server.model}/ready"):
        if not component.running:
            raise ended(component)
        if time.monotonic() > deadline:
            raise late(component, READY_S)
        time.sleep(0.1)


def _stop(components: Sequence[Component]) -> None:
    for component in components:
        component.process.terminate()
    deadline = time.monotonic() + DRAIN_S
    for component in components:
        with contextlib.suppress(Exception):  # the guard kills who does not go
            component.process.wait(timeout=max(0.0, deadline - time.monotonic()))
