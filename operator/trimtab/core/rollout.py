"""Which children can go, without a caller noticing."""

from trimtab.api.kinds import CHILD_KINDS, DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER
from trimtab.core.live import LiveDeployment, live_deployments, of_variant
from trimtab.core.snapshot import ChildKey, ModelSnapshot, PoolUnusable
from trimtab.core.untrusted import part

_ORDER = {kind.kind: place for place, kind in enumerate(reversed(CHILD_KINDS))}


def removable(snapshot: ModelSnapshot, wanted: frozenset[ChildKey]) -> tuple[ChildKey, ...]:
    """Return the children to delete, in a fixed order: those that are not wanted, once nobody needs them any more.

    A former variant's Deployment, and the autoscaler of its name, stays until the wanted one has enough ready replicas:
    as many as it is asked for, or as the former has ready, whichever is less. While the pool cannot be used nothing is
    wanted, and nothing goes: what serves goes on serving.
    """
    if isinstance(snapshot.pool, PoolUnusable):
        return ()
    deployments = live_deployments(snapshot)
    successor = of_variant(deployments, snapshot.pool.variant.name)
    needed = {
        former.name
        for former in deployments
        if former.variant != snapshot.pool.variant.name and not _can_go(former, successor)
    }
    unwanted = (
        key
        for key, child in snapshot.children.items()
        if key not in wanted
        and not (key.kind in {DEPLOYMENT.kind, HORIZONTAL_POD_AUTOSCALER.kind} and key.name in needed)
        and part(child, "metadata", "deletionTimestamp") is None
    )
    return tuple(sorted(unwanted, key=lambda key: (_ORDER.get(key.kind, -1), key.kind, key.name)))


def _can_go(former: LiveDeployment, successor: LiveDeployment | None) -> bool:
    if former.ready == 0:
        return True
    if successor is None or not successor.observed:
        return False
    asked = former.ready if successor.asked is None else successor.asked
    return successor.ready >= min(asked, former.ready)
