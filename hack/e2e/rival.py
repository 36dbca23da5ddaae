"""The cluster's own autoscaler beside Trimtab's: the very same pods, scaled by the processor."""

import copy

from e2e.cluster import Manifest, condition
from e2e.scene import DEPLOYMENT, Scene

AUTOSCALER = "autoscaling/v2/HorizontalPodAutoscaler"
PORT = 8000
SETTLED_S = 180.0


class Rival:
    """A Deployment, a Service and a HorizontalPodAutoscaler of one name.

    Its pods have the template of a Deployment of Trimtab's, image, files, queue policy and all, but for the labels: so
    neither the operator nor its Prometheus take them for theirs. `percent` is the target, of what a pod requests of a
    processor; `calm_s` is for how long fewer replicas must be enough before one goes. All else is as it ships.
    """

    def __init__(self, scene: Scene, name: str, *, like: str, percent: int, calm_s: int) -> None:
        """Apply it, with as many replicas as its model has, within the model's bounds."""
        self.scene, self.name = scene, name
        model = next(each for each in scene.get(like, DEPLOYMENT)["metadata"]["ownerReferences"])["name"]
        bounds = scene.get(model)["spec"]["scaling"]
        about = {"name": name, "namespace": scene.namespace}
        metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}
        scene.cluster.apply(
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": about, "spec": self._same_pods(like)},
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": about,
                "spec": {"selector": {"app": name}, "ports": [{"port": PORT}]},
            },
            {
                "apiVersion": "autoscaling/v2",
                "kind": "HorizontalPodAutoscaler",
                "metadata": about,
                "spec": {
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
                    **{bound: bounds[bound] for bound in ("minReplicas", "maxReplicas")},
                    "metrics": [{"type": "Resource", "resource": metric}],
                    "behavior": {"scaleDown": {"stabilizationWindowSeconds": calm_s}},
                },
            },
        )

    @property
    def address(self) -> str:
        """Return where its clients call it."""
        return f"{self.name}.{self.scene.namespace}.svc:{PORT}"

    def is_ready(self) -> None:
        """Wait until it serves, and its autoscaler has seen what its processors do."""
        self.scene.until(
            lambda: self.scene.get(self.name, DEPLOYMENT)["status"].get("readyReplicas"), self.name, SETTLED_S
        )
        self.scene.until(
            lambda: condition(self.scene.get(self.name, AUTOSCALER), "ScalingActive")[0] == "True",
            f"the autoscaler of {self.name} to see its processors",
            SETTLED_S,
        )

    def _same_pods(self, like: str) -> Manifest:
        template = copy.deepcopy(self.scene.get(like, DEPLOYMENT)["spec"]["template"])
        labels = {"app": self.name}
        template["metadata"] = {"labels": labels}
        for spread in template["spec"]["topologySpreadConstraints"]:
            spread["labelSelector"] = {"matchLabels": labels}
        return {"selector": {"matchLabels": labels}, "template": template}
