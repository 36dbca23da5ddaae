"""A model whose service time is known: it sleeps, so that busy processors do not make it slower. Triton runs it."""

from __future__ import annotations

import json
import time
from typing import Any

import triton_python_backend_utils as pb  # type: ignore[import-not-found]  # only inside of Triton


class TritonPythonModel:
    """What Triton's Python backend looks for by this name."""

    def initialize(self, args: dict[str, str]) -> None:
        """Read from the configuration how long a batch takes."""
        parameters = json.loads(args["model_config"])["parameters"]
        self._base_s, self._item_s = (float(parameters[name]["string_value"]) for name in ("base_s", "item_s"))

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer a batch of requests after its time, without outputs: NumPy 2 is newer than this Triton."""
        time.sleep(self._base_s + self._item_s * len(requests))
        return [pb.InferenceResponse([]) for _ in requests]
