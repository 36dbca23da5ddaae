"""The status of a pool."""

from datetime import timedelta
from typing import Any

import pytest

from fakes.snapshots import CPU, H100, L4, NOW, pool_spec
from trimtab.api.inferencepool import InferencePoolSpec
from trimtab.api.wire import dump
from trimtab.core.pool_health import PoolSnapshot, PoolUser, pool_status

USERS = (
    PoolUser("payments", "fraud", "l4", 3),
    PoolUser("payments", "fraud", "h100", 1),
    PoolUser("search", "fraud", "l4", 2),
)


def seen(
    *users: PoolUser, variants: tuple[dict[str, Any], ...] = (L4, H100), allowed: dict[str, str] | None = None
) -> PoolSnapshot:
    """Return a snapshot of a pool with these users."""
    spec = InferencePoolSpec.model_validate(pool_spec(*variants, allowed=allowed))
    return PoolSnapshot(NOW, "platform", "gpus", 7, {}, spec, "", users)


def conditions(snapshot: PoolSnapshot) -> dict[str, tuple[str, str, str]]:
    """Return status, reason and message of each condition."""
    return {each.type: (each.status, each.reason, each.message) for each in pool_status(snapshot).conditions}


def test_use_and_cost_are_summed_over_all_users() -> None:
    """An h100 replica takes two accelerators; a model on two variants is one model."""
    status = dump(pool_status(seen(*USERS)))

    assert {key: value for key, value in status.items() if key != "conditions"} == {
        "observedGeneration": 7,
        "models": 2,
        "accelerators": 7,
        "hourly": "8.10",
        "variants": [
            {"name": "l4", "replicas": 5, "accelerators": 5},
            {"name": "h100", "replicas": 1, "accelerators": 2},
        ],
    }


def test_a_pool_that_nobody_uses_costs_nothing() -> None:
    """Zero is known here."""
    status = pool_status(seen())

    assert (status.models, status.accelerators, status.hourly) == (0, 0, "0")


@pytest.mark.parametrize(
    ("user", "hourly", "accelerators"),
    [
        (PoolUser("payments", "fraud", "cpu", 1), None, 0),
        (PoolUser("payments", "fraud", "cpu", 0), "0", 0),
        (PoolUser("payments", "fraud", "gone", 1), None, None),
        (PoolUser("payments", "fraud", "gone", 0), "0", 0),
        (PoolUser("payments", "fraud", "l4", -5), "0.00", 0),
        (PoolUser("payments", "fraud", "l4", 10**16), None, 10**16),
    ],
)
def test_what_is_not_known_is_left_out(user: PoolUser, hourly: str | None, accelerators: int | None) -> None:
    """No price, or a variant that is no longer on offer: no sum; and no sum larger than any true one."""
    status = pool_status(seen(user, variants=(L4, CPU)))

    assert (status.hourly, status.accelerators) == (hourly, accelerators)


@pytest.mark.parametrize(
    ("allowed", "whose"),
    [
        (None, "its own namespace"),
        ({"from": "All"}, "every namespace"),
        ({"from": "Selector"}, "the namespaces it selects"),
    ],
)
def test_an_accepted_pool_says_who_may_run_on_what(allowed: dict[str, str] | None, whose: str) -> None:
    """Without numbers that move: they have fields of their own."""
    assert conditions(seen(*USERS, allowed=allowed))["Ready"] == (
        "True",
        "Accepted",
        f"models of {whose} may run on l4, h100",
    )


def test_variants_without_a_price_are_named() -> None:
    """A price of zero is none: it was stored before the rule against it."""
    free = {"name": "free", "pricePerHour": "0.00"}

    told = conditions(seen(variants=(L4, CPU, free)))["PricesKnown"]

    assert told[:2] == ("False", "Unpriced")
    assert told[2].startswith("no pricePerHour for cpu, free,")
    assert conditions(seen())["PricesKnown"] == ("True", "Priced", "every variant has a price")


def test_a_pool_that_cannot_be_read_stalls() -> None:
    """Somebody has to correct it; what is not known is left out."""
    snapshot = PoolSnapshot(NOW, "platform", "gpus", 7, {}, None, "spec.variants: is missing", USERS)

    status = pool_status(snapshot)

    assert conditions(snapshot) == {
        "Ready": ("False", "InvalidSpec", "spec.variants: is missing"),
        "Stalled": ("True", "InvalidSpec", "spec.variants: is missing"),
        "PricesKnown": ("Unknown", "InvalidSpec", "the spec cannot be read"),
    }
    assert (status.models, status.accelerators, status.hourly, status.variants) == (2, None, None, ())


def test_an_unchanged_pool_gives_the_same_status_to_the_byte() -> None:
    """Also an hour later."""
    first = pool_status(seen(*USERS))
    snapshot = PoolSnapshot(NOW + timedelta(hours=1), "platform", "gpus", 7, dump(first), seen().spec, "", USERS)

    assert pool_status(snapshot) == first
