"""What one decision leaves for the next: little, and the same after a restart."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from trimtab.core.scaling.capacity import ServiceTimes
from trimtab.core.scaling.forecast import CENTRES, DECIMALS, HORIZONS, DemandMemory, Learned
from trimtab.core.scaling.price import CHEAPEST, DEAREST, FIRST, Price
from trimtab.core.scaling.prior import Profile, added, prior_of
from trimtab.core.scaling.stored_profile import StoredProfile, profile_of, stored_of
from trimtab.units import Replicas, Seconds

LONGEST_HOLD = Seconds(600.0)
LONGEST_START = Seconds(86_400.0)
STEP = 15
"""Seconds in which only the largest recommendation is kept."""
MOST_RECOMMENDATIONS = math.ceil(LONGEST_HOLD / STEP) + 2
"""As many as a hold of ten minutes can hold, and the one that was in force at its beginning."""
MOST_MOVES = 20
MOST_STARTS = 20
MOST_STORED = 2_500
"""Bytes of one model's memory as JSON, without its profile: 400 models fill a ConfigMap."""
SHORTEST_BATCH, LONGEST_BATCH = Seconds(1e-6), Seconds(3_600.0)
"""What an execution may take; what is said to be shorter or longer is not learned from."""
MOST_REPLICAS = Replicas(9_999)
"""Of a recommendation; the API allows 1000."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """So many replicas from time `at` on (whole seconds since the epoch), until the next level."""

    at: int
    replicas: Replicas


@dataclass(frozen=True, kw_only=True)
class ColdStart:
    """How long one replica took to answer, in whole seconds by phase; `at` is when it did, since the epoch.

    From asked for to `scheduled`, image `pulled`, files `fetched`, model `loaded`, and first fast answers (`warm`).
    """

    at: int
    scheduled: int
    pulled: int
    fetched: int
    loaded: int
    warm: int

    @property
    def total(self) -> Seconds:
        """From asked for to useful."""
        return Seconds(float(self.scheduled + self.pulled + self.fetched + self.loaded + self.warm))


@dataclass(frozen=True, kw_only=True)
class ScalingMemory:
    """What is remembered of a model; each list is the oldest first.

    `times` are those of `variant`, learned from samples up to `learned_at`. `wanted` are the recommendations of the
    last ten minutes, before stabilisation and bounds; `moves` the last decisions that changed the number.
    `demand` is what was learned of traffic, `price` what a late request is worth. `profile` is what a Job has measured;
    what it tells of service times is part of `times` already.
    """

    variant: str = ""
    times: ServiceTimes = field(default_factory=ServiceTimes)
    learned_at: int | None = None
    wanted: tuple[Level, ...] = ()
    moves: tuple[Level, ...] = ()
    cold_starts: tuple[ColdStart, ...] = ()
    demand: DemandMemory = field(default_factory=DemandMemory)
    price: Price = field(default_factory=Price)
    profile: Profile | None = None


def with_profile(memory: ScalingMemory, profile: Profile) -> ScalingMemory:
    """Return the memory with what a profile Job has measured; what was learned on another variant is forgotten."""
    prior = prior_of(profile, profile.variant)
    if memory.variant != profile.variant:
        return replace(memory, variant=profile.variant, times=prior, learned_at=None, profile=profile)
    return replace(memory, times=added(memory.times, prior), profile=profile)


def with_recommendation(memory: ScalingMemory, replicas: int, now: int) -> ScalingMemory:
    """Return the memory with what is wanted now, without what no hold can reach any more."""
    wanted = Replicas(min(replicas, MOST_REPLICAS))
    known = [level for level in memory.wanted if now - LONGEST_HOLD - STEP <= level.at <= now]
    if known and now - known[-1].at < STEP:
        last = known.pop()
        known.append(Level(at=last.at, replicas=max(last.replicas, wanted)))
    else:
        known.append(Level(at=now, replicas=wanted))
    return replace(memory, wanted=tuple(known[-MOST_RECOMMENDATIONS:]))


def with_decision(memory: ScalingMemory, replicas: Replicas, now: int) -> ScalingMemory:
    """Return the memory with the number decided now, if it is not the last one's."""
    known = [level for level in memory.moves if level.at <= now]
    if not known or known[-1].replicas != replicas:
        known.append(Level(at=now, replicas=replicas))
    return replace(memory, moves=tuple(known[-MOST_MOVES:]))


