"""A proxy between a client and the API server that can be told to misbehave, one kind or one client at a time.

    async with FaultProxy.before(control_plane) as proxy:
        connection = await connect(str(proxy.kubeconfig))
        proxy.break_("aimodels", FAULTS["HTTP 503"])     # what is under way is cut off
        ...
        proxy.heal("aimodels")                           # what is under way stays as it is

It speaks plain HTTP to the client, on loopback, and TLS to the server; the client's token goes through.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientSession, ClientTimeout, TCPConnector, web
from multidict import CIMultiDict

from controlplane import ControlPlane
from fakes.httpserver import serve, write_kubeconfig

ENDLESS = 9 << 20  # bytes, more than a client takes for a line
AHEAD = 1_000_000_000  # versions that no test's server ever reaches
PASSED_ON = ("Authorization", "Accept", "Content-Type", "User-Agent")


@dataclass(frozen=True)
class Fault:
    """What becomes of a request, and whether of watches alone; `hides` what changes until it is over."""

    answer: Callable[[FaultProxy, web.Request], Awaitable[web.StreamResponse]]
    watches_only: bool = True

    @property
    def hides(self) -> bool:
        """Tell whether a client cannot see anything while it lasts."""
        return not self.watches_only


def plural_of(request: web.Request) -> str:
    """Return the plural in the path of a collection or of an object."""
    parts = request.path.strip("/").split("/")
    rest = parts[2 if parts[0] == "api" else 3 :]
    return rest[2] if len(rest) > 2 and rest[0] == "namespaces" else "".join(rest[:1])


@dataclass
class FaultProxy:
    """A running proxy; `asked` counts the requests of each part, which are the kinds unless told otherwise."""

    upstream: str
    session: ClientSession
    kubeconfig: Path
    part: Callable[[web.Request], str] = plural_of
    asked: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _faults: dict[str, Fault] = field(default_factory=dict)
    _under_way: dict[str, set[asyncio.Transport]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    @asynccontextmanager
    async def before(
        cls, plane: ControlPlane, kubeconfig: Path | None = None, part: Callable[[web.Request], str] = plural_of
    ) -> AsyncIterator[FaultProxy]:
        """Run a proxy before a plane's API server until the end of the block.

        `kubeconfig` says whose token the proxy's own has, the administrator's if not given; `part` tells to which part
        a request belongs, of those that are broken and healed one by one.
        """
        context = ssl.create_default_context(cafile=str(plane.layout.certificate_authority))
        user = json.loads((kubeconfig or plane.kubeconfig).read_text())["users"][0]["user"]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            async with ClientSession(timeout=ClientTimeout(total=None), connector=TCPConnector(ssl=context)) as session:
                proxy = cls(plane.layout.server, session, folder / "kubeconfig", part)
                async with serve(proxy.answer) as url:
                    write_kubeconfig(folder, url, user["token"])
                    yield proxy

    def break_(self, part: str, fault: Fault) -> None:
        """Let every request of a part meet a fault from now on; those under way are cut off."""
        self._faults[part] = fault
        for transport in tuple(self._under_way[part]):
            transport.abort()

    def heal(self, part: str) -> None:
        """Behave again, for new requests."""
        del self._faults[part]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request as the server would, or as the fault of its part has it."""
        part = self.part(request)
        self.asked[part] += 1
        transport = request.transport
        if transport is not None:
            self._under_way[part].add(transport)
        try:
            fault = self._faults.get(part)
            if fault is not None and (is_watch(request) or not fault.watches_only):
                return await fault.answer(self, request)
            return await self.forward(request)
        finally:
            if transport is not None:
                self._under_way[part].discard(transport)

    async def forward(
        self, request: web.Request, change: Callable[[bytes], bytes] = lambda line: line
    ) -> web.StreamResponse:
        """Pass a request on, and its answer back line by line, each changed by `change`."""
        headers = CIMultiDict({name: request.headers[name] for name in PASSED_ON if name in request.headers})
        async with self.session.request(
            request.method,
            f"{self.upstream}{request.path_qs}",
            headers=headers,
            data=await request.read() or None,
        ) as answer:
            response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
            await response.prepare(request)
            rest = b""
            async for chunk in answer.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    await response.write(change(line) + b"\n")
            if rest:
                await response.write(change(rest))
            await response.write_eof()
            return response


def is_watch(request: web.Request) -> bool:
    """Tell whether a request asks for a stream."""
    return "watch" in request.query


# -- faults ----------------------------------------------------------------------------------------------------------


def _refuse(code: int, reason: str, headers: Mapping[str, str] | None = None) -> Fault:
    """Answer everything with an error."""

    async def answer(_: FaultProxy, __: web.Request) -> web.StreamResponse:
        status = {"kind": "Status", "code": code, "reason": reason, "message": "so it was arranged"}
        return web.json_response(status, status=code, headers=headers)

    return Fault(answer, watches_only=False)


def _say(*parts: bytes, then: str = "end") -> Fault:
    """Answer watches with 200 and some bytes; then `end` properly, `cut` the connection, or `hang` for ever."""

    async def answer(_: FaultProxy, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for part in parts:
            await response.write(part)
        if then == "hang":
            await asyncio.Event().wait()
        if then == "cut" and request.transport is not None:
            request.transport.close()
        return response

    return Fault(answer)


def _error_event(code: int) -> bytes:
    status = {"kind": "Status", "code": code, "message": "so it was arranged"}
    return json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"


async def _web_page(_: FaultProxy, __: web.Request) -> web.StreamResponse:
    return web.Response(text="<html><body>Please log in.</body></html>\n", content_type="text/html")


async def _nothing_at_all(_: FaultProxy, __: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def _reset(_: FaultProxy, request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _from_the_future(proxy: FaultProxy, request: web.Request) -> web.StreamResponse:
    """Let lists be of a version that the server has not reached, so that a watch from there hears nothing."""

    def ahead(line: bytes) -> bytes:
        answer = json.loads(line)
        answer["metadata"]["resourceVersion"] = str(int(answer["metadata"]["resourceVersion"]) + AHEAD)
        return json.dumps(answer).encode()

    return await proxy.forward(request, (lambda line: line) if is_watch(request) else ahead)


FAULTS = {
    "ERROR 410 in the stream": _say(_error_event(410)),
    "ERROR 500 in the stream": _say(_error_event(500)),
    "an event that is none": _say(b'{"type": "ADDED", "object": {}}\n', then="hang"),
    "truncated JSON": _say(b'{"type": "ADDED", "obj', then="cut"),
    "a cut connection": _say(then="cut"),
    "a watch that closes at once": _say(),
    "a watch that leads nowhere": _say(then="hang"),
    "a line without end": _say(b"[" * ENDLESS, then="hang"),
    "a version from the future": Fault(_from_the_future, watches_only=False),
    "HTTP 410": _refuse(410, "Expired"),
    "HTTP 403": _refuse(403, "Forbidden"),
    "HTTP 401": _refuse(401, "Unauthorized"),
    "HTTP 429": _refuse(429, "TooManyRequests", {"Retry-After": "1"}),
    "HTTP 503": _refuse(503, "ServiceUnavailable"),
    "a web page": Fault(_web_page, watches_only=False),
    "no answer": Fault(_nothing_at_all, watches_only=False),
    "a reset": Fault(_reset, watches_only=False),
}
