"""Nodes as clouds and GPU feature discovery describe them: manifests for KWOK to play."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Gpu:
    """An accelerator: the names that discovery and the cloud give it, its memory in MiB, its family."""

    product: str
    cloud_name: str
    memory_mib: int
    family: str


L4 = Gpu("NVIDIA-L4", "nvidia-l4", 23_034, "ada-lovelace")
A100 = Gpu("NVIDIA-A100-SXM4-40GB", "nvidia-tesla-a100", 40_960, "ampere")
H100 = Gpu("NVIDIA-H100-80GB-HBM3", "nvidia-h100-80gb", 81_559, "hopper")


@dataclass(frozen=True)
class Node:
    """A node to play. `gpus` is how many of `gpu` it has; `capacity_type` is `on-demand` or `spot`."""

    name: str
    instance_type: str
    cpu: int
    memory_gib: int
    zone: str = "us-central1-a"
    capacity_type: str = "on-demand"
    gpu: Gpu | None = None
    gpus: int = 0


def fleet() -> tuple[Node, ...]:
    """Return the default fleet: 2 CPU nodes, 3 with L4 (one of them spot), 1 with A100, 1 with H100; 28 GPUs."""
    return (
        Node("cpu-1", "n2-standard-32", 32, 128),
        Node("cpu-2", "n2-standard-32", 32, 128, zone="us-central1-b"),
        Node("l4-1", "g2-standard-48", 48, 192, gpu=L4, gpus=4),
        Node("l4-2", "g2-standard-48", 48, 192, zone="us-central1-b", gpu=L4, gpus=4),
        Node("l4-spot-1", "g2-standard-48", 48, 192, capacity_type="spot", gpu=L4, gpus=4),
        Node("a100-1", "a2-highgpu-8g", 96, 680, gpu=A100, gpus=8),
        Node("h100-1", "a3-highgpu-8g", 208, 1872, zone="us-central1-c", gpu=H100, gpus=8),
    )


def _gpu_labels(gpu: Gpu, count: int) -> dict[str, str]:
    return {
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.product": gpu.product,
        "nvidia.com/gpu.count": str(count),
        "nvidia.com/gpu.memory": str(gpu.memory_mib),
        "nvidia.com/gpu.family": gpu.family,
        "nvidia.com/gpu.replicas": "1",
        "nvidia.com/mig.capable": "false" if gpu is L4 else "true",
        "cloud.google.com/gke-accelerator": gpu.cloud_name,
        "cloud.google.com/gke-accelerator-count": str(count),
    }


def manifest(node: Node) -> Manifest:
    """Return `node` as the API server wants it, with its GPUs as a resource, as labels and as a taint."""
    labels = {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": node.instance_type,
        "topology.kubernetes.io/region": node.zone.rpartition("-")[0],
        "topology.kubernetes.io/zone": node.zone,
        "karpenter.sh/capacity-type": node.capacity_type,
        "type": "kwok",
    }
    resources = {"cpu": str(node.cpu), "memory": f"{node.memory_gib}Gi", "pods": "1000", "ephemeral-storage": "2Ti"}
    taints = []
    if node.gpu:
        labels |= _gpu_labels(node.gpu, node.gpus)
        resources["nvidia.com/gpu"] = str(node.gpus)
        taints.append({"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"})
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            "labels": labels,
            "annotations": {"kwok.x-k8s.io/node": "fake", "node.alpha.kubernetes.io/ttl": "0"},
        },
        "spec": {"taints": taints},
        "status": {"capacity": resources, "allocatable": resources},
    }
