"""Laws of deciding. `tests/unit/core/test_decide.py` has the examples."""

from hypothesis import given, strategies as st

from fakes.snapshots import CPU, H100, L4, deployment, model_spec, pool_found, snapshot
from trimtab.api.aimodel import AIModelSpec
from trimtab.api.kinds import Manifest
from trimtab.core.live import live_deployments
from trimtab.core.rollout import removable
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.decision import BoundBy
from trimtab.core.scaling.policies import POLICIES
from trimtab.core.scaling.proposal import Given, Proposal
from trimtab.core.snapshot import ChildKey, ModelSnapshot
from trimtab.units import Replicas

NAMES = ("l4", "h100", "cpu")
replicas = st.integers(0, 1000)


@st.composite
def specs(draw: st.DrawFn, pin: st.SearchStrategy[int | None] | None = None) -> AIModelSpec:
    """Return a spec with bounds, on any variant."""
    least, most = sorted(draw(st.tuples(st.integers(1, 1000), st.integers(1, 1000))))
    return model_spec(
        least=least,
        most=most,
        pin=draw(st.none() | replicas if pin is None else pin),
        autoscaler=draw(st.sampled_from(["HorizontalPodAutoscaler", "None"])),
    )


@st.composite
def deployments(draw: st.DrawFn) -> tuple[Manifest, ...]:
    """Return Deployments of some of the variants, with any numbers."""
    names = draw(st.sets(st.sampled_from(NAMES)))
    return tuple(
        deployment(name, asked=draw(replicas), exists=draw(replicas), ready=draw(replicas)) for name in sorted(names)
    )


@st.composite
def snapshots(draw: st.DrawFn, spec: st.SearchStrategy[AIModelSpec] | None = None) -> ModelSnapshot:
    """Return a snapshot of a model that may use its pool."""
    pool = pool_found(draw(st.sampled_from(NAMES)), L4, H100, CPU)
    return snapshot(*draw(deployments()), spec=draw(specs() if spec is None else spec), pool=pool)


@given(snapshots())
def test_a_decision_lies_within_the_bounds_unless_it_is_pinned(seen: ModelSnapshot) -> None:
    """Above the maximum never, below the minimum by a pin alone."""
    decision, scaling = decide(seen), seen.spec.scaling

    assert 0 <= decision.replicas <= scaling.max_replicas
    assert decision.pinned or decision.replicas >= scaling.min_replicas


@given(snapshots())
def test_the_last_step_of_the_trail_is_the_decision(seen: ModelSnapshot) -> None:
    """Each policy leaves one step, in the order in which they stand, and nothing happens behind the last."""
    decision = decide(seen)

    assert len(decision.trail) == len(POLICIES)
    assert decision.trail[-1].replicas == decision.replicas
    assert decision.message.startswith(f"{decision.replicas} replica")


@given(snapshots(), replicas, st.sampled_from(BoundBy))
def test_every_policy_adds_one_step_with_its_name_and_its_proposal(
    seen: ModelSnapshot, proposed: int, bound_by: BoundBy
) -> None:
    """The law that a new policy has to obey before anything else."""
    proposal = Proposal(replicas=Replicas(proposed), bound_by=bound_by, because="so it was proposed")
    pool = seen.pool
    known = Given(spec=seen.spec, variant=pool.variant, deployments=live_deployments(seen))  # type: ignore[union-attr] # found

    for policy in POLICIES:
        made = policy(known, proposal)

        assert made.trail[:-1] == proposal.trail
        assert made.trail[-1].replicas == made.replicas
        assert made.trail[-1].policy == policy.__name__.title().replace("_", "")
        assert made.trail[-1].because


@given(snapshots(specs(pin=replicas)))
def test_a_pin_is_taken_exactly_below_the_maximum(seen: ModelSnapshot) -> None:
    """A person's number goes before everything but what they may spend."""
    assert seen.spec.replicas is not None
    decision = decide(seen)

    assert decision.replicas == min(seen.spec.replicas, seen.spec.scaling.max_replicas)
    assert decision.pinned


@given(specs(pin=st.none()), replicas)
def test_an_unpinned_accelerator_variant_never_shrinks_unless_the_maximum_says_so(spec: AIModelSpec, live: int) -> None:
    """Blind, it is held or raised."""
    decision = decide(snapshot(deployment("l4", asked=live), spec=spec))

    assert decision.replicas >= min(live, spec.scaling.max_replicas)


@given(specs(), replicas, replicas)
def test_a_decision_rises_with_what_runs(spec: AIModelSpec, one: int, other: int) -> None:
    """More running never leads to fewer decided."""
    fewer, more = (decide(snapshot(deployment(asked=live), spec=spec)).replicas for live in sorted((one, other)))

    assert fewer <= more


@given(specs(pin=st.none()), replicas)
def test_a_decision_once_taken_is_taken_again(spec: AIModelSpec, live: int) -> None:
    """What was decided and set is held: no two numbers in turns."""
    first = decide(snapshot(deployment(asked=live), spec=spec)).replicas

    assert decide(snapshot(deployment(asked=first), spec=spec)).replicas == first


@given(snapshots(), st.booleans())
def test_changing_the_variant_never_takes_away_the_last_replica_that_answers(
    seen: ModelSnapshot,
    wanted_is_rendered: bool,  # noqa: FBT001 - Hypothesis passes it
) -> None:
    """After the removal at least one replica answers, if one did before and the wanted number is not zero."""
    variant = seen.pool.variant.name  # type: ignore[union-attr] # found
    wanted = frozenset({ChildKey("Deployment", f"fraud-{variant}")} if wanted_is_rendered else set())
    before = live_deployments(seen)
    gone = {key.name for key in removable(seen, wanted)}
    after = [each for each in before if each.name not in gone]
    target = next((each for each in before if each.variant == variant), None)

    asked_for_none = target is not None and (target.asked == 0 or target.name in gone)
    if any(each.ready for each in before) and not asked_for_none:
        assert any(each.ready for each in after)
