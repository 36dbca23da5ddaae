"""A cluster, real or not, together with everybody else who changes it: what a contract test needs."""

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from controlplane import Api
from fakes.cluster import FakeCluster
from fakes.ownership import merge
from trimtab.adapters.cluster.cluster import Cluster
from trimtab.adapters.cluster.connection import connect
from trimtab.adapters.cluster.reflector import Timings
from trimtab.api.kinds import Kind, Manifest
from trimtab.api.objects import Change, ObjectKey
from trimtab.reconcile import ports

T = TypeVar("T")


class Others(Protocol):
    """Users and controllers."""

    async def add(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Create an object."""

    async def edit(self, kind: Kind, key: ObjectKey, change: Manifest, part: str = "") -> None:
        """Merge `change` into an object, or into its subresource `part`."""

    async def remove(self, kind: Kind, key: ObjectKey) -> None:
        """Delete an object."""

    async def look(self, kind: Kind, key: ObjectKey) -> Manifest | None:
        """Return an object as the server has it."""


@dataclass
class World:
    """A cluster under test, what it told, and the others."""

    cluster: ports.Cluster
    others: Others
    namespace: str
    changes: list[Change] = field(default_factory=list)

    def key(self, name: str) -> ObjectKey:
        """Return the key of a name in the test's namespace."""
        return ObjectKey(self.namespace, name)


async def eventually(look: Callable[[], T], *, what: str, seconds: float = 20.0) -> T:
    """Return what `look` returns as soon as that is true.

    Raises:
        TimeoutError: it did not become true in time.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while not (seen := look()):
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}; last seen: {seen!r}")
        await asyncio.sleep(0.02)
    return seen


@dataclass
class FakeOthers:
    """The others of a `FakeCluster`."""

    cluster: FakeCluster

    async def add(self, kind: Kind, manifest: Manifest) -> Manifest:
        return copy.deepcopy(self.cluster.put(kind, manifest))

    async def edit(self, kind: Kind, key: ObjectKey, change: Manifest, part: str = "") -> None:
        del part
        found = self.cluster.get(kind, key)
        assert found is not None
        self.cluster.put(kind, merge(found, change))

    async def remove(self, kind: Kind, key: ObjectKey) -> None:
        self.cluster.remove(kind, key)

    async def look(self, kind: Kind, key: ObjectKey) -> Manifest | None:
        return self.cluster.get(kind, key)


@dataclass
class RealOthers:
    """The others of a real API server, with an administrator's rights."""

    api: Api

    async def add(self, kind: Kind, manifest: Manifest) -> Manifest:
        made: Manifest = await self._request("POST", kind.path(manifest["metadata"].get("namespace")), manifest)
        return made

    async def edit(self, kind: Kind, key: ObjectKey, change: Manifest, part: str = "") -> None:
        path = kind.path(key.namespace, key.name, part or None)
        await self._request("PATCH", path, change, "application/merge-patch+json")

    async def remove(self, kind: Kind, key: ObjectKey) -> None:
        await self._request("DELETE", kind.path(key.namespace, key.name), {"propagationPolicy": "Background"})

    async def look(self, kind: Kind, key: ObjectKey) -> Manifest | None:
        return await asyncio.to_thread(self.api.get, f"{kind.api_version}/{kind.kind}", key.name, key.namespace)

    async def _request(self, *request: Any) -> Any:  # noqa: ANN401 - JSON
        return await asyncio.to_thread(self.api.request, *request)


def fake_world() -> World:
    """Return a world in memory."""
    cluster = FakeCluster()
    world = World(cluster, FakeOthers(cluster), "test")
    cluster.on_change = world.changes.append
    return world


@asynccontextmanager
async def running(
    kubeconfig: Path, on_change: Callable[[Change], None], timings: Timings | None = None
) -> AsyncIterator[Cluster]:
    """Run the real adapter, synced, until the end of the block; its reflectors must still run then."""
    connection = await connect(str(kubeconfig))
    cluster = Cluster(connection, on_change, timings)
    task = asyncio.create_task(cluster.run())
    try:
        await eventually(cluster.synced, what="the reflectors to have listed")
        yield cluster
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await connection.close()
