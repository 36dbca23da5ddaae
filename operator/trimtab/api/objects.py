"""How one object in the cluster is named, what is told about it, and how a call about it can fail.

The shell and the adapters meet here: neither imports the other.
"""

from dataclasses import dataclass
from typing import Literal

from trimtab.api.kinds import Kind, Manifest


@dataclass(frozen=True, order=True)
class ObjectKey:
    """Namespace and name of an object; the namespace is empty for cluster-scoped kinds."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def key_of(manifest: Manifest) -> ObjectKey:
    """Return where an object is; one of a cluster-scoped kind has no namespace."""
    metadata = manifest["metadata"]
    return ObjectKey(metadata.get("namespace", ""), metadata["name"])


@dataclass(frozen=True)
class Change:
    """What happened to one object: `old` is None for a new one, `new` for one that is gone; both are as stored."""

    kind: Kind
    key: ObjectKey
    old: Manifest | None
    new: Manifest | None


@dataclass(frozen=True)
class EventRecord:
    """One core/v1 Event about a custom resource."""

    kind: Kind
    key: ObjectKey
    uid: str
    type: Literal["Normal", "Warning"]
    reason: str
    message: str


class ClusterError(Exception):
    """A call to the API server did not do what was asked; `str()` is its own words."""


class AlreadyExistsError(ClusterError):
    """An object of that name is there already."""


class ConflictError(ClusterError):
    """The object is not the one that was meant any more (another uid, or it changed); look again."""


class NotFoundError(ClusterError):
    """The object, or the namespace it belongs to, is not there."""


class RefusedError(ClusterError):
    """The API server, a quota or an admission policy refuses the object as it is (400, 403, 413, 422)."""


class UnreachableError(ClusterError):
    """The API server cannot be reached or is overloaded (connection, 429, 5xx, time-out); try again later.

    `retry_after` is how many seconds the server asked to wait, 0 where it did not say.
    """

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotAllowedError(UnreachableError):
    """We have no right to this, or a server that has just started does not know our rights yet; try again later."""
