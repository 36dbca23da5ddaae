"""What a model says of what was measured: freshness, latency, balance, budget."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from fakes.measured import LOST, measured, sample
from fakes.snapshots import (
    CPU,
    L4,
    SERVICE_OF_MODEL,
    condition,
    deployment,
    message,
    model_spec,
    pod,
    pool_found,
    snapshot,
    status_of,
    told,
)
from trimtab.api.aimodel import AIModelSpec
from trimtab.api.conditions import Reason
from trimtab.api.model_status import AIModelStatus
from trimtab.api.wire import dump
from trimtab.core.health.measured import percent
from trimtab.core.scaling.observation import (
    LatencyDistribution,
    LatencyPoint,
    NoData,
    NoDataReason,
    Observation,
    Sample,
)
from trimtab.core.snapshot import ModelSnapshot, PoolFound, PoolUnusable
from trimtab.units import RequestsPerSecond, Seconds

MEASURED = ("ObjectivesMet", "MetricsFresh", "TrafficBalanced")


def latency(*points: tuple[float, float], resolution: float = 0.0041) -> LatencyDistribution:
    """Return a distribution, by default that of replicas which differ by 4.1 ms."""
    return LatencyDistribution(
        points=tuple(LatencyPoint(quantile=share, latency=Seconds(time)) for share, time in points),
        requests=3_000.0,
        source="PodSummaries",
        resolution=Seconds(resolution),
    )


FAST = latency((0.5, 0.02), (0.9, 0.04), (0.99, 0.0623), (0.999, 0.1))
SLOW = latency((0.5, 0.02), (0.9, 0.06), (0.99, 0.12), (0.999, 0.2))
NEAR = latency((0.5, 0.02), (0.99, 0.0755), (0.999, 0.2))


def seen(
    observation: Observation | None, spec: AIModelSpec | None = None, before: Mapping[str, Any] | None = None
) -> ModelSnapshot:
    """Return a model that serves with two replicas, of which something was measured."""
    world = snapshot(
        deployment(asked=2), SERVICE_OF_MODEL, spec=spec, pods=[pod(ready=True)], written_status=before or {}
    )
    return world if observation is None else measured(world, observation)


def served(told_latency: LatencyDistribution | None = FAST, **facts: Any) -> Sample:  # noqa: ANN401 - fields of Sample
    """Return a sample of 100 requests/s on two replicas."""
    return replace(sample(100.0), **{"latency": told_latency, **facts})


def was(**statuses: str) -> dict[str, Any]:
    """Return a status that says so of some conditions."""
    return {"conditions": [{"type": kind, "status": status} for kind, status in statuses.items()]}


def test_without_a_metric_source_nothing_is_said_of_metrics() -> None:
    """Neither good nor bad."""
    status = status_of(seen(None))

    assert [condition(status, kind) for kind in MEASURED] == [None, None, None]
    assert status.latency is None


def test_a_model_that_keeps_its_promise_says_how_well() -> None:
    """Rounded up to milliseconds, the share rounded down."""
    status = status_of(seen(served(busiest=1.24)))

    assert [told(status, kind) for kind in MEASURED] == [("True", "Met"), ("True", "Fresh"), ("True", "Even")]
    assert message(status, "ObjectivesMet") == "P99 is 63ms, give or take 5ms, of at most 80ms"
    assert message(status, "MetricsFresh") == "2 of 2 replicas tell what they do"
    assert message(status, "TrafficBalanced") == "the busiest of 2 replicas has 1.2 times the mean of requests"
    assert dump(status)["latency"] == {
        "percentile": "P99",
        "observed": "63ms",
        "target": "80ms",
        "withinTargetPercent": "99.6",
        "source": "PodSummaries",
        "resolution": "5ms",
    }


def test_the_objectives_own_percentile_is_shown() -> None:
    """And judged."""
    status = status_of(seen(served(SLOW), model_spec(percentile="P90")))

    assert dump(status)["latency"]["observed"] == "60ms"
    assert told(status, "ObjectivesMet") == ("True", "Met")


def test_a_missed_objective_does_not_lower_ready() -> None:
    """The model answers, if late."""
    status = status_of(seen(served(SLOW)))

    assert told(status, "Ready") == ("True", "Serving")
    assert told(status, "ObjectivesMet") == ("False", "Missed")
    assert message(status, "ObjectivesMet").startswith(
        "P99 is 120ms, give or take 5ms, above 80ms: see status.decision"
    )


def test_a_missed_objective_is_met_again_when_it_is_well_met() -> None:
    """About the target, the condition would else turn with every look."""
    after_a_miss = status_of(seen(served(NEAR), before=was(ObjectivesMet="False")))

    assert told(status_of(seen(served(NEAR), before=was(ObjectivesMet="True"))), "ObjectivesMet") == ("True", "Met")
    assert told(after_a_miss, "ObjectivesMet") == ("False", "Missed")
    assert message(after_a_miss, "ObjectivesMet").endswith("was above 80ms: it counts as met again from 72ms down")
    assert told(status_of(seen(served(FAST), before=was(ObjectivesMet="False"))), "ObjectivesMet") == ("True", "Met")


@pytest.mark.parametrize("reason", NoDataReason)
def test_lost_metrics_are_told_with_their_reason(reason: NoDataReason) -> None:
    """Each of them has its word in the documentation, and no verdict is given meanwhile."""
    status = status_of(seen(NoData(reason, "Prometheus said so")))

    assert told(status, "MetricsFresh") == ("False", reason)
    assert message(status, "MetricsFresh").startswith(
        "Prometheus said so. Until it is known again, no replica is given"
    )
    assert told(status, "ObjectivesMet") == ("Unknown", reason)
    assert condition(status, "TrafficBalanced") is None
    assert status.latency is None
    assert told(status, "Ready") == ("True", "Serving")


@pytest.mark.parametrize(
    ("facts", "reason", "said"),
    [
        ({"age": Seconds(31.0)}, "Stale", "31 s old, 30 s is too old"),
        ({"arrivals": RequestsPerSecond(math.nan)}, "Malformed", "not all numbers"),
    ],
)
def test_a_sample_that_is_not_believed_is_not_fresh(facts: dict[str, Any], reason: str, said: str) -> None:
    """What decides and what is told agree."""
    status = status_of(seen(served(busiest=1.0, **facts)))

    assert told(status, "MetricsFresh") == ("False", reason)
    assert said in message(status, "MetricsFresh")
    assert told(status, "ObjectivesMet") == ("Unknown", reason)
    assert status.latency is None


def test_replicas_that_are_not_measured_are_counted() -> None:
    """Most are: it is fresh."""
    assert message(status_of(seen(served(missing=1))), "MetricsFresh") == "2 of 3 replicas tell what they do"


@pytest.mark.parametrize(
    ("found", "reason", "said"),
    [
        (replace(sample(0.0), latency=None), "NoTraffic", "no request was answered in the last 30 s"),
        (replace(sample(0.0), pending=7.0), "NotMeasured", "7 requests wait, and none was answered in the last 30 s"),
        (served(None), "NotMeasured", "the replicas do not tell P99"),
        (served(latency((0.5, 0.02), (0.9, 0.04))), "NotMeasured", "the replicas do not tell P99"),
        (served(latency((0.5, 0.02), (0.99, math.inf))), "NotMeasured", "the replicas do not tell P99"),
        (served(latency((0.5, 0.02), (0.99, 0.03), resolution=math.nan)), "NotMeasured", "do not tell P99"),
        (served(latency()), "NotMeasured", "do not tell P99"),
    ],
)
def test_what_cannot_be_judged_is_unknown(found: Sample, reason: str, said: str) -> None:
    """No request is no miss, and no hit."""
    status = status_of(seen(found))

    assert told(status, "ObjectivesMet") == ("Unknown", reason)
    assert said in message(status, "ObjectivesMet")
    assert told(status, "MetricsFresh") == ("True", "Fresh")
    assert status.latency is None


def test_uneven_traffic_is_told_with_what_helps() -> None:
    """And is even again when it is well so."""
    uneven = status_of(seen(served(busiest=1.8)))

    assert told(uneven, "TrafficBalanced") == ("False", "Uneven")
    assert "1.8 times the mean of requests: a Service spreads connections" in message(uneven, "TrafficBalanced")
    assert told(status_of(seen(served(busiest=1.45))), "TrafficBalanced") == ("True", "Even")
    again = status_of(seen(served(busiest=1.45), before=was(TrafficBalanced="False")))
    assert told(again, "TrafficBalanced") == ("False", "Uneven")
    assert told(uneven, "Ready") == ("True", "Serving")


@pytest.mark.parametrize(
    "found",
    [
        served(busiest=None),
        served(busiest=9.0, pods=1),
        served(busiest=9.0, completions=RequestsPerSecond(3.3)),
        served(busiest=math.nan),
    ],
    ids=["unknown", "one replica", "99 requests", "no number"],
)
def test_balance_is_not_judged_by_chance(found: Sample) -> None:
    """Too few to tell."""
    assert condition(status_of(seen(found)), "TrafficBalanced") is None


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.0, "0.0"), (0.29, "29.0"), (0.9999, "99.9"), (1.0, "100.0"), (1.5, "100.0"), (-0.1, "0.0"), (math.nan, "0.0")],
)
def test_a_share_is_shown_in_percent_and_never_flattered(share: float, shown: str) -> None:
    """99.99 % is not all."""
    assert percent(share) == shown


def test_a_decision_is_told_with_all_that_it_knows() -> None:
    """Wanted, trail, what one more would bring, and what would help better."""
    queueing = served(SLOW, batch_size=1.0, batch_time=Seconds(0.01), queue_time=Seconds(0.03))
    told_decision = dump(status_of(seen(queueing)))["decision"]

    assert told_decision["wantedReplicas"] == 1
    assert told_decision["hint"].startswith("allow batching (serving.triton.maxBatchSize)")
    assert told_decision["nextReplica"].keys() == {"hourly", "withinTargetPercentNow", "withinTargetPercentThen"}
    assert told_decision["nextReplica"]["hourly"] == "0.80"
    assert [step["policy"] for step in told_decision["trail"]][0::9] == ["MeetObjective", "AdviseOnly"]
    assert told_decision["trail"][-1]["replicas"] == told_decision["desiredReplicas"]


def test_an_unknown_price_of_one_more_is_left_out() -> None:
    """It is not free."""
    world = snapshot(deployment("cpu", asked=2), pool=pool_found("cpu"))
    quiet = replace(measured(world, sample(1.0)).memory, variant="cpu")

    status = status_of(measured(world, sample(1.0), quiet))

    assert status.decision is not None
    assert status.decision.next_replica is not None
    assert status.decision.next_replica.hourly is None


def budget_status(budget: str, pool: PoolFound | PoolUnusable | None = None, **spec: Any) -> AIModelStatus:  # noqa: ANN401 - of model_spec
    """Return the status of two replicas at 0.80 under a budget."""
    return status_of(snapshot(deployment(asked=2), spec=model_spec(budget=budget, **spec), pool=pool))


def test_a_model_within_its_budget_says_so() -> None:
    """To the cent; without a budget nothing is said."""
    status = budget_status("1.60")

    assert told(status, "WithinBudget") == ("True", "WithinBudget")
    assert message(status, "WithinBudget") == "the replicas cost 1.60 of at most 1.60 USD per hour"
    assert condition(status_of(snapshot(deployment(asked=2))), "WithinBudget") is None


def test_a_pin_above_the_budget_is_told() -> None:
    """It is obeyed, and Ready stays what it is."""
    status = budget_status("1.00", pin=2)

    assert told(status, "WithinBudget") == ("False", "OverBudget")
    assert "cost 1.60 of at most 1.00 USD per hour: a pin or scaling.minReplicas" in message(status, "WithinBudget")


@pytest.mark.parametrize("pool", [pool_found("cpu"), pool_found("cpu", CPU, L4)])
def test_a_budget_without_a_price_is_unknown(pool: PoolFound) -> None:
    """Neither kept nor broken."""
    assert told(budget_status("9.00", pool), "WithinBudget") == ("Unknown", "Unpriced")


def test_a_budget_without_prices_of_former_replicas_is_unknown() -> None:
    """They cost, and nobody knows what."""
    assert told(budget_status("9.00", pool_found("h100", CPU, {**L4, "name": "h100"})), "WithinBudget")[0] == "Unknown"


def test_a_budget_without_a_pool_is_unknown() -> None:
    """With the pool's own reason."""
    status = budget_status("9.00", PoolUnusable(Reason.POOL_NOT_FOUND, "it is not there"))

    assert told(status, "WithinBudget") == ("Unknown", "PoolNotFound")


def test_lost_metrics_keep_what_runs() -> None:
    """The condition says why nothing moves."""
    status = status_of(seen(LOST))

    assert status.decision is not None
    assert (status.decision.desired_replicas, status.decision.bound_by) == (2, "MetricsLost")
    assert status.decision.wanted_replicas is None
