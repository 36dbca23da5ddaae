"""What the end-to-end tests install, as a user would: the operator from config/default, a Prometheus beside it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from controlplane import until
from e2e.cluster import Cluster, Manifest
from e2e.images import Images

ROOT = Path(__file__).parents[2]
SYSTEM, MONITORING, PLACE = "trimtab-system", "monitoring", "e2e-files"
OPERATOR = "trimtab-operator"
PUBLISHED = "ghcr.io/trimtab/operator"
SETTINGS = {"TRIMTAB_ALLOWED_ENDPOINTS": f"files.{PLACE}.svc:8000,s3.{PLACE}.svc:5000,hub.{PLACE}.svc:8000"}
"""What the tests' operator is told beside where Prometheus is: servers in the cluster have private addresses."""
READY_S = 180.0


def operator_manifests(cluster: Cluster, images: Images, work: Path, environment: Mapping[str, str]) -> str:
    """Return config/default with images and settings of the tests, as kubectl's kustomize renders it."""
    folder = work / "install"
    folder.mkdir(parents=True, exist_ok=True)
    name, _, tag = images.operator.rpartition(":")
    settings = {
        "TRIMTAB_RUNTIME_IMAGE": images.runtime,
        "TRIMTAB_TRITON_IMAGE": images.triton,
        "TRIMTAB_PROMETHEUS_URL": f"http://prometheus.{MONITORING}:9090",
        **environment,
    }
    container = {"name": "operator", "env": [{"name": each, "value": value} for each, value in settings.items()]}
    patch = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": OPERATOR, "namespace": SYSTEM},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(ROOT / "config" / "default", folder)],
        "images": [{"name": PUBLISHED, "newName": name, "newTag": tag}],
        "patches": [{"patch": yaml.safe_dump(patch)}],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return cluster.kubectl("kustomize", str(folder))


def install_operator(cluster: Cluster, manifests: str) -> None:
    """Install the operator and wait until it is ready."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifests)
    wait_for(cluster, SYSTEM, OPERATOR)


def install_prometheus(cluster: Cluster, images: Images) -> None:
    """Install a Prometheus that scrapes as config/prometheus says, and wait until it is ready."""
    documents = _documents("prometheus.yaml", images.prometheus)
    main = {"global": {"scrape_interval": "5s"}, "scrape_config_files": ["/etc/prometheus/scrape.yaml"]}
    data = {
        "prometheus.yaml": yaml.safe_dump(main),
        "scrape.yaml": (ROOT / "config" / "prometheus" / "scrape.yaml").read_text(),
    }
    place = {"name": "prometheus", "namespace": MONITORING}
    documents.insert(1, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": place, "data": data})
    cluster.apply(*documents)
    wait_for(cluster, MONITORING, "prometheus")


def install_metrics_server(cluster: Cluster, image: str) -> list[Manifest]:
    """Install what the cluster's own autoscaler reads, wait until it is ready, and return what was installed."""
    documents = _documents("metrics-server.yaml", image)
    cluster.apply(*documents)
    wait_for(cluster, "kube-system", "metrics-server")
    return documents


def _documents(file: str, image: str) -> list[Manifest]:
    """Return the manifests in a file, of which the Deployment's container runs an image."""
    documents = list(yaml.safe_load_all((ROOT / "tests" / "e2e" / "manifests" / file).read_text()))
    for each in documents:
        if each["kind"] == "Deployment":
            each["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return documents


def wait_for(cluster: Cluster, namespace: str, deployment: str, replicas: int = 1) -> None:
    """Wait until a Deployment has so many available replicas."""

    def there() -> bool:
        found: dict[str, Any] = cluster.api.get("apps/v1/Deployment", deployment, namespace) or {}
        status = found.get("status", {})
        seen = status.get("observedGeneration", 0) >= found.get("metadata", {}).get("generation", 1)
        return bool(seen and status.get("availableReplicas", 0) >= replicas)

    until(there, what=f"{replicas} available of Deployment {namespace}/{deployment}", seconds=READY_S)
