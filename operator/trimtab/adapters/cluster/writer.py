"""What we change in the cluster. What a write returns is in the store before it is handed to the caller."""

import logging
import secrets
from datetime import UTC, datetime
from typing import Any

from trimtab.adapters.cluster.connection import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, Call, Connection
from trimtab.adapters.cluster.handover import handed_over
from trimtab.adapters.cluster.store import Store, version_of
from trimtab.api.kinds import EVENT, Kind, Manifest
from trimtab.api.objects import ClusterError, ConflictError, EventRecord, NotFoundError, ObjectKey, key_of
from trimtab.render.names import BIRTH_FIELD_MANAGER, FIELD_MANAGER, MANAGED_BY

log = logging.getLogger(__name__)

HANDOVER_TRIES = 5  # each is lost only to somebody else's write in the milliseconds between our read and our patch
OVERWRITTEN_METADATA = ("labels", "annotations", "ownerReferences")
LONGEST_EVENT_MESSAGE = 1024  # characters: what events.k8s.io takes
LONGEST_EVENT_NAME = 236  # characters of 253: a dot and 16 hexadecimal digits follow


class Writer:
    """Satisfies `ClusterWriter`, whose docstrings say what each method does."""

    def __init__(self, connection: Connection, store: Store) -> None:
        self._connection = connection
        self._store = store

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Create an object under the field manager `trimtab-birth`."""
        path = kind.path(key_of(manifest).namespace)
        made = await self._connection.request(Call("POST", path, {"fieldManager": BIRTH_FIELD_MANAGER}, manifest))
        return self._store.put(kind, made)

    async def apply(self, kind: Kind, manifest: Manifest, *, uid: str) -> Manifest:
        """Server-side apply by force as `trimtab`, after the birth was handed over."""
        key = key_of(manifest)
        await self._hand_over(kind, key, uid)
        body = {**manifest, "metadata": {**manifest["metadata"], "uid": uid}}
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        made = await self._connection.request(Call("PATCH", _path(kind, key), query, body, APPLY_PATCH))
        return self._store.put(kind, made)

    async def overwrite(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Patch the object as of one resource version; it is a birth again, so the next apply takes it all over."""
        about = manifest["metadata"]
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": about["uid"]},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": about["resourceVersion"]},
            *({"op": "add", "path": f"/metadata/{name}", "value": about[name]} for name in OVERWRITTEN_METADATA),
            {"op": "replace", "path": "/spec", "value": manifest["spec"]},
        ]
        query = {"fieldManager": BIRTH_FIELD_MANAGER}
        try:
            call = Call("PATCH", _path(kind, key_of(manifest)), query, patch, JSON_PATCH)
            return self._store.put(kind, await self._connection.request(call))
        except NotFoundError as error:
            raise ConflictError(str(error)) from error

    async def scale(self, kind: Kind, key: ObjectKey, replicas: int, *, uid: str) -> None:
        """Set replicas through the `scale` subresource; the server refuses another uid."""
        body = {"metadata": {"uid": uid}, "spec": {"replicas": replicas}}
        path = _path(kind, key, "scale")
        scaled = await self._connection.request(Call("PATCH", path, _AS_TRIMTAB, body, MERGE_PATCH))
        known = self._store.get(kind, key)
        if known is not None and known["metadata"].get("uid") == uid:
            self._store.put(kind, _rescaled(known, replicas, version_of(scaled)))

    async def delete(self, kind: Kind, key: ObjectKey, *, uid: str) -> None:
        """Delete in the background, if the uid is still the same; otherwise what was meant is gone already."""
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        try:
            answer = await self._connection.request(Call("DELETE", _path(kind, key), body=body))
        except NotFoundError:
            answer = {}
        except ConflictError:
            there = await self.owner_of(kind, key)
            if there is not None and there["uid"] == uid:
                raise
            answer = {}
        if answer.get("metadata", {}).get("finalizers"):  # it is still there, and goes once they let it
            self._store.put(kind, answer)
        else:
            self._store.drop_deleted(kind, key, uid)

    async def write_status(self, kind: Kind, key: ObjectKey, status: Manifest, *, uid: str) -> None:
        """Replace the status in one request, whoever wrote what is there.

        A JSON patch, since a merge or an apply would leave what others have written, and needs no resource version.
        """
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": uid},
            {"op": "add", "path": "/status", "value": status},
        ]
        path = _path(kind, key, "status")
        self._store.put(kind, await self._connection.request(Call("PATCH", path, _AS_TRIMTAB, patch, JSON_PATCH)))

    async def owner_of(self, kind: Kind, key: ObjectKey) -> Manifest | None:
        """Return the metadata of an object straight from the API server."""
        try:
            found = await self._connection.request(Call("GET", _path(kind, key)))
        except NotFoundError:
            return None
        metadata: Manifest = found["metadata"]
        return metadata

    async def record(self, event: EventRecord) -> None:
        """Post an Event, or drop it."""
        try:
            path = EVENT.path(event.key.namespace)
            await self._connection.request(Call("POST", path, _AS_TRIMTAB, _event(event, datetime.now(UTC))))
        except ClusterError as error:
            log.debug("Dropped the event %s of %s: %s", event.reason, event.key, error)

    async def _hand_over(self, kind: Kind, key: ObjectKey, uid: str) -> None:
        """Give the birth's fields to `trimtab`; the patch fails if the object changed since it was read."""
        for _ in range(HANDOVER_TRIES):
            live = await self._live(kind, key, uid)
            entries = handed_over(kind, live)
            if entries is None:
                return
            patch = [
                {"op": "replace", "path": "/metadata/managedFields", "value": entries},
                {"op": "replace", "path": "/metadata/resourceVersion", "value": version_of(live)},
            ]
            try:
                await self._connection.request(Call("PATCH", _path(kind, key), _AS_TRIMTAB, patch, JSON_PATCH))
            except ConflictError:
                continue
            return
        raise ConflictError(f"{kind.plural} {key}: others change it faster than its fields can be handed over")

    async def _live(self, kind: Kind, key: ObjectKey, uid: str) -> Manifest:
        try:
            live = await self._connection.request(Call("GET", _path(kind, key)))
        except NotFoundError as error:
            raise ConflictError(str(error)) from error
        if live["metadata"]["uid"] != uid:
            raise ConflictError(f"{kind.plural} {key} has uid {live['metadata']['uid']}, not {uid}")
        return live


_AS_TRIMTAB = {"fieldManager": FIELD_MANAGER}


def _path(kind: Kind, key: ObjectKey, subresource: str | None = None) -> str:
    return kind.path(key.namespace, key.name, subresource)


def _rescaled(known: Manifest, replicas: int, version: str) -> Manifest:
    """Return an object as it was known, with its new scale, which is all that the `scale` subresource tells."""
    metadata = {**known["metadata"], "resourceVersion": version}
    return {**known, "metadata": metadata, "spec": {**known.get("spec", {}), "replicas": replicas}}


def _event(event: EventRecord, now: datetime) -> dict[str, Any]:
    name = event.key.name[:LONGEST_EVENT_NAME].rstrip("-.")
    at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.kind,
        "metadata": {"name": f"{name}.{secrets.token_hex(8)}", "namespace": event.key.namespace},
        "involvedObject": {
            "apiVersion": event.kind.api_version,
            "kind": event.kind.kind,
            "namespace": event.key.namespace,
            "name": event.key.name,
            "uid": event.uid,
        },
        "type": event.type,
        "reason": event.reason,
        "message": event.message[:LONGEST_EVENT_MESSAGE],
        "source": {"component": MANAGED_BY},
        "reportingComponent": MANAGED_BY,
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }
