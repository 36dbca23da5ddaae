"""The same traces, service, chances and bounds in the simulated worlds, under the same decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

import numpy as np

from demo.service import Service as PlayedService
from demo.traffic import Traffic
from trimtab.api.aimodel import AIModelSpec
from trimtab.core.snapshot import PoolFound
from trimtab.simulate.events import simulate_requests
from trimtab.simulate.fluid import simulate
from trimtab.simulate.ours import Trimtab, pool_of, spec_of
from trimtab.simulate.outcome import HOUR, Outcome
from trimtab.simulate.setting import ColdStart, Service, Setting
from trimtab.units import Seconds

FLUID = "fluid world, mean"
SERVED = Service(base=Seconds(0.04), per_item=Seconds(0.02), max_batch=8, max_delay=Seconds(0.001))
TARGET = Seconds(0.8)
"""Four times a full batch: what may wait so that a full batch is in time is then what the operator lets wait, three
quarters."""
COLD_START, ENDING, MOST = Seconds(20.0), Seconds(6.0), 10
NAMESPACE = "traces"
WARM_S = 180
"""Seconds of steady traffic before a trace: how long batches take and how far traffic swings is to be learned first.

Without, both worlds begin with guesses about a jump from nothing, and small differences in time move replicas far.
"""
WORLD_SEED = 0  # of demo.world: its traffic has it in its chance


@dataclass(frozen=True)
class Part:
    """One model's traffic, and how it is served, here as there."""

    name: str
    traffic: Traffic
    setting: Setting = field(
        default_factory=lambda: Setting(
            service=SERVED,
            target=TARGET,
            cold_start=ColdStart(mean=COLD_START, variation=0.0),
            max_replicas=MOST,
            ending=ENDING,
        )
    )
    warm_s: int = WARM_S
    """Seconds of the trace's first rate before it, from which on a run is judged."""

    @property
    def played(self) -> Traffic:
        """What comes: steady traffic, then the trace."""
        first = self.traffic.part(0, 30).mean
        return Traffic([*[first] * self.warm_s, *self.traffic.per_second])

    @property
    def spec(self) -> AIModelSpec:
        """The AIModel's."""
        return spec_of(self.setting)

    @property
    def pool(self) -> PoolFound:
        """The pool that the AIModel refers to."""
        return pool_of(self.setting)

    @property
    def service(self) -> PlayedService:
        """How it is played; batching and the queue policy follow from what the operator renders."""
        served = self.setting.service
        return PlayedService(base_s=served.base, per_item_s=served.per_item, max_batch_size=served.max_batch)

    @property
    def target_s(self) -> float:
        """The objective in seconds."""
        return self.setting.target

    @property
    def cold_start_s(self) -> float:
        """For how long a pod that runs is not Ready."""
        return self.setting.cold_start.mean

    @property
    def ending_s(self) -> float:
        """How long a pod that was deleted is still there."""
        return self.setting.ending

    @property
    def key(self) -> str:
        """What the played world calls it."""
        return f"{NAMESPACE}/{self.name}"

    def arrivals(self) -> list[float]:
        """Return the very moments at which requests come on the control plane."""
        return list(self.played.arrivals(f"{WORLD_SEED}/{self.key}/traffic"))


@dataclass(frozen=True, kw_only=True)
class Total:
    """What a run came to: pods times seconds, the share of requests in time, and moves of the replicas asked for."""

    replica_seconds: float
    attainment: float
    moves: float

    def ratio(self, to: Total) -> float:
        """Return the replica-seconds over those of another run."""
        return self.replica_seconds / to.replica_seconds


@dataclass(frozen=True, kw_only=True)
class Look:
    """Replicas asked for, pods that there were, and what bound the decision that was told, `at_s` into the traffic."""

    at_s: float
    asked: int
    there: int
    bound_by: str = ""


@dataclass(frozen=True, kw_only=True)
class Played:
    """What became of a part on the control plane; `cold_start_s` is the mean from a pod's creation to Ready."""

    model: str
    total: Total
    requests: int
    cold_start_s: float
    course: tuple[Look, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """What became of it in the worlds: means over chances, and each of the discrete-event world's."""

    events: Total
    fluid: Total
    each: tuple[Total, ...]


def simulated(part: Part, cold_start: Seconds, seeds: int) -> Simulated:
    """Return what the worlds make of a part whose cold starts were seen to take so long."""
    setting = replace(part.setting, cold_start=ColdStart(mean=cold_start, variation=0.0))
    times, lasts = np.array(part.arrivals()), part.played.seconds
    counts = np.bincount(times.astype(np.int64), minlength=lasts).tolist()

    def requests(seed: int) -> Outcome:
        ours = Trimtab(part.spec, part.pool)
        return simulate_requests(times, setting, ours, first=1, since=part.warm_s, seed=seed, seconds=lasts)

    def fluid(seed: int) -> Outcome:
        return simulate(counts, setting, Trimtab(part.spec, part.pool), first=1, since=part.warm_s, seed=seed)

    each = [_total(requests(seed)) for seed in range(seeds)]
    return Simulated(events=_mean(each), fluid=_mean([_total(fluid(seed)) for seed in range(seeds)]), each=tuple(each))


def _total(outcome: Outcome) -> Total:
    return Total(
        replica_seconds=outcome.gpu_hours * HOUR,
        attainment=outcome.attainment,
        moves=float(outcome.replica_changes),
    )


def _mean(totals: Sequence[Total]) -> Total:
    return Total(
        replica_seconds=fmean(each.replica_seconds for each in totals),
        attainment=fmean(each.attainment for each in totals),
        moves=fmean(each.moves for each in totals),
    )
