"""What the policies hand from one to the next, and what they may look at."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

from trimtab.api.aimodel import AIModelSpec
from trimtab.api.inferencepool import Variant
from trimtab.core.live import LiveDeployment, of_variant
from trimtab.core.scaling.decision import BoundBy, Step
from trimtab.core.scaling.memory import LONGEST_HOLD, ScalingMemory
from trimtab.core.scaling.observation import NoData, Observation, Sample
from trimtab.core.scaling.readings import Reading
from trimtab.core.scaling.sizing import Sizing
from trimtab.core.scaling.windows import Bounds, bounds_at
from trimtab.units import Replicas, Seconds

UNKNOWN_COLD_START = Seconds(60.0)
"""Until one was seen: an image that is there, and a model of a few GB."""
EPOCH = Seconds(0.0)
SHORTEST_HOLD = Seconds(60.0)
TICK = Seconds(5.0)
"""How long a change may wait until it is looked at: a scrape interval."""
INFORMED = 60.0
"""Points of the past, five minutes of them, from which on what was learned of demand is trusted to give back early."""
MOST_AGE = Seconds(30.0)
"""Six scrapes: whoever measures should have said long before that nothing is known."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a policy may look at: the spec, the variant to run on, the Deployments that there are, what was measured.

    `observation` is None where nobody measures, `sizing` where demand or capacity is not known. `reading` is what pods
    said directly, `by_reading` what would be needed by it; None where there is none. `now` is seconds since the epoch,
    `cold_start` how long a replica takes to answer.
    """

    spec: AIModelSpec
    variant: Variant
    deployments: tuple[LiveDeployment, ...]
    observation: Observation | None = None
    sizing: Sizing | None = None
    reading: Reading | None = None
    by_reading: Sizing | None = None
    memory: ScalingMemory = field(default_factory=ScalingMemory)
    now: Seconds = EPOCH
    cold_start: Seconds = UNKNOWN_COLD_START

    @property
    def present(self) -> LiveDeployment | None:
        """The Deployment of the variant."""
        return of_variant(self.deployments, self.variant.name)

    @property
    def running(self) -> LiveDeployment | None:
        """The Deployment whose replicas count: on another variant than before, a model starts with what it had."""
        known = self.deployments if self.present is None else (self.present,)
        return max(known, key=replicas_of, default=None)

    @property
    def by_processor(self) -> bool:
        """Whether an autoscaler measures the processor, and moves the replicas above what is decided by itself."""
        return self.variant.resource_name is None and self.spec.scaling.autoscaler == "HorizontalPodAutoscaler"

    @cached_property
    def scheduled(self) -> Bounds:
        """The bounds that the user gives for now, with the windows that have set them."""
        return bounds_at(self.spec.scaling, self.now, self.cold_start)

    @property
    def bounds(self) -> tuple[int, int]:
        """The fewest and the most replicas that the user allows now."""
        scheduled = self.scheduled
        return scheduled.least, scheduled.most

    @property
    def start(self) -> Seconds:
        """How long it takes from now until a replica more would answer: the change is seen late, and acted on."""
        age = self.observation.age if isinstance(self.observation, Sample) else 0.0
        return Seconds(self.cold_start + TICK + age)

    @property
    def hold(self) -> Seconds:
        """How long fewer replicas have to be enough before any is given back.

        While little is known of demand, as long as it would take to get them twice; then `Sizing.kept` says what is
        likely to be needed again, and a minute is enough against noise.
        """
        if self.memory.demand.informed(INFORMED):
            return SHORTEST_HOLD
        return Seconds(min(LONGEST_HOLD, max(SHORTEST_HOLD, 2.0 * self.cold_start)))

    @property
    def blindness(self) -> str:
        """Why demand is not known now; empty where it is."""
        if self.observation is None:
            return "nothing is measured"
        if isinstance(self.observation, NoData):
            return f"nothing is measured ({self.observation.reason}: {self.observation.message})"
        if self.observation.age > MOST_AGE:
            return f"what was measured is {self.observation.age:.0f} s old"
        return ""


def replicas_of(deployment: LiveDeployment) -> Replicas:
    """Return what a Deployment is asked for; where that cannot be read, the pods that exist."""
    return deployment.exists if deployment.asked is None else deployment.asked


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
