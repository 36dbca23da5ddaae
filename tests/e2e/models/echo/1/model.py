"""A model whose service time is known: it sleeps, so that many of them fit on a few cores, and returns its input.

Where it is told to, it computes for a part of the time, which the processor's metrics then show.
"""

import json
import socket
import time
from typing import Any

import numpy as np
import triton_python_backend_utils as pb  # type: ignore[import-not-found] # only inside of Triton


class TritonPythonModel:
    """What Triton's Python backend looks for by this name."""

    def initialize(self, args: dict[str, str]) -> None:
        """Read from the configuration how long a batch takes, and how much of that time is the processor's."""
        parameters = json.loads(args["model_config"]).get("parameters", {})
        self._work_s, self._item_s, self._busy_s = (
            float(parameters[name]["string_value"]) / 1000 for name in ("work_ms", "item_ms", "busy_ms")
        )
        self._pod = socket.gethostname().encode()

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer a batch of requests, each of one item or more, after the time that it takes."""
        inputs = [pb.get_input_tensor_by_name(request, "INPUT").as_numpy() for request in requests]
        until = time.monotonic() + self._work_s + self._item_s * sum(len(each) for each in inputs)
        enough = time.thread_time() + self._busy_s
        while time.thread_time() < enough:
            pass
        time.sleep(max(0.0, until - time.monotonic()))
        return [self._answer(each) for each in inputs]

    def _answer(self, values: Any) -> Any:  # noqa: ANN401 - an array; Triton's own module has no types
        pods = np.full((len(values), 1), self._pod, dtype=object)
        return pb.InferenceResponse([pb.Tensor("OUTPUT", values), pb.Tensor("POD", pods)])
