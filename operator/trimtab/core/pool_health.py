"""The status of one pool: whether it can be used, how much of it is, and at what price."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from trimtab.api.conditions import Condition, ConditionType, Reason
from trimtab.api.inferencepool import InferencePoolSpec, InferencePoolStatus, Variant, VariantUse
from trimtab.core.findings import Finding, Occasion, dated
from trimtab.core.prices import Listed, hourly, price_of, written
from trimtab.core.provided import source_named, unknown_source
from trimtab.units import Replicas


@dataclass(frozen=True)
class PoolUser:
    """The replicas that an admitted model has on one variant; while it changes variants it has two of these."""

    namespace: str
    name: str
    variant: str
    replicas: int


@dataclass(frozen=True)
class PoolSnapshot:
    """Everything that is known about one pool at `now`; `problem` says why `spec` is None.

    `listed` says which prices in `spec` are the operator's, `metric_sources` which sources it has by name.
    """

    now: datetime
    namespace: str
    name: str
    generation: int
    written_status: Mapping[str, object]
    spec: InferencePoolSpec | None
    problem: str
    users: tuple[PoolUser, ...]
    listed: Listed = field(default_factory=Listed)
    metric_sources: tuple[str, ...] = ()


def pool_status(snapshot: PoolSnapshot) -> InferencePoolStatus:
    """Return what is to be said about a pool: the same in an unchanged world, to the byte."""
    models = len({(user.namespace, user.name) for user in snapshot.users})
    if snapshot.spec is None:
        return InferencePoolStatus(
            observed_generation=snapshot.generation,
            models=models,
            conditions=_dated(snapshot, *_unreadable(snapshot.problem)),
        )
    offered, running = snapshot.spec.variants, Counter[str]()
    for user in snapshot.users:
        running[user.variant] += max(user.replicas, 0)
    strangers = any(replicas > 0 for name, replicas in running.items() if name not in {each.name for each in offered})
    uses = tuple(_use(variant, running[variant.name]) for variant in offered)
    amounts = ((name, Replicas(replicas)) for name, replicas in running.items())
    return InferencePoolStatus(
        observed_generation=snapshot.generation,
        models=models,
        # of a variant that is no longer on offer nobody knows how many a replica takes
        accelerators=None if strangers else sum(use.accelerators for use in uses),
        hourly=written(hourly(amounts, offered)),
        variants=uses,
        conditions=_dated(
            snapshot, _accepted(snapshot.spec), *_measured(snapshot, snapshot.spec), _priced(snapshot, snapshot.spec)
        ),
    )


def _use(variant: Variant, replicas: int) -> VariantUse:
    each = 0 if variant.resource_name is None else variant.accelerators_per_replica or 1
    return VariantUse(name=variant.name, replicas=replicas, accelerators=replicas * each)


def _unreadable(problem: str) -> tuple[Finding, ...]:
    reason = Reason.INVALID_SPEC
    return (
        Finding(type=ConditionType.READY, status="False", reason=reason, message=problem),
        Finding(type=ConditionType.STALLED, status="True", reason=reason, message=problem),
        Finding(type=ConditionType.PRICES_KNOWN, status="Unknown", reason=reason, message="the spec cannot be read"),
    )


def _accepted(spec: InferencePoolSpec) -> Finding:
    allowed = spec.allowed_models.namespaces
    whose = {"Same": "its own namespace", "All": "every namespace"}.get(allowed.from_, "the namespaces it selects")
    message = f"models of {whose} may run on {_names(spec.variants)}"
    return Finding(type=ConditionType.READY, status="True", reason=Reason.ACCEPTED, message=message)


def _measured(snapshot: PoolSnapshot, spec: InferencePoolSpec) -> tuple[Finding, ...]:
    """Say whether the operator has the metric source that the pool names; nothing where it names none."""
    kind, name = ConditionType.METRIC_SOURCE_KNOWN, source_named(spec)
    if name is None:
        return ()
    if name not in snapshot.metric_sources:
        message = unknown_source(f"{snapshot.namespace}/{snapshot.name}", name, snapshot.metric_sources)
        return (Finding(type=kind, status="False", reason=Reason.SOURCE_UNKNOWN, message=message),)
    message = f"models are measured by metric source {name}"
    return (Finding(type=kind, status="True", reason=Reason.SOURCE_FOUND, message=message),)


def _priced(snapshot: PoolSnapshot, spec: InferencePoolSpec) -> Finding:
    kind, today, listed = ConditionType.PRICES_KNOWN, snapshot.now.date(), snapshot.listed
    unpriced = tuple(variant for variant in spec.variants if price_of(variant) is None)
    if unpriced:
        why = "".join(f"; {name}: {because}" for name, because in listed.missing.items())
        message = (
            f"no pricePerHour for {_names(unpriced)}, so the cost of its replicas is unknown: add it if you know it"
        )
        return Finding(type=kind, status="False", reason=Reason.UNPRICED, message=message + why)
    told = "".join(f"; {name}: {price.told(today)}" for name, price in listed.prices.items())
    old = any(price.is_old(today) for price in listed.prices.values())
    reason = Reason.PRICE_OLD if old else Reason.PRICED_BY_LIST if listed.prices else Reason.PRICED
    return Finding(type=kind, status="True", reason=reason, message=f"every variant has a price{told}")


def _names(variants: tuple[Variant, ...]) -> str:
    return ", ".join(variant.name for variant in variants)


def _dated(snapshot: PoolSnapshot, *findings: Finding) -> tuple[Condition, ...]:
    return dated(
        findings,
        Occasion(now=snapshot.now, generation=snapshot.generation, written_status=snapshot.written_status),
    )
