"""Report: status and Events, written as rarely as possible and as soon as it matters."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from trimtab.api.conditions import Condition, ConditionType
from trimtab.api.kinds import Kind, Manifest
from trimtab.api.objects import EventRecord, NotFoundError, ObjectKey
from trimtab.api.wire import dump
from trimtab.core.reporting import Urgency, transitions, urgency
from trimtab.reconcile.ports import ClusterWriter
from trimtab.units import Seconds

GAPS = {Urgency.NOW: Seconds(2.0), Urgency.LATER: Seconds(10.0), Urgency.SELDOM: Seconds(300.0)}
"""Least time between two writes of one status: a start passes through a dozen states within seconds, and what is
measured never rests."""


@dataclass
class Reporter:
    """Writes statuses. `clock` is monotonic, in seconds."""

    cluster: ClusterWriter
    clock: Callable[[], float] = time.monotonic
    _written_at: dict[tuple[Kind, ObjectKey], float] = field(default_factory=dict, init=False)

    async def report(self, kind: Kind, manifest: Manifest, status: BaseModel) -> Seconds | None:
        """Write a status if it differs from the one on the object, and Events for what changed with it.

        Returns how long to wait before asking again, where it was too early for what changed; None when all is said.

        Raises:
            ClusterError: it could not be written; ask again.
        """
        written, wanted = manifest.get("status"), dump(status)
        how = urgency(written, wanted)
        if how is Urgency.NOTHING:
            return None
        about = manifest["metadata"]
        key = ObjectKey(about["namespace"], about["name"])
        wait = self._wait(kind, key, how, ready_changed=_ready(written) != _ready(wanted))
        if wait > 0:
            return wait
        try:
            await self.cluster.write_status(kind, key, wanted, uid=about["uid"])
        except NotFoundError:
            return None  # deleted meanwhile, perhaps made again: that one has a look of its own
        self._written_at[kind, key] = self.clock()
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
        self._written_at.pop((kind, key), None)

    def _wait(self, kind: Kind, key: ObjectKey, how: Urgency, *, ready_changed: bool) -> Seconds:
        last = self._written_at.get((kind, key))
        if last is None or ready_changed:
            return Seconds(0.0)
        return Seconds(max(0.0, last + GAPS[how] - self.clock()))


def _ready(status: object) -> object:
    """Return the status and reason of Ready in what may be anything."""
    conditions: Any = status.get("conditions") if isinstance(status, dict) else None
    for condition in conditions if isinstance(conditions, list) else ():
        if isinstance(condition, dict) and condition.get("type") == ConditionType.READY:
            return condition.get("status"), condition.get("reason")
    return None
