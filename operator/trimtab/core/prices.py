"""What a replica costs. A price that nobody knows is unknown, and so is every sum that needs it.

A pool's own price goes before the operator's price list, which is in US dollars and for whole accelerators: where the
pool counts in another currency or in parts of an accelerator, the list has nothing to say.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from trimtab.api.inferencepool import InferencePoolSpec, Variant
from trimtab.units import MoneyPerHour, Replicas

MAX_WHOLE_DIGITS = 15  # of an amount in a status
LIST_CURRENCY = "USD"
OLD = timedelta(days=180)
"""Providers change list prices about once a year."""
WHOLE_ACCELERATOR = "nvidia.com/gpu"
PRODUCT_LABEL = "nvidia.com/gpu.product"
"""Which accelerator a node has, as NVIDIA's GPU feature discovery tells."""
SPOT_NODES = frozenset(
    {
        ("karpenter.sh/capacity-type", "spot"),
        ("eks.amazonaws.com/capacityType", "SPOT"),
        ("cloud.google.com/gke-spot", "true"),
        ("kubernetes.azure.com/scalesetpriority", "spot"),
    }
)
"""Labels of nodes that are sold cheaper since they may be taken away."""

Market = Literal["OnDemand", "Spot"]


@dataclass(frozen=True, kw_only=True)
class ListPrice:
    """What one accelerator costs per hour on somebody's price list, as of a day; `place` is provider/region."""

    accelerator: str
    market: Market
    price: MoneyPerHour
    place: str
    as_of: date
    source: str

    def told(self, today: date) -> str:
        """Return where the price comes from and how old it is."""
        what = f"the list price of {self.accelerator} at {self.place}, {self.market}"
        said = f"{what}, as of {self.as_of} ({self.source})"
        if not self.is_old(today):
            return said
        return f"{said}, more than {OLD.days} days ago: see whether it still holds, and write pricePerHour if not"

    def is_old(self, today: date) -> bool:
        """Tell whether somebody should compare it with its source."""
        return today - self.as_of > OLD


@dataclass(frozen=True, kw_only=True)
class PriceList:
    """The list prices at one place, by accelerator and market.

    `refused` says of accelerators what is wrong with their entries; under the empty name, what is wrong with the list.
    """

    place: str = ""
    prices: Mapping[tuple[str, str], ListPrice] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """What a price list says of the variants that have no price of their own: a price, or why there is none."""

    prices: Mapping[str, ListPrice] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


def with_list_prices(spec: InferencePoolSpec, known: PriceList) -> tuple[InferencePoolSpec, Listed]:
    """Return a pool whose variants have list prices where they have none of their own, and what came from the list."""
    prices: dict[str, ListPrice] = {}
    missing: dict[str, str] = {}
    variants = []
    for variant in spec.variants:
        found = None if price_of(variant) is not None else listed_price(variant, spec.currency, known)
        if isinstance(found, ListPrice):
            prices[variant.name] = found
            each = found.price * (variant.accelerators_per_replica or 1)
            variants.append(variant.model_copy(update={"price_per_hour": f"{each:f}"}))
        else:
            variants.append(variant)
            missing |= {variant.name: found} if found else {}
    return spec.model_copy(update={"variants": tuple(variants)}), Listed(prices=prices, missing=missing)


def listed_price(variant: Variant, currency: str, known: PriceList) -> ListPrice | str:
    """Return a variant's price on the list, else why there is none; empty where there is no list."""
    if not known.place:
        return ""
    accelerator = variant.node_selector.get(PRODUCT_LABEL, "")
    if variant.resource_name != WHOLE_ACCELERATOR or not accelerator:
        return f"the operator's price list is for {WHOLE_ACCELERATOR} on nodes selected by {PRODUCT_LABEL}"
    if currency != LIST_CURRENCY:
        return f"the operator's price list is in {LIST_CURRENCY}, and nothing is converted to {currency}"
    market = "Spot" if SPOT_NODES & set(variant.node_selector.items()) else "OnDemand"
    found = known.prices.get((accelerator, market))
    if found is not None:
        return found
    fault = known.refused.get(accelerator) or known.refused.get("")
    none = f"the operator's price list has no price of {accelerator}, {market}, at {known.place}"
    return f"{none}: {fault}" if fault else none


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
