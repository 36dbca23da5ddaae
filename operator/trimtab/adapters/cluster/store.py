"""What the reflectors and our own writes have told, and who is told when it changes.

Nothing in here ever goes back in time: our own write is newer than an event that was sent before it. Resource
versions are compared as numbers; one that is none says nothing about time, and is believed.
"""

import logging
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any

from trimtab.adapters.cluster.shape import reduced, terms
from trimtab.api.kinds import Kind, Manifest
from trimtab.api.objects import Change, ObjectKey, key_of

log = logging.getLogger(__name__)

REMEMBERED_DELETIONS = 4096
"""Of which an older event or answer may be on its way: seconds of the fastest deleting that the rate limit allows."""

Place = tuple[Kind, ObjectKey]


class Store:
    """Every object by its key and by its terms. What is returned is the store's own: read it, never change it."""

    def __init__(self, on_change: Callable[[Change], None]) -> None:
        self._on_change = on_change
        self._objects: dict[Kind, dict[ObjectKey, Manifest]] = {}
        self._index: dict[Hashable, dict[Place, None]] = {}
        self._deleted: dict[str, str | None] = {}  # by uid: the version that it is gone since, None for good

    def get(self, kind: Kind, key: ObjectKey) -> Manifest | None:
        """Return the object, or None."""
        return self._objects.get(kind, {}).get(key)

    def list(self, kind: Kind, namespace: str | None = None) -> list[Manifest]:
        """Return every object of a kind, of one namespace if given."""
        objects = self._objects.get(kind, {}).items()
        return [found for key, found in objects if namespace in (None, key.namespace)]

    def find(self, term: Hashable) -> Iterator[tuple[Place, Manifest]]:
        """Yield the objects that have a term, in the order in which they came."""
        for kind, key in tuple(self._index.get(term, ())):
            yield (kind, key), self._objects[kind][key]

    def put(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Take over a version of an object, unless a newer one is known, and return it as it is kept."""
        key, new = key_of(manifest), reduced(kind, manifest)
        old = self.get(kind, key)
        if self._is_past(new) or (old is not None and is_newer(version_of(old), version_of(new))):
            return new
        self._place(kind, key, new)
        return new

    def drop(self, kind: Kind, manifest: Manifest) -> None:
        """Forget an object that is gone since `manifest`, unless a newer one is known.

        The answer to a write of before may come after this. An object that was gone because it had lost the label by
        which we watch may come back under the same uid.
        """
        key = key_of(manifest)
        self._remember(_uid(manifest), version_of(manifest))
        old = self.get(kind, key)
        if old is not None and not is_newer(version_of(old), version_of(manifest)):
            self._place(kind, key, None)

    def drop_deleted(self, kind: Kind, key: ObjectKey, uid: str) -> None:
        """Forget an object that we have deleted: no event that is still on its way brings it back."""
        self._remember(uid, None)
        old = self.get(kind, key)
        if old is not None and _uid(old) == uid:
            self._place(kind, key, None)

    def replace(self, kind: Kind, listed: Mapping[ObjectKey, Manifest], version: str, *, restored: bool) -> None:
        """Take over a whole list, as of `version`; what is missing in it is gone, unless it came after the list.

        `listed` are reduced objects. `restored` says that time itself went back: then the list alone is right.
        """
        if restored:
            self._deleted.clear()
        for key in [key for key in self._objects.get(kind, {}) if key not in listed]:
            old = self._objects[kind][key]
            if restored or not is_newer(version_of(old), version):
                if not restored:
                    self._remember(_uid(old), version)
                self._place(kind, key, None)
        for key, new in listed.items():
            known = self.get(kind, key)
            if restored or not (self._is_past(new) or (known and is_newer(version_of(known), version))):
                self._place(kind, key, new)

    def _remember(self, uid: str, since: str | None) -> None:
        if self._deleted.get(uid, "") is not None:
            self._deleted[uid] = since
        if len(self._deleted) > REMEMBERED_DELETIONS:
            del self._deleted[next(iter(self._deleted))]

    def _is_past(self, manifest: Manifest) -> bool:
        """Tell whether an object is known to be gone, or was so at a later time than this is of."""
        uid = _uid(manifest)
        if uid not in self._deleted:
            return False
        since = self._deleted[uid]
        return since is None or is_newer(since, version_of(manifest))

    def _place(self, kind: Kind, key: ObjectKey, new: Manifest | None) -> None:
        objects = self._objects.setdefault(kind, {})
        old = objects.get(key)
        if old == new:
            return
        place = (kind, key)
        self._unindex(place, () if old is None else terms(kind, old))
        if new is None:
            del objects[key]
        else:
            objects[key] = new
            for term in terms(kind, new):
                self._index.setdefault(term, {})[place] = None
        self._tell(Change(kind, key, old, new))

    def _unindex(self, place: Place, its_terms: Iterable[Hashable]) -> None:
        for term in its_terms:
            places = self._index.get(term, {})
            places.pop(place, None)
            if not places:
                self._index.pop(term, None)

    def _tell(self, change: Change) -> None:
        try:
            self._on_change(change)
        except Exception:  # a listener's bug must not stop what is from becoming known
            log.exception("Cannot tell of a change of %s %s", change.kind.kind, change.key)


def version_of(manifest: Manifest) -> str:
    """Return an object's resource version, empty if it has none."""
    return str(manifest["metadata"].get("resourceVersion", ""))


def is_newer(one: str, other: str) -> bool:
    """Tell whether one resource version is certainly later than another."""
    return one.isdecimal() and other.isdecimal() and int(one) > int(other)


def _uid(manifest: Manifest) -> Any:  # noqa: ANN401 - it is compared, and used for nothing else
    return manifest["metadata"].get("uid")
