"""What tests of a running operator share: planes of their own, a proxy before one, and the operator's own numbers."""

import asyncio
import contextlib
import threading
import urllib.request
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from controlplane import ControlPlane, OperatorProcess, Options, prepare
from fakes.faultproxy import Fault, FaultProxy

ROOT = Path(__file__).parents[1]
READS, WRITES, KOPF = "our reads", "our writes", "kopf"
OURS = (READS, WRITES)
EVERYBODY = (*OURS, KOPF)
"""Whose request it is, by its user agent."""

T = TypeVar("T")


@contextlib.contextmanager
def own_plane(shared: ControlPlane, **options: Any) -> Iterator[ControlPlane]:  # noqa: ANN401 - fields of Options
    """Run a plane that nobody else uses, with our kinds and the operator's rights; its binaries are another one's."""
    with ControlPlane(Options(crds=ROOT / "crds", **options), binaries=shared.binaries) as plane:
        prepare(plane)
        yield plane


@dataclass
class Front:
    """A `FaultProxy` that runs on a thread, and treats our requests and kopf's apart."""

    proxy: FaultProxy
    loop: asyncio.AbstractEventLoop

    @property
    def settings(self) -> dict[str, str]:
        """Return what an operator is told so that it works through this proxy."""
        return {"KUBECONFIG": str(self.proxy.kubeconfig)}

    def asked(self, *clients: str) -> int:
        """Return how many requests have come from some clients."""
        return sum(self.proxy.asked[client] for client in clients)

    def break_(self, fault: Fault, *clients: str) -> None:
        """Let every request of some clients meet a fault; those under way are cut off."""

        async def break_() -> None:
            for client in clients:
                self.proxy.break_(client, fault)

        _wait(break_(), self.loop)

    def heal(self, *clients: str) -> None:
        """Behave again."""

        async def heal() -> None:
            for client in clients:
                self.proxy.heal(client)

        _wait(heal(), self.loop)


@contextlib.contextmanager
def front_of(plane: ControlPlane, user: str = "trimtab-operator") -> Iterator[Front]:
    """Run a proxy before a plane's API server, for one of its users."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="front", daemon=True)
    thread.start()
    running = FaultProxy.before(plane, plane.kubeconfig_for(user), _client)
    try:
        yield Front(_wait(running.__aenter__(), loop), loop)
    finally:
        _wait(running.__aexit__(None, None, None), loop)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _wait(work: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> T:
    return asyncio.run_coroutine_threadsafe(work, loop).result(30.0)


def _client(request: web.Request) -> str:
    if request.headers.get("User-Agent", "").startswith("kopf"):
        return KOPF
    return READS if request.method == "GET" else WRITES


def number(operator: OperatorProcess, name: str, **labels: str) -> float:
    """Return the sum of one of the operator's own metrics, over all series that have some labels."""
    with urllib.request.urlopen(operator.metrics_url, timeout=5.0) as answer:  # noqa: S310 - the operator on loopback
        families = list(text_string_to_metric_families(answer.read().decode()))
    return sum(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def tell(figure: str) -> None:
    """Print a figure, for whoever runs pytest with -s or reads a failure."""
    print(figure)  # noqa: T201 - the one place where tests print
