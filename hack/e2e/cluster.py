"""A real kind cluster for the end-to-end tests: three nodes that say they have GPUs, and whoever acts on them.

pytest-kind makes and deletes it. `Cluster.api` is the same small client that tests of the control plane use.
"""

import base64
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from pytest_kind import KindCluster

from controlplane import Api, until

Manifest = dict[str, Any]
GPUS_PER_NODE = 12
NODE_S = 180.0
MODELS_ON_NODES = "/trimtab-models"
"""Where each node sees the folder of model repositories: what a persistent volume of the tests points to."""
SLOW = {"max_batch_size: 8": "max_batch_size: 1", '"20"': '"98"'}
MADE_OF_ECHO = {"slow": SLOW, "busy": {**SLOW, '"0"': '"10"'}}
"""By what is changed in its configuration: 100 ms a request; and of these 10 ms of a processor."""
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
ADMIN = "e2e-admin"
TAIL = "400"


@dataclass(frozen=True)
class Cluster:
    """A running cluster: `kubectl` with its output, `api` for everything else."""

    kind: KindCluster
    api: Api

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl and return what it printed.

        Raises:
            RuntimeError: it failed; the message says why.
        """
        kubeconfig = ("--kubeconfig", str(self.kind.kubeconfig_path))
        done = subprocess.run(
            [str(self.kind.kubectl_path), *kubeconfig, *arguments],
            input=stdin, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def apply(self, *manifests: Manifest) -> None:
        """Apply manifests on the server side."""
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump_all(manifests))

    def remove(self, *manifests: Manifest) -> None:
        """Delete what manifests name, and do not wait for its end."""
        self.kubectl("delete", "--wait=false", "--ignore-not-found", "-f", "-", stdin=yaml.safe_dump_all(manifests))

    def load(self, images: Iterable[str]) -> None:
        """Bring images of the local engine to the workers."""
        nodes = self._working()
        there = [{name for image in node["status"]["images"] for name in image.get("names", ())} for node in nodes]
        images = [image for image in images if not all(f"docker.io/{image}" in names for names in there)]
        if not images:
            return
        names = ("--name", self.kind.name, "--nodes", ",".join(node["metadata"]["name"] for node in nodes))
        subprocess.run(
            [str(self.kind.kind_path), "load", "docker-image", *images, *names],
            capture_output=True, text=True, check=True,
        )  # fmt: skip

    def workers(self) -> list[str]:
        """Return the names of the nodes that pods run on."""
        return [node["metadata"]["name"] for node in self._working()]

    def _working(self) -> list[Manifest]:
        return [node for node in self.api.list("v1/Node") if CONTROL_PLANE not in node["metadata"]["labels"]]

    def pods(self, namespace: str, selector: str = "") -> list[Manifest]:
        """Return the pods of a namespace that are not on their way out."""
        return [
            pod for pod in self.api.list("v1/Pod", namespace, selector) if "deletionTimestamp" not in pod["metadata"]
        ]

    def logs(self, namespace: str, pod: str, *arguments: str) -> str:
        """Return what a pod has printed."""
        return self.kubectl("logs", "-n", namespace, pod, *arguments)

    def proxy(self, namespace: str, service: str, path: str) -> Any:  # noqa: ANN401 - JSON, or text
        """Ask an HTTP server in the cluster through the API server; `service` is `NAME:PORT`."""
        return self.api.request("GET", f"/api/v1/namespaces/{namespace}/services/{service}/proxy{path}")

    def keep(self, folder: Path) -> None:
        """Write down what there is and what was said: for whoever reads a failure. What cannot be read is left out."""
        folder.mkdir(parents=True, exist_ok=True)
        kinds = "nodes,pods,deployments,services,hpa,pdb,events,aimodels,inferencepools"
        for name, arguments in {
            "wide.txt": ("get", kinds, "-A", "-o", "wide"),
            "objects.yaml": ("get", kinds, "-A", "-o", "yaml"),
            "nodes.txt": ("describe", "nodes"),
        }.items():
            self._keep(folder / name, *arguments)
        for pod in self.api.list("v1/Pod"):
            namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
            if namespace.startswith("kube-") or namespace == "local-path-storage":
                continue
            file = folder / f"{namespace}.{name}.log"
            self._keep(file, "logs", "-n", namespace, name, "--all-containers", "--prefix", "--tail", TAIL)

    def _keep(self, file: Path, *arguments: str) -> None:
        try:
            file.write_text(self.kubectl(*arguments))
        except RuntimeError as error:
            file.write_text(f"{error}\n")


def settings(models: Path) -> Manifest:
    """Return kind's configuration: a control plane and two workers, each of which sees the folder `models`."""
    mounts = [{"hostPath": str(models), "containerPath": MODELS_ON_NODES, "readOnly": True}]
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "nodes": [{"role": "control-plane"}, *({"role": "worker", "extraMounts": mounts} for _ in range(2))],
    }


