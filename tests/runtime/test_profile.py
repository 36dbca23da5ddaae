"""Measuring: what is asked, how often, for how long, and what of it is believed; against a server of a few lines."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped] # it ships none
import numpy as np
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2, service_pb2, service_pb2_grpc

from trimtab.api.fetch import TERMINATION_LOG_VARIABLE
from trimtab.api.profile import PROFILE_PLAN_VARIABLE, ProfileFailureReason, ProfilePlan, parse_profile_report
from trimtab_runtime.profile.__main__ import main, profile
from trimtab_runtime.profile.errors import ProfileError
from trimtab_runtime.profile.inputs import Request, Tensor, request_of
from trimtab_runtime.profile.measure import Watch, concurrencies_of, measure, sizes_of
from trimtab_runtime.profile.server import Executed, Model

X = Tensor(name="X", datatype="FP32", shape=(3,))
MODEL = Model(name="fraud", inputs=(X,), max_batch=8, copies=1)


class PlayedServer:
    """A server on a clock of its own: a batch of size b takes 10 + b units, a millisecond, and one to get there."""

    def __init__(self, *, by_size: bool = True, slow_every: int = 0, unit: float = 0.001) -> None:
        self.clock, self.unit = 0.0, unit
        self.by_size, self.slow_every = by_size, slow_every
        self.done: dict[int, list[float]] = {}
        self.asked: list[int] = []

    def watch(self, seconds: float) -> Watch:
        """Return a watch on this clock."""
        return Watch(ends=self.clock + seconds, now=lambda: self.clock)

    def executed(self, _model: str, batch: int | None) -> Executed:
        if batch is not None and not self.by_size:
            return Executed()
        sizes = self.done if batch is None else {batch: self.done.get(batch, [])}
        times = [each for size in sizes for each in self.done.get(size, [])]
        return Executed(count=len(times), seconds=sum(times))

    def ask(self, _model: str, request: Request, times: int, deadline: float) -> None:
        size = request[0].values.shape[0]
        for _ in range(times):
            self.asked.append(size)
            late = self.slow_every and len(self.asked) % self.slow_every == 0
            seconds = (10.0 + size) * self.unit * (50.0 if late else 1.0)
            self.done.setdefault(size, []).append(seconds)
            self.clock += seconds + self.unit
            if self.clock > deadline:
                raise ProfileError(ProfileFailureReason.REQUEST_FAILED, "Deadline Exceeded")

    def load(self, _model: str, _request: Request, concurrency: int, seconds: float) -> list[float]:
        self.clock += seconds
        return [0.012 * concurrency] * round(seconds / 0.012)


def test_each_size_takes_what_the_server_counted() -> None:
    """Not what the client saw; doubled from one up."""
    server = PlayedServer()

    found = measure(server, MODEL, server.watch(120.0))

    assert [(each.batch, each.seconds) for each in found.batches] == [(1, 0.011), (2, 0.012), (4, 0.014), (8, 0.018)]
    assert [each.concurrency for each in found.loads] == [1, 3, 6, 16]
    assert [each.p99 for each in found.loads] == [0.012, 0.036, 0.072, 0.192]
    assert found.notes == ()


def test_a_neighbour_that_wakes_up_spoils_no_measurement() -> None:
    """One request in 70 takes fifty times as long: the median of the series does not show it."""
    server = PlayedServer(slow_every=70)

    found = measure(server, MODEL, server.watch(300.0))

    assert [each.seconds for each in found.batches] == pytest.approx([0.011, 0.012, 0.014, 0.018], rel=0.01)


def test_an_ensemble_is_measured_as_a_whole() -> None:
    """It counts no sizes."""
    server = PlayedServer(by_size=False)

    assert measure(server, MODEL, server.watch(120.0)).batches[-1].seconds == 0.018


@pytest.mark.parametrize("seconds", [0.2, 1.0, 3.0, 20.0])
def test_it_takes_no_longer_than_it_may(seconds: float) -> None:
    """What there was no time for is said; a request under way, and the last load's end, are all that comes on top."""
    server = PlayedServer()

    found = measure(server, MODEL, server.watch(seconds))

    assert server.clock <= seconds + 0.1
    assert found.batches
    missing = len(found.batches) < 4
    assert ("raise profile.timeLimit" in str(found.notes)) is missing


