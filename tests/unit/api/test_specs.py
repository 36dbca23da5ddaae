"""What the operator reads of a spec that was stored, perhaps under an older or looser schema."""

from typing import Any

import pytest
from pydantic import ValidationError

from api_examples import MODEL, POOL, changed
from trimtab.api.aimodel import parse_spec
from trimtab.api.inferencepool import parse_pool_spec
from trimtab.api.wire import dump


def test_a_small_model_has_all_defaults() -> None:
    """Ten lines say enough."""
    spec = parse_spec(MODEL)

    assert spec.scaling.min_replicas == 1
    assert spec.serving.drain.timeout == "60s"
    assert spec.replicas is None


def test_a_small_pool_has_all_defaults() -> None:
    """One variant is enough; its price is unknown, not zero."""
    spec = parse_pool_spec(POOL)

    assert spec.allowed_models.namespaces.from_ == "Same"
    assert spec.variants[0].price_per_hour is None


def test_fields_of_a_newer_version_are_ignored() -> None:
    """An old operator reads new objects; being strict about typing mistakes is the server's part."""
    assert parse_spec(changed("AIModel", "spec.serving.fromTheFuture", 1)) == parse_spec(MODEL)


def test_a_whole_number_is_a_quantity() -> None:
    """`cpu: 4` is what people write; `cpu: true` is not."""
    spec = parse_spec(changed("AIModel", "spec.serving.resources.requests", {"cpu": 4, "ephemeral-storage": "1Gi"}))

    assert dump(spec.serving.resources.requests) == {"cpu": "4", "ephemeral-storage": "1Gi"}
    with pytest.raises(ValidationError, match=r"requests\.cpu"):
        parse_spec(changed("AIModel", "spec.serving.resources.requests.cpu", True))


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("AIModel", "spec", None),
        ("AIModel", "spec", []),
        ("AIModel", "spec.model.source", {"oci": {"image": "UPPER"}}),
        ("AIModel", "spec.scaling", {"maxReplicas": 0}),
        ("AIModel", "spec.serving.labels", {"a": "{{"}),
        ("AIModel", "spec.serving.labels", {"a b": "x"}),
        ("AIModel", "spec.objectives.latency.target", "5 minutes"),
        ("InferencePool", "spec", {}),
        ("InferencePool", "spec.variants", []),
        ("InferencePool", "spec.variants.0.pricePerHour", "NaN"),
        ("InferencePool", "spec.variants.0.nodeSelector", {"a": 1}),
    ],
)
def test_what_the_schema_would_refuse_is_refused_again(kind: str, field: str, value: object) -> None:
    """It may have been stored before the schema said so: the operator answers with an error, and goes on."""
    manifest = changed(kind, field, value)

    with pytest.raises(ValidationError):
        _parse(kind, manifest)


@pytest.mark.parametrize("kind", ["AIModel", "InferencePool"])
def test_an_object_without_a_spec_is_refused(kind: str) -> None:
    """Not even the key is there."""
    with pytest.raises(ValidationError):
        _parse(kind, {})


def _parse(kind: str, manifest: dict[str, Any]) -> object:
    return parse_spec(manifest) if kind == "AIModel" else parse_pool_spec(manifest)
