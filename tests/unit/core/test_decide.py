"""How many replicas, by example; the laws are in tests/property/test_core_scaling.py."""

import pytest

from fakes.snapshots import CPU, H100, L4, deployment, model_spec, pool_found, snapshot
from trimtab.api.aimodel import ScalingSpec
from trimtab.api.conditions import Reason
from trimtab.api.inferencepool import Variant
from trimtab.core.scaling.actuation import scale_target
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.decision import BoundBy, Decision
from trimtab.core.snapshot import PoolUnusable
from trimtab.units import Replicas


def test_a_model_is_born_with_its_minimum() -> None:
    """Nothing runs and nothing is measured: the least that the user asked for."""
    decision = decide(snapshot(spec=model_spec(least=2)))

    assert (decision.replicas, decision.bound_by, decision.pinned) == (2, BoundBy.MIN_REPLICAS, False)
    assert decision.message == "2 replicas: scaling.minReplicas"


def test_an_accelerator_variant_holds_what_it_has() -> None:
    """Without measurements there is no reason to move, least of all down."""
    decision = decide(snapshot(deployment(asked=4), spec=model_spec()))

    assert (decision.replicas, decision.bound_by) == (4, BoundBy.HELD)
    assert decision.message == "4 replicas: nothing is measured, so what Deployment fraud-l4 has is kept"


def test_a_lower_maximum_shrinks_what_runs() -> None:
    """The user's word goes before holding."""
    decision = decide(snapshot(deployment(asked=4), spec=model_spec(most=3)))

    assert (decision.replicas, decision.bound_by) == (3, BoundBy.MAX_REPLICAS)
    assert "it was 4" in decision.message


def test_a_higher_minimum_raises_what_runs() -> None:
    """Also after a pin to 0 was taken away."""
    decision = decide(snapshot(deployment(asked=0), spec=model_spec(least=2)))

    assert (decision.replicas, decision.bound_by) == (2, BoundBy.MIN_REPLICAS)


@pytest.mark.parametrize(
    ("pin", "replicas", "bound_by"), [(0, 0, BoundBy.PIN), (1, 1, BoundBy.PIN), (5, 5, BoundBy.PIN)]
)
def test_a_pin_is_taken_exactly(pin: int, replicas: int, bound_by: BoundBy) -> None:
    """Below the minimum too, and zero."""
    decision = decide(snapshot(deployment(asked=3), spec=model_spec(least=2, pin=pin)))

    assert (decision.replicas, decision.bound_by, decision.pinned) == (replicas, bound_by, True)


def test_a_pin_above_the_maximum_is_clamped_and_stays_a_pin() -> None:
    """`maxReplicas` is what the user may spend."""
    decision = decide(snapshot(spec=model_spec(most=5, pin=9)))

    assert (decision.replicas, decision.bound_by, decision.pinned) == (5, BoundBy.MAX_REPLICAS, True)
    assert decision.message == "5 replicas: scaling.maxReplicas allows no more; it was 9, pinned by spec.replicas"


def test_without_accelerator_the_decision_is_the_autoscalers_lower_bound() -> None:
    """The autoscaler measures the processor by itself and moves between the bounds."""
    decision = decide(snapshot(deployment("cpu", asked=4), spec=model_spec(variant="cpu"), pool=pool_found("cpu")))

    assert (decision.replicas, decision.bound_by) == (1, BoundBy.MIN_REPLICAS)


def test_without_accelerator_and_without_autoscaler_nobody_measures_so_it_is_held() -> None:
    """`autoscaler: None` leaves nobody who could raise it again."""
    spec = model_spec(variant="cpu", autoscaler="None")

    decision = decide(snapshot(deployment("cpu", asked=4), spec=spec, pool=pool_found("cpu")))

    assert (decision.replicas, decision.bound_by) == (4, BoundBy.HELD)


@pytest.mark.parametrize("variant", ["h100", "cpu"])
def test_on_another_variant_a_model_starts_with_what_it_had(variant: str) -> None:
    """Else a change of variant would be a fall to the minimum under full load."""
    seen = snapshot(deployment("l4", asked=4), spec=model_spec(variant=variant), pool=pool_found(variant))

    decision = decide(seen)

    assert (decision.replicas, decision.bound_by) == (4, BoundBy.HELD)


def test_once_the_new_variant_runs_its_own_number_counts() -> None:
    """The former Deployment is on its way out."""
    seen = snapshot(deployment("l4", asked=4), deployment("h100", asked=2), pool=pool_found("h100"))

    assert decide(seen).replicas == 2


def test_a_scale_that_cannot_be_read_is_taken_from_the_pods_that_exist() -> None:
    """Somebody may have written nonsense; what runs is not made smaller for it."""
    assert decide(snapshot(deployment(asked="many", exists=3))).replicas == 3


def test_crossed_bounds_of_before_the_rule_end_at_the_maximum() -> None:
    """`maxReplicas` is never exceeded, whatever else was stored."""
    decision = decide(snapshot(spec=model_spec(least=4, most=2)))

    assert (decision.replicas, decision.bound_by) == (2, BoundBy.MAX_REPLICAS)


def test_every_policy_has_its_say_in_the_trail() -> None:
    """A policy names itself and its reason whether it moved the number or not."""
    decision = decide(snapshot(deployment(asked=4), spec=model_spec(pin=9)))

    assert [(step.policy, step.replicas) for step in decision.trail] == [
        ("MeetObjective", 1),
        ("FollowReadings", 1),
        ("HoldWhileBlind", 4),
        ("Stabilise", 4),
        ("LimitRate", 4),
        ("RespectBudget", 4),
        ("FollowSchedule", 4),
        ("ObeyPin", 9),
        ("StayInBounds", 5),
        ("AdviseOnly", 5),
    ]
    assert all(step.because for step in decision.trail)


def test_there_is_no_decision_without_a_pool() -> None:
    """The variant is part of the question."""
    with pytest.raises(TypeError, match="payments/fraud has no usable pool"):
        decide(snapshot(pool=PoolUnusable(Reason.POOL_NOT_FOUND, "it is not there")))


def decision_of(replicas: int, *, pinned: bool = False) -> Decision:
    """Return a decision."""
    return Decision(replicas=Replicas(replicas), bound_by=BoundBy.HELD, message="", pinned=pinned, trail=())


@pytest.mark.parametrize(
    ("variant", "pinned", "autoscaler", "live", "target"),
    [
        (L4, False, "HorizontalPodAutoscaler", 2, 3),
        (L4, False, "HorizontalPodAutoscaler", 3, None),
        (H100, False, "HorizontalPodAutoscaler", 4, 3),
        (CPU, False, "HorizontalPodAutoscaler", 4, None),
        (CPU, False, "HorizontalPodAutoscaler", 2, 3),
        (CPU, False, "HorizontalPodAutoscaler", 9, 5),
        (CPU, True, "HorizontalPodAutoscaler", 4, 3),
        (CPU, False, "None", 4, 3),
        (L4, False, "HorizontalPodAutoscaler", None, 3),
        (L4, False, "HorizontalPodAutoscaler", True, 3),
    ],
)
def test_the_scale_is_set_where_nobody_else_may_move_it(
    variant: dict[str, object], *, pinned: bool, autoscaler: str, live: object, target: int | None
) -> None:
    """A decision of 3 under a maximum of 5: above it the autoscaler of a processor variant is left alone."""
    scaling = ScalingSpec.model_validate({"maxReplicas": 5, "autoscaler": autoscaler})

    assert scale_target(decision_of(3, pinned=pinned), live, Variant.model_validate(variant), scaling) == target
