"""A Triton on the loopback, through its gRPC interface: what a model is, what it answers, what it has executed."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tritonclient.grpc import InferenceServerClient, InferInput
from tritonclient.grpc.aio import InferenceServerClient as AsyncClient
from tritonclient.utils import InferenceServerException

from trimtab.api.fetch import one_line
from trimtab.api.profile import ProfileFailureReason as Reason
from trimtab_runtime.profile.errors import ProfileError
from trimtab_runtime.profile.inputs import Request, Tensor

LOOK_EVERY = 0.5  # seconds; a start takes seconds to minutes
ANSWER_WITHIN = 10.0  # seconds, of what needs no model
MOST_SAID = 160


@dataclass(frozen=True, kw_only=True)
class Model:
    """What a model says of itself. `max_batch` is None where it takes no batches."""

    name: str
    inputs: tuple[Tensor, ...]
    max_batch: int | None
    copies: int


@dataclass(frozen=True, kw_only=True)
class Executed:
    """Executions so far, and the seconds that they took, of one size of batch or of all."""

    count: int = 0
    seconds: float = 0.0

    def since(self, earlier: "Executed") -> "Executed":
        """Return what came after."""
        return Executed(count=self.count - earlier.count, seconds=self.seconds - earlier.seconds)


@dataclass(frozen=True)
class Server:
    """One Triton by its address."""

    address: str

    def wait_until_ready(self, model: str, within: float) -> None:
        """Wait until a model answers.

        Raises:
            ProfileError: it does not, for so many seconds.
        """
        ends = time.monotonic() + within
        said = "the server does not answer"
        while True:
            with InferenceServerClient(self.address) as client:
                try:
                    if client.is_model_ready(model, client_timeout=ANSWER_WITHIN):
                        return
                    said = "the server answers, the model is not ready"
                except InferenceServerException as error:
                    said = _said(error)
            if time.monotonic() >= ends:
                raise ProfileError(
                    Reason.NOT_READY,
                    f"model {model!a} was not ready after {within:.0f} s: {said}; see the log of the container triton",
                )
            time.sleep(LOOK_EVERY)

    def describe(self, model: str) -> Model:
        """Return what a model says of itself.

        Raises:
            ProfileError: it cannot be measured request by request.
        """
        with InferenceServerClient(self.address) as client:
            config = _asked(client.get_model_config, model).config
            metadata = _asked(client.get_model_metadata, model)
        if config.HasField("sequence_batching"):
            raise ProfileError(Reason.UNSUPPORTED, f"model {model!a} answers sequences, which are not measured yet")
        if config.model_transaction_policy.decoupled:
            raise ProfileError(Reason.UNSUPPORTED, f"model {model!a} answers in streams, which are not measured yet")
        batches = config.max_batch_size >= 1
        optional = {each.name for each in config.input if each.optional}
        return Model(
            name=model,
            inputs=tuple(
                Tensor(name=each.name, datatype=each.datatype, shape=tuple(each.shape[1:] if batches else each.shape))
                for each in metadata.inputs
                if each.name not in optional
            ),
            max_batch=config.max_batch_size if batches else None,
            copies=max(1, sum(max(1, group.count) for group in config.instance_group)),
        )

    def executed(self, model: str, batch: int | None) -> Executed:
        """Return what was executed of a model in batches of one size, of any where `batch` is None."""
        with InferenceServerClient(self.address) as client:
            statistics = _asked(client.get_inference_statistics, model).model_stats
        count = nanoseconds = 0
        for version in statistics:
            sizes = version.batch_stats if batch is not None else (version.inference_stats,)
            for each in sizes:
                if batch is None or each.batch_size == batch:
                    count += each.compute_infer.count
                    nanoseconds += each.compute_input.ns + each.compute_infer.ns + each.compute_output.ns
        return Executed(count=count, seconds=nanoseconds / 1e9)

    def ask(self, model: str, request: Request, times: int, deadline: float) -> None:
        """Ask a model the same so many times, one request after the other.

        Raises:
            ProfileError: it answers with an error, or not before the deadline (of the monotonic clock).
        """
        tensors = _tensors(request)
        with InferenceServerClient(self.address) as client:
            for _ in range(times):
                try:
                    client.infer(model, tensors, client_timeout=max(0.001, deadline - time.monotonic()))
                except InferenceServerException as error:
                    raise _failed(model, error) from error

    def load(self, model: str, request: Request, concurrency: int, seconds: float) -> list[float]:
        """Keep so many requests under way for a time, and return the latencies of those answered, in seconds.

        Raises:
            ProfileError: the model answers with an error.
        """
        return asyncio.run(_load(self.address, model, _tensors(request), concurrency, seconds))


async def _load(address: str, model: str, tensors: list[Any], concurrency: int, seconds: float) -> list[float]:
    ends = time.monotonic() + seconds
    latencies: list[float] = []

    async def client_of(client: AsyncClient) -> None:
        while (began := time.monotonic()) < ends:
            await client.infer(model, tensors, client_timeout=seconds + ANSWER_WITHIN)
            latencies.append(time.monotonic() - began)

    async with AsyncClient(address) as client:
        try:
            await asyncio.gather(*(client_of(client) for _ in range(concurrency)))
        except InferenceServerException as error:
            raise _failed(model, error) from error
    return latencies


def _tensors(request: Request) -> list[Any]:
    tensors = []
    for each in request:
        tensor = InferInput(each.name, list(each.values.shape), each.datatype)
        tensor.set_data_from_numpy(each.values)
        tensors.append(tensor)
    return tensors


def _asked(call: Callable[..., Any], model: str) -> Any:  # noqa: ANN401 - protobuf makes its classes at run time
    try:
        return call(model, client_timeout=ANSWER_WITHIN)
    except InferenceServerException as error:
        raise ProfileError(
            Reason.REQUEST_FAILED, f"Triton does not say what model {model!a} is: {_said(error)}"
        ) from error


def _failed(model: str, error: InferenceServerException) -> ProfileError:
    return ProfileError(
        Reason.REQUEST_FAILED,
        f"model {model!a} does not answer a request that was made from its inputs' types and shapes: {_said(error)}",
    )


def _said(error: InferenceServerException) -> str:
    return one_line(f"{error.message()} ({error.status()})")[:MOST_SAID]
