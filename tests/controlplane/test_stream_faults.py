"""The matrix of stream faults: whatever becomes of a stream, the reflector ends with what the server has.

In each fault an object is deleted that no event ever tells of.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from controlplane import Api, ControlPlane
from fakes.faultproxy import AHEAD, FAULTS, Fault, FaultProxy
from fakes.manifests import model
from fakes.worlds import eventually
from trimtab.adapters.cluster.connection import connect
from trimtab.adapters.cluster.reflector import Reflector, Timings
from trimtab.adapters.cluster.shape import Source
from trimtab.adapters.cluster.store import Store
from trimtab.api.kinds import AIMODEL
from trimtab.api.objects import Change

# The real first pause, which sets the rate; the rest is short, so that a test takes seconds.
TIMINGS = Timings(answer=0.7, silence=0.7, longest_retry=1.0)
FAULT_SECONDS = 2.0
MOST_REQUESTS_PER_SECOND = 10


@dataclass
class Watched:
    """A reflector of AIModels behind a proxy, and what the server has in one namespace."""

    proxy: FaultProxy
    api: Api
    namespace: str
    store: Store
    task: asyncio.Task[None]
    changes: list[Change] = field(default_factory=list)

    def names(self) -> set[str]:
        """Return what the store has."""
        return {found["metadata"]["name"] for found in self.store.list(AIMODEL, self.namespace)}

    def told_gone(self) -> list[str]:
        """Return whose deletion was told."""
        return [each.key.name for each in self.changes if each.new is None and each.key.namespace == self.namespace]

    async def create(self, name: str) -> None:
        """Create a model past the proxy."""
        await asyncio.to_thread(self.api.create, model(self.namespace, name))

    async def delete(self, name: str) -> None:
        """Delete a model past the proxy."""
        await asyncio.to_thread(self.api.delete, "trimtab.io/v1alpha1/AIModel", name, self.namespace)


@pytest.fixture
async def watched(control_plane: ControlPlane, api: Api, namespace: str) -> AsyncIterator[Watched]:
    """Watch AIModels through a proxy; two models are known."""
    changes: list[Change] = []
    async with FaultProxy.before(control_plane) as proxy:
        connection = await connect(str(proxy.kubeconfig))
        store = Store(changes.append)
        reflector = Reflector(Source(AIMODEL), store, connection, TIMINGS)
        task = asyncio.create_task(reflector.run())
        watched = Watched(proxy, api, namespace, store, task, changes)
        try:
            await watched.create("kept")
            await watched.create("lost")
            await eventually(lambda: watched.names() == {"kept", "lost"}, what="both models")
            yield watched
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await connection.close()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_no_fault_hides_a_deletion_for_good(watched: Watched, fault: Fault) -> None:
    """The reflector lives, asks ten times a second at most, and ends with the truth; with lists it finds it at once."""
    proxy, asked_before = watched.proxy, watched.proxy.asked["aimodels"]

    proxy.break_("aimodels", fault)
    await eventually(lambda: proxy.asked["aimodels"] > asked_before, what="the client to meet the fault")
    await watched.delete("lost")
    await watched.create("born")
    await asyncio.sleep(FAULT_SECONDS)
    during = proxy.asked["aimodels"] - asked_before
    if not fault.hides:
        await eventually(lambda: watched.names() == {"kept", "born"}, what="the truth in spite of the fault")
    proxy.heal("aimodels")

    await eventually(lambda: watched.names() == {"kept", "born"}, what="the truth")
    assert watched.told_gone() == ["lost"]
    assert 1 <= during <= FAULT_SECONDS * MOST_REQUESTS_PER_SECOND
    assert not watched.task.done()

    await watched.create("later")
    await eventually(lambda: "later" in watched.names(), what="the watch to work again")


async def test_a_version_that_went_back_is_believed(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    """After etcd was restored from a copy, what is known from the later past is dropped, and somebody is told."""
    caplog.set_level(logging.WARNING)
    watched.proxy.break_("aimodels", FAULTS["a version from the future"])
    await asyncio.sleep(1.0)
    ghost = {**model(watched.namespace, "ghost")}
    ghost["metadata"] |= {"uid": "ghost", "resourceVersion": str(AHEAD * 2)}
    watched.store.put(AIMODEL, ghost)

    watched.proxy.heal("aimodels")

    await eventually(lambda: watched.names() == {"kept", "lost"}, what="the ghost to go")
    assert "went back from version" in caplog.text


async def test_a_line_of_two_megabytes_is_an_event_like_others(watched: Watched) -> None:
    """An object as large as the server will ever send is taken; the client's buffer for a line is no limit."""

    def padded(line: bytes) -> bytes:
        event = json.loads(line)
        event["object"]["metadata"]["annotations"] = {"padding": "x" * (2 << 20)}
        return json.dumps(event).encode()

    async def pad(proxy: FaultProxy, request: web.Request) -> web.StreamResponse:
        return await proxy.forward(request, padded)

    watched.proxy.break_("aimodels", Fault(pad))
    await asyncio.sleep(0.5)
    await watched.create("large")

    await eventually(lambda: _padding(watched, "large") == 2 << 20, what="the large object")


def _padding(watched: Watched, name: str) -> int:
    found = [each for each in watched.store.list(AIMODEL, watched.namespace) if each["metadata"]["name"] == name]
    return sum(len(each["metadata"].get("annotations", {}).get("padding", "")) for each in found)
