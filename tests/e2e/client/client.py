"""Call a model and count what comes of it: one program, mounted into a pod of Triton's image and run there.

    client.py stream ADDRESS MODEL --rates 5:30,40:120 --target-ms 100
    client.py hold ADDRESS MODEL --connections 20 --every 0.5 --seconds 120

`stream` is an open loop: requests are due at their times, whatever has become of those before. `hold` is clients that
call in turn over gRPC, each on a channel of its own. Latencies count from the moment at which a request was due: where
we are slow ourselves, or all connections are busy, they grow and hide nothing. Nothing is sent twice by us.

Each second prints a line of JSON, the end one with a `summary`; SIGTERM ends early. The model tells which pod answered,
in its output POD; a failure names the pod that answered last on the same connection.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import math
import signal
import sys
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from counting import Count, WrongError, due_times, steps_of

HTTP_OK = 200
ENDING_S = 5.0  # after SIGTERM, for what is under way


class StaleError(Exception):
    """A connection that was kept has ended before the first byte of an answer."""


class HttpConnection:
    """A keep-alive connection, made when first needed, and made again when the server has closed it meanwhile.

    Where a kept connection ends before the first byte of an answer, the request is sent once more on a new one, as
    Triton's own client for HTTP does (geventhttpclient), and Go's: a server that leaves has no other way to say so.
    `pod` is who answered on it last, empty where nobody has said; `resent` counts requests that were sent twice.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.pod = ""
        self.resent = 0
        self._host, _, self._port = options.address.rpartition(":")
        self._elements = options.elements
        data = [float(number) for number in range(options.elements)]
        tensor = {"name": "INPUT", "datatype": "FP32", "shape": [1, options.elements], "data": data}
        body = json.dumps({"inputs": [tensor]}).encode()
        head = f"POST /v2/models/{options.model}/infer HTTP/1.1\r\nHost: {options.address}\r\n"
        self._request = f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._age, self._opened = options.age, 0.0

    async def ask(self) -> None:
        """Send one request and take its answer; any failure ends the connection."""
        try:
            try:
                answer = await self._exchange()
            except StaleError:
                await self.close()
                self.resent += 1
                answer = await self._exchange()
            self.pod = self._pod(*answer)
        except BaseException:  # our patience, too: the late answer must not be taken for that of the next request
            await self.close()
            raise

    async def _exchange(self) -> tuple[int, bytes]:
        if self._streams and (self._streams[0].at_eof() or self._streams[1].is_closing()):
            await self.close()
        kept = self._streams is not None
        if self._streams is None:
            self.pod = ""
            self._streams = await asyncio.open_connection(self._host, int(self._port))
            self._opened = time.monotonic()
        reader, writer = self._streams
        writer.write(self._request)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            if kept and not getattr(error, "partial", b""):
                raise StaleError from error
            raise
        status, *lines = head.decode("latin-1").lower().split("\r\n")
        headers = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close" or time.monotonic() - self._opened > self._age:
            await self.close()
        return int(status.split()[1]), body

    def _pod(self, status: int, body: bytes) -> str:
        if status != HTTP_OK:
            raise WrongError(f"http {status}", body.decode(errors="replace"))
        outputs = {each["name"]: each["data"] for each in json.loads(body)["outputs"]}
        if len(outputs["OUTPUT"]) != self._elements:
            raise WrongError("wrong", body.decode())
        return str(outputs.get("POD", [""])[0])

    async def close(self) -> None:
        """Close it; the next request opens it again."""
        if self._streams:
            self._streams[1].close()
        self._streams = None


class GrpcChannel:
    """A channel with a TCP connection of its own; `pod` is who answered on it last, empty where nobody has said."""

    def __init__(self, options: argparse.Namespace) -> None:
        # Imported here: who speaks HTTP needs neither.
        import numpy as np  # noqa: PLC0415 - see above
        from tritonclient.grpc import InferInput, aio  # noqa: PLC0415 - see above

        self.pod = ""
        self.resent = 0
        self._elements = options.elements
        self._model = options.model
        self._inputs = [InferInput("INPUT", [1, options.elements], "FP32")]
        self._inputs[0].set_data_from_numpy(np.arange(options.elements, dtype=np.float32).reshape(1, -1))
        # Else all channels to the same address share one connection, and so one pod.
        arguments = [("grpc.use_local_subchannel_pool", 1)]
        self._client = aio.InferenceServerClient(options.address, channel_args=arguments)

    async def ask(self) -> None:
        """Send one request and take its answer; what waits on a channel is multiplexed."""
        from tritonclient.utils import InferenceServerException  # noqa: PLC0415 - see above

        try:
            answer = await self._client.infer(self._model, self._inputs)
        except InferenceServerException as error:
            raise self._named(str(error.status()), str(error.message())) from None
        output, pod = answer.as_numpy("OUTPUT"), answer.as_numpy("POD")
        if output is None or output.size != self._elements:
            raise WrongError("wrong", str(answer.get_response()))
        self.pod = "" if pod is None else pod.flat[0].decode()

    def _named(self, status: str, message: str) -> WrongError:
        if "failed to connect" in message:
            self.pod = ""  # it is no longer the one that answered last
        refused = "Connection refused" in message
        return WrongError("refused" if refused else f"grpc {status.removeprefix('StatusCode.')}", message)

    async def close(self) -> None:
        """Close it for good."""
        await self._client.close()


