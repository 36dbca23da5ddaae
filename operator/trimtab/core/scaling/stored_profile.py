"""A profile as it is stored in a model's memory."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from trimtab.api.profile import LARGEST_BATCH, LONGEST_SECONDS, MOST_BATCHES, MOST_LOADS, SHORTEST_SECONDS
from trimtab.core.scaling.prior import MOST_NOTES, MOST_OF_A_NOTE, MeasuredBatch, MeasuredLoad, Profile
from trimtab.units import RequestsPerSecond, Seconds

MOST_STORED_OF_PROFILE = 1_500
"""Bytes of it as JSON; 500 are usual."""

_Size = Annotated[int, Field(ge=1, le=LARGEST_BATCH, strict=True)]
_Time = Annotated[float, Field(ge=SHORTEST_SECONDS, le=LONGEST_SECONDS, allow_inf_nan=False, strict=True)]
_Rate = Annotated[float, Field(gt=0.0, le=1e9, allow_inf_nan=False, strict=True)]
_Name = Annotated[str, Field(max_length=128)]
_Note = Annotated[str, Field(max_length=MOST_OF_A_NOTE)]


@dataclass(frozen=True, kw_only=True)
class StoredProfile:
    """`what` is its key, job, variant and accelerator; a load is its concurrency, rate, P50, P90, P95 and P99."""

    what: tuple[_Name, _Name, _Name, _Name]
    batches: Annotated[list[tuple[_Size, _Time]], Field(min_length=1, max_length=MOST_BATCHES)]
    loads: Annotated[list[tuple[_Size, _Rate, _Time, _Time, _Time, _Time]], Field(max_length=MOST_LOADS)]
    notes: Annotated[list[_Note], Field(max_length=MOST_NOTES)]


def stored_of(profile: Profile) -> StoredProfile:
    """Return a profile as it is stored."""
    return StoredProfile(
        what=(profile.key, profile.job, profile.variant, profile.accelerator),
        batches=[(each.size, each.time) for each in profile.batches],
        loads=[(each.concurrency, each.rate, each.p50, each.p90, each.p95, each.p99) for each in profile.loads],
        notes=list(profile.notes),
    )


def profile_of(stored: StoredProfile) -> Profile:
    """Return a profile from what was stored."""
    key, job, variant, accelerator = stored.what
    return Profile(
        key=key,
        job=job,
        variant=variant,
        accelerator=accelerator,
        batches=tuple(MeasuredBatch(size=size, time=Seconds(time)) for size, time in stored.batches),
        loads=tuple(_load(*each) for each in stored.loads),
        notes=tuple(stored.notes),
    )


def _load(concurrency: int, rate: float, *latencies: float) -> MeasuredLoad:
    p50, p90, p95, p99 = map(Seconds, latencies)
    return MeasuredLoad(concurrency=concurrency, rate=RequestsPerSecond(rate), p50=p50, p90=p90, p95=p95, p99=p99)
