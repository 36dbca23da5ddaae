"""Servers in the cluster that models are fetched from: a web server, a store that speaks S3, a hub."""

from pathlib import Path

from controlplane import until
from e2e.cluster import MODELS_ON_NODES, Cluster, Manifest, condition
from e2e.images import Images
from e2e.install import PLACE

PROGRAMS = Path(__file__).parents[2] / "tests" / "e2e" / "servers"
WEB = f"http://files.{PLACE}.svc:8000"
STORE = f"http://s3.{PLACE}.svc:5000"
HUB = f"http://hub.{PLACE}.svc:8000"
HUB_TOKEN = "hf_of-the-tests"  # noqa: S105 - known to everybody
READY_S = 120.0


def start(cluster: Cluster, images: Images) -> None:
    """Start all in a namespace of their own, and wait until they answer."""
    data = {file.name: file.read_text() for file in PROGRAMS.glob("*.py")}
    programs = {"name": "programs", "namespace": PLACE}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLACE}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": programs, "data": data},
        *_server("files", images.triton, "files.py", "8000"),
        *_server("s3", images.store, "store.py", "5000"),
        *_server("hub", images.triton, "hub.py", "8000", HUB_TOKEN),
    )

    def ready() -> bool:
        return all(condition(pod, "Ready")[0] == "True" for pod in cluster.pods(PLACE))

    until(ready, what=f"the servers in {PLACE}", seconds=READY_S)


def _server(name: str, image: str, program: str, *arguments: str) -> tuple[Manifest, Manifest]:
    """Return a pod and its Service; the first of its program's arguments is the port."""
    port = int(arguments[0])
    about = {"name": name, "namespace": PLACE, "labels": {"app": name}}
    container = {
        "name": name,
        "image": image,
        "command": ["python", f"/programs/{program}", "/models/echo", *arguments],
        "env": [
            {"name": "S3_IGNORE_SUBDOMAIN_BUCKETNAME", "value": "true"}
        ],  # else moto takes s3.NAMESPACE.svc for one
        "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 2},
        "volumeMounts": [
            {"name": "programs", "mountPath": "/programs"},
            {"name": "models", "mountPath": "/models", "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - an emptyDir of the pod's own
        ],
    }
    volumes = [
        {"name": "programs", "configMap": {"name": "programs"}},
        {"name": "models", "hostPath": {"path": MODELS_ON_NODES}},
        {"name": "tmp", "emptyDir": {}},
    ]
    pod = {"automountServiceAccountToken": False, "containers": [container], "volumes": volumes}
    service = {"selector": {"app": name}, "ports": [{"port": port}]}
    return (
        {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": pod},
        {"apiVersion": "v1", "kind": "Service", "metadata": about, "spec": service},
    )
