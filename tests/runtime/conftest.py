"""Fixtures for tests of what runs in pods: servers on loopback, and fetches in processes of their own.

`place`    where a model comes from, parametrized over all of `PLACES` or those that a test names: `put` and `source`.
`kubelet`  starts fetches: `kubelet.start(plan, credentials).end()` gives exit code, report and log.
`models`   Triton's repository of this test, as the kubelet would mount it.
`ask`      the whole of it: fetch from a place by a plan with these fields, and say how it ended.
"""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from runtime.places import S3, Google, HuggingFace, Place, Volume, Web, put_to_s3
from runtime.process import Ask, Ended, Kubelet, zygote as start_zygote
from runtime.servers import LOOPBACK, Files, Loop, Server, certificate, serve
from runtime.stores import Behind, GoogleStorage, Hub
from trimtab.api.fetch import FetchPlan, FetchSource

PLACES = ("s3", "gs", "hf", "http", "https", "volume")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test of `place` for every place; `@pytest.mark.parametrize("place", [...], indirect=True)` names fewer."""
    named = any(mark.args[0] == "place" for mark in metafunc.definition.iter_markers("parametrize"))
    if "place" in metafunc.fixturenames and not named:
        metafunc.parametrize("place", PLACES, indirect=True)


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    """Run the servers' event loop."""
    running = Loop()
    yield running
    running.close()


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Make an authority that fetches trust, and a server's certificate from it."""
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def zygote(tls: tuple[Path, Any]) -> Iterator[subprocess.Popen[str]]:
    """Start the process that forks fetches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(tls[0]))  # read when aiohttp is imported
        with start_zygote() as process:
            yield process


@pytest.fixture(scope="session")
def moto_port() -> Iterator[int]:
    """Run a server that speaks S3, with a bucket `models`."""
    server = ThreadedMotoServer(LOOPBACK, 0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    put_to_s3(port, "models")
    yield port
    server.stop()


@pytest.fixture(scope="session")
def servers(loop: Loop, tls: tuple[Path, Any]) -> Iterator[dict[str, Server]]:
    """Start one server for each place that has one, and one more that is nobody's: `elsewhere`."""
    names = ("s3", "gs", "hf", "http", "https", "elsewhere")
    started = {name: serve(loop, Server(), tls[1] if name == "https" else None) for name in names}
    yield {name: context.__enter__() for name, context in started.items()}
    for context in started.values():
        context.__exit__(None, None, None)


@pytest.fixture
def elsewhere(servers: dict[str, Server]) -> Server:
    """Return a web server of another origin."""
    server = servers["elsewhere"]
    server.reset()
    server.handler = Files()
    return server


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Return a place with a fresh folder in it."""
    name: str = request.param
    if name == "volume":
        return Volume(tmp_path / "volume")
    server: Server = request.getfixturevalue("servers")[name]
    server.reset()
    match name:
        case "s3":
            port: int = request.getfixturevalue("moto_port")
            server.handler = Behind(port)
            return S3(server, port)
        case "gs":
            storage = GoogleStorage()
            server.handler = storage
            return Google(server, storage)
        case "hf":
            hub = Hub()
            server.handler = hub
            return HuggingFace(server, hub)
        case _:
            files = Files()
            server.handler = files
            return Web(server, files, name)


@pytest.fixture
def kubelet(zygote: subprocess.Popen[str], tmp_path: Path) -> Kubelet:
    """Return what starts fetches."""
    folder = tmp_path / "container"
    folder.mkdir()
    return Kubelet(zygote, folder)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Return the folder that fetches fill."""
    return tmp_path / "models"


@pytest.fixture
def plan(models: Path) -> Callable[..., FetchPlan]:
    """Return what makes a plan from a source: into `models`, with the source's server allowed."""

    def make(source: FetchSource, *allowed: Server | None, **fields: Any) -> FetchPlan:  # noqa: ANN401  # of a plan
        endpoints = tuple(server.endpoint for server in allowed if server is not None and server.port)
        return FetchPlan(model="fraud", source=source, target=str(models), **{"allowed_endpoints": endpoints, **fields})

    return make


@pytest.fixture
def ask(kubelet: Kubelet, plan: Callable[..., FetchPlan]) -> Ask:
    """Return what fetches from a place: `ask(place, "folder", digest=...)`."""

    def fetch(place: Place, path: str = "", **fields: Any) -> Ended:  # noqa: ANN401  # of a plan
        world = {name: fields.pop(name) for name in ("hosts", "largest_file_bytes", "user") if name in fields}
        credentials = {**place.credentials, **fields.pop("credentials", {})}
        return kubelet.start(plan(place.source(path), place.server, **fields), credentials, **world).end()

    return fetch
