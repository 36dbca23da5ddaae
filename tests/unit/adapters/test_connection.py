"""Requests over a real socket: what is sent, and what every failure becomes."""

import asyncio
import contextlib
import json
from pathlib import Path

import pytest
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration

from fakes.httpserver import connected, serve, write_kubeconfig
from trimtab.adapters.cluster.connection import JSON_PATCH, Call, Connection, connect
from trimtab.adapters.cluster.errors import UnauthorizedError
from trimtab.adapters.cluster.login import IN_A_POD, Login, LoginError
from trimtab.adapters.cluster.rate import Rate
from trimtab.api.objects import RefusedError, UnreachableError

GET = Call("GET", "/api/v1/things")
RENEWED = "renewed"


async def _everything(connection: Connection, call: Call = GET, silence: float = 5.0) -> list[object]:
    return [value async for value in connection.stream(call, silence=silence)]


async def _all_until_it_breaks(connection: Connection) -> list[object]:
    got = []
    try:
        async for value in connection.stream(GET, silence=5.0):
            got.append(value)  # noqa: PERF401 - what came before the error is what this is about
    except (UnreachableError, RecursionError):
        return got
    raise AssertionError(got)


async def _stream(request: web.Request, *parts: bytes) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for part in parts:
        await response.write(part)
        await asyncio.sleep(0.01)
    return response


async def test_a_request_says_who_we_are_and_what_we_want(tmp_path: Path) -> None:
    """Token, user agent, content type, query and body reach the server as they were given."""
    seen: list[tuple[object, ...]] = []

    async def answer(request: web.Request) -> web.Response:
        wanted = ("Authorization", "User-Agent", "Content-Type")
        seen.append((request.method, request.path, dict(request.query), [request.headers[name] for name in wanted]))
        return web.json_response(await request.json())

    async with connected(answer, tmp_path) as connection:
        call = Call(
            "PATCH", "/api/v1/things/a.b-c", {"labelSelector": "a=b,c", "x": "ä &"}, [{"op": "add"}], JSON_PATCH
        )
        with pytest.raises(UnreachableError, match="no object"):
            await connection.request(call)

    headers = ["Bearer of-a-test", "trimtab/0.1.0", "application/json-patch+json"]
    assert seen == [("PATCH", "/api/v1/things/a.b-c", {"labelSelector": "a=b,c", "x": "ä &"}, headers)]


@pytest.mark.parametrize("page", ["<html></html>", "", "[1]", '"x"', "{", '{"a": 1'])
async def test_an_answer_that_is_no_object_is_unreachable(tmp_path: Path, page: str) -> None:
    """Whoever says 200 and sends a web page is not the API server."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=page)

    async with connected(answer, tmp_path) as connection:
        with pytest.raises(UnreachableError, match="GET /api/v1/things"):
            await connection.request(GET)


async def test_no_answer_in_time_is_unreachable(tmp_path: Path) -> None:
    """Every request has an end, before and inside the answer."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if "half" in request.query:
            await _stream(request, b'{"a":')
        await asyncio.Event().wait()
        raise AssertionError

    async with connected(answer, tmp_path) as connection:
        for query in ({}, {"half": "yes"}):
            with pytest.raises(UnreachableError):
                await connection.request(Call("GET", "/api/v1/things", query, seconds=0.2))
            with pytest.raises(UnreachableError):
                await _everything(connection, Call("GET", "/api/v1/things", query), silence=0.2)


async def test_nobody_there_is_unreachable(tmp_path: Path) -> None:
    """A port where nobody listens."""
    connection = await connect(str(write_kubeconfig(tmp_path, "http://127.0.0.1:1")))
    try:
        with pytest.raises(UnreachableError):
            await connection.request(GET)
    finally:
        await connection.close()