def test_a_slow_model_is_measured_in_all_its_sizes() -> None:
    """A batch takes 11 to 18 s, five minutes are given: each size has its share, of few requests."""
    server = PlayedServer(unit=1.0)

    found = measure(server, MODEL, server.watch(300.0))

    assert [(each.batch, each.seconds) for each in found.batches] == [(1, 11.0), (2, 12.0), (4, 14.0), (8, 18.0)]
    assert len(server.asked) < 16


def test_not_even_one_request_is_a_failure() -> None:
    """That says what to raise."""
    server = PlayedServer()

    with pytest.raises(ProfileError, match=r"profile\.timeLimit"):
        measure(server, MODEL, server.watch(0.001))


def test_a_size_that_may_be_any_is_told() -> None:
    """Whoever sends longer texts has longer batches."""
    server = PlayedServer()
    model = Model(name="fraud", inputs=(Tensor(name="T", datatype="FP32", shape=(-1, 3)),), max_batch=2, copies=1)

    assert measure(server, model, server.watch(60.0)).notes == (
        "input T may have any size, and was measured with 1: [-1, 3]",
    )


def test_sizes_and_concurrencies_are_few() -> None:
    """However large batches may be."""
    assert sizes_of(None) == sizes_of(1) == (1,)
    assert sizes_of(12) == (1, 2, 4, 8, 12)
    assert len(sizes_of(10**6)) == 13
    assert concurrencies_of(MODEL) == (1, 3, 6, 16)
    assert concurrencies_of(Model(name="m", inputs=(), max_batch=None, copies=1)) == (1, 2)
    assert max(concurrencies_of(Model(name="m", inputs=(), max_batch=4096, copies=8))) == 64


def test_requests_are_made_from_types_and_shapes() -> None:
    """The same each time; whole numbers are zeros, since an index of zero is always there."""
    tensors = [
        Tensor(name=name, datatype=name, shape=(-1, 2)) for name in ("FP16", "BF16", "INT64", "BOOL", "BYTES", "UINT8")
    ]

    one, other = request_of(tensors, 3), request_of(tensors, 3)

    assert [each.values.shape for each in one] == [(3, 1, 2)] * 6
    assert all(np.array_equal(mine.values, theirs.values) for mine, theirs in zip(one, other, strict=True))
    assert not one[2].values.any()
    assert request_of(tensors[:1], None)[0].values.shape == (1, 2)


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (Tensor(name="A", datatype="FP8", shape=(1,)), "type 'FP8'"),
        (Tensor(name="A", datatype="FP32", shape=(10**6, 10**6)), "elements in a batch of 2"),
    ],
)
def test_what_no_request_is_made_for_is_refused(tensor: Tensor, words: str) -> None:
    """With its name."""
    with pytest.raises(ProfileError, match="input 'A'") as caught:
        request_of([tensor], 2)

    assert words in str(caught.value)
    assert caught.value.reason is ProfileFailureReason.UNSUPPORTED


class Triton(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc] # generated, without types
    """As much of Triton as a profile asks for: a model whose batch of b takes 1 + b/10 ms."""

    def __init__(self, config: str, *, ready_after: int = 0, refuses: str = "") -> None:
        self.config = config
        self.looks, self.ready_after, self.refuses = 0, ready_after, refuses
        self.counts: dict[int, int] = {}
        self.lock = threading.Lock()

    def ModelReady(self, _request: Any, _context: Any) -> Any:  # noqa: ANN401, N802 - gRPC's names and types
        self.looks += 1
        return service_pb2.ModelReadyResponse(ready=self.looks > self.ready_after)

    def ModelConfig(self, _request: Any, _context: Any) -> Any:  # noqa: ANN401, N802
        config = text_format.Parse(self.config, model_config_pb2.ModelConfig())
        return service_pb2.ModelConfigResponse(config=config)

    def ModelMetadata(self, _request: Any, _context: Any) -> Any:  # noqa: ANN401, N802
        answer = service_pb2.ModelMetadataResponse(name="fraud")
        answer.inputs.add(name="X", datatype="FP32", shape=[-1, 3])
        answer.inputs.add(name="MAYBE", datatype="FP8", shape=[-1, 3])
        return answer

    def ModelStatistics(self, _request: Any, _context: Any) -> Any:  # noqa: ANN401, N802
        answer = service_pb2.ModelStatisticsResponse()
        version = answer.model_stats.add(name="fraud", version="1")
        for size, count in self.counts.items():
            each = version.batch_stats.add(batch_size=size)
            each.compute_infer.count = count
            each.compute_infer.ns = round(count * (1.0 + size / 10.0) * 1e6)
        return answer

    def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: ANN401, N802
        if self.refuses:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, self.refuses)
        assert [each.name for each in request.inputs] == ["X"]
        with self.lock:
            size = request.inputs[0].shape[0]
            self.counts[size] = self.counts.get(size, 0) + 1
        return service_pb2.ModelInferResponse(model_name="fraud")


