"""The Job that measures a model: the pod that serves it, with a client inside of it instead of clients outside."""

from typing import Any

from trimtab.api.aimodel import ProfileSpec
from trimtab.api.annotations import (
    FETCH_CONTAINER,
    PROFILE_ACCELERATOR_ANNOTATION,
    PROFILE_CONTAINER,
    PROFILE_KEY_ANNOTATION,
)
from trimtab.api.kinds import JOB, NETWORK_POLICY, Manifest
from trimtab.api.profile import PROFILE_PLAN_VARIABLE, ProfilePlan
from trimtab.api.wire import dump
from trimtab.render.children import with_own_hash
from trimtab.render.deployment import BEFORE_START_SECONDS, used_settings
from trimtab.render.hashes import content_hash
from trimtab.render.names import (
    MANAGED_BY,
    MANAGED_BY_LABEL,
    MODEL_LABEL,
    NAME_LABEL,
    VARIANT_LABEL,
    labels,
    metadata,
    profile_label,
    profile_name,
)
from trimtab.render.network import egress
from trimtab.render.pod import container_security, containers_and_volumes, pod_security, tolerations
from trimtab.render.settings import PodSettings, RenderSettings, Serving
from trimtab.render.triton import GRPC_PORT, TEMPORARY_PATH, model_config, references
from trimtab.units import seconds, whole_seconds

GRACE_SECONDS = 30  # nobody outside calls it: Triton has nothing to finish
RETRIES = 1  # of what nobody explained: memory, a node that went, a store that is away
OF_SERVING_ALONE = frozenset({"lifecycle", "startupProbe", "readinessProbe", "livenessProbe", "ports"})
"""What Triton's container needs where others call it; here the client waits for the model by itself."""


def profile_key(serving: Serving, settings: PodSettings) -> str:
    """Return what stands for all that a measurement depends on: another key, and it is measured anew.

    Neither the objective nor who may call is part of it, nor the operator's version.
    """
    used, spec, variant = used_settings(serving, settings), serving.spec, serving.variant
    asked = spec.serving
    return content_hash(
        {
            "source": dump(spec.model.source),
            "digest": spec.model.digest,
            "image": asked.image or used.triton_image,
            "triton": _batches(serving),
            "resources": dump(asked.resources),
            "sharedMemory": asked.shared_memory,
            "env": [dump(each) for each in asked.env],
            "variant": [variant.name, variant.resource_name, variant.accelerators_per_replica],
            "nodes": {**asked.node_selector, **variant.node_selector},
        }
    )


def _batches(serving: Serving) -> dict[str, Any]:
    """Return what is rendered of how Triton works: a field that an upgrade adds, with its default, is no other way.

    The queue policy carries the objective, and says who waits, not how long a batch takes.
    """
    config = model_config(serving)
    batching = {name: value for name, value in config["dynamic_batching"].items() if name != "default_queue_policy"}
    return {**config, "dynamic_batching": batching}


def render_profile(serving: Serving, settings: RenderSettings, wish: ProfileSpec) -> tuple[Manifest, Manifest]:
    """Return the NetworkPolicy of the pods that measure, and the Job: its name says what is measured."""
    key = profile_key(serving, settings.pod)
    about = metadata(
        serving.model, profile_name(serving.model.name, key), labels(serving.model.name, serving.variant.name)
    )
    about["annotations"] = {
        PROFILE_KEY_ANNOTATION: key,
        PROFILE_ACCELERATOR_ANNOTATION: serving.variant.resource_name or "cpu",
    }
    job: Manifest = {
        "apiVersion": JOB.api_version,
        "kind": JOB.kind,
        "metadata": about,
        "spec": {
            "backoffLimit": RETRIES,
            "podReplacementPolicy": "Failed",  # never two of them on two accelerators
            "podFailurePolicy": {
                "rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                    _final(FETCH_CONTAINER, 2),  # nothing mends it but a change
                    _final(PROFILE_CONTAINER, 1),  # it has said why
                ]
            },
            "template": _template(serving, used_settings(serving, settings.pod), wish),
        },
    }
    return with_own_hash(_policy(serving, settings)), with_own_hash(job)


def _policy(serving: Serving, settings: RenderSettings) -> Manifest:
    """Return the policy: nobody may call such a pod, and it reaches what it is downloaded from."""
    name = profile_label(serving.model.name)
    downloads = serving.spec.model.source.uri is not None
    return {
        "apiVersion": NETWORK_POLICY.api_version,
        "kind": NETWORK_POLICY.kind,
        "metadata": metadata(serving.model, name, labels(serving.model.name)),
        "spec": {
            "podSelector": {"matchLabels": {MODEL_LABEL: name}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [],
            "egress": egress(settings.pod.network_rules) if downloads else [],
        },
    }


def _template(serving: Serving, settings: PodSettings, wish: ProfileSpec) -> Manifest:
    """Return the pod: fetched as it is for serving, Triton as a sidecar, and the client that ends it all.

    Its time begins when a node has it, so that one that waits for an accelerator has lost none. It has no priority of
    its own: where serving has one, it makes room.
    """
    asked = serving.spec.serving
    parts = containers_and_volumes(serving, settings)
    (fetch,), (triton,) = parts["initContainers"], parts["containers"]
    sidecar = {name: value for name, value in triton.items() if name not in OF_SERVING_ALONE}
    optional: dict[str, Any] = {
        "nodeSelector": {**asked.node_selector, **serving.variant.node_selector},
        "tolerations": tolerations(serving),
        "imagePullSecrets": references(asked.image_pull_secrets),
    }
    longest = BEFORE_START_SECONDS + whole_seconds(asked.startup.timeout) + whole_seconds(wish.time_limit)
    return {
        "metadata": {
            "labels": {
                **asked.labels,
                NAME_LABEL: "triton-profile",
                MANAGED_BY_LABEL: MANAGED_BY,
                MODEL_LABEL: profile_label(serving.model.name),
                VARIANT_LABEL: serving.variant.name,
            }
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": longest + GRACE_SECONDS,
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": pod_security(),
            "initContainers": [fetch, {**sidecar, "restartPolicy": "Always"}],
            "containers": [_client(serving, settings, wish)],
            "volumes": [*parts["volumes"], {"name": "profile-tmp", "emptyDir": {}}],
            **{field: value for field, value in optional.items() if value},
        },
    }


def _client(serving: Serving, settings: PodSettings, wish: ProfileSpec) -> Manifest:
    amounts = settings.fetch_resources
    plan = ProfilePlan(
        model=serving.triton_name,
        address=f"127.0.0.1:{GRPC_PORT}",
        ready_within=seconds(serving.spec.serving.startup.timeout),
        measure_within=seconds(wish.time_limit),
    )
    return {
        "name": PROFILE_CONTAINER,
        "image": settings.runtime_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "trimtab_runtime.profile"],
        "env": [
            {"name": "HOME", "value": TEMPORARY_PATH},
            {"name": PROFILE_PLAN_VARIABLE, "value": plan.to_environment()},
        ],
        "resources": {
            "requests": {"cpu": amounts.cpu_request, "memory": amounts.memory_request},
            "limits": {"memory": amounts.memory_limit},
        },
        "terminationMessagePolicy": "File",  # its report
        "volumeMounts": [{"name": "profile-tmp", "mountPath": TEMPORARY_PATH}],
        "securityContext": container_security(),
    }


def _final(container: str, code: int) -> Manifest:
    codes = {"containerName": container, "operator": "In", "values": [code]}
    return {"action": "FailJob", "onExitCodes": codes}
