"""Decide how many replicas a model shall have."""

import math
from dataclasses import replace

from trimtab.core.live import live_deployments
from trimtab.core.scaling.advice import hint_of, next_replica_of
from trimtab.core.scaling.bounds import ceiling_of
from trimtab.core.scaling.capacity import ServiceTimes, promise_of
from trimtab.core.scaling.decision import BoundBy, Decision
from trimtab.core.scaling.memory import cold_start_p90
from trimtab.core.scaling.observation import NoData, NoDataReason, Observation, Sample
from trimtab.core.scaling.policies import POLICIES, meet_objective
from trimtab.core.scaling.proposal import UNKNOWN_COLD_START, Given, Proposal, replicas_of
from trimtab.core.scaling.sizing import Sizing, Standing, sizing_of
from trimtab.core.snapshot import ModelSnapshot, PoolUnusable
from trimtab.core.untrusted import shown
from trimtab.units import Replicas, Seconds


def decide(snapshot: ModelSnapshot) -> Decision:
    """Return the decision for a model whose pool was found.

    Raises:
        TypeError: the model cannot use its pool, so there is no variant to decide for.
    """
    given = given_by(snapshot)
    first = Proposal(
        replicas=Replicas(given.spec.scaling.min_replicas),
        bound_by=BoundBy.MIN_REPLICAS,
        because="scaling.minReplicas",
    )
    proposal = first
    for policy in POLICIES:
        proposal = policy(given, proposal)
    return Decision(
        replicas=proposal.replicas,
        bound_by=proposal.bound_by,
        message=shown(f"{proposal.replicas} replica{'' if proposal.replicas == 1 else 's'}: {proposal.because}"),
        pinned=given.spec.replicas is not None,
        trail=proposal.trail,
        wanted=None if given.blindness or given.sizing is None else meet_objective(given, first).replicas,
        next_replica=next_replica_of(given, proposal.replicas),
        hint=hint_of(given),
        ceiling=ceiling_of(given),
    )


def given_by(snapshot: ModelSnapshot) -> Given:
    """Return what the policies may look at.

    Raises:
        TypeError: the model cannot use its pool.
    """
    given = facts_of(snapshot)
    return replace(given, sizing=_sizing(given))


def facts_of(snapshot: ModelSnapshot) -> Given:
    """Return what the policies may look at, but for what demand needs.

    Raises:
        TypeError: the model cannot use its pool.
    """
    if isinstance(snapshot.pool, PoolUnusable):
        raise TypeError(f"{snapshot.model} has no usable pool, so there is nothing to decide: {snapshot.pool.message}")
    cold_start = snapshot.cold_start or cold_start_p90(snapshot.memory) or UNKNOWN_COLD_START
    return Given(
        spec=snapshot.spec,
        variant=snapshot.pool.variant,
        deployments=live_deployments(snapshot),
        observation=believed(snapshot.observation),
        memory=snapshot.memory,
        now=Seconds(snapshot.now.timestamp()),
        cold_start=cold_start,
    )


def believed(observation: Observation | None) -> Observation | None:
    """Return what was measured unless a number that decides is none: not a number compares as if it were zero."""
    if isinstance(observation, Sample):
        deciding = (observation.age, observation.arrivals, observation.pending)
        if not all(0.0 <= number < math.inf for number in deciding):
            age, arrivals, pending = deciding
            said = f"age {age}, arrivals {arrivals} and pending {pending} are not all numbers from 0 on"
            return NoData(NoDataReason.MALFORMED, f"{said}; see what the replicas say under /metrics")
    return observation


def _sizing(given: Given) -> Sizing | None:
    """Return what the measured demand needs; times that were learned on another variant are not known on this one."""
    sample, memory = given.observation, given.memory
    if not isinstance(sample, Sample):
        return None
    if memory.variant != given.variant.name:
        memory = replace(memory, times=ServiceTimes())
    running = 0 if given.running is None else replicas_of(given.running)
    return sizing_of(sample, memory, promise_of(given.spec), Standing(start=given.start, replicas=running))
