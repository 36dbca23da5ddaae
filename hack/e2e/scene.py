"""A namespace in the cluster in which one story happens: its pool, its models, and clients that call them."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from controlplane import until
from e2e.cluster import MODELS_ON_NODES, Cluster, Manifest, condition, told
from e2e.images import Images
from e2e.load import GRACE_SECONDS, START_SECONDS, Load, Place, manifests
from e2e.report import Report

MODEL, DEPLOYMENT = "trimtab.io/v1alpha1/AIModel", "apps/v1/Deployment"
GPU = {"name": "l4", "resourceName": "nvidia.com/gpu", "pricePerHour": "0.80"}
CLAIM = "models"
SMALL = {"cpu": "50m", "memory": "192Mi"}
"""What a pod of the tests asks for: a dozen of them fit on a node that has two processors."""
SERVING_S = 180.0  # to a first answer: fetching and starting take 10 s, several times that on two busy cores
TERMINATE = "import os, signal; os.kill(1, signal.SIGTERM)"
ENDED = frozenset({"Succeeded", "Failed"})
T = TypeVar("T")
_numbers = itertools.count(1)


@dataclass
class Scene:
    """Where a story happens. Everything named here lies in `namespace` and goes with it."""

    cluster: Cluster
    images: Images
    namespace: str
    _volumes: list[str] = field(default_factory=list)

    def pool(self, *variants: Manifest, name: str = "pool", **spec: Any) -> None:  # noqa: ANN401 - JSON
        """Apply a pool; of GPUs where no variant is given."""
        consent = {"allowedModels": {"code": "Allow"}}  # Triton's wheel has the Python backend alone
        self._apply("InferencePool", name, {"variants": list(variants) or [GPU], **consent, **spec})

    def claim(self) -> None:
        """Make a claim for the folder of model repositories that each node has; read by many, written by none."""
        volume = f"{CLAIM}-{self.namespace}"
        size, way = {"storage": "1Gi"}, {"accessModes": ["ReadOnlyMany"], "storageClassName": ""}
        self._volumes.append(volume)
        self.cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": volume},
                "spec": {"capacity": size, "hostPath": {"path": MODELS_ON_NODES, "type": "Directory"}, **way},
            },
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": CLAIM, "namespace": self.namespace},
                "spec": {"resources": {"requests": size}, "volumeName": volume, **way},
            },
        )

    def model(self, name: str, source: str | Manifest = "echo", **spec: Any) -> None:  # noqa: ANN401 - JSON
        """Apply a model as a user writes it; a text is a folder on the claim."""
        if isinstance(source, str):
            source = {"persistentVolumeClaim": {"claimName": CLAIM, "path": source}}
        self._apply(
            "AIModel",
            name,
            {
                "poolRef": {"name": "pool"},
                "model": {"source": source},
                "objectives": {"latency": {"target": "100ms"}},
                "scaling": {"minReplicas": 1, "maxReplicas": 4},
                "serving": {"resources": {"requests": SMALL, "limits": {"memory": "1Gi"}}},
                **spec,
            },
        )

    def edit(self, name: str, **spec: Any) -> None:  # noqa: ANN401 - JSON
        """Merge some fields into a model's spec."""
        self.cluster.api.patch(MODEL, name, {"spec": spec}, namespace=self.namespace)

    def get(self, name: str, kind: str = MODEL) -> Manifest:
        """Return an object that must be there."""
        found = self.cluster.api.get(kind, name, self.namespace)
        if found is None:
            raise AssertionError(f"there is no {kind} {name} in {self.namespace}")
        return found

    def pods(self, name: str) -> list[Manifest]:
        """Return a model's pods that are not on their way out."""
        return self.cluster.pods(self.namespace, f"trimtab.io/model={name}")

    def serving(self, name: str) -> list[str]:
        """Return the names of a model's pods that are Ready."""
        return [pod["metadata"]["name"] for pod in self.pods(name) if condition(pod, "Ready")[0] == "True"]

    def says(self, name: str, kind: str, status: str, reason: str, seconds: float = SERVING_S) -> None:
        """Wait until a condition of a model has a status and a reason."""
        try:
            self.until(lambda: condition(self.get(name), kind) == (status, reason), f"{kind} of {name}", seconds)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it says {told(self.get(name))}") from error

    def is_serving(self, name: str, replicas: int = 1, seconds: float = SERVING_S) -> None:
        """Wait until a model is Ready and just so many pods of it are."""
        self.says(name, "Ready", "True", "Serving", seconds)
        self.until(
            lambda: len(self.serving(name)) == replicas == len(self.pods(name)), f"{replicas} of {name}", seconds
        )

    def until(self, look: Callable[[], T | None], what: str, seconds: float = SERVING_S) -> T:
        """Wait until `look` returns something true, and return that."""
        return until(look, what=f"{what} in {self.namespace}", seconds=seconds)

    def load(self, name: str, protocol: str = "http", **options: Any) -> Load:  # noqa: ANN401 - fields of Load
        """Return what clients of a model do; they call its Service."""
        port = 8001 if protocol == "grpc" or options.get("mode") == "hold" else 8000
        return Load(address=f"{name}.{self.namespace}.svc:{port}", model=name, protocol=protocol, **options)  # type: ignore[arg-type]

    def begin(self, load: Load, node: str | None = None) -> "Client":
        """Start a client, and return it once it runs."""
        client = Client(self, load, f"client-{next(_numbers)}")
        place = Place(namespace=self.namespace, name=client.name, image=self.images.triton, node=node)
        self.cluster.apply(*manifests(load, place))
        self.until(lambda: client.phase != "Pending", f"{client.name} to run")
        return client

    def call(self, load: Load) -> Report:
        """Run a client to its end, and return what it counted."""
        return self.begin(load).end()

    def leave(self) -> None:
        """Remove what does not go with the namespace."""
        for volume in self._volumes:
            self.cluster.api.delete("v1/PersistentVolume", volume)

    def _apply(self, kind: str, name: str, spec: Manifest) -> None:
        about = {"name": name, "namespace": self.namespace}
        self.cluster.apply({"apiVersion": "trimtab.io/v1alpha1", "kind": kind, "metadata": about, "spec": spec})


@dataclass(frozen=True)
class Client:
    """A pod that calls a model."""

    scene: Scene
    load: Load
    name: str

    @property
    def phase(self) -> str:
        """Return the pod's phase."""
        phase: str = self.scene.get(self.name, "v1/Pod")["status"]["phase"]
        return phase

    def so_far(self) -> Report:
        """Return what was counted up to now."""
        return Report.of(self.scene.cluster.logs(self.scene.namespace, self.name))

    def stop(self) -> Report:
        """Let no more requests be sent, wait a little for those under way, and return what was counted."""
        if self.phase not in ENDED:
            self.scene.cluster.kubectl("exec", "-n", self.scene.namespace, self.name, "--", "python3", "-c", TERMINATE)
        return self.end()

    def end(self) -> Report:
        """Wait until all was sent and answered, and return what was counted."""
        seconds = self.load.lasts + self.load.timeout + START_SECONDS + GRACE_SECONDS
        self.scene.until(lambda: self.phase in ENDED, f"{self.name} to end", seconds)
        report = self.so_far()
        report.whole()
        return report
