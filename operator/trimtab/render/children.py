"""All children of one model, as they are applied."""

from collections.abc import Iterator

from trimtab.api.kinds import Manifest
from trimtab.render.autoscaler import render_autoscaler
from trimtab.render.deployment import render_deployment
from trimtab.render.disruption import render_disruption_budget
from trimtab.render.fetch import refuse_source
from trimtab.render.hashes import content_hash
from trimtab.render.monitor import render_pod_monitor
from trimtab.render.names import APPLIED_ANNOTATION
from trimtab.render.network import render_network_policy
from trimtab.render.services import render_services
from trimtab.render.settings import RenderSettings, Serving


def render_children(serving: Serving, settings: RenderSettings) -> tuple[Manifest, ...]:
    """Return the manifests in the order of writing, that of `trimtab.api.kinds.CHILD_KINDS`.

    Raises:
        UnrenderableError: if the source is one that this cluster must not or cannot serve from.
    """
    refuse_source(serving, settings)
    return tuple(with_own_hash(manifest) for manifest in _children(serving, settings))


def _children(serving: Serving, settings: RenderSettings) -> Iterator[Manifest]:
    yield render_network_policy(serving, settings)
    yield render_deployment(serving, settings.pod)
    yield from render_services(serving)
    if serving.spec.scaling.autoscaler != "None":
        yield render_autoscaler(serving)
    yield render_disruption_budget(serving)
    if serving.pod_monitors:
        yield render_pod_monitor(serving)


def with_own_hash(manifest: Manifest) -> Manifest:
    """Return the manifest with the hash of itself, as it is without it, in an annotation."""
    about = manifest["metadata"]
    annotations = {**about.get("annotations", {}), APPLIED_ANNOTATION: content_hash(manifest)}
    return {**manifest, "metadata": {**about, "annotations": annotations}}
