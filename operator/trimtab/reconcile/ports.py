"""What the shell needs from the world, named by the one that uses it. Adapters satisfy these by shape."""

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from trimtab.api.kinds import Kind, Manifest
from trimtab.api.objects import EventRecord, ObjectKey
from trimtab.core.scaling.observation import ModelRef, NoData, Observation
from trimtab.core.scaling.readings import PodCount
from trimtab.core.snapshot import Capabilities


class ClusterReader(Protocol):
    """What is, out of the reflectors' stores: never a network call."""

    def get(self, kind: Kind, key: ObjectKey) -> Manifest | None:
        """Return the object, or None."""

    def list(self, kind: Kind, namespace: str | None = None) -> Iterable[Manifest]:
        """Return every object of a kind, of one namespace if given."""

    def children(self, namespace: str, owner_uid: str) -> Iterable[Manifest]:
        """Return the objects of the child kinds whose controller owner reference carries `owner_uid`."""

    def pods(self, namespace: str, model_label: str) -> Iterable[Manifest]:
        """Return the pods of a namespace whose label `trimtab.io/model` has this value."""

    def models_of_pool(self, pool: ObjectKey) -> Iterable[ObjectKey]:
        """Return the AIModels that refer to a pool."""

    def capabilities(self) -> Capabilities:
        """Return what the cluster can do."""

    def synced(self) -> bool:
        """Tell whether every store has listed once."""


class ClusterWriter(Protocol):
    """What we change. Each call raises a `ClusterError` or has been done.

    What a write returned is seen by the reader from then on: a store never shows what is older than our own last write.
    """

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Create an object under the field manager `trimtab-birth`; never touches one that exists.

        Raises:
            AlreadyExistsError: an object of that name is there, ours or not.
        """

    async def apply(self, kind: Kind, manifest: Manifest, *, uid: str) -> Manifest:
        """Server-side apply `manifest` to the existing object `uid`, as field manager `trimtab`, with force.

        What the birth owns is handed over first, except `spec.replicas` of a Deployment, so that fields which are no
        longer rendered go away and replicas stay where the autoscaler left them.

        Raises:
            ConflictError: the object of that name has another uid, or is gone.
        """

    async def overwrite(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Put `manifest`, made from the live object, over its labels, annotations, owners and spec.

        Where an apply is refused, since somebody has edited what tells the entries of a list apart.

        Raises:
            ConflictError: the object is no longer as it was when `manifest` was made from it, or is gone.
        """

    async def scale(self, kind: Kind, key: ObjectKey, replicas: int, *, uid: str) -> None:
        """Set a Deployment's replicas through its `scale` subresource, if it still is `uid`."""

    async def delete(self, kind: Kind, key: ObjectKey, *, uid: str) -> None:
        """Delete an object, if it still is `uid`; one that is gone already is no error."""

    async def write_status(self, kind: Kind, key: ObjectKey, status: Manifest, *, uid: str) -> None:
        """Replace the whole status of the object, if it still is `uid`; fields that we no longer say go away."""

    async def owner_of(self, kind: Kind, key: ObjectKey) -> Manifest | None:
        """Return the metadata of an object straight from the API server, or None where there is none."""

    async def record(self, event: EventRecord) -> None:
        """Post an Event; one that cannot be posted is dropped."""


class Cluster(ClusterReader, ClusterWriter, Protocol):
    """Both."""


class MetricSource(Protocol):
    """What is measured of models that serve."""

    async def observe(self, models: Collection[ModelRef]) -> Mapping[ModelRef, Observation]:
        """Return what is known of each, in a few requests for all of them; never raises, and never takes long.

        One call for each pool and tick. What is wrong with one model's numbers touches no other's.
        """


class PageReader(Protocol):
    """The metrics page of a pod that serves, read by ourselves."""

    async def read(self, address: str, model: str) -> PodCount | NoData:
        """Return what the page of the pod at an IP address says of a model; never raises, and never takes long.

        The address is a pod's status, which anybody with the right to do so may have written.
        """


class MemoryStore(Protocol):
    """Where what decisions have learned outlives the process."""

    async def load(self) -> Mapping[ObjectKey, str]:
        """Return what is stored of each model.

        Raises:
            ClusterError: it cannot be read now.
        """

    async def save(self, memories: Mapping[ObjectKey, str | None]) -> None:
        """Store what is remembered of some models, and drop those that are None.

        Raises:
            ClusterError: some of it could not be stored; ask again with all of it.
        """
