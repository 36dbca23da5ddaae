"""What people said about cost and mode, by example."""

import pytest

from fakes.measured import LOST, measured, remembered, sample, watched
from fakes.snapshots import CPU, deployment, model_spec, pool_found, snapshot
from trimtab.api.aimodel import AIModelSpec
from trimtab.core.scaling.actuation import scale_target
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.decision import BoundBy, Decision
from trimtab.core.scaling.observation import Observation
from trimtab.core.scaling.policies import POLICIES
from trimtab.core.snapshot import PoolFound

BUSY = sample(735.0)
"""Five replicas, each 66 % busy."""
FREE = {"name": "l4", "resourceName": "nvidia.com/gpu"}
PRICED_CPU = CPU | {"pricePerHour": "0.10"}


def decided(
    spec: AIModelSpec, asked: int = 2, observation: Observation | None = BUSY, pool: PoolFound | None = None
) -> Decision:
    """Return the decision for a model that has so many replicas."""
    found = pool or pool_found("l4")
    seen = snapshot(deployment(found.variant.name, asked=asked), spec=spec, pool=found)
    return decide(seen if observation is None else measured(seen, observation))


def outcome(decision: Decision) -> tuple[int, BoundBy]:
    """Return the number and what bound it."""
    return decision.replicas, decision.bound_by


def step(decision: Decision, policy: str) -> str:
    """Return what one policy said."""
    (said,) = (each.because for each in decision.trail if each.policy == policy)
    return said


def test_a_status_has_room_for_what_every_policy_says() -> None:
    """The API takes a trail of twelve."""
    assert len(POLICIES) <= 12


def test_a_budget_bounds_what_demand_asks_for() -> None:
    """3.00 per hour pays for three replicas at 0.80; five were wanted."""
    decision = decided(model_spec(most=9, budget="3.00"))

    assert outcome(decision) == (3, BoundBy.BUDGET)
    assert decision.wanted == 5
    assert decision.message.startswith("3 replicas: budget.hourly 3.00 pays for 3 at 0.80 each; it was 5, 735.0 req")


def test_a_budget_that_suffices_moves_nothing() -> None:
    """To the cent."""
    decision = decided(model_spec(most=9, budget="4.00"))

    assert outcome(decision) == (5, BoundBy.OBJECTIVE)
    assert step(decision, "RespectBudget") == "budget.hourly 4.00 pays for 5 at 0.80 each"


def test_a_lower_budget_shrinks_what_runs_also_while_blind() -> None:
    """It is the user's own word, as maxReplicas is."""
    assert outcome(decided(model_spec(most=9, budget="1.60"), asked=7, observation=LOST)) == (2, BoundBy.BUDGET)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (model_spec(least=4, most=9, budget="1.00"), (4, BoundBy.MIN_REPLICAS)),
        (model_spec(pin=6, most=9, budget="1.00"), (6, BoundBy.PIN)),
        (model_spec(most=3, budget="4.00"), (3, BoundBy.MAX_REPLICAS)),
    ],
    ids=["minimum", "pin", "maximum"],
)
def test_a_number_that_somebody_wrote_goes_before_the_budget(spec: AIModelSpec, expected: tuple[int, BoundBy]) -> None:
    """WithinBudget says what that costs."""
    assert outcome(decided(spec)) == expected


def test_without_a_price_a_budget_bounds_nothing_and_says_so() -> None:
    """An unknown price is not zero, nor is it endless."""
    decision = decided(model_spec(most=9, budget="0.01"), pool=pool_found("l4", FREE))

    assert outcome(decision) == (5, BoundBy.OBJECTIVE)
    assert step(decision, "RespectBudget") == "variant l4 has no pricePerHour, so the budget bounds nothing"


def test_a_budget_of_any_size_can_be_divided() -> None:
    """More than any number of replicas costs."""
    assert decided(model_spec(most=9, budget="999999999999999.999999")).replicas == 5


