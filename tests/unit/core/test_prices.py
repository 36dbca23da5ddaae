"""Whose price counts: the pool's own, else the list's, else none."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from fakes.snapshots import MODEL, message, snapshot, status_of, told
from trimtab.api.aimodel import AIModelSpec
from trimtab.api.inferencepool import InferencePoolSpec
from trimtab.core.pool_health import PoolSnapshot, PoolUser, pool_status
from trimtab.core.pools import resolve_pool
from trimtab.core.prices import ListPrice, PriceList, with_list_prices
from trimtab.core.scaling.decide import decide
from trimtab.core.snapshot import ModelSnapshot, PoolFound
from trimtab.units import MoneyPerHour

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
GPU: Mapping[str, Any] = {
    "name": "l4", "resourceName": "nvidia.com/gpu", "nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-L4"},
}  # fmt: skip
SPOT = {"nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-L4", "karpenter.sh/capacity-type": "spot"}}
NO_PRICE = "the operator's price list has no price of"


def listed(price: str = "0.8048", market: Any = "OnDemand", as_of: date = date(2026, 11, 1)) -> ListPrice:  # noqa: ANN401 - a market
    """Return the list price of an L4."""
    return ListPrice(
        accelerator="NVIDIA-L4",
        market=market,
        price=MoneyPerHour(Decimal(price)),
        place="aws/us-east-1",
        as_of=as_of,
        source="https://prices.example/l4",
    )


def price_list(*prices: ListPrice, **refused: str) -> PriceList:
    """Return a list with these prices."""
    return PriceList(
        place="aws/us-east-1", prices={(each.accelerator, each.market): each for each in prices}, refused=refused
    )


KNOWN = price_list(listed(), **{"NVIDIA-T4": "prices.yaml, line 9: usdPerHour: '0' must be a decimal number above 0"})


def pool(*variants: Mapping[str, Any], **fields: Any) -> InferencePoolSpec:  # noqa: ANN401 - fields of a pool
    """Return a pool of these variants, else of one L4 without a price."""
    return InferencePoolSpec.model_validate({"variants": list(variants or [GPU]), **fields})


def price(variant: Mapping[str, Any], known: PriceList = KNOWN, **fields: Any) -> str | None:  # noqa: ANN401 - fields of a pool
    """Return what a replica on a variant costs, as it is written."""
    return with_list_prices(pool(variant, **fields), known)[0].variants[0].price_per_hour


def test_the_list_says_what_the_pool_does_not() -> None:
    """For each accelerator that a replica takes."""
    assert price(GPU) == "0.8048"
    assert price({**GPU, "acceleratorsPerReplica": 4}) == "3.2192"


def test_the_pools_own_price_goes_before_the_list() -> None:
    """Somebody who writes a price knows it better; and nothing is said of a list then."""
    spec, found = with_list_prices(pool({**GPU, "pricePerHour": "0.30"}), KNOWN)

    assert spec.variants[0].price_per_hour == "0.30"
    assert (found.prices, found.missing) == ({}, {})


def test_spot_nodes_have_the_spot_price_alone() -> None:
    """The price on demand would be a wrong one."""
    assert price({**GPU, **SPOT}) is None
    assert price({**GPU, **SPOT}, price_list(listed(), listed("0.31", "Spot"))) == "0.31"


@pytest.mark.parametrize(
    ("variant", "fields", "why"),
    [
        ({"name": "cpu"}, {}, "is for nvidia.com/gpu on nodes selected by nvidia.com/gpu.product"),
        ({**GPU, "resourceName": "nvidia.com/mig-1g.10gb"}, {}, "is for nvidia.com/gpu on nodes"),  # part of one
        ({**GPU, "nodeSelector": {}}, {}, "is for nvidia.com/gpu on nodes"),
        (GPU, {"currency": "EUR"}, "is in USD, and nothing is converted to EUR"),
        ({**GPU, **SPOT}, {}, "has no price of NVIDIA-L4, Spot, at aws/us-east-1"),
        (
            {**GPU, "nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-T4"}},
            {},
            "has no price of NVIDIA-T4, OnDemand, at aws/us-east-1: prices.yaml, line 9: usdPerHour: '0' must be",
        ),
    ],
)
def test_what_the_list_does_not_know_stays_unknown(
    variant: Mapping[str, Any], fields: dict[str, str], why: str
) -> None:
    """And says why."""
    spec, found = with_list_prices(pool(variant, **fields), KNOWN)

    assert spec.variants[0].price_per_hour is None
    assert why in found.missing[spec.variants[0].name]


def test_what_is_wrong_with_the_whole_list_is_told_of_every_accelerator() -> None:
    """Under no name: it is nobody's in particular."""
    broken = PriceList(place="aws/us-east-1", refused={"": "prices.yaml, line 3: it is no YAML"})

    assert (
        with_list_prices(pool(), broken)[1].missing["l4"].endswith("aws/us-east-1: prices.yaml, line 3: it is no YAML")
    )


