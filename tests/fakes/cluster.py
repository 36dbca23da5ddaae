"""A cluster in memory: fills both ports of `reconcile.ports`, and lets a test play everybody else.

It passes the contract that the real adapter passes (tests/controlplane/test_cluster_contract.py). It knows uid,
resource version, generation, creation time, field ownership, finalizers and garbage collection. It does not know
defaults (save `spec.replicas` of a Deployment), schemas, quotas or managedFields, and takes every list as one value.

    cluster = FakeCluster(on_change=changes.append)
    cluster.put(AIMODEL, manifest)                      # a user applies
    cluster.remove(AIMODEL, ObjectKey("default", "m"))  # a user deletes; the garbage collector follows
    cluster.fail_next(UnreachableError("away"), verb="apply", kind=DEPLOYMENT)
    cluster.crash_at(3, after=True)                     # the third write from now is done, and nobody hears of it
    assert cluster.writes == [("create", DEPLOYMENT, ObjectKey("default", "m-l4"))]
"""

import asyncio
import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from fakes.ownership import merge, owned_paths, without
from trimtab.api.kinds import AIMODEL, CHILD_KINDS, DEPLOYMENT, POD, Kind, Manifest
from trimtab.api.objects import (
    AlreadyExistsError,
    Change,
    ClusterError,
    ConflictError,
    EventRecord,
    NotFoundError,
    ObjectKey,
)
from trimtab.core.snapshot import Capabilities
from trimtab.render.names import MODEL_LABEL

Place = tuple[Kind, ObjectKey]
T = TypeVar("T")


class Write(NamedTuple):
    """One call of the writer that was tried: `create`, `apply`, `overwrite`, `scale`, `delete`, `write_status`."""

    verb: str
    kind: Kind
    key: ObjectKey


class Crash(BaseException):
    """The process died here; no `except Exception` catches it."""


