"""What a replica costs. A price that nobody wrote is unknown, and so is every sum that needs it."""

from collections.abc import Iterable
from decimal import Decimal

from trimtab.api.inferencepool import Variant
from trimtab.units import MoneyPerHour, Replicas

MAX_WHOLE_DIGITS = 15  # of an amount in a status


def price_of(variant: Variant) -> MoneyPerHour | None:
    """Return the price of one replica, None if it is unknown; zero, written before the rule against it, is no price."""
    price = Decimal(variant.price_per_hour or 0)
    return MoneyPerHour(price) if price > 0 else None


def hourly(replicas_of: Iterable[tuple[str, Replicas]], variants: Iterable[Variant]) -> MoneyPerHour | None:
    """Return what replicas cost per hour, each given with the name of its variant; None while a price is unknown.

    What has no replicas costs nothing, whatever its price.
    """
    prices = {variant.name: price_of(variant) for variant in variants}
    total = Decimal(0)
    for name, replicas in replicas_of:
        price = prices.get(name)
        if replicas > 0 and price is None:
            return None
        total += (price or 0) * replicas
    return MoneyPerHour(total)


def written(amount: MoneyPerHour | None) -> str | None:
    """Return an amount as a status carries it, None if it is unknown or larger than any true one."""
    if amount is None or amount >= 10**MAX_WHOLE_DIGITS:
        return None
    return f"{amount:f}"
