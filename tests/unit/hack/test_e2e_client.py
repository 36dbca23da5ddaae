"""The clients of the end-to-end tests lose nothing, call nothing twice, and name what went wrong."""

import argparse
import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest

from client import Client, options_of
from controlplane.ports import LOOPBACK
from counting import Step, due_times, steps_of
from e2e.load import Load
from e2e.report import Report

SOUND = {"outputs": [{"name": "OUTPUT", "data": [0.0, 1.0]}, {"name": "POD", "data": ["pod-a"]}]}
SHORT = {"outputs": [{"name": "OUTPUT", "data": [0.0]}]}
NOBODY = f"{LOOPBACK}:9"  # the discard port: nobody listens there
Answer = Callable[[asyncio.StreamWriter], None]


def says(body: object, status: int = 200) -> Answer:
    """Return an answer over a connection that is kept."""
    text = json.dumps(body)
    message = f"HTTP/1.1 {status} Whatever\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()
    return lambda writer: writer.write(message)


def hangs_up(writer: asyncio.StreamWriter) -> None:
    """Close the connection instead of an answer."""
    writer.close()


def breaks_off(writer: asyncio.StreamWriter) -> None:
    """Close the connection in the midst of an answer."""
    writer.write(b"HTTP/1.1 2")
    writer.close()


def answers_and_hangs_up(writer: asyncio.StreamWriter) -> None:
    """Close the connection after an answer, without having said so."""
    says(SOUND)(writer)
    writer.close()


def is_silent(writer: asyncio.StreamWriter) -> None:
    """Give no answer, and keep the connection."""
    assert not writer.is_closing()


@asynccontextmanager
async def server(*answers: Answer, seconds: float = 0.0) -> AsyncIterator[str]:
    """Serve answers in turn, each after some seconds."""
    turns, writers = itertools.cycle(answers), list[asyncio.StreamWriter]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while head := await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() and not writer.is_closing() else b"":
            await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
            await asyncio.sleep(seconds)
            next(turns)(writer)
            await asyncio.sleep(0)

    def tolerant(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.ensure_future(serve(reader, writer)))

    tasks = list[asyncio.Future[None]]()
    listening = await asyncio.start_server(tolerant, LOOPBACK, 0)
    host, port = listening.sockets[0].getsockname()
    yield f"{host}:{port}"
    listening.close()
    for writer in writers:
        writer.close()
    await asyncio.gather(*tasks, return_exceptions=True)  # who waits for the next request is cut off


async def run(address: str, **options: float | str) -> Report:
    """Let a client of two elements run, and read what it printed."""
    given = {"elements": 2, "timeout": 5.0, **options}
    arguments = ["stream", address, "m", *(f"--{name.replace('_', '-')}={value}" for name, value in given.items())]
    return await run_client(options_of(arguments))


async def run_client(options: argparse.Namespace, stop: asyncio.Event | None = None) -> Report:
    """Let a client run, and read what it printed."""
    printed = list[str]()
    client = Client(options)
    await client.run(stop or asyncio.Event(), lambda line: printed.append(json.dumps(line)))
    await client.close()
    return Report.of("\n".join(printed))


async def test_every_request_is_counted_once_by_step_by_second_and_by_pod() -> None:
    """All that is sent is answered, failed, or unfinished."""
    async with server(says(SOUND)) as address:
        report = await run(address, rates="50:0.1,100:0.1", target_ms=5000)
    summary = report.whole()

    assert [step.sent for step in summary.steps] == [5, 10]
    assert (summary.total.sent, summary.total.answered, summary.total.failed, summary.total.unfinished) == (
        15,
        15,
        0,
        0,
    )
    assert (summary.total.late, summary.total.attainment) == (0, 1.0)
    assert summary.pods == {"pod-a": 15}
    assert sum(second.pods["pod-a"] for second in report.seconds if second.pods) == 15
    assert sum(second.sent for second in report.seconds) == 15


async def test_a_connection_that_was_closed_while_idle_is_made_again() -> None:
    """As any pool of connections does; nothing has been sent on it, so nothing is lost."""
    async with server(answers_and_hangs_up) as address:
        summary = (await run(address, rates="20:0.3", connections=1)).whole()

    assert (summary.total.answered, summary.total.failed) == (6, 0)


async def test_a_request_on_a_kept_connection_that_ends_without_a_byte_is_sent_once_more() -> None:
    """As Triton's own client does, and counted; on a new connection it would be a failure."""
    async with server(says(SOUND), hangs_up) as address:
        summary = (await run(address, rates="20:0.2", connections=1)).whole()
    async with server(hangs_up) as address:
        failed = (await run(address, rates="20:0.1", connections=1)).whole()

    assert (summary.total.answered, summary.total.failed, summary.resent) == (4, 0, 3)
    assert (failed.total.failed, failed.resent) == (2, 0)


