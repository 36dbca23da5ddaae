"""The law against a queue that answers as it says: decisions, what they lead to, and the price that follows."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from fakes.measured import LINEAR, measured, past_of, remembered, timed
from fakes.snapshots import deployment, model_spec, snapshot
from trimtab.api.aimodel import AIModelSpec
from trimtab.api.shared import Percentile
from trimtab.core.scaling.capacity import SHARES, capacity_of, promise_of
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.forecast import STEP, DemandMemory
from trimtab.core.scaling.memory import from_json, to_json
from trimtab.core.scaling.observation import LatencyPoint
from trimtab.core.scaling.price import FIRST, Price
from trimtab.core.scaling.remember import remember
from trimtab.units import Seconds


def batching(percentile: Percentile) -> AIModelSpec:
    """Return the spec of a model in batches of up to eight, fresh requests first."""
    written = model_spec(most=100, percentile=percentile).model_dump(by_alias=True, exclude_none=True)
    written["serving"]["triton"]["maxBatchSize"] = 8
    return AIModelSpec.model_validate(written)


def followed(rates: list[float], spec: AIModelSpec) -> list[tuple[int, float]]:
    """Return replicas and the share of late requests, a step apart; replicas start at once, and nothing is known."""
    capacity = capacity_of(LINEAR, promise_of(spec))
    memory, asked = replace(remembered(), demand=DemandMemory(), price=Price(log=FIRST)), 2
    course: list[tuple[int, float]] = []
    for at, rate in enumerate(rates):
        late = min(1.0, capacity.lateness.at(rate / capacity.most / asked))
        told = timed(rate)
        assert told.latency is not None
        points = (LatencyPoint(quantile=1.0 - late, latency=Seconds(0.08)),)
        told = replace(
            told, latency=replace(told.latency, points=points), history=past_of(rates[max(0, at - 180) : at + 1])
        )
        seen = measured(snapshot(deployment(asked=asked), spec=spec), told, memory)
        seen = replace(seen, now=seen.now + timedelta(seconds=STEP * at))
        decision = decide(seen)
        memory, asked = from_json(to_json(remember(seen, decision))), decision.replicas
        course.append((asked, late))
    return course


@pytest.mark.parametrize("percentile", ["P50", "P90", "P99"])
def test_steady_demand_settles_within_its_objective(percentile: Percentile) -> None:
    """An hour: in its second half at most one more move, and never more late than may be."""
    course = followed([1_500.0] * 720, batching(percentile))

    settled = course[360:]
    moves = sum(one != other for (one, _), (other, _) in itertools.pairwise(settled))
    assert moves <= 1
    assert max(late for _, late in settled) <= 1.0 - SHARES[percentile]


@pytest.mark.parametrize("percentile", ["P50", "P90", "P99"])
def test_demand_that_doubles_is_followed_within_a_minute(percentile: Percentile) -> None:
    """However cheap a late request has become in the hour before."""
    course = followed([1_500.0] * 720 + [3_000.0] * 12, batching(percentile))

    assert course[-1][1] <= 1.0 - SHARES[percentile] + 0.05
    assert course[-1][0] >= 1.5 * course[719][0]


def test_first_come_first_served_is_planned_as_such() -> None:
    """No policy is taken for granted that Triton does not have: one replica is held to serve less."""
    fresh = batching("P99")
    triton = fresh.serving.triton.model_copy(update={"queue_policy": "FirstComeFirstServed"})
    plain = fresh.model_copy(update={"serving": fresh.serving.model_copy(update={"triton": triton})})

    assert promise_of(fresh).fresh_first
    assert not promise_of(plain).fresh_first
    assert capacity_of(LINEAR, promise_of(plain)).rate < capacity_of(LINEAR, promise_of(fresh)).rate
