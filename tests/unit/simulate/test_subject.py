"""What is simulated of a model: its times, its setting, and specs that are edited."""

import json
from typing import Any

import pytest

from fakes.snapshots import model_spec, pool_found
from trimtab.api.aimodel import parse_spec
from trimtab.core.scaling.capacity import ServiceTimes
from trimtab.core.scaling.memory import ScalingMemory, to_json
from trimtab.simulate.subject import (
    BatchTimes,
    SubjectError,
    edited,
    guessed_times,
    learned_times,
    parse_times,
    setting_of,
)
from trimtab.units import Seconds

MINUTE = Seconds(60.0)


def times(base: float, per_item: float = 0.0) -> BatchTimes:
    """Return times that somebody gave."""
    return BatchTimes(base=Seconds(base), per_item=Seconds(per_item), source="a test")


@pytest.mark.parametrize(
    ("text", "base", "per_item"),
    [("200ms", 0.2, 0.0), ("200ms+10ms*b", 0.2, 0.01), ("1.5s + 250us*b", 1.5, 0.00025), ("0ms+1ms*b", 0.0, 0.001)],
)
def test_times_are_read_as_they_are_written(text: str, base: float, per_item: float) -> None:
    """A base, and what each request of a batch adds; in us, ms or s."""
    found = parse_times(text)

    assert (found.base, found.per_item) == pytest.approx((base, per_item))


@pytest.mark.parametrize("text", ["", "fast", "200", "-5ms", "200ms*b", "1m", "nan", "0ms", "200ms+10ms", "1e3ms"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    """The message shows what to write."""
    with pytest.raises(SubjectError, match=r"--service"):
        parse_times(text)


def test_a_guess_leaves_five_sixths_of_the_objective_to_the_queue() -> None:
    """80 ms: a batch of one takes 13.3 ms, and the output says that it is a guess."""
    guess = guessed_times(model_spec())

    assert guess.base + guess.per_item == pytest.approx(0.080 / 6.0)
    assert "guess" in guess.source


def stored(model: str, memory: str) -> str:
    """Return a list of ConfigMaps as kubectl prints it."""
    entry = json.dumps({"model": model, "memory": memory})
    return json.dumps({"items": [{"data": None}, {"data": {"a": "no JSON", "b": "[]", "c": entry}}]})


def test_what_the_operator_learned_is_found_among_all_models() -> None:
    """A fit of two batch sizes, 20 ms and 30 ms for one and two requests, out of ConfigMaps with other entries."""
    learned = ServiceTimes()
    for size, time in ((1.0, 0.02), (2.0, 0.03), (4.0, 0.05)):
        learned = learned.learned(size, Seconds(time), since=Seconds(0.0))
    memory = to_json(ScalingMemory(variant="l4", times=learned, learned_at=1_000))

    found = learned_times(stored("shop/fraud", memory), "shop/fraud", "file")

    assert (found.base, found.per_item) == pytest.approx((0.01, 0.01), rel=0.01)


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}", stored("shop/other", "{}"), stored("shop/fraud", "{}")])
def test_where_nothing_was_learned_the_message_says_what_to_fetch(text: str) -> None:
    """No file content ends in a traceback."""
    with pytest.raises(SubjectError, match=r"kubectl .* get configmaps"):
        learned_times(text, "shop/fraud", "file")


def test_a_setting_takes_everything_from_the_spec() -> None:
    """Objective, bounds, price, and batches that the objective has room for."""
    spec = parse_spec(
        edited(
            {"spec": model_spec(least=2, most=9).model_dump(by_alias=True, exclude_none=True, mode="json")},
            {"serving.triton": "{maxBatchSize: 16, instancesPerReplica: 2}"},
        )
    )

    found = setting_of(spec, pool_found(), times(0.02, 0.005), MINUTE)

    assert (found.min_replicas, found.max_replicas, found.price) == (2, 9, 0.8)
    assert (found.target, found.percentile, found.cold_start.mean) == (0.08, 0.99, 60.0)
    assert (found.service.instances, found.service.max_batch) == (2, 12)


def test_a_budget_bounds_everybody() -> None:
    """2.00 per hour pay for two replicas at 0.80; minReplicas goes before it."""
    assert setting_of(model_spec(budget="2.00"), pool_found(), times(0.01), MINUTE).max_replicas == 2
    assert setting_of(model_spec(least=4, budget="2.00"), pool_found(), times(0.01), MINUTE).max_replicas == 4


def test_an_objective_that_no_replica_keeps_is_refused() -> None:
    """A request that takes longer than the target alone needs another model, not more replicas."""
    with pytest.raises(SubjectError, match=r"--service"):
        setting_of(model_spec(), pool_found(), times(0.1), MINUTE)


def test_bounds_that_are_crossed_are_refused() -> None:
    """The API server would refuse them too."""
    with pytest.raises(SubjectError, match=r"minReplicas 6 exceeds scaling.maxReplicas 5"):
        setting_of(model_spec(least=6, most=5), pool_found(), times(0.01), MINUTE)


def test_an_edit_changes_one_field_and_leaves_the_original_alone() -> None:
    """Values are YAML; null removes; parents that are missing are made."""
    manifest: dict[str, Any] = {"kind": "AIModel", "spec": {"replicas": 2, "scaling": {"maxReplicas": 5}}}

    found = edited(manifest, {"scaling.maxReplicas": "20", "replicas": "null", "budget.hourly": "'9.00'"})

    assert found["spec"] == {"scaling": {"maxReplicas": 20}, "budget": {"hourly": "9.00"}}
    assert manifest["spec"] == {"replicas": 2, "scaling": {"maxReplicas": 5}}


@pytest.mark.parametrize(("path", "value"), [("replicas.most", "5"), ("replicas", "[")])
def test_an_edit_that_leads_nowhere_says_so(path: str, value: str) -> None:
    """A path through a number, and a value that is no YAML."""
    with pytest.raises(SubjectError, match=f"--what-if {path}"):
        edited({"spec": {"replicas": 2}}, {path: value})
