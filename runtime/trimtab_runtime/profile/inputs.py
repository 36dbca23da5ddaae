"""What a model is asked while it is measured: made from what it says of its inputs, the same at every run."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimtab.api.profile import ProfileFailureReason as Reason
from trimtab_runtime.profile.errors import ProfileError

SEED = 7
FLOATS = {"FP16": np.float16, "FP32": np.float32, "FP64": np.float64, "BF16": np.float32}
"""BF16 has no type in numpy: the client takes it as FP32 and cuts it."""
WHOLES = {
    "BOOL": np.bool_, "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64, "UINT8": np.uint8,
    "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
}  # fmt: skip
TEXT = b"text"
MOST_ELEMENTS = 1 << 26
"""Of one request: 256 MiB of FP32, far above what is sent to a model and below what a container has."""


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One input by its name, type and shape; the shape is without the batch, -1 in it is any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    @property
    def is_open(self) -> bool:
        """Whether a size is left to the request."""
        return any(size < 0 for size in self.shape)


@dataclass(frozen=True)
class Filled:
    """One input of a request."""

    name: str
    datatype: str
    values: Any  # an array of any type


Request = tuple[Filled, ...]


def request_of(tensors: Iterable[Tensor], batch: int | None) -> Request:
    """Return values for each input: numbers between 0 and 1, zeros where they are whole (an index is valid then).

    `batch` is None for a model that takes none; sizes that are left open are 1.

    Raises:
        ProfileError: a type that is not known, or more than can be sent.
    """
    numbers = np.random.default_rng(SEED)
    return tuple(Filled(each.name, each.datatype, _array(each, batch, numbers)) for each in tensors)


def _array(tensor: Tensor, batch: int | None, numbers: np.random.Generator) -> Any:  # noqa: ANN401 - an array of any type
    shape = tuple(1 if size < 0 else size for size in tensor.shape)
    shape = shape if batch is None else (batch, *shape)
    elements = int(np.prod(shape, dtype=np.float64))
    if elements > MOST_ELEMENTS:
        raise ProfileError(
            Reason.UNSUPPORTED,
            f"input {tensor.name!a} would have {elements} elements in a batch of {batch or 1}, and at most "
            f"{MOST_ELEMENTS} are sent; lower max_batch_size, or do without a profile",
        )
    if tensor.datatype in FLOATS:
        return numbers.random(shape).astype(FLOATS[tensor.datatype])
    if tensor.datatype in WHOLES:
        return np.zeros(shape, dtype=WHOLES[tensor.datatype])
    if tensor.datatype == "BYTES":
        return np.full(shape, TEXT, dtype=object)
    raise ProfileError(
        Reason.UNSUPPORTED, f"input {tensor.name!a} has the type {tensor.datatype!a}, which no request is made for"
    )
