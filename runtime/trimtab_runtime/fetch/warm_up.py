"""Requests that Triton sends to a model itself, before it calls it ready.

Triton does that with `model_warmup` of config.pbtxt, for each of a model's instances: no request of a user meets what
happens only once, such as a compiler that looks at the first request and compiles at the second.
"""

from dataclasses import replace
from typing import Any

from google.protobuf import text_format

from trimtab_runtime.fetch.triton_config import VLLM, MergedConfig, ModelConfigMessage

REPEATED = 2
"""TorchScript's executor watches the first pass, and compiles for the second."""


def with_warm_up(config: MergedConfig) -> MergedConfig:
    """Return a configuration with requests of zeros in batches of one and of the most, unless the user wrote others.

    A size that may be any is one. A model that cannot be warmed up so stays as it is, with a note; an ensemble too,
    without one: its steps are what runs.
    """
    message = config.message
    if message.model_warmup or message.HasField("ensemble_scheduling"):
        return config
    problem = _problem(message)
    if problem is not None:
        return replace(config, notes=(*config.notes, f"model_warmup left out: {problem}"))
    warmed = type(message)()
    warmed.CopyFrom(message)
    for size in sorted({1, max(1, message.max_batch_size)}):
        sample = warmed.model_warmup.add(name=f"trimtab-{size}", batch_size=size, count=REPEATED)
        for tensor in message.input:
            if not tensor.optional:
                _fill(sample.inputs[tensor.name], tensor)
    return replace(config, message=warmed, text=text_format.MessageToString(warmed))


def _problem(message: ModelConfigMessage) -> str | None:
    """Return why requests of zeros cannot be made for a model, None where they can."""
    if message.HasField("sequence_batching"):
        return "config.pbtxt has sequence_batching, and a sequence has a beginning and an end"
    if message.backend == VLLM:
        return f"{VLLM} warms up by itself"
    if any(tensor.is_shape_tensor for tensor in message.input):
        return "an input says the shape of another, and no shape is zero"
    if not any(not tensor.optional for tensor in message.input):
        return "config.pbtxt has no input; add them, or a model_warmup of your own"
    return None


def _fill(request: Any, tensor: Any) -> None:  # noqa: ANN401  # protobuf makes its classes at run time
    request.data_type = tensor.data_type
    request.dims.extend(1 if size < 0 else size for size in tensor.dims)
    request.zero_data = True
