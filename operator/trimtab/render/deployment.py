"""The Deployment of one variant, and the settings that its pods were rendered with."""

import copy
import json
from typing import Any

from pydantic import ValidationError

from trimtab.api.kinds import DEPLOYMENT, Manifest
from trimtab.api.wire import dump
from trimtab.render.hashes import content_hash
from trimtab.render.names import (
    POD_SETTINGS_ANNOTATION,
    POD_TEMPLATE_ANNOTATION,
    labels,
    metadata,
    selector,
    variant_name,
)
from trimtab.render.pod import pod_template
from trimtab.render.settings import PodSettings, Serving
from trimtab.units import Replicas, whole_seconds

BEFORE_START_SECONDS = 1_800
"""Pulling a server's image of 10-14 GB and fetching the model, before the time of `startup.timeout` begins."""


def render_deployment(serving: Serving, settings: PodSettings) -> Manifest:
    """Return the Deployment as it is applied: without `spec.replicas`, which belongs to the autoscaler."""
    name = variant_name(serving.model.name, serving.variant.name)
    used = used_settings(serving, settings)
    template = pod_template(serving, used)
    about = metadata(serving.model, name, labels(serving.model.name, serving.variant.name))
    about["annotations"] = {
        POD_TEMPLATE_ANNOTATION: content_hash(template),
        POD_SETTINGS_ANNOTATION: json.dumps(dump(used), sort_keys=True),
    }
    return {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.kind,
        "metadata": about,
        "spec": {
            "selector": {"matchLabels": selector(serving.model.name, serving.variant.name)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": _pace(serving)},
            "progressDeadlineSeconds": BEFORE_START_SECONDS + whole_seconds(serving.spec.serving.startup.timeout),
            "revisionHistoryLimit": 2,
            "template": template,
        },
    }


def _pace(serving: Serving) -> Manifest:
    """Return how a rollout goes on where no accelerator is free for an additional replica: the old make room.

    A single replica does not: it would be gone for a whole cold start. It waits for a free accelerator, and
    docs/adr/0006-what-rolls-a-pod.md says what its user can do.
    """
    scarce = serving.variant.resource_name is not None
    return {"maxSurge": 1, "maxUnavailable": 1 if scarce and serving.replicas > 1 else 0}


def used_settings(serving: Serving, settings: PodSettings) -> PodSettings:
    """Return the settings that pods of a variant are rendered with: those of its live Deployment, else today's."""
    today = settings.model_copy(update={"code": "Allow" if serving.code == "Allow" else None})
    name = variant_name(serving.model.name, serving.variant.name)
    return settings_in_use(serving, serving.live_deployments.get(name)) or today


def settings_in_use(serving: Serving, live: Manifest | None) -> PodSettings | None:
    """Return the settings that a live Deployment was rendered with, None if its pods are to change anyway.

    They are kept if, and only if, rendering with them gives the very template that was applied: then nobody has changed
    what the pods are to be. Annotations that do not fit together were edited by hand, and are not believed. Consent to
    code that the pool has taken back is not kept, consent that it has given restarts nothing that works without it.
    """
    annotations: dict[str, Any] = (live or {}).get("metadata", {}).get("annotations") or {}
    try:
        settings = PodSettings.model_validate_json(annotations.get(POD_SETTINGS_ANNOTATION, ""))
    except ValidationError:
        return None
    if settings.code == "Allow" and serving.code != "Allow":
        return None
    same = content_hash(pod_template(serving, settings)) == annotations.get(POD_TEMPLATE_ANNOTATION)
    return settings if same else None


def birth(manifest: Manifest, replicas: Replicas) -> Manifest:
    """Return a manifest as it is created: a Deployment with its first replicas, anything else as it is."""
    if manifest["kind"] != DEPLOYMENT.kind:
        return manifest
    born = copy.copy(manifest)
    born["spec"] = {"replicas": replicas, **manifest["spec"]}
    return born