class Client:
    """Who sends requests when they are due; made where an event loop runs."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._http = options.protocol == "http"
        kind = HttpConnection if self._http else GrpcChannel
        self._connections: list[HttpConnection | GrpcChannel] = [kind(options) for _ in range(options.connections)]
        self._idle = asyncio.Queue[HttpConnection | GrpcChannel]()  # longest first
        for each in self._connections:
            self._idle.put_nowait(each)
        self._under_way: set[asyncio.Task[None]] = set()
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._count = Count(options.target_ms, time.time())

    async def run(self, stop: asyncio.Event, say: Callable[[dict[str, Any]], None]) -> None:
        """Send until the last step ends or `stop` is set; say each second, and the summary."""
        sending, telling = asyncio.create_task(self._send()), asyncio.create_task(self._tell(say))
        await asyncio.wait({sending, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
        sending.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=ENDING_S if stop.is_set() else None)
        telling.cancel()
        say(self._count.second())
        resent = sum(each.resent for each in self._connections)
        say({"summary": {**self._count.summary(self._options.rates), "resent": resent}})

    async def _send(self) -> None:
        chance = None if self._options.random is None else Random(self._options.random)  # noqa: S311 - no secret
        for number, (step, due) in enumerate(due_times(self._options.rates, chance)):
            await asyncio.sleep(self._began + due - self._clock())
            task = asyncio.create_task(self._ask(number, step, due))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        await asyncio.sleep(self._began + sum(each.seconds for each in self._options.rates) - self._clock())

    async def _ask(self, number: int, step: int, due: float) -> None:
        request = self._count.begin(step, due, self._clock() - self._began)
        connection: HttpConnection | GrpcChannel | None = None
        error: Exception | None = None
        try:
            async with asyncio.timeout_at(self._began + due + self._options.timeout):
                # HTTP/1 bears one request at a time; channels take theirs in turn.
                turn = number % len(self._connections)
                connection = await self._idle.get() if self._http else self._connections[turn]
                await connection.ask()
        except TimeoutError as caught:  # ours has no words
            error = TimeoutError(str(caught) or ("no answer" if connection else "no connection was free"))
        except Exception as caught:  # noqa: BLE001 - whatever it was, it is counted and named
            error = caught
        self._count.end(request, self._clock() - self._began, connection.pod if connection else "", error)
        if connection and self._http:
            self._idle.put_nowait(connection)

    async def _tell(self, say: Callable[[dict[str, Any]], None]) -> None:
        for second in itertools.count(1):
            await asyncio.sleep(self._began + second - self._clock())
            say(self._count.second())

    async def close(self) -> None:
        """Close all connections."""
        for each in self._connections:
            await each.close()


def options_of(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what was asked for on the command line: `rates` are always steps, `hold` is a rate over channels."""
    parser = argparse.ArgumentParser(description="Call a model and count what comes of it.")
    parser.add_argument("mode", choices=("stream", "hold"))
    parser.add_argument("address", help="host:port, without a scheme")
    parser.add_argument("model")
    parser.add_argument("--protocol", choices=("http", "grpc"), default="http", help="of a stream; hold is gRPC")
    parser.add_argument("--rates", type=steps_of, help="requests per second and seconds of each step: 5:30,40:120")
    parser.add_argument("--rate", type=float, help="requests per second of a stream of one step")
    parser.add_argument("--every", type=float, help="seconds between two requests of one that holds")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument(
        "--random", type=int, metavar="SEED", help="requests come as from many users, not evenly spaced"
    )
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument(
        "--age", type=float, default=math.inf, help="seconds after which an HTTP connection is made anew"
    )
    parser.add_argument("--target-ms", type=float, help="later is late")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds after a request was due")
    parser.add_argument("--elements", type=int, default=16, help="of INPUT and OUTPUT")
    options = parser.parse_args(arguments)
    if options.mode == "hold":
        options.protocol = "grpc"
        options.rate = options.connections / options.every if options.every else None
    if not options.rates and not options.rate:
        parser.error("how fast: give --every SECONDS" if options.mode == "hold" else "how fast: give --rate or --rates")
    options.rates = options.rates or steps_of(f"{options.rate}:{options.seconds}")
    return options


def say(line: dict[str, Any]) -> None:
    """Print a line that is whole at once: what libraries write to stderr ends up in the same log."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def main() -> None:
    """Do what the command line says until it is done, or until a signal comes."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    client = Client(options_of())
    await client.run(stop, say)
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())
