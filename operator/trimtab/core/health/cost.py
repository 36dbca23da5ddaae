"""What the replicas of one model cost, and whether that can be said."""

from datetime import datetime
from decimal import Decimal

from trimtab.api.aimodel import Budget
from trimtab.api.conditions import ConditionType, Reason
from trimtab.api.model_status import ModelCost
from trimtab.core.findings import Finding
from trimtab.core.live import LiveDeployment
from trimtab.core.prices import hourly, price_of, written
from trimtab.core.scaling.proposal import replicas_of
from trimtab.core.snapshot import PoolFound, PoolUnusable
from trimtab.units import Replicas


def prices_known(pool: PoolFound | PoolUnusable, now: datetime) -> Finding:
    """Say whether the variant that the model runs on has a price, and whose: the pool's own, or a list's of a day."""
    kind = ConditionType.PRICES_KNOWN
    if isinstance(pool, PoolUnusable):
        return Finding(type=kind, status="Unknown", reason=pool.reason, message="there is no pool to ask for a price")
    price, name = price_of(pool.variant), pool.variant.name
    if price is None:
        message = (
            f"variant {name} of InferencePool {pool.namespace}/{pool.name} has no pricePerHour, so no cost is shown"
        )
        why = f"; {pool.listed.missing[name]}" if name in pool.listed.missing else ""
        message = f"{message}: add it if you know it{why}"
        return Finding(type=kind, status="False", reason=Reason.UNPRICED, message=message)
    message, listed = f"a replica on {name} costs {price:f} {pool.spec.currency} per hour", pool.listed.prices.get(name)
    if listed is None:
        message = f"{message}, as InferencePool {pool.namespace}/{pool.name} says"
        return Finding(type=kind, status="True", reason=Reason.PRICED, message=message)
    today = now.date()
    reason = Reason.PRICE_OLD if listed.is_old(today) else Reason.PRICED_BY_LIST
    return Finding(type=kind, status="True", reason=reason, message=f"{message}, by {listed.told(today)}")


def within_budget(
    deployments: tuple[LiveDeployment, ...], pool: PoolFound | PoolUnusable, budget: Budget | None
) -> tuple[Finding, ...]:
    """Say whether the replicas that are asked for cost no more than they may; nothing without a budget.

    Those of a former variant count too: they cost until they go.
    """
    kind = ConditionType.WITHIN_BUDGET
    if budget is None:
        return ()
    if isinstance(pool, PoolUnusable):
        message = "there is no pool to ask for a price"
        return (Finding(type=kind, status="Unknown", reason=pool.reason, message=message),)
    amount = hourly(((each.variant, replicas_of(each)) for each in deployments), pool.spec.variants)
    if amount is None or price_of(pool.variant) is None:
        message = f"a price is missing, so budget.hourly {budget.hourly} bounds nothing: see PricesKnown"
        return (Finding(type=kind, status="Unknown", reason=Reason.UNPRICED, message=message),)
    said = f"the replicas cost {amount:f} of at most {budget.hourly} {pool.spec.currency} per hour"
    if amount <= Decimal(budget.hourly):
        return (Finding(type=kind, status="True", reason=Reason.WITHIN_BUDGET, message=said),)
    message = f"{said}: a pin or scaling.minReplicas asks for more than it pays for, or a former variant still runs"
    return (Finding(type=kind, status="False", reason=Reason.OVER_BUDGET, message=message),)


def cost_of(deployments: tuple[LiveDeployment, ...], pool: PoolFound | PoolUnusable) -> ModelCost | None:
    """Return what the replicas that exist cost, on whatever variants they run; None while a price is unknown.

    One that leaves costs until it is gone.
    """
    if isinstance(pool, PoolUnusable):
        return None
    there = ((each.variant, Replicas(each.exists + each.leaving)) for each in deployments)
    amount = written(hourly(there, pool.spec.variants))
    return None if amount is None else ModelCost(hourly=amount, currency=pool.spec.currency)
