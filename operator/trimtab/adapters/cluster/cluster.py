"""The cluster as the shell sees it: the reflectors' store to read, the writer to write."""

import asyncio
from collections.abc import Callable, Iterable

from trimtab.adapters.cluster.connection import Connection
from trimtab.adapters.cluster.reflector import Reflector, Timings
from trimtab.adapters.cluster.shape import SOURCES, owner_term, pod_term, pool_term
from trimtab.adapters.cluster.store import Store
from trimtab.adapters.cluster.writer import Writer
from trimtab.api.kinds import POD_MONITOR, Manifest
from trimtab.api.objects import Change, ObjectKey
from trimtab.core.snapshot import Capabilities


class Cluster:
    """Satisfies `reconcile.ports.Cluster`, whose docstrings say what each method does; `run` keeps it up to date.

    `on_change` is called for every change of the store, our own writes among them, from the event loop: it must only
    note what to look at.
    """

    def __init__(
        self, connection: Connection, on_change: Callable[[Change], None], timings: Timings | None = None
    ) -> None:
        self._store = Store(on_change)
        writer = Writer(connection, self._store)
        self.create, self.apply, self.scale, self.delete = writer.create, writer.apply, writer.scale, writer.delete
        self.overwrite = writer.overwrite
        self.write_status, self.owner_of, self.record = writer.write_status, writer.owner_of, writer.record
        self.get, self.list = self._store.get, self._store.list
        self.reflectors = {
            source.kind: Reflector(source, self._store, connection, timings or Timings()) for source in SOURCES
        }

    async def run(self) -> None:
        """Keep every kind up to date until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for kind, reflector in self.reflectors.items():
                tasks.create_task(reflector.run(), name=f"reflector of {kind.plural}")

    def synced(self) -> bool:
        """Tell whether every kind has been listed once, or is known to be absent."""
        return all(reflector.synced for reflector in self.reflectors.values())

    def capabilities(self) -> Capabilities:
        """Return what the cluster can do, as of the last look."""
        return Capabilities(pod_monitors=self.reflectors[POD_MONITOR].present)

    def children(self, namespace: str, owner_uid: str) -> Iterable[Manifest]:
        """Return what an object controls."""
        return [child for _, child in self._store.find(owner_term(namespace, owner_uid))]

    def pods(self, namespace: str, model_label: str) -> Iterable[Manifest]:
        """Return a model's pods."""
        return [pod for _, pod in self._store.find(pod_term(namespace, model_label))]

    def models_of_pool(self, pool: ObjectKey) -> Iterable[ObjectKey]:
        """Return the models that refer to a pool."""
        return [key for (_, key), _ in self._store.find(pool_term(pool))]