def with_cold_starts(memory: ScalingMemory, starts: Iterable[ColdStart], now: int) -> ScalingMemory:
    """Return the memory with the starts that ended after all that it knows, and by now; the others it has seen.

    What took longer than a day is a pod that lost its readiness and found it again, not a start.
    """
    known = tuple(start for start in memory.cold_starts if start.at <= now)
    newest = known[-1].at if known else -1
    counted = (start for start in starts if newest < start.at <= now and 0.0 <= start.total <= LONGEST_START)
    fresh = sorted(counted, key=lambda start: start.at)
    return replace(memory, cold_starts=(*known, *fresh)[-MOST_STARTS:])


def cold_start_p90(memory: ScalingMemory) -> Seconds | None:
    """Return how long nine of ten starts took at most, None if none was seen."""
    totals = sorted(start.total for start in memory.cold_starts)
    return totals[math.ceil(0.9 * len(totals)) - 1] if totals else None


def in_force(levels: Iterable[Level], since: float, now: float) -> tuple[Level, ...]:
    """Return the levels that were in force at some time between `since` and `now`: the last of before, and all since.

    What comes after `now` is left out: clocks may go back.
    """
    past = [level for level in levels if level.at <= now]
    before = [level for level in past if level.at <= since]
    return (*before[-1:], *(level for level in past if level.at > since))


def to_json(memory: ScalingMemory) -> str:
    """Return the memory as it is stored, at most `MOST_STORED` bytes; times are seconds before the newest."""
    times, starts = memory.times, memory.cold_starts
    ends = (level.at for level in (*memory.wanted, *memory.moves))
    newest = max((memory.learned_at or 0, *ends, *(start.at for start in starts)))
    stored = _Stored(
        at=newest,
        variant=memory.variant,
        times=(times.weight, times.b, times.bb, times.t, times.bt, times.largest, times.surprise),
        learned=None if memory.learned_at is None else newest - memory.learned_at,
        demand=_demand_stored(memory.demand, newest),
        price=(memory.price.log, memory.price.rate),
        wanted=[(newest - level.at, level.replicas) for level in memory.wanted],
        moves=[(newest - level.at, level.replicas) for level in memory.moves],
        starts=[
            (newest - start.at, start.scheduled, start.pulled, start.fetched, start.loaded, start.warm)
            for start in starts
        ],
        profile=None if memory.profile is None else stored_of(memory.profile),
        assumed=times.assumed,
    )
    return _STORED.dump_json(stored).decode()


def from_json(text: str) -> ScalingMemory:
    """Return a memory from what was stored. One that was not written by `to_json` is forgotten as a whole.

    Without a memory nothing is made smaller for a whole hold, so forgetting is safe.
    """
    try:
        stored = _STORED.validate_json(text)
    except ValidationError:
        return ScalingMemory()
    newest = stored.at
    weight, b, bb, t, bt, largest, surprise = stored.times
    assumed = min(weight, stored.assumed)
    times = ServiceTimes(weight=weight, b=b, bb=bb, t=t, bt=bt, largest=largest, surprise=surprise, assumed=assumed)
    if not _plausible(times):
        return ScalingMemory()
    return ScalingMemory(
        variant=stored.variant,
        times=times,
        learned_at=None if stored.learned is None else newest - stored.learned,
        demand=_demand_of(stored, newest),
        price=Price(log=stored.price[0], rate=stored.price[1]),
        wanted=_levels(newest, stored.wanted),
        moves=_levels(newest, stored.moves),
        cold_starts=tuple(
            ColdStart(at=newest - ago, scheduled=scheduled, pulled=pulled, fetched=fetched, loaded=loaded, warm=warm)
            for ago, scheduled, pulled, fetched, loaded, warm in sorted(stored.starts, key=lambda start: -start[0])
        ),
        profile=None if stored.profile is None else profile_of(stored.profile),
    )


