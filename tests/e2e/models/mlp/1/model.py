"""A perceptron in TorchScript; its weights are drawn from a fixed seed, so that every pod gives the same answers."""

import socket
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found] # in Triton's image, not where types are checked
import triton_python_backend_utils as pb  # type: ignore[import-not-found] # only inside of Triton

WIDTH, HIDDEN = 16, 64
SEED = 7


class TritonPythonModel:
    """What Triton's Python backend looks for by this name."""

    def initialize(self, _args: dict[str, str]) -> None:
        """Make the network and compile it."""
        torch.set_num_threads(1)  # many pods share a few cores
        torch.manual_seed(SEED)
        layers = torch.nn.Sequential(
            torch.nn.Linear(WIDTH, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, WIDTH), torch.nn.Softmax(dim=1)
        )
        self._network = torch.jit.optimize_for_inference(torch.jit.script(layers.eval()))
        self._pod = socket.gethostname().encode()

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer all requests of a batch by one pass through the network."""
        inputs = [pb.get_input_tensor_by_name(request, "INPUT").as_numpy() for request in requests]
        with torch.inference_mode():
            outputs = self._network(torch.from_numpy(np.concatenate(inputs))).numpy()
        bounds = np.cumsum([len(each) for each in inputs])[:-1]
        return [self._answer(each) for each in np.split(outputs, bounds)]

    def _answer(self, values: Any) -> Any:  # noqa: ANN401 - an array; Triton's own module has no types
        pods = np.full((len(values), 1), self._pod, dtype=object)
        return pb.InferenceResponse([pb.Tensor("OUTPUT", values), pb.Tensor("POD", pods)])