WAITS = """
import runpy
from trimtab_runtime.profile import server

said = server._said
server._said = lambda error: print("waits", flush=True) or said(error)
runpy.run_module("trimtab_runtime.profile", run_name="__main__")
"""
"""The program, which says when it waits."""
DECOUPLED = "model_transaction_policy { decoupled: true }"
CONFIG = 'max_batch_size: 2 input [{ name: "X" }, { name: "MAYBE" optional: true }] instance_group [{ count: 2 }]'


@pytest.fixture
def serve() -> Iterator[Any]:
    """Return a function that starts a Triton on the loopback and returns its address."""
    servers = []

    def start(triton: Triton) -> str:
        server = grpc.server(futures.ThreadPoolExecutor(8))
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(triton, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return f"127.0.0.1:{port}"

    yield start
    for each in servers:
        each.stop(None)


def plan(address: str, **changes: float) -> ProfilePlan:
    """Return a plan that takes seconds."""
    return ProfilePlan(model="fraud", address=address, **{"ready_within": 20.0, "measure_within": 4.0} | changes)


def test_a_model_is_measured_through_its_grpc_interface(serve: Any) -> None:  # noqa: ANN401 - a function
    """From not yet ready to a report; an input that may be missing is left out."""
    report = profile(plan(serve(Triton(CONFIG, ready_after=1))))

    assert [(each.batch, each.seconds) for each in report.batches] == [(1, 0.0011), (2, 0.0012)]
    assert [each.concurrency for each in report.loads] == [1, 2, 4, 8]
    assert all(each.rate > 10 for each in report.loads)


@pytest.mark.parametrize(
    ("triton", "reason", "words"),
    [
        (Triton(CONFIG, ready_after=10**9), ProfileFailureReason.NOT_READY, "the model is not ready"),
        (Triton(f"sequence_batching {{ }} {CONFIG}"), ProfileFailureReason.UNSUPPORTED, "sequences"),
        (
            Triton(f"model_transaction_policy {{ decoupled: true }} {CONFIG}"),
            ProfileFailureReason.UNSUPPORTED,
            "streams",
        ),
        (Triton(CONFIG, refuses="no such token"), ProfileFailureReason.REQUEST_FAILED, "no such token"),
    ],
)
def test_what_cannot_be_measured_says_why(serve: Any, triton: Triton, reason: str, words: str) -> None:  # noqa: ANN401
    """In the server's words where it has some."""
    environment = {PROFILE_PLAN_VARIABLE: plan(serve(triton), ready_within=1.0).to_environment()}

    report = main(environment)

    assert report.reason == reason
    assert words in report.message


def test_a_server_that_is_not_there_is_waited_for_no_longer_than_said() -> None:
    """Its log is where the cause is."""
    began = time.monotonic()

    with pytest.raises(ProfileError, match="see the log of the container triton"):
        profile(plan("127.0.0.1:1", ready_within=1.0))

    assert time.monotonic() - began < 15.0


def test_a_plan_that_is_none_is_the_operators_fault() -> None:
    """It is named."""
    report = main({PROFILE_PLAN_VARIABLE: "{}"})

    assert report.reason is ProfileFailureReason.INVALID_PLAN
    assert "fault of the operator" in report.message


def test_the_program_leaves_its_report_even_when_it_is_stopped(tmp_path: Path) -> None:
    """SIGTERM while it waits: a report that says so, and exit code 1."""
    log = tmp_path / "termination-log"
    told = json.dumps({"model": "fraud", "address": "127.0.0.1:1"})
    environment = {**os.environ, PROFILE_PLAN_VARIABLE: told, TERMINATION_LOG_VARIABLE: str(log)}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    with subprocess.Popen([sys.executable, "-c", WAITS], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waits\n"
        process.send_signal(signal.SIGTERM)
        code = process.wait(20)

    report = parse_profile_report(log.read_text())
    assert report is not None
    assert (code, report.reason) == (1, ProfileFailureReason.INTERRUPTED)