@pytest.mark.parametrize(
    ("answer", "kind", "detail"),
    [
        (says({"error": "busy"}, 503), "http 503", '{"error": "busy"}'),
        (says(SHORT), "wrong", '"data": [0.0]'),
        (says("no model"), "wrong", ""),
        (breaks_off, "reset", "bytes read"),
        (is_silent, "timeout", "no answer"),
    ],
)
async def test_a_failure_is_named(answer: Answer, kind: str, detail: str) -> None:
    """Every other request fails, and is counted as what it was; it is not sent again."""
    async with server(says(SOUND), answer) as address:
        summary = (await run(address, rates="20:0.2", connections=1, timeout=0.2)).whole()

    assert summary.total.sent == 4
    assert summary.total.failed == len(summary.failures) >= 1
    assert summary.kinds[kind] >= 1
    first = summary.failures[0]
    assert (first.kind, first.pod) == (kind, "pod-a")
    assert detail in first.detail
    assert first.at >= first.due


async def test_who_is_refused_has_spoken_to_no_pod() -> None:
    """Nobody listens; each request fails at once, with the address in its words."""
    summary = (await run(NOBODY, rates="50:0.1")).whole()

    assert summary.kinds == {"refused": 5}
    assert {(each.pod, NOBODY.partition(":")[0] in each.detail) for each in summary.failures} == {("", True)}
    assert summary.total.attainment == 0.0
    assert summary.total.latency_ms["p99"] is None


async def test_waiting_for_a_free_connection_counts_as_latency() -> None:
    """Ten requests in 0.1 s over one connection, each of which takes 0.05 s: the last is 0.4 s late."""
    async with server(says(SOUND), seconds=0.05) as address:
        summary = (await run(address, rates="100:0.1", connections=1, target_ms=300)).whole()

    p99 = summary.total.latency_ms["p99"]
    assert p99 is not None
    assert p99 >= 400
    assert summary.total.answered == 10
    assert summary.total.late >= 2
    assert summary.total.attainment == (10 - summary.total.late) / 10


async def test_a_client_that_is_told_to_end_ends_with_its_summary() -> None:
    """What was not due yet is not sent."""
    stop = asyncio.Event()
    async with server(says(SOUND)) as address:
        options = options_of(["stream", address, "m", "--rate=20", "--seconds=60", "--elements=2"])
        asyncio.get_running_loop().call_later(0.2, stop.set)
        summary = (await run_client(options, stop)).whole()

    assert 1 <= summary.total.answered == summary.total.sent < 100
    assert summary.ended - summary.began < 30


def test_rates_are_steps_of_requests_per_second_and_seconds() -> None:
    """A rate of zero is a pause."""
    assert steps_of("5:30,0:2.5") == (Step(5.0, 30.0), Step(0.0, 2.5))


@pytest.mark.parametrize(
    "text", ["", "5", "5:", "5:30,", "5:30:2", "-1:30", "5:0", "nan:30", "5:nan", "inf:1", "1:inf", "a:b"]
)
def test_rates_that_are_none_are_refused_with_an_example(text: str) -> None:
    """The message says what was written and what would be right."""
    with pytest.raises(argparse.ArgumentTypeError, match=r"write rates and seconds as in 5:30,40:120"):
        steps_of(text)


def test_requests_are_due_evenly_in_their_step() -> None:
    """Ten a second for 0.3 s are three, and not a fourth at its end; the next step begins there."""
    due = list(due_times(steps_of("10:0.3,0:1,2:1")))

    assert [step for step, _ in due] == [0, 0, 0, 2, 2]
    assert [at for _, at in due] == pytest.approx([0.0, 0.1, 0.2, 1.3, 1.8])


def test_requests_of_many_users_come_in_no_order_but_at_the_same_rate() -> None:
    """A thousand arrivals of a Poisson process are within four standard deviations of the mean; their gaps differ."""
    due = [at for _, at in due_times((Step(100.0, 10.0),), Random(1))]  # noqa: S311 - no secret
    gaps = [later - sooner for sooner, later in itertools.pairwise(due)]

    assert 1000 - 4 * 32 < len(due) < 1000 + 4 * 32
    assert max(gaps) > 3 * sum(gaps) / len(gaps)
    assert due[-1] < 10


@pytest.mark.parametrize(
    ("load", "protocol", "steps", "connections"),
    [
        (Load(address="h:1", model="m", rates=((5, 30), (40, 120))), "http", "5:30,40:120", 4),
        (Load(address="h:1", model="m", rates=((5, 30),), protocol="grpc", seed=3), "grpc", "5:30", 4),
        (Load(address="h:1", model="m", mode="hold", every=0.5, connections=20, seconds=9), "grpc", "40:9", 20),
    ],
)
def test_the_program_understands_every_load(load: Load, protocol: str, steps: str, connections: int) -> None:
    """Those who hold are a rate over so many channels."""
    options = options_of(load.arguments)

    assert (options.address, options.model, options.protocol) == ("h:1", "m", protocol)
    assert (options.rates, options.connections) == (steps_of(steps), connections)
    assert options.random == load.seed
    assert sum(step.seconds for step in options.rates) == load.lasts


@pytest.mark.parametrize(("mode", "missing"), [("stream", "--rate or --rates"), ("hold", "--every")])
def test_a_load_without_a_rate_is_refused(mode: str, missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The program says which option is missing, and exits with 2."""
    with pytest.raises(SystemExit, match="2"):
        options_of([mode, "h:1", "m"])

    assert missing in capsys.readouterr().err
