"""The manifests in config/samples, as rendering is told of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from trimtab.api.aimodel import AIModelSpec, parse_spec
from trimtab.api.identity import ModelIdentity
from trimtab.api.inferencepool import parse_pool_spec
from trimtab.api.kinds import AIMODEL, INFERENCEPOOL, Manifest
from trimtab.api.wire import dump
from trimtab.render.settings import PodSettings, RenderSettings, Serving
from trimtab.units import Replicas

SAMPLES = sorted((Path(__file__).parents[1] / "config" / "samples").glob("*.yaml"))
SETTINGS = RenderSettings(
    pod=PodSettings(
        triton_image="nvcr.io/nvidia/tritonserver:26.07-py3",
        runtime_image="ghcr.io/trimtab/runtime:0.1.0",
    )
)
"""Fixed: goldens do not move with the operator's defaults."""
UID = "6f1d1f2e-8c1b-4f0a-9a53-0d6f5c1b7e42"


def load(sample: Path) -> list[Manifest]:
    """Return the manifests of a sample."""
    return [manifest for manifest in yaml.safe_load_all(sample.read_text()) if manifest is not None]


def only(manifests: list[Manifest], kind: str) -> Manifest:
    """Return the one manifest of a kind."""
    (found,) = (manifest for manifest in manifests if manifest["kind"] == kind)
    return found


def serving_of(sample: Path, *, namespace: str | None = None, uid: str = UID, **changes: Any) -> Serving:  # noqa: ANN401 - fields of Serving
    """Return what a sample asks for, in its own namespace or another, with some fields of `Serving` changed.

    The replicas are those that a model starts with: its pin, at most maxReplicas, else minReplicas.
    """
    manifests = load(sample)
    about = only(manifests, AIMODEL.kind)["metadata"]
    spec = parse_spec(only(manifests, AIMODEL.kind))
    variants = parse_pool_spec(only(manifests, INFERENCEPOOL.kind)).variants
    pinned = spec.replicas is not None
    asked = spec.scaling.min_replicas if spec.replicas is None else spec.replicas
    fields: dict[str, Any] = {
        "model": ModelIdentity(namespace or about.get("namespace", "default"), about["name"], uid, 1),
        "spec": spec,
        "variant": next(each for each in variants if spec.serving.variant in {None, each.name}),
        "replicas": Replicas(min(asked, spec.scaling.max_replicas)),
        "pinned": pinned,
    }
    return Serving(**fields | changes)


def changed(serving: Serving, path: str, value: object) -> Serving:
    """Return a serving whose spec has another value at a dotted path of its fields on the wire."""
    spec = dump(serving.spec)
    *parents, last = path.split(".")
    place = spec
    for parent in parents:
        place = place.setdefault(parent, {})
    place[last] = value
    return replace(serving, spec=AIModelSpec.model_validate(spec))