@dataclass
class Fault:
    """Raise `error` in the calls that match; before anything happened, or `after` it was done (the reply is lost)."""

    error: BaseException
    verb: str | None = None
    kind: Kind | None = None
    after: bool = False
    skip: int = 0
    times: int = 1

    def strikes(self, write: Write) -> bool:
        """Count one call, and tell whether it is hit."""
        if self.times == 0 or self.verb not in (None, write.verb) or self.kind not in (None, write.kind):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class FakeCluster:
    """The objects of a cluster, and who is told about their changes."""

    def __init__(self, on_change: Callable[[Change], None] | None = None) -> None:
        self.on_change = on_change
        self.objects: dict[Place, Manifest] = {}
        self.writes: list[Write] = []
        self.events: list[EventRecord] = []
        self.faults: list[Fault] = []
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.pod_monitors = True
        self.has_synced = True
        self.garbage_collector_runs = True
        self.admission: Callable[[Manifest], None] = lambda _: None
        """Changes an object that the operator creates or applies, as a mutating admission policy would."""
        self._ours: dict[Place, set[tuple[str, ...]]] = {}
        self._born: dict[Place, set[tuple[str, ...]]] = {}
        self._version = 0
        self._uids = 0

    # What a test does as everybody else.

    def put(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Create or replace an object as a user or a controller would; without `status` it keeps the one it has."""
        place = (kind, _key(kind, manifest))
        old = self.objects.get(place)
        new = copy.deepcopy(manifest)
        if old is not None and "status" in old:
            new.setdefault("status", old["status"])
        return self._store(place, new)

    def remove(self, kind: Kind, key: ObjectKey) -> None:
        """Delete an object as a user would: finalizers hold it, and its children go after it."""
        place = (kind, key)
        old = self.objects[place]
        if old["metadata"].get("finalizers"):
            self._store(place, merge(old, {"metadata": {"deletionTimestamp": self._timestamp()}}))
            return
        self._forget(place)
        if self.garbage_collector_runs:
            self.collect_garbage()

    def collect_garbage(self) -> None:
        """Delete every object that has owners, none of which is there."""
        while orphans := [place for place in self.objects if self._is_orphan(place)]:
            for place in orphans:
                self._forget(place)

    def fail_next(
        self, error: BaseException, verb: str | None = None, kind: Kind | None = None, *, after: bool = False
    ) -> None:
        """Let the next call that matches fail, before it is done or after; `faults` takes finer ones."""
        self.faults.append(Fault(error, verb, kind, after))

    def crash_at(self, write: int, *, after: bool = False) -> None:
        """Raise `Crash` in the n-th write from now, 1 being the next: before it, or after it was done."""
        self.faults.append(Fault(Crash(f"at write {write}"), skip=write - 1, after=after))

    # ClusterReader

    def get(self, kind: Kind, key: ObjectKey) -> Manifest | None:
        return self.objects.get((kind, key))

    def list(self, kind: Kind, namespace: str | None = None) -> Iterable[Manifest]:
        return [
            found
            for (its_kind, key), found in self.objects.items()
            if its_kind == kind and namespace in (None, key.namespace)
        ]

    def children(self, namespace: str, owner_uid: str) -> Iterable[Manifest]:
        return [
            child
            for kind in CHILD_KINDS
            for child in self.list(kind, namespace)
            if any(owner["uid"] == owner_uid and owner.get("controller") for owner in _owners(child))
        ]

    def pods(self, namespace: str, model_label: str) -> Iterable[Manifest]:
        return [
            pod
            for pod in self.list(POD, namespace)
            if (pod["metadata"].get("labels") or {}).get(MODEL_LABEL) == model_label
        ]

    def models_of_pool(self, pool: ObjectKey) -> Iterable[ObjectKey]:
        return [key for key, reference in self._pool_references() if reference == pool]

    def capabilities(self) -> Capabilities:
        return Capabilities(pod_monitors=self.pod_monitors)

    def synced(self) -> bool:
        return self.has_synced

    # ClusterWriter

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        def commit(place: Place) -> Manifest:
            if place in self.objects:
                raise AlreadyExistsError(f'{kind.plural} "{place[1].name}" already exists')
            self._born[place] = set(owned_paths(manifest))
            new = copy.deepcopy(manifest)
            if kind == DEPLOYMENT:
                new.setdefault("spec", {}).setdefault("replicas", 1)
            self.admission(new)
            return self._store(place, new)

        return await self._write(Write("create", kind, _key(kind, manifest)), commit)

    async def apply(self, kind: Kind, manifest: Manifest, *, uid: str) -> Manifest:
        def commit(place: Place) -> Manifest:
            if place not in self.objects:
                raise ConflictError(f'{kind.plural} "{place[1].name}" is gone')
            live = self._meant(place, uid)
            kept = {("spec", "replicas")} if kind == DEPLOYMENT else set()
            before = self._ours.get(place, set()) | (self._born.pop(place, set()) - kept)
            self._ours[place] = set(owned_paths(manifest))
            new = copy.deepcopy(merge(without(live, before - self._ours[place]), manifest))
            self.admission(new)
            return self._store(place, new)

        return await self._write(Write("apply", kind, _key(kind, manifest)), commit)

    async def overwrite(self, kind: Kind, manifest: Manifest) -> Manifest:
        about = manifest["metadata"]

        def commit(place: Place) -> Manifest:
            if place not in self.objects:
                raise ConflictError(f'{kind.plural} "{place[1].name}" is gone')
            live = self._meant(place, about["uid"])
            if live["metadata"]["resourceVersion"] != about["resourceVersion"]:
                raise ConflictError(f'{kind.plural} "{place[1].name}" changed')
            written = {name: about[name] for name in ("labels", "annotations", "ownerReferences")}
            new = {**live, "metadata": {**live["metadata"], **written}, "spec": manifest["spec"]}
            return self._store(place, copy.deepcopy(new))

        return await self._write(Write("overwrite", kind, _key(kind, manifest)), commit)

    async def scale(self, kind: Kind, key: ObjectKey, replicas: int, *, uid: str) -> None:
        def commit(place: Place) -> None:
            self._store(place, merge(self._meant(place, uid), {"spec": {"replicas": replicas}}))

        await self._write(Write("scale", kind, key), commit)

    async def delete(self, kind: Kind, key: ObjectKey, *, uid: str) -> None:
        def commit(place: Place) -> None:
            found = self.objects.get(place)
            if found is not None and found["metadata"]["uid"] == uid:
                self.remove(kind, key)

        await self._write(Write("delete", kind, key), commit)

    async def write_status(self, kind: Kind, key: ObjectKey, status: Manifest, *, uid: str) -> None:
        def commit(place: Place) -> None:
            self._store(place, {**self._meant(place, uid), "status": copy.deepcopy(status)})

        await self._write(Write("write_status", kind, key), commit)

    async def owner_of(self, kind: Kind, key: ObjectKey) -> Manifest | None:
        def look(place: Place) -> Manifest | None:
            found = self.objects.get(place)
            return None if found is None else copy.deepcopy(found["metadata"])

        return await self._call(Write("owner_of", kind, key), look)

    async def record(self, event: EventRecord) -> None:
        try:
            await self._call(Write("record", event.kind, event.key), lambda _: self.events.append(event))
        except ClusterError:
            return

    # How it works.

    async def _write(self, write: Write, commit: Callable[[Place], T]) -> T:
        self.writes.append(write)
        return await self._call(write, commit)

    async def _call(self, write: Write, commit: Callable[[Place], T]) -> T:
        """Do what a call does; others run first, as they would while a request is under way."""
        await asyncio.sleep(0)
        fault = next((fault for fault in self.faults if fault.strikes(write)), None)
        if fault is not None and not fault.after:
            raise fault.error
        result = commit((write.kind, write.key))
        if fault is not None:
            raise fault.error
        return copy.deepcopy(result)

    def _meant(self, place: Place, uid: str) -> Manifest:
        kind, key = place
        if (found := self.objects.get(place)) is None:
            raise NotFoundError(f'{kind.plural} "{key.name}" not found')
        if found["metadata"]["uid"] != uid:
            raise ConflictError(f'{kind.plural} "{key.name}" has uid {found["metadata"]["uid"]}, not {uid}')
        return found

    def _store(self, place: Place, new: Manifest) -> Manifest:
        """Put a version of an object in place, with what a server says about it; nothing happens if nothing changed."""
        kind, key = place
        old = self.objects.get(place)
        metadata = new["metadata"] = {**new["metadata"], **self._server_metadata(old, new)}
        if old is not None and _content(old) == _content(new):
            return old
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            self._forget(place)
            return new
        self._version += 1
        metadata["resourceVersion"] = str(self._version)
        self.objects[place] = new
        self._tell(Change(kind, key, old, new))
        return new

    def _server_metadata(self, old: Manifest | None, new: Manifest) -> dict[str, Any]:
        if old is None:
            self._uids += 1
            uid = new["metadata"].get("uid", f"uid-{self._uids}")
            return {"uid": uid, "creationTimestamp": self._timestamp(), "generation": 1}
        same = {name: old["metadata"][name] for name in ("uid", "creationTimestamp")}
        return {**same, "generation": old["metadata"]["generation"] + (_wish(old) != _wish(new))}

    def _forget(self, place: Place) -> None:
        kind, key = place
        self._ours.pop(place, None)
        self._born.pop(place, None)
        self._tell(Change(kind, key, self.objects.pop(place), None))

    def _is_orphan(self, place: Place) -> bool:
        owners = {owner["uid"] for owner in _owners(self.objects[place])}
        return bool(owners) and not any(found["metadata"]["uid"] in owners for found in self.objects.values())

    def _pool_references(self) -> Iterator[tuple[ObjectKey, ObjectKey]]:
        for (kind, key), model in self.objects.items():
            reference = model.get("spec", {}).get("poolRef")
            if kind == AIMODEL and isinstance(reference, dict) and "name" in reference:
                yield key, ObjectKey(reference.get("namespace", key.namespace), reference["name"])

    def _timestamp(self) -> str:
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def _tell(self, change: Change) -> None:
        if self.on_change is not None:
            self.on_change(change)


def _key(kind: Kind, manifest: Manifest) -> ObjectKey:
    metadata = manifest["metadata"]
    return ObjectKey(metadata["namespace"] if kind.namespaced else "", metadata["name"])


def _owners(manifest: Manifest) -> list[dict[str, Any]]:
    return manifest["metadata"].get("ownerReferences") or []


def _content(manifest: Manifest) -> Manifest:
    """Return an object without what a server counts."""
    counted = ("resourceVersion", "generation")
    metadata = {name: value for name, value in manifest["metadata"].items() if name not in counted}
    return {**manifest, "metadata": metadata}


def _wish(manifest: Manifest) -> Manifest:
    return {name: value for name, value in manifest.items() if name not in ("metadata", "status")}
