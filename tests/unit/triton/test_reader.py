"""Reading pods' pages over real connections: what hostile servers get out of it, which is nothing."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from trimtab.adapters.triton.reader import LARGEST_PAGE, PodReader
from trimtab.core.scaling.observation import NoData, NoDataReason
from trimtab.core.scaling.readings import PodCount
from trimtab.units import Seconds

POD = "10.1.2.3"
PAGE = (
    b'nv_inference_request_success{model="fraud",version="1"} 10\n'
    b'nv_inference_request_failure{model="fraud",reason="OTHER",version="1"} 2\n'
    b'nv_inference_pending_request_count{model="fraud",version="1"} 3\n'
)
Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def reading(answer: Answer, within: float = 1.0) -> AsyncIterator[PodReader]:
    """Yield a reader whose connections, to whichever pod, are answered by a server on loopback."""
    runner = web.ServerRunner(web.Server(answer, handler_cancellation=True), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    reader = PodReader(proxy=f"http://{host}:{port}", within=Seconds(within))
    try:
        yield reader
    finally:
        await reader.close()
        await runner.cleanup()


async def fault(answer: Answer, within: float = 1.0) -> NoData:
    """Return what comes of a page that cannot be used."""
    async with reading(answer, within) as reader:
        found = await reader.read(POD, "fraud")
    assert isinstance(found, NoData)
    return found


async def test_a_page_is_read_from_the_pods_address_and_port() -> None:
    """And nothing else is sent along: no cookies, no credentials, no wish for compression."""
    asked = []

    async def answer(request: web.BaseRequest) -> web.Response:
        asked.append((request.method, str(request.url), request.headers["Accept-Encoding"], dict(request.cookies)))
        return web.Response(body=PAGE, headers={"Set-Cookie": "a=b"})

    async with reading(answer) as reader:
        before = time.monotonic()
        first, second = await reader.read(POD, "fraud"), await reader.read("fd00::7", "fraud")

    assert isinstance(first, PodCount)
    assert isinstance(second, PodCount)
    assert (first.ended, first.pending) == (12.0, 3.0)
    assert before <= first.at <= second.at <= time.monotonic()
    assert asked == [
        ("GET", "http://10.1.2.3:8002/metrics", "identity", {}),
        ("GET", "http://[fd00::7]:8002/metrics", "identity", {}),
    ]


NO_NAMES = ("", "localhost", "10.1.2.3:80", "10.1.2.3/admin", "user@10.1.2.3", "10.1.2", "1" * 200)
NO_PODS = ("127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "224.0.0.1", "fe80::1")  # noqa: S104 - as others
METADATA = ("169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254")


@pytest.mark.parametrize("address", [*NO_NAMES, *NO_PODS, *METADATA])
async def test_no_other_address_is_ever_asked(address: str) -> None:
    """Whoever may write a pod's status must not have the operator call its own machine or a cloud's metadata."""

    async def answer(_: web.BaseRequest) -> web.Response:
        raise AssertionError("it was asked")

    async with reading(answer) as reader:
        found = await reader.read(address, "fraud")

    assert isinstance(found, NoData)
    assert "is none that a pod can have" in found.message
    assert len(found.message) < 200


@pytest.mark.parametrize("status", [301, 302, 307, 404, 500, 503])
async def test_a_redirect_or_a_refusal_is_not_followed(status: int) -> None:
    """It is no page, wherever it points to."""
    asked = []

    async def answer(request: web.BaseRequest) -> web.Response:
        asked.append(str(request.url))
        return web.Response(status=status, body=PAGE, headers={"Location": "http://10.9.9.9:8002/metrics"})

    found = await fault(answer)

    assert (found.reason, len(asked)) == (NoDataReason.UNREACHABLE, 1)
    assert f"http://10.1.2.3:8002/metrics: it answers {status}" in found.message


async def test_a_page_that_never_ends_is_left() -> None:
    """After as many bytes as no server of ours has."""
    sent = 0

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"# HELP " * 4096)
            sent += 7 * 4096

    found = await fault(answer, within=5.0)

    assert found.message.endswith(f"it has more than {LARGEST_PAGE >> 10} KiB")
    assert sent < 16 << 20


@pytest.mark.parametrize("begun", [False, True])
async def test_a_slow_page_is_not_waited_for(begun: bool) -> None:  # noqa: FBT001 - a case
    """Neither before its first byte nor between two."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        if begun:
            await response.prepare(request)
            for at in range(len(PAGE)):
                await response.write(PAGE[at : at + 1])
                await asyncio.sleep(0.05)
        await asyncio.sleep(30.0)
        return response

    began = time.monotonic()
    found = await fault(answer, within=0.2)

    assert found.reason is NoDataReason.UNREACHABLE
    assert "there was no whole answer in 0.2 s" in found.message
    assert time.monotonic() - began < 5.0


async def test_a_connection_that_is_cut_is_no_page() -> None:
    """Also where all that came looks whole."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(PAGE) + 9)})
        await response.prepare(request)
        await response.write(PAGE)
        assert request.transport is not None
        request.transport.close()
        return response

    assert (await fault(answer)).reason is NoDataReason.UNREACHABLE


async def test_a_compressed_page_is_not_unpacked() -> None:
    """A kilobyte may be a gigabyte."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(body=gzip.compress(PAGE + b"#" * (1 << 20)), headers={"Content-Encoding": "gzip"})

    assert "compressed" in (await fault(answer)).message


@pytest.mark.parametrize("wrong", [b"NaN", b"-7", b"1e999"])
async def test_a_number_that_cannot_be_is_no_data(wrong: bytes) -> None:
    """A page may say anything."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(body=PAGE.replace(b" 10\n", b" " + wrong + b"\n"))

    assert (await fault(answer)).reason is NoDataReason.MALFORMED


async def test_another_models_page_is_empty() -> None:
    """A pod that got the address of another answers for a model that is not asked about."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(body=PAGE.replace(b"fraud", b"other"))

    assert (await fault(answer)).reason is NoDataReason.EMPTY


async def test_nobody_there_and_a_reader_that_was_never_used() -> None:
    """Refused connections are the usual case while a pod goes; closing twice harms nobody."""
    unused = PodReader()
    await unused.close()
    reader = PodReader(proxy="http://127.0.0.1:1")

    found = await reader.read(POD, "fraud")
    await reader.close()

    assert isinstance(found, NoData)
    assert found.reason is NoDataReason.UNREACHABLE
