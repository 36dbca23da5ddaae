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
from trimtab.core.scaling.policies import POLICIES, follow_readings, meet_objective
from trimtab.core.scaling.proposal import UNKNOWN_COLD_START, Given, Proposal, replicas_of
from trimtab.core.scaling.readings import SizedFor, as_read, grown
from trimtab.core.scaling.sizing import Sizing, Standing, sizing_of
from trimtab.core.snapshot import ModelSnapshot, PoolUnusable
from trimtab.core.untrusted import shown
from trimtab.units import Replicas, RequestsPerSecond, Seconds


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
        wanted=_wanted(given, first),
        expected=None if given.sizing is None or given.sizing.capacity is None else given.sizing.rate,
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
    return replace(given, sizing=_sizing(given), by_reading=_sizing_by_reading(given))


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
        reading=snapshot.reading,
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


def sized_for(snapshot: ModelSnapshot, decision: Decision) -> SizedFor | None:
    """Return what a decision was planned with, None where it was not planned by what was measured."""
    sample = believed(snapshot.observation)
    if decision.expected is None or not isinstance(sample, Sample):
        return None
    batch = 1.0 if sample.batch_size is None else max(1.0, sample.batch_size)
    return SizedFor(
        rate=RequestsPerSecond(max(decision.expected, sample.arrivals)),
        sample=sample,
        in_flight=promise_of(snapshot.spec).instances * batch,
    )


def _wanted(given: Given, first: Proposal) -> Replicas | None:
    """Return what demand asks for before anything bounds it; what was read counts, lest it be given back at once."""
    if given.blindness or given.sizing is None:
        return None
    return follow_readings(given, meet_objective(given, first)).replicas


def _sizing(given: Given) -> Sizing | None:
    """Return what the measured demand needs."""
    return _sizing_of(given, given.observation) if isinstance(given.observation, Sample) else None


def _sizing_by_reading(given: Given) -> Sizing | None:
    """Return what demand needs by what was read directly, blind or not."""
    if given.reading is None:
        return None
    sample = given.observation
    grew = grown(sample, given.reading) if isinstance(sample, Sample) else as_read(given.reading)
    return _sizing_of(given, grew)


def _sizing_of(given: Given, sample: Sample) -> Sizing | None:
    """Return what a demand needs; times that were learned on another variant are not known on this one."""
    memory = given.memory
    if memory.variant != given.variant.name:
        memory = replace(memory, times=ServiceTimes())
    running = 0 if given.running is None else replicas_of(given.running)
    return sizing_of(sample, memory, promise_of(given.spec), Standing(start=given.start, replicas=running))
