"""Decide how many replicas a model shall have."""

from trimtab.core.live import live_deployments
from trimtab.core.scaling.decision import BoundBy, Decision
from trimtab.core.scaling.policies import POLICIES, Given, Proposal
from trimtab.core.snapshot import ModelSnapshot, PoolUnusable
from trimtab.core.untrusted import shown
from trimtab.units import Replicas


def decide(snapshot: ModelSnapshot) -> Decision:
    """Return the decision for a model whose pool was found.

    Raises:
        TypeError: the model cannot use its pool, so there is no variant to decide for.
    """
    if isinstance(snapshot.pool, PoolUnusable):
        raise TypeError(f"{snapshot.model} has no usable pool, so there is nothing to decide: {snapshot.pool.message}")
    spec = snapshot.spec
    given = Given(spec=spec, variant=snapshot.pool.variant, deployments=live_deployments(snapshot))
    proposal = Proposal(
        replicas=Replicas(spec.scaling.min_replicas), bound_by=BoundBy.MIN_REPLICAS, because="scaling.minReplicas"
    )
    for policy in POLICIES:
        proposal = policy(given, proposal)
    return Decision(
        replicas=proposal.replicas,
        bound_by=proposal.bound_by,
        message=shown(f"{proposal.replicas} replica{'' if proposal.replicas == 1 else 's'}: {proposal.because}"),
        pinned=spec.replicas is not None,
        trail=proposal.trail,
    )
