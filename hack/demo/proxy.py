"""The way from Prometheus to the metrics of played pods: an HTTP proxy that knows their addresses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from demo.faults import Fault, Scrape, plain

LOOPBACK = "127.0.0.1"
METRICS_PORT = 8002


@dataclass(frozen=True)
class Page:
    """What a pod of some model says now."""

    model: str
    text: str


@dataclass
class Proxy:
    """Answers `GET http://POD_IP:8002/metrics` with the page that `look` finds for the address.

    Where it finds none, nobody listens there: 503, as from a proxy whose connection is refused. A model in `faults` has
    that fault's answers.
    """

    look: Callable[[str], Page | None]
    faults: dict[str, Fault] = field(default_factory=dict)

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[str]:
        """Listen on a free port of loopback until the end of the block; the proxy's URL."""
        server = web.Server(self._answer, handler_cancellation=True)  # who has lost patience needs no answer
        runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, LOOPBACK, 0).start()
            host, port = runner.addresses[0][:2]
            yield f"http://{host}:{port}"
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        url = request.url
        ip = url.host or ""
        if request.method != "GET" or url.port != METRICS_PORT or url.path != "/metrics":
            said = f"this is a proxy for GET http://POD_IP:{METRICS_PORT}/metrics, not for {request.method} {url}\n"
            return web.Response(status=404, text=said)
        page = self.look(ip)
        if page is None:
            return web.Response(status=503, text=f"no pod listens on {ip}:{METRICS_PORT}\n")
        fault = self.faults.get(page.model)
        return plain(page.text) if fault is None else await fault.answer(Scrape(ip, page.text, request))
