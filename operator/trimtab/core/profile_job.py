"""When the Job that measures a model is to be there."""

import datetime as dt

from trimtab.api.kinds import Manifest
from trimtab.core.health.standing import Standing
from trimtab.core.profiling import state_of
from trimtab.core.scaling.decision import Decision
from trimtab.core.snapshot import ModelSnapshot

KEPT = dt.timedelta(hours=1)
"""How long a Job that was heard stays, with its pod's log; far longer than until what it said is saved."""


def wants_job(snapshot: ModelSnapshot, decision: Decision, key: str, job: Manifest | None) -> bool:
    """Tell whether the Job that measures what `key` stands for is to be there; `job` is it, None if it is not.

    It starts when every replica of the model is ready, and makes room when one finds no node: serving waits for no
    profile. One that failed stays, so that it is not tried for ever; one that was heard stays for an hour.
    """
    standing, known = Standing(snapshot, decision), snapshot.memory.profile
    is_known = known is not None and known.key == key
    if job is None:
        return not is_known and standing.settled and standing.desired > 0
    state = state_of(job)
    if state.complete and is_known:
        return state.ended is None or snapshot.now < state.ended + KEPT
    if state.complete or state.failed:
        return True
    return not is_known and not any(each.unscheduled for each in standing.replicas)
