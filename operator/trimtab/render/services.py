"""The two Services of a model: one address for all replicas, and a headless one for clients that balance themselves."""

from trimtab.api.aimodel import AIModelSpec
from trimtab.api.identity import ModelIdentity
from trimtab.api.kinds import SERVICE, Manifest
from trimtab.render.names import base_name, headless_name, labels, metadata, selector
from trimtab.render.settings import Serving
from trimtab.render.triton import GRPC_PORT, HTTP_PORT


def render_services(serving: Serving) -> tuple[Manifest, Manifest]:
    """Return the normal and the headless Service; both lead to the pods of every variant, neither to their metrics."""
    return (
        _service(serving, base_name(serving.model.name), {"type": "ClusterIP"}),
        _service(serving, headless_name(serving.model.name), {"type": "ClusterIP", "clusterIP": "None"}),
    )


def model_url(model: ModelIdentity, spec: AIModelSpec) -> str:
    """Return where the model is called over HTTP inside the cluster."""
    host = f"{base_name(model.name)}.{model.namespace}.svc"
    return f"http://{host}:{HTTP_PORT}/v2/models/{spec.model.name or model.name}"


def _service(serving: Serving, name: str, form: Manifest) -> Manifest:
    ports = (("http", HTTP_PORT, "http"), ("grpc", GRPC_PORT, "kubernetes.io/h2c"))
    return {
        "apiVersion": SERVICE.api_version,
        "kind": SERVICE.kind,
        "metadata": metadata(serving.model, name, labels(serving.model.name)),
        "spec": {
            **form,
            "selector": selector(serving.model.name),
            "ports": [
                {"name": name, "port": port, "targetPort": name, "protocol": "TCP", "appProtocol": protocol}
                for name, port, protocol in ports
            ],
        },
    }
