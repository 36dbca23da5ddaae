"""The policies, in the order in which they have their say.

Each takes the proposal so far and returns it, moved or not, with one step that names the policy.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from trimtab.api.aimodel import AIModelSpec
from trimtab.api.inferencepool import Variant
from trimtab.core.live import LiveDeployment, of_variant
from trimtab.core.scaling.decision import BoundBy, Step
from trimtab.units import Replicas


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a policy may look at: the spec, the variant to run on, and the Deployments that there are."""

    spec: AIModelSpec
    variant: Variant
    deployments: tuple[LiveDeployment, ...]


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """The replicas proposed so far, by whom they are bound, and why."""

    replicas: Replicas
    bound_by: BoundBy
    because: str
    trail: tuple[Step, ...] = ()

    def moved(self, policy: str, replicas: int, bound_by: BoundBy, because: str) -> "Proposal":
        """Return the proposal as a policy wants it."""
        step = Step(policy=policy, replicas=Replicas(replicas), because=because)
        return Proposal(replicas=step.replicas, bound_by=bound_by, because=because, trail=(*self.trail, step))

    def left(self, policy: str, because: str) -> "Proposal":
        """Return the proposal with the word of a policy that has nothing against it."""
        return replace(self, trail=(*self.trail, Step(policy=policy, replicas=self.replicas, because=because)))


Policy = Callable[[Given, Proposal], Proposal]


def hold_what_runs(given: Given, proposal: Proposal) -> Proposal:
    """Keep the replicas that run where nothing is measured: blind, a model is never made smaller.

    Without an accelerator an autoscaler measures the processor by itself, and the proposal is only its lower bound. On
    another variant than before, a model starts with what it had, measured or not.
    """
    name = "HoldWhatRuns"
    present = of_variant(given.deployments, given.variant.name)
    measured = given.variant.resource_name is None and given.spec.scaling.autoscaler != "None"
    if present is not None and measured:
        return proposal.left(name, "the HorizontalPodAutoscaler measures, and moves the replicas above this number")
    known = given.deployments if present is None else (present,)
    running = max(known, key=_replicas, default=None)
    if running is None:
        return proposal.left(name, "nothing runs yet")
    because = f"nothing is measured, so what Deployment {running.name} has is kept"
    return proposal.moved(name, _replicas(running), BoundBy.HELD, because)


def obey_pin(given: Given, proposal: Proposal) -> Proposal:
    """Take exactly the number that a person asked for, zero included."""
    if given.spec.replicas is None:
        return proposal.left("ObeyPin", "spec.replicas is not set")
    return proposal.moved("ObeyPin", given.spec.replicas, BoundBy.PIN, "pinned by spec.replicas")


def stay_in_bounds(given: Given, proposal: Proposal) -> Proposal:
    """Stay at or below `maxReplicas`, pinned or not, and at or above `minReplicas` unless pinned."""
    scaling = given.spec.scaling
    if proposal.replicas > scaling.max_replicas:
        because = f"scaling.maxReplicas allows no more; it was {proposal.replicas}, {proposal.because}"
        return proposal.moved("StayInBounds", scaling.max_replicas, BoundBy.MAX_REPLICAS, because)
    least = min(scaling.min_replicas, scaling.max_replicas)  # an object of before the rule may have them crossed
    if proposal.replicas < least and given.spec.replicas is None:
        because = f"scaling.minReplicas allows no fewer; it was {proposal.replicas}, {proposal.because}"
        return proposal.moved("StayInBounds", least, BoundBy.MIN_REPLICAS, because)
    return proposal.left("StayInBounds", "within scaling.minReplicas and scaling.maxReplicas, or pinned")


POLICIES: tuple[Policy, ...] = (hold_what_runs, obey_pin, stay_in_bounds)
"""The last word has the user's own bound."""


def _replicas(deployment: LiveDeployment) -> Replicas:
    return deployment.exists if deployment.asked is None else deployment.asked
