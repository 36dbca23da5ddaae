"""Web servers on loopback that misbehave on request, and remember what they were asked."""

import asyncio
import datetime as dt
import fnmatch
import ipaddress
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Result = TypeVar("Result")
Handler = Callable[[web.Request], Awaitable[web.Response]]

LOOPBACK = "127.0.0.1"
FOREVER = 1_000_000


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="servers", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Return what a coroutine returns in the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=20)

    def close(self) -> None:
        self.run(self._cancel())  # handlers that still stall
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _cancel(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@dataclass
class Fault:
    """What goes wrong with the next `times` requests whose path matches: an answer, a cut in the middle, or silence."""

    path: str = "*"
    times: int = FOREVER
    answer: Callable[[web.Request], web.Response] | None = None
    stall: bool = False
    only_bodies: bool = True


@dataclass
class Asked:
    """A request that came: method, path with its query, headers."""

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass
class Server:
    """One origin. `handler` answers; `faults` come before it."""

    origin: str = ""
    port: int = 0
    handler: Handler | None = None
    faults: list[Fault] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    stalled: threading.Event = field(default_factory=threading.Event)

    def reset(self) -> None:
        self.faults.clear()
        self.asked.clear()
        self.stalled.clear()

    @property
    def endpoint(self) -> str:
        """What an administrator allows to let models come from here."""
        return f"{LOOPBACK}:{self.port}"

    def bodies_sent(self, bodies: str) -> int:
        """How often files were asked for whose paths match."""
        return sum(
            asked.method == "GET" and fnmatch.fnmatch(asked.path.partition("?")[0], bodies) for asked in self.asked
        )

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(Asked(request.method, request.path_qs, request.headers))
        fault = self._fault(request)
        if fault is not None and fault.answer is not None:
            return fault.answer(request)
        assert self.handler is not None
        response = await self.handler(request)
        return response if fault is None else await self._spoil(request, response, stall=fault.stall)

    def _fault(self, request: web.Request) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and fnmatch.fnmatch(request.path, fault.path):
                if fault.only_bodies and request.method == "HEAD":
                    continue
                fault.times -= 1
                return fault
        return None

    async def _spoil(self, request: web.Request, response: web.Response, *, stall: bool) -> web.StreamResponse:
        """Announce a whole body, send half of it, then say nothing more, or hang up."""
        body = response.body
        assert isinstance(body, bytes)
        half = web.StreamResponse(status=response.status, headers=response.headers)
        half.headers["Content-Length"] = str(len(body))
        await half.prepare(request)
        await half.write(body[: len(body) // 2])
        if stall:
            self.stalled.set()
            await asyncio.sleep(30)
        elif request.transport is not None:
            request.transport.abort()
        return half


@contextmanager
def serve(loop: Loop, server: Server, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Let a server answer on a free port of loopback."""

    async def start() -> web.AppRunner:
        application = web.Application(client_max_size=1 << 28)
        application.router.add_route("*", "/{path:.*}", server.answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, LOOPBACK, 0, ssl_context=tls).start()
        return runner

    runner = loop.run(start())
    server.port = runner.addresses[0][1]
    server.origin = f"{'http' if tls is None else 'https'}://{LOOPBACK}:{server.port}"
    yield server
    loop.run(runner.cleanup())


@dataclass
class Files:
    """The handler of a plain web server: path -> body."""

    bodies: dict[str, bytes] = field(default_factory=dict)

    async def __call__(self, request: web.Request) -> web.Response:
        body = self.bodies.get(request.raw_path.partition("?")[0])
        if body is None:
            return web.Response(status=404, text="<html>nothing here</html>", content_type="text/html")
        return web.Response(body=body)


def redirect(target: str) -> Callable[[web.Request], web.Response]:
    """Return an answer that leads elsewhere."""
    return lambda _: web.Response(status=302, headers={"Location": target})


def answer(body: bytes, **headers: str) -> Callable[[web.Request], web.Response]:
    """Return an answer with these headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: web.Response(body=body, headers=named)


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Return the file of an authority to trust, and a server's context with a certificate from it for loopback."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "models.example.com")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address(LOOPBACK)), x509.DNSName("models.example.com")]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority, chain = folder / "authority.pem", folder / "server.pem"
    authority.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(authority.read_bytes() + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return authority, context
