"""What the replicas of one model cost, and whether that can be said."""

from trimtab.api.aimodel import ModelCost
from trimtab.api.conditions import ConditionType, Reason
from trimtab.core.findings import Finding
from trimtab.core.live import LiveDeployment
from trimtab.core.prices import hourly, price_of, written
from trimtab.core.snapshot import PoolFound, PoolUnusable


def prices_known(pool: PoolFound | PoolUnusable) -> Finding:
    """Say whether the variant that the model runs on has a price."""
    kind = ConditionType.PRICES_KNOWN
    if isinstance(pool, PoolUnusable):
        return Finding(type=kind, status="Unknown", reason=pool.reason, message="there is no pool to ask for a price")
    price, name = price_of(pool.variant), pool.variant.name
    if price is None:
        message = (
            f"variant {name} of InferencePool {pool.namespace}/{pool.name} has no pricePerHour, so no cost is shown"
        )
        return Finding(type=kind, status="False", reason=Reason.UNPRICED, message=f"{message}: add it if you know it")
    message = f"a replica on {name} costs {price:f} {pool.spec.currency} per hour"
    return Finding(type=kind, status="True", reason=Reason.PRICED, message=message)


def cost_of(deployments: tuple[LiveDeployment, ...], pool: PoolFound | PoolUnusable) -> ModelCost | None:
    """Return what the replicas that exist cost, on whatever variants they run; None while a price is unknown."""
    if isinstance(pool, PoolUnusable):
        return None
    amount = written(hourly(((each.variant, each.exists) for each in deployments), pool.spec.variants))
    return None if amount is None else ModelCost(hourly=amount, currency=pool.spec.currency)
