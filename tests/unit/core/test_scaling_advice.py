"""What a decision leaves to say: the use of one replica more, and what would help better, by example."""

from dataclasses import replace
from decimal import Decimal

import pytest

from fakes.measured import LINEAR, learned, measured, remembered, sample
from fakes.snapshots import deployment, model_spec, pool_found, snapshot
from trimtab.api.aimodel import AIModelSpec
from trimtab.core.scaling.capacity import ServiceTimes
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.decision import Decision
from trimtab.core.scaling.memory import ScalingMemory
from trimtab.core.scaling.observation import Observation

MANY = model_spec(most=1000)


def decided(
    asked: int, observation: Observation, memory: ScalingMemory | None = None, spec: AIModelSpec = MANY
) -> Decision:
    """Return the decision for a model that runs on l4 with so many replicas, all ready."""
    return decide(measured(snapshot(deployment(asked=asked), spec=spec), observation, memory))


def test_the_next_replica_has_its_price_and_its_use() -> None:
    """Bound to one less than needed, one more would bring 99 %."""
    decision = decided(2, sample(400.0), spec=model_spec(most=2))
    enough = decided(3, sample(400.0))

    assert decision.next_replica is not None
    assert enough.next_replica is not None
    assert decision.next_replica.hourly == Decimal("0.80")
    assert decision.next_replica.within_now < 0.99
    assert decision.next_replica.within_then >= 0.99
    assert enough.next_replica.within_now == pytest.approx(decision.next_replica.within_then)


def test_the_first_replica_answers_what_none_answers() -> None:
    """Pinned to none, and a price that nobody wrote."""
    seen = snapshot(deployment(asked=0), spec=model_spec(pin=0), pool=pool_found("l4", {"name": "l4"}))

    following = decide(measured(seen, sample(100.0))).next_replica

    assert following is not None
    assert (following.hourly, following.within_now) == (None, 0.0)
    assert following.within_then >= 0.99


@pytest.mark.parametrize(
    ("changes", "times", "begins"),
    [
        ({}, LINEAR, ""),
        ({"batch_size": 1.0, "batch_time": 0.02}, LINEAR, ""),
        ({"batch_size": 1.0, "batch_time": 0.02, "queue_time": 0.03}, LINEAR, "allow batching"),
        ({"batch_size": 1.0, "batch_time": 0.02, "queue_time": 0.01}, LINEAR, ""),
        ({"batch_size": 2.0, "batch_time": 0.02, "queue_time": 0.03}, LINEAR, ""),
        ({"busiest": 1.6}, LINEAR, "spread requests: the busiest replica has 1.6 times the mean"),
        ({"busiest": 1.4}, LINEAR, ""),
        ({"busiest": 1.6}, ServiceTimes(), "spread requests"),
        ({}, learned((1, 0.1), (1, 0.1)), "raise objectives.latency.target"),
    ],
)
def test_what_would_help_better_is_said(changes: dict[str, float], times: ServiceTimes, begins: str) -> None:
    """Before accelerators are bought."""
    hint = decided(2, replace(sample(100.0), **changes), remembered(times=times)).hint  # type: ignore[arg-type] # numbers

    assert hint.startswith(begins)
    assert bool(hint) == bool(begins)
