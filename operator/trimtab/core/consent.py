"""Whether a pool's consent to code in models' files has come too late for the pods that there are."""

from trimtab.api.conditions import Reason
from trimtab.core.health.pods import of_present_template, replicas_of
from trimtab.core.snapshot import ModelSnapshot, PoolFound


def waits_for_consent(snapshot: ModelSnapshot) -> bool:
    """Tell whether replicas were refused for want of a consent that the pool has given since.

    Their pods carry the refusal in what they were told to fetch: they have to be made anew. Pods that work without it
    are left alone.
    """
    pool = snapshot.pool
    if not isinstance(pool, PoolFound) or pool.spec.allowed_models.code != "Allow":
        return False
    present = of_present_template(replicas_of(snapshot.pods, pool.variant.name))
    return any(each.failure is not None and each.failure.reason is Reason.POOL_REFUSES_CODE for each in present)