def test_without_a_list_nothing_is_said_of_one() -> None:
    """An installation that has none is not told of it at every pool."""
    spec, found = with_list_prices(pool(), PriceList())

    assert spec == pool()
    assert (found.prices, found.missing) == ({}, {})


def seen(known: PriceList, budget: str | None = None) -> ModelSnapshot:
    """Return a snapshot of a model on an L4 without a price of its own."""
    raw = {
        "poolRef": {"name": "gpus"},
        "model": {"source": {"uri": "s3://models/fraud"}},
        "objectives": {"latency": {"target": "80ms"}},
        "scaling": {"minReplicas": 1, "maxReplicas": 5},
        **({} if budget is None else {"budget": {"hourly": budget}}),
    }
    spec = AIModelSpec.model_validate(raw)
    manifest = {"spec": {"variants": [dict(GPU)]}}
    found = resolve_pool(spec, MODEL.namespace, manifest, None, known)
    assert isinstance(found, PoolFound)
    return snapshot(spec=spec, pool=found, now=NOW)


def test_a_listed_price_is_told_with_its_source_and_its_day() -> None:
    """By the model's condition; and a budget is bounded by it as by any other."""
    status = status_of(seen(KNOWN, budget="1.70"))

    assert told(status, "PricesKnown") == ("True", "PricedByList")
    assert message(status, "PricesKnown") == (
        "a replica on l4 costs 0.8048 USD per hour, by the list price of NVIDIA-L4 at aws/us-east-1, OnDemand, "
        "as of 2026-11-01 (https://prices.example/l4)"
    )
    budget = next(step for step in decide(seen(KNOWN, "1.70")).trail if step.policy == "RespectBudget")
    assert budget.because == "budget.hourly 1.70 pays for 2 at 0.8048 each"


@pytest.mark.parametrize(("as_of", "reason"), [(date(2026, 5, 28), "PricedByList"), (date(2026, 5, 27), "PriceOld")])
def test_a_price_older_than_180_days_says_so(as_of: date, reason: str) -> None:
    """It is still the best that is known."""
    status = status_of(seen(price_list(listed(as_of=as_of))))

    assert told(status, "PricesKnown") == ("True", reason)
    assert ("more than 180 days ago: see whether it still holds" in message(status, "PricesKnown")) is (
        reason == "PriceOld"
    )


def test_an_unknown_price_says_why_the_list_does_not_help() -> None:
    """Next to what to do."""
    status = status_of(seen(price_list()))

    assert told(status, "PricesKnown") == ("False", "Unpriced")
    assert f"add it if you know it; {NO_PRICE} NVIDIA-L4, OnDemand" in message(status, "PricesKnown")


def of_pool(known: PriceList, *variants: Mapping[str, Any]) -> tuple[str, str, str, str | None]:
    """Return what a pool says of its prices, and what it costs with one replica on its first variant."""
    spec, found = with_list_prices(pool(*variants), known)
    users = (PoolUser("payments", "fraud", spec.variants[0].name, 1),)
    status = pool_status(PoolSnapshot(NOW, "payments", "gpus", 1, {}, spec, "", users, listed=found))
    (prices,) = (each for each in status.conditions if each.type == "PricesKnown")
    return prices.status, prices.reason, prices.message, status.hourly


def test_a_pool_says_which_prices_are_the_lists() -> None:
    """And sums them up."""
    own = {**GPU, "name": "own", "pricePerHour": "0.30"}
    status, reason, said, hourly = of_pool(KNOWN, GPU, own)

    assert (status, reason, hourly) == ("True", "PricedByList", "0.8048")
    assert said.startswith(
        "every variant has a price; l4: the list price of NVIDIA-L4 at aws/us-east-1, OnDemand, as of"
    )
    assert "own" not in said
    assert of_pool(price_list(listed(as_of=date(2025, 1, 1))), GPU)[1] == "PriceOld"


def test_a_pool_says_of_which_variants_the_list_has_no_price() -> None:
    """Each with its reason."""
    status, reason, said, hourly = of_pool(KNOWN, {"name": "cpu"}, GPU)

    assert (status, reason, hourly) == ("False", "Unpriced", None)
    assert said.endswith(
        "; cpu: the operator's price list is for nvidia.com/gpu on nodes selected by nvidia.com/gpu.product"
    )
