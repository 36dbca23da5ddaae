"""A stand-in for the operator, run as a program of its own: one Deployment and one status for each AIModel.

It is told what the operator is told (KUBECONFIG, TRIMTAB_PROBES_ADDRESS), and does so little that what is measured
about it is known beforehand: two writes for each model, one more for each change, none else. STUB_FAULT makes it worse:
`fragile` ends when the API server goes away, `mute` is never ready.
"""

import http.server
import json
import os
import sys
import threading
import time
import urllib.parse
from pathlib import Path
from typing import Any

from controlplane import Api, ApiError

LOOK_S = 0.2
FAULT = os.environ.get("STUB_FAULT", "")
AIMODEL = "trimtab.io/v1alpha1/AIModel"
SAFE = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
GPU = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
has_looked = threading.Event()


class Probes(http.server.BaseHTTPRequestHandler):
    """Answer /readyz: 200 once everything was seen."""

    def do_GET(self) -> None:
        self.send_response(200 if has_looked.is_set() and FAULT != "mute" else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def client() -> Api:
    """Return a client after the kubeconfig."""
    kubeconfig = json.loads(Path(os.environ["KUBECONFIG"]).read_text())
    cluster = kubeconfig["clusters"][0]["cluster"]
    address = urllib.parse.urlsplit(cluster["server"])
    token = kubeconfig["users"][0]["user"]["token"]
    return Api(str(address.hostname), int(address.port or 443), Path(cluster["certificate-authority"]), token)


def deployment(model: dict[str, Any]) -> dict[str, Any]:
    """Return the one child."""
    name, namespace = f"{model['metadata']['name']}-l4", model["metadata"]["namespace"]
    owner = {key: model["metadata"][key] for key in ("name", "uid")}
    container = {"name": "triton", "image": "image", "securityContext": SAFE}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "ownerReferences": [{"apiVersion": "trimtab.io/v1alpha1", "kind": "AIModel", "controller": True, **owner}],
        },
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container], "tolerations": [GPU]},
            },
        },
    }


def condition(model: dict[str, Any]) -> dict[str, Any]:
    """Return a Ready condition for the present generation."""
    return {
        "type": "Ready",
        "status": "True",
        "reason": "Serving",
        "message": "it serves",
        "lastTransitionTime": model["metadata"]["creationTimestamp"],
        "observedGeneration": model["metadata"]["generation"],
    }


def look(api: Api) -> None:
    """Bring every model forward by one step."""
    ready = {
        (each["metadata"]["namespace"], each["metadata"]["name"]): bool(each["status"].get("readyReplicas"))
        for each in api.list("apps/v1/Deployment")
    }
    for model in api.list(AIMODEL):
        namespace, name = model["metadata"]["namespace"], model["metadata"]["name"]
        child = (namespace, f"{name}-l4")
        status = model.get("status") or {}
        stale = status.get("observedGeneration") != model["metadata"]["generation"]
        if child not in ready:
            api.create(deployment(model))
        elif ready[child] and stale:
            wanted = {"observedGeneration": model["metadata"]["generation"], "conditions": [condition(model)]}
            api.patch(AIMODEL, name, {"status": wanted}, namespace=namespace, part="status")
    has_looked.set()


def main() -> None:
    """Serve probes and look again and again."""
    host, _, port = os.environ["TRIMTAB_PROBES_ADDRESS"].rpartition(":")
    server = http.server.ThreadingHTTPServer((host, int(port)), Probes)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    api = client()
    while True:
        try:
            look(api)
        except (ApiError, OSError) as error:
            sys.stderr.write(f"looking again: {error}\n")
            if FAULT == "fragile" and isinstance(error, OSError):
                raise
        time.sleep(LOOK_S)


if __name__ == "__main__":
    main()
