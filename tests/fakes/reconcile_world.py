"""A small world for tests of the shell: a model, its pool, a cluster in memory, and time that moves when told to."""

import datetime as dt
from dataclasses import dataclass, field

from fakes.cluster import FakeCluster
from trimtab.api.kinds import AIMODEL, DEPLOYMENT, INFERENCEPOOL, NAMESPACE, Kind, Manifest
from trimtab.api.objects import ObjectKey
from trimtab.reconcile.model import ModelReconciler
from trimtab.reconcile.outcome import Outcome
from trimtab.reconcile.pool import PoolReconciler
from trimtab.reconcile.report import Reporter
from trimtab.render.settings import PodSettings, RenderSettings

SETTINGS = RenderSettings(
    pod=PodSettings(triton_image="example.org/triton:1", runtime_image="example.org/runtime:1"),
)
MODEL = ObjectKey("shop", "fraud")
POOL = ObjectKey("shop", "gpu")


def model(**spec: object) -> Manifest:
    """Return the small manifest of the README, with some fields of the spec set otherwise."""
    return {
        "apiVersion": "trimtab.io/v1alpha1",
        "kind": "AIModel",
        "metadata": {"name": MODEL.name, "namespace": MODEL.namespace},
        "spec": {
            "poolRef": {"name": POOL.name},
            "model": {"source": {"uri": "s3://models/fraud/7"}},
            "objectives": {"latency": {"target": "80ms"}},
            "scaling": {"minReplicas": 2, "maxReplicas": 12},
            **spec,
        },
    }


def pool(*variants: Manifest, **spec: object) -> Manifest:
    """Return a pool with one L4 variant, or with those given."""
    default = {"name": "l4", "resourceName": "nvidia.com/gpu", "pricePerHour": "0.80"}
    return {
        "apiVersion": "trimtab.io/v1alpha1",
        "kind": "InferencePool",
        "metadata": {"name": POOL.name, "namespace": POOL.namespace},
        "spec": {"variants": list(variants) or [default], **spec},
    }


@dataclass
class World:
    """Objects, reconcilers and a clock in seconds."""

    cluster: FakeCluster = field(default_factory=FakeCluster)
    seconds: float = 0.0
    others: bool = False

    def __post_init__(self) -> None:
        """Put the namespace there, and start an operator."""
        self.cluster.put(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        self.restart()

    def restart(self) -> None:
        """Start an operator that knows nothing of the one before."""
        self.reporter = Reporter(self.cluster, clock=lambda: self.seconds)
        self.models = ModelReconciler(self.cluster, SETTINGS, self.reporter, self.now, lambda: self.others)
        self.pools = PoolReconciler(self.cluster, self.reporter, self.now)

    def now(self) -> dt.datetime:
        """Return the wall clock's time."""
        return dt.datetime(2026, 11, 24, tzinfo=dt.UTC) + dt.timedelta(seconds=self.seconds)

    async def look(self) -> Outcome:
        """Look at the model once, ten minutes after whatever was before."""
        self.seconds += 600
        return await self.models.reconcile(MODEL)

    async def settle(self) -> None:
        """Look until nothing is written any more.

        Raises:
            AssertionError: it never comes to rest.
        """
        for _ in range(10):
            before = len(self.cluster.writes)
            await self.look()
            if len(self.cluster.writes) == before:
                return
        raise AssertionError(f"still writing: {self.cluster.writes[-5:]}")

    def child(self, kind: Kind, name: str) -> Manifest | None:
        """Return one object of the model's namespace."""
        return self.cluster.get(kind, ObjectKey("shop", name))

    def become_ready(self, name: str = "fraud-l4") -> None:
        """Let a Deployment have all the pods that it asks for, each of them ready."""
        deployment = self.child(DEPLOYMENT, name)
        assert deployment is not None
        wanted = deployment["spec"]["replicas"]
        numbers = {"replicas": wanted, "readyReplicas": wanted, "updatedReplicas": wanted, "availableReplicas": wanted}
        available = {"type": "Available", "status": "True" if wanted else "False", "reason": "MinimumReplicasAvailable"}
        status = {**numbers, "observedGeneration": deployment["metadata"]["generation"], "conditions": [available]}
        self.cluster.put(DEPLOYMENT, {**deployment, "status": status})

    def condition(self, name: str) -> Manifest:
        """Return a condition of the model; an empty one where it has none of that type."""
        conditions: list[Manifest] = self.status().get("conditions") or []
        return next((each for each in conditions if each["type"] == name), {})

    def status(self) -> Manifest:
        """Return the status of the model; an empty one where it has none."""
        return (self.cluster.get(AIMODEL, MODEL) or {}).get("status") or {}

    def edit(self, **spec: object) -> None:
        """Change some fields of the model's spec as a user would; None takes one out."""
        found = self.cluster.get(AIMODEL, MODEL)
        assert found is not None
        changed = {key: value for key, value in {**found["spec"], **spec}.items() if value is not None}
        self.cluster.put(AIMODEL, {**found, "spec": changed})

    def end_state(self) -> dict[str, Manifest]:
        """Return every child without what the server makes up, to be compared between runs."""
        return {
            f"{kind.kind} {key.name}": _without_marks(found)
            for (kind, key), found in self.cluster.objects.items()
            if kind not in {AIMODEL, INFERENCEPOOL, NAMESPACE}
        }


def _without_marks(manifest: Manifest) -> Manifest:
    about = manifest["metadata"]
    made_up = {"uid", "resourceVersion", "creationTimestamp", "generation", "ownerReferences"}
    kept = {key: value for key, value in about.items() if key not in made_up}
    owners = [owner["name"] for owner in about.get("ownerReferences", [])]
    return {**manifest, "metadata": kept, "owners": owners}
