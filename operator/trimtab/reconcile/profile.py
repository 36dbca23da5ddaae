"""The pipe's side branch for a model that is to be measured: its Job comes and goes, and serving hears none of it."""

from dataclasses import dataclass, replace

from trimtab.api.kinds import JOB, NETWORK_POLICY, Manifest
from trimtab.api.objects import AlreadyExistsError, ObjectKey, RefusedError
from trimtab.core.profile_job import wants_job
from trimtab.core.scaling.decision import Decision
from trimtab.core.snapshot import ChildKey, ModelSnapshot, Profiling
from trimtab.reconcile.children import ChildWriter, controller_of, whose
from trimtab.reconcile.ports import Cluster
from trimtab.render.names import profile_label, profile_name
from trimtab.render.profile import profile_key, render_profile
from trimtab.render.settings import RenderSettings, Serving


@dataclass(frozen=True)
class Profiled:
    """What came of it: what is to be measured, and the children that are to stay."""

    profiling: Profiling | None = None
    wanted: frozenset[ChildKey] = frozenset()


@dataclass(frozen=True)
class Profiler:
    """Makes the Job that measures a model. What is not wanted any more goes with all other children of that kind."""

    cluster: Cluster
    children: ChildWriter
    settings: RenderSettings

    async def pursue(self, snapshot: ModelSnapshot, serving: Serving, decision: Decision) -> Profiled:
        """Make the Job be there if it is to be.

        Raises:
            ClusterError: the API server is away, or something changed hands meanwhile: look at the model again.
        """
        wish = snapshot.spec.profile
        if wish is None:
            return Profiled()
        key = profile_key(serving, self.settings.pod)
        profiling = Profiling(key=key, job=profile_name(snapshot.model.name, key))
        job = ChildKey(JOB.kind, profiling.job)
        live = snapshot.children.get(job)
        if not wants_job(snapshot, decision, key, live):
            return Profiled(profiling)
        policy = ChildKey(NETWORK_POLICY.kind, profile_label(snapshot.model.name))
        if live is None:
            refusal = await self._make(snapshot, decision, render_profile(serving, self.settings, wish))
            profiling = replace(profiling, refusal=refusal)
        return Profiled(profiling, frozenset({job, policy}))

    async def _make(self, snapshot: ModelSnapshot, decision: Decision, wanted: tuple[Manifest, Manifest]) -> str:
        """Create the policy, then the Job; return why that is refused, empty if it is not.

        A Job is never changed: what it measures is part of its name, and its template cannot be.
        """
        policy, job = wanted
        there = snapshot.children.get(ChildKey(NETWORK_POLICY.kind, policy["metadata"]["name"]))
        applied = await self.children.put(snapshot.model, policy, there, decision.replicas)
        if applied.trouble is not None:
            return applied.trouble.message
        try:
            await self.cluster.create(JOB, job)
        except AlreadyExistsError:
            return await self._in_the_way(snapshot, job)
        except RefusedError as error:
            return str(error)
        return ""

    async def _in_the_way(self, snapshot: ModelSnapshot, job: Manifest) -> str:
        """Return whose the object of that name is; empty where it is ours, and only our store does not know it yet."""
        about = await self.cluster.owner_of(JOB, ObjectKey(snapshot.model.namespace, job["metadata"]["name"]))
        if about is None or (owner := controller_of(about)).get("uid") == snapshot.model.uid:
            return ""
        return f"one of that name is there and {whose(owner)}; it is left alone: delete it"
