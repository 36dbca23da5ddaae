"""How the replicas of one model stand, gathered from its Deployments and pods: what every condition is drawn from."""

from dataclasses import dataclass, replace
from functools import cached_property

from trimtab.api.annotations import PAUSED_ANNOTATION
from trimtab.api.conditions import Reason
from trimtab.api.kinds import SERVICE
from trimtab.core.health.containers import Failure
from trimtab.core.health.pods import Replica, Stage, of_present_template, replicas_of
from trimtab.core.live import LiveDeployment, live_deployments, of_variant
from trimtab.core.scaling.decision import Decision
from trimtab.core.snapshot import ModelSnapshot, PoolFound
from trimtab.units import Replicas


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What the shell met while it worked on a model; with `needs_change` somebody has to change something first."""

    reason: Reason
    message: str
    needs_change: bool


@dataclass(frozen=True)
class Standing:
    """One model's replicas: those there are on any variant, and those that shall be on the wanted one."""

    snapshot: ModelSnapshot
    decision: Decision | None

    @cached_property
    def deployments(self) -> tuple[LiveDeployment, ...]:
        """Every Deployment of the model."""
        return live_deployments(self.snapshot)

    @cached_property
    def variant(self) -> str | None:
        """The variant to run on; without a usable pool the one where most replicas answer, None if there is none."""
        if isinstance(self.snapshot.pool, PoolFound):
            return self.snapshot.pool.variant.name
        return max(self.deployments, key=lambda each: each.ready).variant if self.deployments else None

    @cached_property
    def target(self) -> LiveDeployment | None:
        """The Deployment on that variant."""
        return of_variant(self.deployments, self.variant or "")

    @cached_property
    def desired(self) -> Replicas:
        """How many replicas shall answer: what was decided, or more where an autoscaler has asked for more."""
        asked = Replicas(0) if self.target is None else self.target.asked or Replicas(0)
        if self.decision is None:
            return asked
        return self.decision.replicas if self.decision.pinned else max(asked, self.decision.replicas)

    @property
    def exists(self) -> int:
        """Pods that there are, on any variant."""
        return sum(each.exists for each in self.deployments)

    @property
    def ready(self) -> int:
        """Pods that answer, on any variant."""
        return sum(each.ready for each in self.deployments)

    @cached_property
    def replicas(self) -> tuple[Replica, ...]:
        """The pods on the wanted variant."""
        return replicas_of(self.snapshot.pods, self.variant or "")

    @cached_property
    def present(self) -> tuple[Replica, ...]:
        """Those of them that run what is asked for now."""
        return of_present_template(self.replicas)

    @cached_property
    def failure(self) -> Failure | None:
        """Why replicas of the present template do not start, None if none failed.

        A pod that ended counts while none works and no other says why: it may lie about for weeks.
        """
        failed = [each for each in self.present if each.failure]
        live = [each for each in failed if each.stage is not Stage.ENDED]
        told = live or ([] if self.works else failed)
        failure = min((each.failure for each in told if each.failure), key=lambda each: each.rank, default=None)
        return failure if failure is None else self._with_warm_up(failure)

    def _with_warm_up(self, failure: Failure) -> Failure:
        """Name the warm-up where it may be why a model does not load: Triton 2.51 crashes over it without a word."""
        asked = self.snapshot.spec.serving.triton.warm_up
        if asked == "None" or failure.reason != Reason.MODEL_LOAD_FAILED:
            return failure
        hint = (
            f"serving.triton.warmUp is {asked}, and Triton may end without a word if the model cannot answer that: "
            "set it to None to find out"
        )
        return replace(failure, message=f"{failure.message}; {hint}")

    @property
    def works(self) -> bool:
        """Whether a replica of the present template is ready: then the template is good, whatever befalls another."""
        return any(each.stage is Stage.READY for each in self.present)

    @property
    def serves_present(self) -> bool:
        """Whether a replica of the present template answers, by its pods or, where those are told later, by numbers."""
        target = self.target
        if target is None or not target.observed or target.updated == 0:
            return False
        return self.works or (target.ready > 0 and target.updated == target.exists)

    @property
    def settled(self) -> bool:
        """Whether there is nothing left to do but to serve."""
        target = self.target
        return (
            target is not None
            and len(self.deployments) == 1
            and target.observed
            and target.asked == self.desired
            and target.exists == target.updated == target.ready == self.desired
        )

    @property
    def has_service(self) -> bool:
        """Whether there is a Service, without which nobody can call."""
        return any(key.kind == SERVICE.kind for key in self.snapshot.children)

    @property
    def is_paused(self) -> bool:
        """Whether the user has paused the model."""
        return self.snapshot.annotations.get(PAUSED_ANNOTATION) == "true"
