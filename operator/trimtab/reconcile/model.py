"""The pipe for one AIModel: gather, decide, render, apply, report."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from trimtab.api.annotations import PAUSED_ANNOTATION
from trimtab.api.conditions import Reason
from trimtab.api.kinds import AIMODEL, DEPLOYMENT, NETWORK_POLICY, SERVICE, Manifest
from trimtab.api.model_status import AIModelStatus
from trimtab.api.objects import ObjectKey, RefusedError
from trimtab.core.consent import waits_for_consent
from trimtab.core.fallback import Obstacle, fallback_status
from trimtab.core.gist import gist_of
from trimtab.core.health import Trouble, model_status
from trimtab.core.profiling import with_report
from trimtab.core.provided import Provided
from trimtab.core.rollout import removable
from trimtab.core.scaling.actuation import scale_target
from trimtab.core.scaling.decide import decide, facts_of
from trimtab.core.scaling.decision import Decision
from trimtab.core.scaling.windows import until_change
from trimtab.core.snapshot import ChildKey, ModelSnapshot, PoolFound, PoolUnusable
from trimtab.reconcile.children import Applied, ChildWriter
from trimtab.reconcile.gather import InvalidObject, children_of, gather_model, identity
from trimtab.reconcile.glance import Glances, Seen, grounds_of, still_in_place
from trimtab.reconcile.live import LiveFacts
from trimtab.reconcile.outcome import DONE, Outcome, earliest
from trimtab.reconcile.ports import Cluster
from trimtab.reconcile.profile import Profiler
from trimtab.reconcile.report import Reporter
from trimtab.render.children import render_children
from trimtab.render.names import base_name, selector, variant_name
from trimtab.render.services import model_url
from trimtab.render.settings import RenderSettings, Serving, UnrenderableError
from trimtab.units import Seconds

logger = logging.getLogger(__name__)

FIRST_KINDS = frozenset({NETWORK_POLICY.kind, DEPLOYMENT.kind})
"""What a start waits for: the rest of the children can wait for other models' starts."""
LOOK_AGAIN = {
    Reason.WAITING_FOR_DELETION: Seconds(1.0),
    Reason.CHILD_REFUSED: Seconds(30.0),  # a quota may be raised, a policy changed: nobody tells us
    Reason.CONFLICT: Seconds(30.0),  # the object in the way may go: we do not watch what is not ours
}


