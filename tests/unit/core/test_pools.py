"""Which pool a model may use."""

import pytest

from fakes.snapshots import L4, model_spec, pool_spec
from trimtab.api.aimodel import AIModelSpec
from trimtab.api.conditions import Reason
from trimtab.api.kinds import Manifest
from trimtab.core.pools import resolve_pool
from trimtab.core.snapshot import PoolFound, PoolUnusable

BY_TEAM = {"from": "Selector", "selector": {"matchLabels": {"team": "risk", "tier": "prod"}}}


def pool(spec: Manifest) -> Manifest:
    """Return an InferencePool."""
    return {"metadata": {"name": "gpus", "namespace": "platform"}, "spec": spec}


def elsewhere(variant: str | None = None) -> AIModelSpec:
    """Return the spec of a model that names the pool `platform/gpus`."""
    spec = model_spec(variant=variant)
    return spec.model_copy(update={"pool_ref": spec.pool_ref.model_copy(update={"namespace": "platform"})})


def refusal(found: PoolFound | PoolUnusable) -> PoolUnusable:
    """Return the refusal that must have been given."""
    assert isinstance(found, PoolUnusable)
    return found


def test_the_first_variant_is_taken_where_none_is_named() -> None:
    """A pool lists the preferred variant first."""
    found = resolve_pool(model_spec(), "payments", pool(pool_spec()), None)

    assert isinstance(found, PoolFound)
    assert (found.namespace, found.name, found.variant.name) == ("payments", "gpus", "l4")


def test_the_named_variant_is_taken() -> None:
    """`serving.variant` chooses among the pool's variants."""
    found = resolve_pool(model_spec(variant="h100"), "payments", pool(pool_spec()), {})

    assert isinstance(found, PoolFound)
    assert found.variant.name == "h100"


def test_an_absent_pool_is_named_with_its_namespace() -> None:
    """The message says which object is missing, and where."""
    found = refusal(resolve_pool(elsewhere(), "payments", None, {}))

    assert found.reason is Reason.POOL_NOT_FOUND
    assert "InferencePool platform/gpus is not there" in found.message


@pytest.mark.parametrize(
    "spec",
    [
        {"variants": []},
        {"variants": [L4 | {"pricePerHour": "cheap"}]},
        {"variants": [L4 | {"pricePerHour": {"evil": "x" * 10_000}}]},
        "not even an object",
        {},
    ],
)
def test_a_pool_stored_under_a_looser_schema_is_invalid(spec: object) -> None:
    """What cannot be read is never guessed; the message names the field and stays short."""
    found = refusal(resolve_pool(model_spec(), "payments", {"spec": spec}, {}))

    assert found.reason is Reason.POOL_INVALID
    assert "cannot be read: spec" in found.message
    assert len(found.message) < 2000


def test_an_unknown_variant_is_answered_with_those_on_offer() -> None:
    """The next step stands in the message."""
    found = refusal(resolve_pool(model_spec(variant="b200"), "payments", pool(pool_spec()), {}))

    assert found.reason is Reason.VARIANT_NOT_FOUND
    assert "no variant b200, it offers l4, h100, cpu" in found.message


@pytest.mark.parametrize(
    ("allowed", "labels", "admitted"),
    [
        (None, {}, False),
        ({"from": "Same"}, {"team": "risk"}, False),
        ({"from": "All"}, None, True),
        (BY_TEAM, {"team": "risk", "tier": "prod", "more": "1"}, True),
        (BY_TEAM, {"team": "risk"}, False),
        (BY_TEAM, {"team": "risk", "tier": "test"}, False),
        (BY_TEAM, {}, False),
        (BY_TEAM, None, False),
        ({"from": "Selector"}, {"team": "risk"}, False),
    ],
)
def test_another_namespace_needs_the_pools_consent(
    allowed: Manifest | None, labels: dict[str, str] | None, *, admitted: bool
) -> None:
    """Same, All or the labels of the model's namespace; labels that are not known, or no selector, admit nobody."""
    found = resolve_pool(elsewhere(), "payments", pool(pool_spec(allowed=allowed)), labels)

    assert isinstance(found, PoolFound) is admitted
    if isinstance(found, PoolUnusable):
        assert found.reason is Reason.POOL_REFUSES_NAMESPACE
        assert "payments" in found.message
        assert "spec.allowedModels" in found.message


def test_the_pools_own_namespace_needs_no_consent() -> None:
    """A selector is about other namespaces."""
    found = resolve_pool(elsewhere(), "platform", pool(pool_spec(allowed=BY_TEAM)), None)

    assert isinstance(found, PoolFound)


def test_a_pool_that_is_being_deleted_still_serves() -> None:
    """What runs goes on running until the pool is gone."""
    going = {"metadata": {"deletionTimestamp": "2026-11-24T10:00:00Z"}, "spec": pool_spec()}

    assert isinstance(resolve_pool(model_spec(), "payments", going, {}), PoolFound)
