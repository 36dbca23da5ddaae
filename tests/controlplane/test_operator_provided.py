"""What the operator's administrator provides, and what people know of hours: prices, metric sources, schedules.

Each story has a healthy neighbour on a pool that asks for none of it; it is neither touched nor written to.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane import ControlPlane, OperatorProcess, prepare
from stories import DEPLOYMENT, MODEL, POOL, Manifest, Outcomes, Place, story, told

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "TRIMTAB_PRICES": str(ROOT / "config" / "prices" / "prices.yaml"),
    "TRIMTAB_PRICES_FOR": "aws/us-east-1",
    "TRIMTAB_PROMETHEUS_SOURCES": "{team-a: {url: 'http://127.0.0.1:9'}}",  # the port that discards: nobody listens
}
L4 = {"name": "l4", "resourceName": "nvidia.com/gpu", "nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-L4"}}
ALWAYS = {"name": "always", "start": "* * * * *", "duration": "1h", "minReplicas": 2}


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, control_plane: ControlPlane) -> Iterator[Outcomes]:
    """Return what came of each story of this file, with an operator that has been given all three."""
    prepare(control_plane)
    with OperatorProcess(control_plane, SETTINGS) as operator:
        with told(request, control_plane) as running:
            yield running
        assert operator.running
        assert "a bug" not in operator.log
    for found in control_plane.admin.list("v1/ConfigMap", "trimtab-system", "app.kubernetes.io/component=memory"):
        control_plane.admin.delete("v1/ConfigMap", found["metadata"]["name"], "trimtab-system")


def pool_says(place: Place, name: str, kind: str, reason: str) -> str:
    """Wait until a condition of a pool has a reason, and return its message."""

    def look() -> str | None:
        status: Manifest = place.get(POOL, name).get("status") or {}
        found = (each for each in status.get("conditions", ()) if (each["type"], each["reason"]) == (kind, reason))
        return next((str(each["message"]) for each in found), None)

    return place.until(look, f"{kind} ({reason}) of pool {name}")


def has_replicas(place: Place, name: str, replicas: int) -> None:
    """Wait until a Deployment is asked for so many."""

    def look() -> bool:
        found = place.api.get(DEPLOYMENT, name, place.namespace)
        return found is not None and found["spec"]["replicas"] == replicas

    place.until(look, f"{replicas} replicas of {name}")


@story
def test_an_open_window_is_followed_and_named_and_left_at_its_end(place: Place) -> None:
    """A window that is always open raises the autoscaler's bound; once the schedule is gone, the bound is too."""
    place.model(scaling={"maxReplicas": 3, "schedules": [ALWAYS]})

    has_replicas(place, "model-cpu", 2)
    place.says("SchedulesValid", "True", "SchedulesFollowed")
    decision = place.get(MODEL, "model")["status"]["decision"]
    assert (decision["desiredReplicas"], decision["boundBy"]) == (2, "Schedule")
    assert "schedule always, open until" in decision["message"]

    place.edit(scaling={"schedules": None})
    place.until(lambda: place.get(MODEL, "model")["status"]["decision"]["boundBy"] == "MinReplicas", "the end of it")
    assert not place.condition("SchedulesValid")


@story
def test_a_schedule_that_never_comes_is_told_and_the_model_serves(place: Place) -> None:
    """The API server cannot tell the 30th of February; the operator can."""
    place.model(scaling={"maxReplicas": 3, "schedules": [ALWAYS | {"start": "0 8 30 2 *"}]})

    said = place.says("SchedulesValid", "False", "ScheduleUnusable")

    assert said.startswith("scaling.schedules[always].start: its day-of-month in '0 8 30 2 *' never comes")
    place.is_ready()
    has_replicas(place, "model-cpu", 1)


@story
def test_a_pool_without_a_price_gets_the_listed_one_with_its_day(place: Place) -> None:
    """The pool's own price goes before it; another currency is never converted."""
    place.pool(L4, L4 | {"name": "own", "pricePerHour": "0.30"}, name="listed")
    place.pool(L4, name="euro", currency="EUR")

    said = pool_says(place, "listed", "PricesKnown", "PriceOld")

    assert "; l4: the list price of NVIDIA-L4 at aws/us-east-1, OnDemand, as of 2025-06-01" in said
    assert "more than 180 days ago: see whether it still holds" in said
    assert "own" not in said
    assert "the operator's price list is in USD" in pool_says(place, "euro", "PricesKnown", "Unpriced")


@story
def test_a_metric_source_that_is_not_there_is_told_by_the_pool_and_by_its_models(place: Place) -> None:
    """With those that there are; replicas stay. A known source that does not answer says so of itself."""
    place.pool(name="wrong", metrics={"sourceRef": {"name": "team-b"}})
    place.model(poolRef={"name": "wrong"})

    said = pool_says(place, "wrong", "MetricSourceKnown", "SourceUnknown")
    assert f"InferencePool {place.namespace}/wrong asks for metric source team-b" in said
    assert "there are team-a." in said
    assert said in place.says("MetricsFresh", "False", "SourceUnknown")
    place.is_ready()

    place.pool(name="wrong", metrics={"sourceRef": {"name": "team-a"}})
    pool_says(place, "wrong", "MetricSourceKnown", "SourceFound")
    assert "127.0.0.1:9" in place.says("MetricsFresh", "False", "Unreachable")
    assert not place.condition("MetricsFresh", "neighbour")