def _levels(newest: int, stored: list[tuple[int, int]]) -> tuple[Level, ...]:
    oldest_first = sorted(stored, key=lambda pair: -pair[0])
    return tuple(Level(at=newest - ago, replicas=Replicas(replicas)) for ago, replicas in oldest_first)


def _plausible(times: ServiceTimes) -> bool:
    """Tell whether sums can have come from batches of one request or more that took some time."""
    if times == ServiceTimes():
        return True
    return times.weight > 0.0 and times.b >= 0.99 * times.weight and times.t >= 0.99 * SHORTEST_BATCH * times.weight


def _demand_stored(demand: DemandMemory, newest: int) -> Any:  # noqa: ANN401 - lengths of tuples that pydantic checks
    if not demand.unit:
        return None
    learned = [(each.squares, each.products, each.missed) for each in demand.learned]
    return demand.unit, round(newest - demand.until, DECIMALS), learned


def _demand_of(stored: "_Stored", newest: int) -> DemandMemory:
    """Return what was learned of demand; sums that no points can have are forgotten."""
    if stored.demand is None:
        return DemandMemory()
    unit, ago, horizons = stored.demand
    learned = tuple(Learned(squares=each[0], products=each[1], missed=each[2]) for each in horizons)
    known = unit > 0.0 and all(each.is_possible for each in learned)
    return DemandMemory(unit=unit, until=round(newest - ago, DECIMALS), learned=learned) if known else DemandMemory()


_Whole = Annotated[int, Field(ge=0, le=2**40, strict=True)]
_Sum = Annotated[float, Field(ge=0.0, le=1e15, allow_inf_nan=False, strict=True)]
_Count = Annotated[int, Field(ge=0, le=MOST_REPLICAS, strict=True)]
_Phase = Annotated[int, Field(ge=0, le=10**6, strict=True)]


_Ago = Annotated[float, Field(ge=-(2.0**40), le=2.0**40, allow_inf_nan=False, strict=True)]
_Bins = Annotated[tuple[_Sum, ...], Field(min_length=len(CENTRES), max_length=len(CENTRES))]
_Log = Annotated[float, Field(ge=CHEAPEST, le=DEAREST, strict=True)]
_StoredHorizon = tuple[tuple[_Sum, _Sum, _Sum, _Sum, _Sum, _Sum], tuple[_Sum, _Sum, _Sum], _Bins]
_Horizons = Annotated[list[_StoredHorizon], Field(min_length=HORIZONS, max_length=HORIZONS)]


@dataclass(frozen=True, kw_only=True)
class _Stored:
    at: _Whole
    variant: Annotated[str, Field(max_length=63)]
    times: tuple[_Sum, _Sum, _Sum, _Sum, _Sum, _Sum, _Sum]
    learned: _Whole | None
    wanted: Annotated[list[tuple[_Whole, _Count]], Field(max_length=MOST_RECOMMENDATIONS)]
    moves: Annotated[list[tuple[_Whole, _Count]], Field(max_length=MOST_MOVES)]
    demand: tuple[_Sum, _Ago, _Horizons] | None = None
    price: tuple[_Log, _Sum] = (FIRST, 0.0)
    starts: Annotated[list[tuple[_Whole, _Phase, _Phase, _Phase, _Phase, _Phase]], Field(max_length=MOST_STARTS)]
    profile: StoredProfile | None = None
    assumed: _Sum = 0.0


_STORED: TypeAdapter[_Stored] = TypeAdapter(_Stored)
