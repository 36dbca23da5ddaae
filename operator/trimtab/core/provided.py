"""What the operator's administrator provides for all pools: a price list, and metric sources by name."""

from collections.abc import Collection
from dataclasses import dataclass, field

from trimtab.api.inferencepool import InferencePoolSpec
from trimtab.core.prices import PriceList


@dataclass(frozen=True, kw_only=True)
class Provided:
    """`metric_sources` are the names that a pool may give in `metrics.sourceRef`."""

    prices: PriceList = field(default_factory=PriceList)
    metric_sources: tuple[str, ...] = ()


NOTHING_PROVIDED = Provided()


def source_named(spec: InferencePoolSpec) -> str | None:
    """Return the name of the metric source that a pool asks for, None for the operator's default."""
    reference = None if spec.metrics is None else spec.metrics.source_ref
    return None if reference is None else reference.name


def unknown_source(pool: str, name: str, known: Collection[str]) -> str:
    """Return what to tell of a pool, `namespace/name`, that asks for a metric source which is not there."""
    there = f"there are {', '.join(sorted(known))}" if known else "there is none by a name"
    return (
        f"InferencePool {pool} asks for metric source {name}, which the operator does not have: {there}. "
        "Correct spec.metrics.sourceRef.name, leave it out for the default, or have the operator's administrator add it"
    )
