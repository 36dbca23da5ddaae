"""A pool that names a metric source says whether the operator has it."""

import pytest

from fakes.snapshots import NOW, pool_spec
from trimtab.api.inferencepool import InferencePoolSpec
from trimtab.core.pool_health import PoolSnapshot, pool_status
from trimtab.core.provided import source_named


def conditions(metrics: object, *known: str) -> dict[str, tuple[str, str, str]]:
    """Return status, reason and message of each condition of a pool, where the operator has these sources."""
    spec = InferencePoolSpec.model_validate(pool_spec() | {"metrics": metrics})
    status = pool_status(PoolSnapshot(NOW, "platform", "gpus", 7, {}, spec, "", (), metric_sources=known))
    return {each.type: (each.status, each.reason, each.message) for each in status.conditions}


def test_a_source_that_is_there_is_told() -> None:
    """Beside `Ready`."""
    assert conditions({"sourceRef": {"name": "team-b"}}, "team-a", "team-b")["MetricSourceKnown"] == (
        "True", "SourceFound", "models are measured by metric source team-b",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("known", "there"),
    [(("team-a", "team-c"), "there are team-a, team-c."), ((), "there is none by a name.")],
)
def test_a_source_that_is_not_there_is_told_with_those_that_are(known: tuple[str, ...], there: str) -> None:
    """The pool can be used all the same: models are served, and hold what they have."""
    found = conditions({"sourceRef": {"name": "team-b"}}, *known)

    assert found["MetricSourceKnown"][:2] == ("False", "SourceUnknown")
    assert (
        f"InferencePool platform/gpus asks for metric source team-b, which the operator does not have: {there}"
        in (found["MetricSourceKnown"][2])
    )
    assert found["Ready"][0] == "True"


@pytest.mark.parametrize("metrics", [None, {}])
def test_a_pool_that_names_none_says_nothing_of_it(metrics: object) -> None:
    """Its models are measured by the operator's default, if there is one."""
    assert "MetricSourceKnown" not in conditions(metrics, "team-a")
    assert source_named(InferencePoolSpec.model_validate(pool_spec() | {"metrics": metrics})) is None
