"""Report: status and Events, written as rarely as possible and as soon as it matters."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from trimtab.api.conditions import Condition, ConditionType
from trimtab.api.kinds import Kind, Manifest
from trimtab.api.objects import EventRecord, NotFoundError, ObjectKey, key_of
from trimtab.api.wire import dump
from trimtab.core.reporting import Urgency, transitions, urgency
from trimtab.reconcile.pace import Pace
from trimtab.reconcile.ports import ClusterWriter
from trimtab.units import Seconds


@dataclass
class Reporter:
    """Writes statuses. `clock` is monotonic, in seconds."""

    cluster: ClusterWriter
    clock: Callable[[], float] = time.monotonic
    _paces: dict[tuple[Kind, ObjectKey], Pace] = field(default_factory=dict, init=False)

    async def report(self, kind: Kind, manifest: Manifest, status: BaseModel) -> Seconds | None:
        """Write a status if it differs from the one on the object, and Events for what changed with it.

        Returns how long to wait before asking again, where it was too early for what changed; None when all is said.

        Raises:
            ClusterError: it could not be written; ask again.
        """
        written, wanted = manifest.get("status"), dump(status)
        how, about, key = urgency(written, wanted), manifest["metadata"], key_of(manifest)
        pace = self._paces.setdefault((kind, key), Pace())
        if how is Urgency.NOTHING:
            pace.nothing()
            return None
        wait = pace.wait(how, self.clock())
        if wait > 0 and _ready(written) == _ready(wanted):
            return wait
        try:
            await self.cluster.write_status(kind, key, wanted, uid=about["uid"])
        except NotFoundError:
            return None  # deleted meanwhile, perhaps made again: that one has a look of its own
        pace.written(how, self.clock())
        conditions: tuple[Condition, ...] = getattr(status, "conditions", ())
        for change in transitions(written, conditions):
            await self.cluster.record(
                EventRecord(
                    kind, key, about["uid"], "Warning" if change.warning else "Normal", change.reason, change.message
                )
            )
        return None

    def forget(self, kind: Kind, key: ObjectKey) -> None:
        """Forget an object that is gone."""
        self._paces.pop((kind, key), None)


def _ready(status: object) -> object:
    """Return the status and reason of Ready in what may be anything."""
    conditions: Any = status.get("conditions") if isinstance(status, dict) else None
    for condition in conditions if isinstance(conditions, list) else ():
        if isinstance(condition, dict) and condition.get("type") == ConditionType.READY:
            return condition.get("status"), condition.get("reason")
    return None
