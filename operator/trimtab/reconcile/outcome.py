"""What a look at one object comes to, and what follows from how it failed.

ClusterError
UnreachableError   the API server is away or overloaded: back off, keep everything as it is
ConflictError      the object is another one by now: look again at once
NotFoundError      it, or its namespace, is gone: there is nothing to do
RefusedError       told to the user as a condition by whoever asked; here only if it is our own status
anything else        a bug: traceback, condition ReconcileError, back off
"""

from dataclasses import dataclass

from trimtab.reconcile.queue import Lane
from trimtab.units import Seconds


@dataclass(frozen=True)
class Outcome:
    """When to look again though nothing happens; None means never."""

    look_again_in: Seconds | None = None
    lane: Lane = Lane.LATER


DONE = Outcome()


def earliest(*times: Seconds | None) -> Seconds | None:
    """Return the earliest of several times, None if there is none."""
    return min((time for time in times if time is not None), default=None)