@dataclass
class ModelReconciler:
    """Looks at one AIModel at a time. `now` is the wall clock; `others_wait` tells that other models want to start."""

    cluster: Cluster
    settings: RenderSettings
    reporter: Reporter
    now: Callable[[], datetime]
    others_wait: Callable[[], bool] = field(default=lambda: False)
    facts: LiveFacts = field(default_factory=LiveFacts)
    provided: Provided = field(default_factory=Provided)

    def __post_init__(self) -> None:
        self._children = ChildWriter(self.cluster)
        self._profiler = Profiler(self.cluster, self._children, self.settings)
        self.glances = Glances(self.cluster, self.facts, self.now)

    async def reconcile(self, key: ObjectKey) -> Outcome:
        """Make everything of one model be as it should be, and say how it stands.

        Raises:
            ClusterError: see `reconcile.outcome`.
        """
        before = self.glances.begin(key)
        manifest = self.cluster.get(AIMODEL, key)
        if manifest is None:
            self.reporter.forget(AIMODEL, key)
            self.facts.forget(key)
            return DONE
        if manifest["metadata"].get("deletionTimestamp") is not None:
            return DONE  # its children go with it, by their owner references
        snapshot = gather_model(self.cluster, manifest, self.now(), self.provided)
        if isinstance(snapshot, InvalidObject):
            self.facts.undecided(key)
            obstacle = Obstacle(reason=Reason.INVALID_SPEC, message=snapshot.problem, is_users=True)
            return Outcome(await self._report_obstacle(manifest, obstacle))
        if isinstance(snapshot.pool, PoolUnusable) or _paused(snapshot):
            self.facts.undecided(key)
            return Outcome(await self._report(manifest, snapshot, None, ()))
        return await self._pursue(manifest, with_report(self.facts.added_to(snapshot)), snapshot.pool, before)

    async def report_bug(self, key: ObjectKey, error: Exception) -> None:
        """Tell the user that looking at a model ended in a bug; what serves is left as it is.

        Raises:
            ClusterError: it could not be told.
        """
        manifest = self.cluster.get(AIMODEL, key)
        if manifest is not None:
            said = (
                f"{type(error).__name__}: {error}. This is a fault of the operator; its log has more. It is tried again"
            )
            obstacle = Obstacle(reason=Reason.RECONCILE_ERROR, message=said, is_users=False)
            await self._report_obstacle(manifest, obstacle)

    async def _report_obstacle(self, manifest: Manifest, obstacle: Obstacle) -> Seconds | None:
        status = fallback_status(manifest.get("status"), identity(manifest), obstacle, self.now())
        return await self.reporter.report(AIMODEL, manifest, status)

    async def _pursue(
        self, manifest: Manifest, snapshot: ModelSnapshot, pool: PoolFound, before: Seen | None
    ) -> Outcome:
        grounds, decision = grounds_of(self.cluster, manifest, snapshot), decide(snapshot)
        self.facts.decided(snapshot, decision)
        gist, serving = gist_of(snapshot, decision), serving_of(snapshot, pool, decision)
        unchanged = still_in_place(before, snapshot, grounds, gist)
        try:
            applied = {key: Applied(child) for key, child in unchanged.items()} or await self._apply(
                snapshot, render_children(serving, self.settings), decision
            )
        except UnrenderableError as error:
            trouble = Trouble(reason=Reason.SOURCE_REFUSED, message=str(error), needs_change=True)
            return Outcome(await self._report(manifest, snapshot, decision, (trouble,)))
        if not applied:
            return Outcome(Seconds(0.0))
        troubles = tuple(each.trouble for each in applied.values() if each.trouble is not None)
        profiled = await self._profiler.pursue(snapshot, serving, decision)
        snapshot = replace(snapshot, profiling=profiled.profiling)
        try:
            await self._scale(snapshot, pool, decision, applied[_deployment(serving)].live)
            await self._prune(snapshot, profiled.wanted.union(applied))
        except RefusedError as error:
            said = f"the API server refuses a change of scale, or that a child goes: {error}"
            troubles += (Trouble(reason=Reason.CHILD_REFUSED, message=said, needs_change=True),)
        after = self._seen_again(snapshot)
        later = await self._report(manifest, after, decision, troubles)
        in_place = {key: each.live for key, each in applied.items() if each.live is not None and not troubles}
        grounds = replace(grounds, children=tuple(after.children.values()))
        until = before.good_until if before is not None and unchanged else self.glances.next_whole()
        self.glances.end(Seen(snapshot=after, grounds=grounds, gist=gist, in_place=in_place, good_until=until))
        again = (LOOK_AGAIN.get(Reason(trouble.reason)) for trouble in troubles)
        return Outcome(earliest(later, _until_window(snapshot), *again))

    async def _apply(
        self, snapshot: ModelSnapshot, wanted: tuple[Manifest, ...], decision: Decision
    ) -> dict[ChildKey, Applied]:
        """Put every child in place; return none if what is missing can wait, while others wait for a Deployment."""
        applied: dict[ChildKey, Applied] = {}
        for child in wanted:
            key = ChildKey(child["kind"], child["metadata"]["name"])
            live = snapshot.children.get(key)
            if live is None and key.kind not in FIRST_KINDS and self.others_wait():
                return {}
            applied[key] = await self._children.put(snapshot.model, child, live, decision.replicas)
        return applied

    async def _scale(
        self, snapshot: ModelSnapshot, pool: PoolFound, decision: Decision, deployment: Manifest | None
    ) -> None:
        """Move the Deployment at once: the autoscaler, whose bounds were moved before, would take 15 s."""
        if deployment is None:
            return
        live = (deployment.get("spec") or {}).get("replicas")
        target = scale_target(decision, live, pool.variant, snapshot.spec.scaling)
        if target is not None:
            about = deployment["metadata"]
            await self.cluster.scale(DEPLOYMENT, ObjectKey(about["namespace"], about["name"]), target, uid=about["uid"])

    async def _prune(self, snapshot: ModelSnapshot, wanted: frozenset[ChildKey]) -> None:
        for key in removable(snapshot, wanted):
            await self._children.remove(snapshot.model.namespace, key, snapshot.children[key])

    def _seen_again(self, snapshot: ModelSnapshot) -> ModelSnapshot:
        """Return the snapshot with the children as they are after our own writes."""
        return replace(snapshot, children=children_of(self.cluster, snapshot.model))

    async def _report(
        self,
        manifest: Manifest,
        snapshot: ModelSnapshot,
        decision: Decision | None,
        troubles: tuple[Trouble, ...],
    ) -> Seconds | None:
        pods = selector(snapshot.model.name)
        status: AIModelStatus = model_status(
            snapshot,
            decision,
            troubles,
            url=model_url(snapshot.model, snapshot.spec) if _service(snapshot) in snapshot.children else None,
            selector=",".join(f"{key}={value}" for key, value in sorted(pods.items())),
        )
        return await self.reporter.report(AIMODEL, manifest, status)


def serving_of(snapshot: ModelSnapshot, pool: PoolFound, decision: Decision) -> Serving:
    """Return what rendering is told of a model, once it is decided.

    A Deployment whose pods wait for a consent that was given since is left out of the live ones: it must change.
    """
    live = {key.name: child for key, child in snapshot.children.items() if key.kind == DEPLOYMENT.kind}
    if waits_for_consent(snapshot):
        live.pop(variant_name(snapshot.model.name, pool.variant.name), None)
    return Serving(
        model=snapshot.model,
        spec=snapshot.spec,
        variant=pool.variant,
        replicas=decision.replicas,
        pinned=decision.pinned,
        code=pool.spec.allowed_models.code,
        ceiling=decision.ceiling,
        pod_monitors=snapshot.capabilities.pod_monitors,
        live_deployments=live,
    )


def _until_window(snapshot: ModelSnapshot) -> Seconds | None:
    """Return how long it takes until a window of the model's schedules opens or closes; None without one."""
    if not snapshot.spec.scaling.schedules:
        return None
    given = facts_of(snapshot)
    return until_change(given.spec.scaling, given.now, given.cold_start)


def _paused(snapshot: ModelSnapshot) -> bool:
    return snapshot.annotations.get(PAUSED_ANNOTATION) == "true"


def _service(snapshot: ModelSnapshot) -> ChildKey:
    return ChildKey(SERVICE.kind, base_name(snapshot.model.name))


def _deployment(serving: Serving) -> ChildKey:
    return ChildKey(DEPLOYMENT.kind, variant_name(serving.model.name, serving.variant.name))
