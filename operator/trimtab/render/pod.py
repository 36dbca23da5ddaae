"""The pod template. Whatever changes here restarts users' GPU pods: see docs/adr/0006-what-rolls-a-pod.md."""

from trimtab.api.kinds import Manifest
from trimtab.api.wire import dump
from trimtab.render.fetch import fetch_container, source_volume
from trimtab.render.names import labels, selector
from trimtab.render.settings import PodSettings, Serving
from trimtab.render.triton import (
    ENDPOINTS_SETTLE_SECONDS,
    EXIT_SLACK_SECONDS,
    MODELS_PATH,
    SHARED_MEMORY_PATH,
    SOURCE_PATH,
    TEMPORARY_PATH,
    references,
    triton_container,
)
from trimtab.units import whole_seconds

USER = 1000  # `triton-server` in NVIDIA's images; the runtime image runs as any user
SPREAD_OVER = ("kubernetes.io/hostname", "topology.kubernetes.io/zone")


def pod_template(serving: Serving, settings: PodSettings) -> Manifest:
    """Return the pod template of one variant: fit for the restricted profile, without a token, on its nodes."""
    asked = serving.spec.serving
    optional: Manifest = {
        "nodeSelector": {**asked.node_selector, **serving.variant.node_selector},
        "tolerations": tolerations(serving),
        "imagePullSecrets": references(asked.image_pull_secrets),
        "priorityClassName": asked.priority_class_name,
    }
    settle, drain = ENDPOINTS_SETTLE_SECONDS, whole_seconds(asked.drain.timeout)
    return {
        "metadata": {"labels": {**asked.labels, **labels(serving.model.name, serving.variant.name)}},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": pod_security(),
            **containers_and_volumes(serving, settings),
            # Triton stops by itself before this: an idle HTTP connection alone holds it for the whole of its own time.
            "terminationGracePeriodSeconds": settle + drain + EXIT_SLACK_SECONDS,
            "topologySpreadConstraints": [_spread(serving, key) for key in SPREAD_OVER],
            **{field: value for field, value in optional.items() if value},
        },
    }


def containers_and_volumes(serving: Serving, settings: PodSettings) -> Manifest:
    """Return both containers with what they share: Triton reads what the other has fetched, and writes none of it."""
    source = source_volume(serving)
    mounted_source = [] if source is None else [{"name": "source", "mountPath": SOURCE_PATH, "readOnly": True}]
    fetch = fetch_container(serving, settings) | {
        "volumeMounts": [
            {"name": "models", "mountPath": MODELS_PATH},
            {"name": "fetch-tmp", "mountPath": TEMPORARY_PATH},
            *mounted_source,
        ],
        "securityContext": container_security(),
    }
    triton = triton_container(serving, settings) | {
        "volumeMounts": [
            {"name": "models", "mountPath": MODELS_PATH, "readOnly": True},
            {"name": "tmp", "mountPath": TEMPORARY_PATH},
            {"name": "shared-memory", "mountPath": SHARED_MEMORY_PATH},
            *mounted_source,
        ],
        "securityContext": container_security(),
    }
    shared_memory = {"medium": "Memory", "sizeLimit": serving.spec.serving.shared_memory}
    return {
        "initContainers": [fetch],
        "containers": [triton],
        "volumes": [
            {"name": "models", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "fetch-tmp", "emptyDir": {}},  # its own: Triton sees nothing of the credentials
            {"name": "shared-memory", "emptyDir": shared_memory},
            *([] if source is None else [source]),
        ],
    }


def pod_security() -> Manifest:
    """Return what a pod needs for the restricted profile, and to write into its volumes."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> Manifest:
    """Return what each container needs for the restricted profile, and a root that nobody writes to."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def tolerations(serving: Serving) -> list[Manifest]:
    """Return the variant's and the user's tolerations, each once.

    First of all, nodes keep pods without accelerators away by a taint that is called like the resource. Some clusters
    add its toleration at admission (ExtendedResourceToleration), most do not.
    """
    own = serving.variant.resource_name
    every = [] if own is None else [{"key": own, "operator": "Exists", "effect": "NoSchedule"}]
    every += [dump(toleration) for toleration in (*serving.variant.tolerations, *serving.spec.serving.tolerations)]
    return [toleration for index, toleration in enumerate(every) if toleration not in every[:index]]


def _spread(serving: Serving, key: str) -> Manifest:
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "matchLabelKeys": ["pod-template-hash"],  # else a rollout is spread around the pods that it is replacing
        "labelSelector": {"matchLabels": selector(serving.model.name, serving.variant.name)},
    }
