"""The autoscaler of one variant, whose bounds follow the decision."""

from trimtab.api.kinds import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, Manifest
from trimtab.render.names import labels, metadata, variant_name
from trimtab.render.settings import Serving
from trimtab.render.triton import CONTAINER

SERVER_DEFAULT_CPU_PERCENT = 80
"""What the API server writes where no metric is given; between equal bounds it decides nothing."""
CPU_PERCENT = 75
"""Of the request: what a variant without accelerators rises at by itself while the operator is away."""


def render_autoscaler(serving: Serving) -> Manifest:
    """Return the HorizontalPodAutoscaler.

    On an accelerator, or pinned, it holds exactly the decided number: the processor of a GPU pod says nothing about its
    load. Without one it may rise by the processor, to `scaling.maxReplicas` or what the budget pays for. At zero
    replicas it stands aside, since a Deployment scaled to 0 is none of an autoscaler's business; its bounds start at 1,
    the least that it accepts.
    """
    name = variant_name(serving.model.name, serving.variant.name)
    least = max(serving.replicas, 1)
    most = serving.spec.scaling.max_replicas if serving.ceiling is None else serving.ceiling
    held = serving.pinned or serving.variant.resource_name is not None
    return {
        "apiVersion": HORIZONTAL_POD_AUTOSCALER.api_version,
        "kind": HORIZONTAL_POD_AUTOSCALER.kind,
        "metadata": metadata(serving.model, name, labels(serving.model.name, serving.variant.name)),
        "spec": {
            "scaleTargetRef": {"apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind, "name": name},
            "minReplicas": least,
            "maxReplicas": least if held else max(least, most),
            "metrics": [_whole_pod_cpu() if serving.variant.resource_name is not None else _triton_cpu()],
        },
    }


def _whole_pod_cpu() -> Manifest:
    target = {"type": "Utilization", "averageUtilization": SERVER_DEFAULT_CPU_PERCENT}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def _triton_cpu() -> Manifest:
    target = {"type": "Utilization", "averageUtilization": CPU_PERCENT}
    return {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": CONTAINER, "target": target}}
