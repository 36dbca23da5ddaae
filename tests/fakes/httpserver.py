"""A web server on loopback whose answers a test decides, and a kubeconfig that leads to it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from trimtab.adapters.cluster.connection import Connection, connect
from trimtab.adapters.cluster.rate import Rate

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
LARGEST_BODY = 16 << 20  # bytes


@asynccontextmanager
async def serve(handler: Handler) -> AsyncIterator[str]:
    """Let `handler` answer every request until the end of the block; yield the URL."""
    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def connected(handler: Handler, folder: Path, rate: Rate | None = None) -> AsyncIterator[Connection]:
    """Let `handler` answer every request of the connection that is yielded; `folder` takes a kubeconfig."""
    async with serve(handler) as url:
        connection = await connect(str(write_kubeconfig(folder, url)), rate=rate)
        try:
            yield connection
        finally:
            await connection.close()


def write_kubeconfig(folder: Path, server: str, token: str = "of-a-test") -> Path:  # noqa: S107 - it opens nothing
    """Write a kubeconfig for a server, and return its path."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": server}}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(config))
    return path