@pytest.mark.parametrize(
    ("spec", "ceiling"),
    [
        (model_spec(most=9), None),
        (model_spec(most=9, budget="0.35"), 3),
        (model_spec(most=2, budget="0.35"), 2),
        (model_spec(least=5, most=9, budget="0.35"), 5),
        (model_spec(most=9, budget="0.35", mode="Advisory"), None),
    ],
    ids=["no budget", "budget", "maximum", "minimum", "advice"],
)
def test_a_budget_bounds_an_autoscaler_that_moves_by_itself_too(spec: AIModelSpec, ceiling: int | None) -> None:
    """Without an accelerator, the decision is a floor; eight replicas are pulled back to what is paid for."""
    pool = pool_found("cpu", PRICED_CPU)
    decision = decided(spec, observation=None, pool=pool)

    assert decision.ceiling == ceiling
    expected = spec.scaling.max_replicas if ceiling is None else ceiling
    target = scale_target(decision, 8, pool.variant, spec.scaling)
    assert target == (None if expected > 8 else expected)


def test_advice_keeps_what_runs_and_says_what_would_be() -> None:
    """Up."""
    decision = decided(model_spec(most=9, mode="Advisory"))

    assert outcome(decision) == (2, BoundBy.MODE)
    assert decision.wanted == 5
    assert decision.message.startswith(
        "2 replicas: scaling.mode Advisory keeps what Deployment fraud-l4 has; "
        "in mode Active it would be 5, 735.0 requests/s expected"
    )


def test_advice_does_not_give_back_either() -> None:
    """Down."""
    seen = snapshot(deployment(asked=8), spec=model_spec(most=9, mode="Advisory", budget="0.80"))

    decision = decide(measured(seen, sample(1.0), remembered(wanted=watched(1))))

    assert outcome(decision) == (8, BoundBy.MODE)
    assert "in mode Active it would be 1, budget.hourly 0.80 pays for 1" in decision.message


def test_advice_that_agrees_says_so() -> None:
    """Nothing would be different."""
    decision = decided(model_spec(most=9, mode="Advisory"), asked=5)

    assert outcome(decision) == (5, BoundBy.OBJECTIVE)
    assert step(decision, "AdviseOnly") == "what is decided is what there is"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (model_spec(most=9, mode="Advisory", pin=4), (4, BoundBy.PIN)),
        (model_spec(least=3, most=9, mode="Advisory"), (3, BoundBy.MODE)),
        (model_spec(most=1, mode="Advisory"), (1, BoundBy.MAX_REPLICAS)),
    ],
    ids=["pin", "minimum", "maximum"],
)
def test_what_a_person_wrote_is_obeyed_in_mode_advisory(spec: AIModelSpec, expected: tuple[int, BoundBy]) -> None:
    """It is the operator's own judgement that is only told."""
    assert outcome(decided(spec)) == expected


def test_a_model_in_mode_advisory_is_born_all_the_same() -> None:
    """With its minimum."""
    decision = decide(measured(snapshot(spec=model_spec(least=2, mode="Advisory")), sample(0.0)))

    assert outcome(decision) == (2, BoundBy.MIN_REPLICAS)
    assert step(decision, "AdviseOnly") == "nothing runs yet"


def test_beside_an_autoscaler_advice_leaves_the_floor_at_the_minimum() -> None:
    """Were what it raised made its floor, it could never come down again."""
    pool = pool_found("cpu", PRICED_CPU)
    decision = decided(model_spec(most=9, mode="Advisory"), asked=6, observation=LOST, pool=pool)

    assert outcome(decision) == (1, BoundBy.MODE)
    assert "leaves all above to the HorizontalPodAutoscaler; in mode Active it would be 6" in decision.message
    assert scale_target(decision, 6, pool.variant, model_spec(most=9).scaling) is None


def test_the_percentile_of_the_objective_sizes() -> None:
    """Half of the requests within the target need fewer replicas than 99 of 100."""
    tight, loose = (
        decided(model_spec(most=99, percentile=percentile), observation=sample(3_000.0), asked=20)
        for percentile in ("P99", "P50")
    )

    assert "at p99" in tight.trail[0].because
    assert "at p50" in loose.trail[0].because
    assert loose.wanted is not None
    assert tight.wanted is not None
    assert loose.wanted < tight.wanted