async def test_a_streams_lines_come_whole_however_they_were_cut(tmp_path: Path) -> None:
    """Chunks end anywhere; empty lines are nothing."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return await _stream(request, b'{"a"', b': 1}\n\n{"b": ', b'2}\n{"c": 3}', b"\n")

    async with connected(answer, tmp_path) as connection:
        assert await _everything(connection) == [{"a": 1}, {"b": 2}, {"c": 3}]


@pytest.mark.parametrize("rest", [b'{"b": 2}', b'{"b"', b"\xff\xfe\n", b"[" * 100_000 + b"\n"])
async def test_a_stream_that_breaks_gives_what_came_before(tmp_path: Path, rest: bytes) -> None:
    """A last line that was cut, bytes that are no text, brackets without end: an error, after the good lines."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return await _stream(request, b'{"a": 1}\n', rest)

    async with connected(answer, tmp_path) as connection:
        assert await _all_until_it_breaks(connection) == [{"a": 1}]


async def test_a_stream_that_is_refused_raises_what_a_request_would(tmp_path: Path) -> None:
    """The head of the answer decides."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"message": "no rights"}, status=403)

    async with connected(answer, tmp_path) as connection:
        with pytest.raises(RefusedError, match="no rights"):
            await _everything(connection)


async def test_writes_wait_for_their_turn_and_reads_do_not(tmp_path: Path) -> None:
    """With ten writes a second and a burst of one, four take 0.3 s; reads never wait."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({})

    async with connected(answer, tmp_path, Rate(writes_per_second=10, burst=1)) as connection:
        clock = asyncio.get_running_loop().time
        started = clock()
        for _ in range(4):
            await connection.request(Call("POST", "/api/v1/things", body={}))
        assert clock() - started >= 0.3

    async with connected(answer, tmp_path, Rate(writes_per_second=0.001, burst=1)) as connection:
        await asyncio.wait_for(asyncio.gather(*(connection.request(GET) for _ in range(5))), 5)


async def test_no_more_requests_are_under_way_than_allowed(tmp_path: Path) -> None:
    """A thousand tasks that write at once are a queue, not a thousand connections."""
    under_way, most = 0, 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return web.json_response({})

    async with connected(answer, tmp_path, Rate(parallel=3)) as connection:
        await asyncio.gather(*(connection.request(GET) for _ in range(20)))

    assert most == 3


@pytest.mark.parametrize(("every", "right"), [(0.0, True), (60.0, False)])
async def test_credentials_that_expired_are_read_again(tmp_path: Path, every: float, right: bool) -> None:  # noqa: FBT001
    """A 401 sends us back to the kubeconfig, but not for every request that a server refuses."""

    async def answer(request: web.Request) -> web.Response:
        known = request.headers["Authorization"] == f"Bearer {RENEWED}"
        return web.json_response({"message": "who is it?"}, status=200 if known else 401)

    async with serve(answer) as url:
        login = Login(str(write_kubeconfig(tmp_path, url)), every=every)
        configuration = Configuration()
        await login.load(configuration)
        connection = Connection(configuration, login, Rate())
        try:
            with pytest.raises(UnauthorizedError, match="who is it"):
                await connection.request(GET)
            write_kubeconfig(tmp_path, url, RENEWED)
            with contextlib.nullcontext() if right else pytest.raises(UnauthorizedError):
                await connection.request(GET)
        finally:
            await connection.close()


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "[]",
        "{ not yaml",
        "current-context: x",
        json.dumps({"current-context": "x", "contexts": [], "clusters": [], "users": []}),
    ],
)
async def test_a_kubeconfig_that_is_none_says_which_and_what_next(tmp_path: Path, text: str | None) -> None:
    """Absent, empty, another file, half of one: the message names the file and the ways to give another."""
    path = tmp_path / "nowhere"
    if text is not None:
        path.write_text(text)

    with pytest.raises(LoginError, match=r"nowhere.*give --kubeconfig"):
        await connect(str(path))


async def test_in_a_pod_the_pods_account_is_used() -> None:
    """Without a kubeconfig, and with a cluster's environment, the account's files are looked for."""
    with pytest.raises(LoginError, match="the pod's service account"):
        await Login().load(Configuration(), {IN_A_POD: "10.0.0.1"})