def start(kind: KindCluster, models: Path) -> Cluster:
    """Make the cluster, or take the one of that name, and wait until its nodes are ready and have GPUs to give away."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(settings(models), file)
        file.flush()
        kind.create(config_file=file.name)
    cluster = Cluster(kind, _admin(kind))
    until(lambda: all(map(_is_ready, cluster.api.list("v1/Node"))), what="every node to be ready", seconds=NODE_S)
    amount = {"nvidia.com/gpu": str(GPUS_PER_NODE)}
    for node in cluster.workers():
        cluster.api.patch("v1/Node", node, {"status": {"capacity": amount, "allocatable": amount}}, part="status")
    return cluster


def _is_ready(node: Manifest) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"].get("conditions", ()))


def _admin(kind: KindCluster) -> Api:
    """Return a client with the rights of a service account that may do everything: kubeconfig has a certificate."""
    config = yaml.safe_load(kind.kubeconfig_path.read_text())["clusters"][0]["cluster"]
    bundle = kind.path / "ca.crt"
    bundle.write_bytes(base64.b64decode(config["certificate-authority-data"]))
    account = {"kind": "ServiceAccount", "namespace": "kube-system", "name": ADMIN}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    manifests = (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": "kube-system", "name": ADMIN}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": ADMIN},
            "roleRef": role,
            "subjects": [account],
        },
    )
    _patiently(kind, "apply", "-f", "-", stdin=yaml.safe_dump_all(manifests))
    token = _patiently(kind, "create", "token", "-n", "kube-system", ADMIN, "--duration", "8h").strip()
    address = urlsplit(config["server"])
    return Api(str(address.hostname), int(address.port or 443), bundle, token)


def _patiently(kind: KindCluster, *arguments: str, stdin: str | None = None) -> str:
    """Run kubectl until it succeeds: a new API server refuses for some seconds."""
    deadline = time.monotonic() + NODE_S
    while True:
        try:
            return str(kind.kubectl(*arguments, input=stdin))
        except subprocess.CalledProcessError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1.0)


def repository(source: Path, target: Path) -> Path:
    """Write the models that nodes see to `target`: those of `source`, and some made of its echo."""
    target.mkdir(parents=True, exist_ok=True)
    for each in target.iterdir():  # the folder itself stays: the nodes of a cluster that was kept have it mounted
        shutil.rmtree(each)
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "Dockerfile"))
    for name, changes in MADE_OF_ECHO.items():
        shutil.copytree(target / "echo", target / name)
        config = target / name / "config.pbtxt"
        text = config.read_text()
        for before, after in changes.items():
            if before not in text:
                raise ValueError(f"{source}/echo/config.pbtxt has no {before}, from which the model {name} is made")
            text = text.replace(before, after)
        config.write_text(text)
    return target


def condition(manifest: Mapping[str, Any], kind: str) -> tuple[str, str]:
    """Return a condition's status and reason; empty where it is not there."""
    for each in manifest.get("status", {}).get("conditions", ()):
        if each["type"] == kind:
            return each["status"], each.get("reason", "")
    return "", ""


def told(manifest: Mapping[str, Any]) -> str:
    """Return a manifest's status in one line."""
    return json.dumps(manifest.get("status", {}), sort_keys=True)
