"""Each model's gauges: what is known at its last decision, and nothing of what is not."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from fakes.measured import LOST, timed
from fakes.snapshots import MODEL, deployment, model_spec, pool_found, snapshot
from trimtab.api.objects import ObjectKey
from trimtab.app.model_metrics import FAMILIES, ModelMetrics
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.observation import Observation
from trimtab.core.scaling.proposal import MOST_AGE
from trimtab.core.snapshot import ModelSnapshot
from trimtab.units import Seconds

DOCUMENT = Path(__file__).parents[3] / "docs/metrics.md"
Labels = tuple[tuple[str, str], ...]


def seen(observation: Observation | None, **about: object) -> ModelSnapshot:
    """Return a model with three replicas of which two are ready."""
    return replace(snapshot(deployment(asked=4, exists=3, ready=2)), observation=observation, **about)  # type: ignore[arg-type]  # by name, as everywhere in tests


def told(*snapshots: ModelSnapshot) -> dict[tuple[str, Labels], float]:
    """Return every gauge by name and own labels, after these were decided; all are of the one model."""
    numbers = ModelMetrics()
    for each in snapshots:
        numbers.decided(each, decide(each))
    return read(numbers)


def read(numbers: ModelMetrics) -> dict[tuple[str, Labels], float]:
    """Return every gauge by name and own labels."""
    registry = CollectorRegistry()
    registry.register(numbers)
    found = {}
    for family in registry.collect():
        for sample in family.samples:
            labels = dict(sample.labels)
            assert (labels.pop("namespace"), labels.pop("model")) == (MODEL.namespace, MODEL.name)
            found[sample.name.removeprefix("trimtab_model_"), tuple(labels.items())] = sample.value
    return found


def test_everything_that_is_known_is_told() -> None:
    """Demand, latency beside its target, attainment, four kinds of replicas, cost."""
    found = told(seen(timed(31.0, within=0.9, at_p99=0.12)))
    replicas = {dict(labels)["state"]: value for (name, labels), value in found.items() if name == "replicas"}

    assert found["requests_per_second", ()] == 31.0
    assert found["latency_seconds", (("percentile", "P99"),)] == 0.12
    assert found["latency_target_seconds", (("percentile", "P99"),)] == 0.08
    assert found["within_target_ratio", ()] == 0.9
    assert found["cost_per_hour", (("currency", "USD"),)] == pytest.approx(2.4)
    assert (replicas["decided"], replicas["existing"], replicas["ready"]) == (4, 3, 2)


def test_a_model_that_leaves_the_operator_blind_has_no_measured_gauge() -> None:
    """The last value would be taken for the present; what is decided is told still."""
    known = seen(timed(31.0))
    old = seen(replace(timed(31.0), age=Seconds(MOST_AGE + 1.0)))

    for blind in (seen(LOST), seen(None), old):
        names = {name for name, _ in told(known, blind)}
        assert names == {"latency_target_seconds", "replicas", "cost_per_hour"}
        assert ("replicas", (("state", "wanted"),)) not in told(known, blind)


def test_a_model_without_requests_has_no_latency() -> None:
    """No request is no share of requests."""
    names = {name for name, _ in told(seen(replace(timed(0.0), latency=None)))}

    assert "requests_per_second" in names
    assert names.isdisjoint({"latency_seconds", "within_target_ratio"})


def test_an_unknown_price_is_no_cost() -> None:
    """Unknown is not free."""
    unpriced = replace(snapshot(deployment("cpu", asked=3), pool=pool_found("cpu")), observation=timed(31.0))

    assert "cost_per_hour" not in {name for name, _ in told(unpriced)}


def test_a_replica_that_leaves_is_there_and_costs_until_it_is_gone() -> None:
    """It holds its accelerator; the Deployment counts it apart."""
    leaving = deployment(asked=1, exists=1)
    leaving["status"]["terminatingReplicas"] = 2
    found = told(replace(snapshot(leaving), observation=timed(3.0)))

    assert found["replicas", (("state", "existing"),)] == 3
    assert found["cost_per_hour", (("currency", "USD"),)] == pytest.approx(2.4)


def test_a_change_of_the_objective_leaves_no_gauge_behind() -> None:
    """One percentile at a time: series do not pile up."""
    first = seen(timed(31.0))
    second = seen(timed(31.0), spec=model_spec(percentile="P95"))
    found = told(first, second)

    assert [labels for name, labels in found if name == "latency_target_seconds"] == [(("percentile", "P95"),)]


def test_a_model_has_no_more_than_nine_series_and_none_when_it_is_gone() -> None:
    """Cardinality grows with models and with nothing else."""
    numbers = ModelMetrics()
    model = seen(timed(31.0))
    numbers.decided(model, replace(decide(model), wanted=decide(model).replicas))
    before = read(numbers)
    numbers.undecided(ObjectKey(MODEL.namespace, MODEL.name))
    numbers.undecided(ObjectKey(MODEL.namespace, MODEL.name))

    assert len(before) == 9 == len(FAMILIES) + 3
    assert read(numbers) == {}


def test_every_gauge_is_documented() -> None:
    """docs/metrics.md and the operator name the same."""
    documented = re.findall(r"^\| `(trimtab_model_\w+)", DOCUMENT.read_text(), re.MULTILINE)

    assert documented == list(FAMILIES)
