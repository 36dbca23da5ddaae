"""Small manifests that a real API server accepts."""

from typing import Any

from trimtab.api.kinds import AIMODEL, DEPLOYMENT, INFERENCEPOOL, SERVICE, Manifest
from trimtab.render.names import MANAGED_BY, MANAGED_BY_LABEL, MODEL_LABEL


def model(namespace: str, name: str = "fraud", pool_namespace: str | None = None) -> Manifest:
    """Return an AIModel on the pool `gpus`, of its own namespace unless another is given."""
    return {
        "apiVersion": AIMODEL.api_version,
        "kind": AIMODEL.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "poolRef": {"name": "gpus"} | ({} if pool_namespace is None else {"namespace": pool_namespace}),
            "model": {"source": {"uri": "s3://models/fraud"}},
            "objectives": {"latency": {"target": "80ms"}},
            "scaling": {"maxReplicas": 5},
        },
    }


def pool(namespace: str, name: str = "gpus") -> Manifest:
    """Return an InferencePool with one variant."""
    return {
        "apiVersion": INFERENCEPOOL.api_version,
        "kind": INFERENCEPOOL.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"variants": [{"name": "cpu"}]},
    }


def owned_by(owner: Manifest, *, controller: bool = True) -> dict[str, Any]:
    """Return the metadata that makes an object a child of `owner`."""
    metadata = owner["metadata"]
    reference = {
        "apiVersion": AIMODEL.api_version,
        "kind": AIMODEL.kind,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": controller,
    }
    labels = {MANAGED_BY_LABEL: MANAGED_BY, MODEL_LABEL: metadata["name"]}
    return {"namespace": metadata["namespace"], "labels": labels, "ownerReferences": [reference]}


def deployment(owner: Manifest, name: str = "fraud-cpu", replicas: int | None = None) -> Manifest:
    """Return a Deployment of `owner`, with `spec.replicas` only if given."""
    labels = {MODEL_LABEL: owner["metadata"]["name"]}
    container = {
        "name": "triton",
        "image": "triton.example/server:1",
        "env": [{"name": "ONE", "value": "1"}, {"name": "TWO", "value": "2"}],
    }
    return {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.kind,
        "metadata": {"name": name, **owned_by(owner)},
        "spec": {
            **({} if replicas is None else {"replicas": replicas}),
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def service(owner: Manifest, name: str = "fraud") -> Manifest:
    """Return a Service of `owner`."""
    return {
        "apiVersion": SERVICE.api_version,
        "kind": SERVICE.kind,
        "metadata": {"name": name, **owned_by(owner)},
        "spec": {"selector": {MODEL_LABEL: owner["metadata"]["name"]}, "ports": [{"name": "http", "port": 8000}]},
    }
