"""Apply: make a model's children what they should be. What cannot be done is returned in words, never raised."""

import logging
from dataclasses import dataclass, field

from trimtab.api.conditions import Reason
from trimtab.api.identity import ModelIdentity
from trimtab.api.kinds import AIMODEL, CHILD_KINDS, DEPLOYMENT, Kind, Manifest
from trimtab.api.objects import AlreadyExistsError, ConflictError, ObjectKey, RefusedError
from trimtab.core.health import Trouble
from trimtab.core.snapshot import ChildKey
from trimtab.reconcile.ports import ClusterWriter
from trimtab.render.deployment import birth
from trimtab.render.divergence import needs_apply, overwritten
from trimtab.render.hashes import content_hash
from trimtab.render.names import APPLIED_ANNOTATION
from trimtab.units import Replicas

logger = logging.getLogger(__name__)

KINDS = {kind.kind: kind for kind in CHILD_KINDS}


@dataclass(frozen=True)
class Applied:
    """What came of one child: `live` is the object as it is now, None if it could not be made; `trouble` says why."""

    live: Manifest | None
    trouble: Trouble | None = None


@dataclass
class ChildWriter:
    """Creates, applies and deletes children.

    It remembers where somebody else insists on a value that we render too (a mutating admission policy, another
    operator), so that the two do not write in turns for ever: one attempt for each new wish of ours.
    """

    cluster: ClusterWriter
    _insisted: dict[str, tuple[str, str]] = field(default_factory=dict, init=False)

    async def put(self, model: ModelIdentity, wanted: Manifest, live: Manifest | None, replicas: Replicas) -> Applied:
        """Make one child be as it is rendered; a Deployment is born with `replicas`.

        Raises:
            ClusterError: the API server is away, or the child changed hands meanwhile: look at the model again.
        """
        kind = KINDS[wanted["kind"]]
        try:
            if live is None:
                return Applied(await self.cluster.create(kind, birth(wanted, replicas)))
            return await self._apply(kind, wanted, live)
        except AlreadyExistsError:
            return await self._claim(kind, model, wanted)
        except RefusedError as error:
            return Applied(live, _refused(kind, wanted, error))

    async def remove(self, namespace: str, child: ChildKey, live: Manifest) -> None:
        """Delete a child that is no longer wanted, if it still is the one that was looked at."""
        uid = live["metadata"]["uid"]
        await self.cluster.delete(KINDS[child.kind], ObjectKey(namespace, child.name), uid=uid)
        self._insisted.pop(uid, None)

    async def _apply(self, kind: Kind, wanted: Manifest, live: Manifest) -> Applied:
        about = live["metadata"]
        if about.get("deletionTimestamp") is not None:
            return Applied(None, _going(kind, wanted))
        if not needs_apply(wanted, live):
            self._insisted.pop(about["uid"], None)
            return Applied(live)
        fingerprint = (content_hash(wanted), _fingerprint(live))
        if self._insisted.get(about["uid"]) == fingerprint:
            return Applied(live)
        made = await self._write(kind, wanted, live)
        if needs_apply(wanted, made):
            logger.warning("somebody else insists on fields of a child", extra={"child": _name(kind, wanted)})
            self._insisted[about["uid"]] = (fingerprint[0], _fingerprint(made))
        return Applied(made)

    async def _write(self, kind: Kind, wanted: Manifest, live: Manifest) -> Manifest:
        try:
            return await self.cluster.apply(kind, wanted, uid=live["metadata"]["uid"])
        except RefusedError as refused:
            try:
                return await self.cluster.overwrite(kind, overwritten(wanted, live))
            except RefusedError:
                raise refused from None  # its words are about what we want, not about how we tried to get it

    async def _claim(self, kind: Kind, model: ModelIdentity, wanted: Manifest) -> Applied:
        """Find out whose the object is that stands in the way; ours is applied to, all others are left alone.

        Ours is what this model controls; and what nobody controls but bears all that we mark a child of this very
        model with: somebody has removed our owner reference by hand, or has deleted the model and left its children.
        """
        about = await self.cluster.owner_of(kind, ObjectKey(model.namespace, wanted["metadata"]["name"]))
        if about is None:
            raise ConflictError(f"{_name(kind, wanted)} went away between two looks")
        owner = controller_of(about)
        if owner.get("uid") == model.uid or (not owner and _bears_our_marks(about, wanted)):
            if about.get("deletionTimestamp") is not None:
                return Applied(None, _going(kind, wanted))
            return Applied(await self.cluster.apply(kind, wanted, uid=about["uid"]))
        if owner.get("kind") == AIMODEL.kind and owner.get("name") == model.name:
            return Applied(None, _going(kind, wanted))  # of a model of this name that was deleted: it goes by itself
        return Applied(None, _taken(kind, wanted, owner))


def controller_of(about: Manifest) -> Manifest:
    """Return the owner reference of an object's controller, by its metadata; empty if it has none."""
    owners: list[Manifest] = about.get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller") is True), {})


def _bears_our_marks(about: Manifest, wanted: Manifest) -> bool:
    labels, annotations = about.get("labels") or {}, about.get("annotations") or {}
    return APPLIED_ANNOTATION in annotations and wanted["metadata"]["labels"].items() <= labels.items()


def _fingerprint(live: Manifest) -> str:
    """Return the hash of what an admission policy can change, without what every write or controller moves."""
    about = live["metadata"]
    spec = dict(live.get("spec") or {})
    if live.get("kind") == DEPLOYMENT.kind:
        spec.pop("replicas", None)
    return content_hash({"labels": about.get("labels"), "annotations": about.get("annotations"), "spec": spec})


def _name(kind: Kind, manifest: Manifest) -> str:
    return f"{kind.kind} {manifest['metadata']['name']}"


def _refused(kind: Kind, wanted: Manifest, error: RefusedError) -> Trouble:
    return Trouble(
        reason=Reason.CHILD_REFUSED,
        message=f"{_name(kind, wanted)} is refused: {error}",
        needs_change=True,
    )


def _going(kind: Kind, wanted: Manifest) -> Trouble:
    return Trouble(
        reason=Reason.WAITING_FOR_DELETION,
        message=f"{_name(kind, wanted)} of before is still being deleted; it is made again once it is gone",
        needs_change=False,
    )


def whose(owner: Manifest) -> str:
    """Say whose an object is that a controller, or none, owns."""
    return f"belongs to {owner.get('kind')} {owner.get('name')}" if owner else "was made by somebody else"


def _taken(kind: Kind, wanted: Manifest, owner: Manifest) -> Trouble:
    return Trouble(
        reason=Reason.CONFLICT,
        message=f"{_name(kind, wanted)} is there already and {whose(owner)}; it is left alone. "
        "Delete or rename it, or give the AIModel another name",
        needs_change=True,
    )
