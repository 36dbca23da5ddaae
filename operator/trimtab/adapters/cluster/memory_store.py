"""What decisions have learned, in ConfigMaps of the operator's own namespace."""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from trimtab.adapters.cluster.connection import MERGE_PATCH, Call, Connection
from trimtab.api.kinds import Kind, Manifest
from trimtab.api.objects import AlreadyExistsError, NotFoundError, ObjectKey

CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
LABELS = {"app.kubernetes.io/name": "trimtab", "app.kubernetes.io/component": "memory"}
SHARDS = 8
"""ConfigMaps that models are spread over: one holds 1 MiB, 400 models of 2.5 KB."""


@dataclass
class ConfigMapStore:
    """One entry for each model: `{"model": "namespace/name", "memory": ...}` under the hash of its name."""

    connection: Connection
    namespace: str
    _there: set[str] = field(default_factory=set, init=False)

    async def load(self) -> Mapping[ObjectKey, str]:
        """Return what is stored; an entry that cannot be read is as good as none."""
        selector = ",".join(f"{key}={value}" for key, value in LABELS.items())
        found = await self.connection.request(Call("GET", CONFIG_MAP.path(self.namespace), {"labelSelector": selector}))
        memories: dict[ObjectKey, str] = {}
        for item in found.get("items", []):
            self._there.add(item["metadata"]["name"])
            for entry in (item.get("data") or {}).values():
                memories |= _read(entry)
        return memories

    async def save(self, memories: Mapping[ObjectKey, str | None]) -> None:
        """Merge entries into their ConfigMaps, one write for each that has any."""
        by_name: dict[str, dict[str, str | None]] = {}
        for model, memory in memories.items():
            digest = hashlib.sha256(str(model).encode()).hexdigest()
            entry = None if memory is None else json.dumps({"model": str(model), "memory": memory})
            by_name.setdefault(f"trimtab-memory-{int(digest, 16) % SHARDS}", {})[digest[:32]] = entry
        for name, data in sorted(by_name.items()):
            await self._merge(name, data)

    async def _merge(self, name: str, data: Mapping[str, str | None]) -> None:
        if name not in self._there:
            with contextlib.suppress(AlreadyExistsError):
                await self.connection.request(Call("POST", CONFIG_MAP.path(self.namespace), body=self._empty(name)))
            self._there.add(name)
        try:
            path = CONFIG_MAP.path(self.namespace, name)
            await self.connection.request(Call("PATCH", path, body={"data": data}, content_type=MERGE_PATCH))
        except NotFoundError:
            self._there.discard(name)  # somebody deleted it: the next time it is made again
            raise

    def _empty(self, name: str) -> Manifest:
        about = {"name": name, "namespace": self.namespace, "labels": LABELS}
        return {"apiVersion": CONFIG_MAP.api_version, "kind": CONFIG_MAP.kind, "metadata": about}


def _read(entry: object) -> dict[ObjectKey, str]:
    try:
        stored = json.loads(str(entry))
        namespace, _, name = stored["model"].partition("/")
        return {ObjectKey(namespace, name): str(stored["memory"])}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
