"""The oracles in a case: what could have been done by whoever knows the future, or hears of each change at once."""

from dataclasses import dataclass, replace
from itertools import accumulate

from trimtab.simulate.experiment import Case, World, first_replicas, world_of
from trimtab.simulate.judge import Tally
from trimtab.simulate.oracle import causal, clairvoyant
from trimtab.simulate.oracle.follow import HEADROOMS, follower
from trimtab.simulate.outcome import Outcome
from trimtab.units import Replicas

BOUND = "clairvoyant bound"
CAUSAL = "causal oracle"
BEFORE = 300
"""Seconds that a policy is given to find its pace."""


@dataclass(frozen=True, kw_only=True)
class Bounded:
    """The least GPU-hours that anybody could have needed, and the replicas that it takes, one number a second."""

    tally: Tally
    plan: tuple[Replicas, ...]


def bound_of(case: Case, seed: int, attainment: float) -> Bounded:
    """Return the clairvoyant's bound on the judged part of a case: nothing that is real can be cheaper."""
    judged = case.traces[seed].counts[case.since :]
    found = clairvoyant(judged, case.setting, attainment=attainment)
    arrivals = float(sum(judged))
    moves = sum(before != after for before, after in zip(found.plan, found.plan[1:], strict=False))
    return Bounded(
        tally=Tally(
            arrivals=arrivals,
            violations=(1.0 - found.attainment) * arrivals,
            gpu_hours=found.gpu_hours,
            replica_changes=moves,
        ),
        plan=tuple(Replicas(each) for each in found.plan),
    )


def causal_of(case: Case, seed: int, attainment: float, *, searched: int | None = None) -> Outcome:
    """Return what the causal oracle comes to.

    It chooses its knobs in the fast world: on the whole case, or on the busiest `searched` seconds that are judged.
    Where it then attains less on the whole, or in another world, it plans with more headroom.
    """
    part = case if searched is None else _busiest(case, seed, searched)
    fast = world_of(replace(part, world=World.FLUID), 0 if searched else seed, case.setting)
    found = causal(fast, case.setting, attainment=attainment)
    if part is case and case.world is World.FLUID:
        return found.outcome
    world, outcome = world_of(case, seed, case.setting), found.outcome
    for headroom in (each for each in HEADROOMS if each >= found.member.headroom):
        outcome = world(follower(replace(found.member, headroom=headroom), case.setting))
        if outcome.attainment >= attainment:
            break
    return outcome


def _busiest(case: Case, seed: int, seconds: int) -> Case:
    """Return the part of what is judged that has the most requests, with some time before it to start in."""
    trace = case.traces[seed]
    sums = [0.0, *accumulate(trace.counts)]
    last = max(case.since, len(trace.counts) - seconds)
    start = max(range(case.since, last + 1), key=lambda at: sums[min(at + seconds, len(trace.counts))] - sums[at])
    before = min(start, BEFORE)
    part = trace.part(start - before, before + seconds)
    return replace(case, traces=(part,), since=before, first=first_replicas(part.counts, case.setting))
