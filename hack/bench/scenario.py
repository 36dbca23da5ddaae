"""What is put upon the operator: how many models, how fast, on which pools and nodes, and what happens to it then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from controlplane.nodes import L4, Node

Manifest = dict[str, Any]

API_VERSION = "trimtab.io/v1alpha1"
POOL = "pool"
POOLS_NAMESPACE = "bench-pools"
PODS_PER_NODE = 900  # a node takes 1,000, of which a rollout may want some
GPU = "nvidia.com/gpu"


@dataclass(frozen=True)
class Scenario:
    """One run.

    `models` are created at `per_second`, spread over `namespaces`; `pools` is `shared` (one for all) or `each` (each
    namespace has one). Then the operator has `quiet_s` seconds of peace, as many after it was killed and restarted, and
    an API server that is away for `outage_s` seconds. `settled_s` seconds without a write, and it has said its last.
    """

    models: int = 100
    per_second: float = 50.0
    namespaces: int = 10
    pools: str = "shared"
    quiet_s: float = 60.0
    outage_s: float = 60.0
    settled_s: float = 5.0

    def key(self, number: int) -> tuple[str, str]:
        """Return namespace and name of a model; the name has no dash, see `measure.births`."""
        return f"bench-{number % self.namespaces}", f"m{number:06d}"

    def nodes(self) -> tuple[Node, ...]:
        """Return nodes with room for every model and a rollout of some."""
        return tuple(
            Node(f"bench-{number}", "bench", cpu=8000, memory_gib=32_000, gpu=L4, gpus=2000)
            for number in range(self.models // PODS_PER_NODE + 1)
        )

    def surroundings(self) -> Iterator[Manifest]:
        """Yield the namespaces and pools."""
        names = [f"bench-{number}" for number in range(self.namespaces)]
        for name in (*names, POOLS_NAMESPACE):
            yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        for name in (POOLS_NAMESPACE,) if self.pools == "shared" else names:
            yield {
                "apiVersion": API_VERSION,
                "kind": "InferencePool",
                "metadata": {"name": POOL, "namespace": name},
                "spec": {
                    "allowedModels": {"namespaces": {"from": "All" if self.pools == "shared" else "Same"}},
                    "variants": [
                        {
                            "name": "l4",
                            "resourceName": GPU,
                            "pricePerHour": "0.70",
                            "tolerations": [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}],
                        }
                    ],
                },
            }

    def model(self, number: int) -> Manifest:
        """Return a model that names what must be named and nothing else."""
        namespace, name = self.key(number)
        pool = {"name": POOL} | ({"namespace": POOLS_NAMESPACE} if self.pools == "shared" else {})
        return {
            "apiVersion": API_VERSION,
            "kind": "AIModel",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "poolRef": pool,
                "model": {"source": {"uri": f"s3://models/{name}"}},
                "objectives": {"latency": {"target": "100ms"}},
                "scaling": {"minReplicas": 1, "maxReplicas": 2},
            },
        }
