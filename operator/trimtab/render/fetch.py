"""The init container that brings the model's files: what it is told to do, and where the files come from."""

from trimtab.api.annotations import FETCH_CONTAINER
from trimtab.api.fetch import (
    DEFAULT_MAX_BYTES,
    FETCH_PLAN_VARIABLE,
    MAX_NAME_BYTES,
    FetchLimits,
    FetchPlan,
    FetchSource,
    is_safe_relative_path,
    parse_model_uri,
    parse_oci_image,
)
from trimtab.api.kinds import Manifest
from trimtab.render.divergence import amount
from trimtab.render.settings import PodSettings, RenderSettings, Serving, UnrenderableError
from trimtab.render.triton import SOURCE_PATH, TEMPORARY_PATH, model_config

CONTAINER = FETCH_CONTAINER


def fetch_plan(serving: Serving, settings: PodSettings) -> FetchPlan:
    """Return what the init container is to do; a mounted source reaches no network, so it carries no network rules."""
    model = serving.spec.model
    source = model.source
    rules, consent = settings.network_rules, settings.code or "Refuse"
    if source.uri is not None:
        return FetchPlan(
            model=serving.triton_name,
            source=FetchSource(uri=source.uri),
            digest=model.digest,
            code=consent,
            warm_up=serving.spec.serving.triton.warm_up,
            config=model_config(serving),
            limits=_limits(serving),
            allow_private_addresses=rules.allow_private_addresses,
            allowed_endpoints=tuple(sorted(rules.allowed_endpoints)),
        )
    mounted = source.oci or source.persistent_volume_claim
    return FetchPlan(
        model=serving.triton_name,
        source=FetchSource(path=SOURCE_PATH, sub_path=mounted.path if mounted else None),
        digest=model.digest,
        code=consent,
        warm_up=serving.spec.serving.triton.warm_up,
        config=model_config(serving),
    )


def _limits(serving: Serving) -> FetchLimits:
    """Return how large the model may be: as large as what its pod may keep on its node's disk, where that is limited.

    A pod that keeps more is evicted after it has served for a minute, and so is the next one, and nothing slows them.
    """
    disk = amount(serving.spec.serving.resources.limits.ephemeral_storage)
    return FetchLimits() if disk is None else FetchLimits(max_bytes=max(1, min(DEFAULT_MAX_BYTES, int(disk))))


def fetch_container(serving: Serving, settings: PodSettings) -> Manifest:
    """Return the init container; credentials are given to it alone, by reference."""
    amounts = settings.fetch_resources
    container: Manifest = {
        "name": CONTAINER,
        "image": settings.runtime_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "trimtab_runtime.fetch"],
        "env": [
            {"name": "HOME", "value": TEMPORARY_PATH},
            {"name": FETCH_PLAN_VARIABLE, "value": fetch_plan(serving, settings).to_environment()},
        ],
        "resources": {
            "requests": {"cpu": amounts.cpu_request, "memory": amounts.memory_request},
            "limits": {"memory": amounts.memory_limit},
        },
        "terminationMessagePolicy": "File",  # its report
    }
    credentials = serving.spec.model.credentials_secret_ref
    if credentials is not None:
        container["envFrom"] = [{"secretRef": {"name": credentials.name}}]
    return container


def source_volume(serving: Serving) -> Manifest | None:
    """Return the volume that holds the model's files, None for a source that is downloaded."""
    source = serving.spec.model.source
    if source.oci is not None:
        return {"name": "source", "image": {"reference": source.oci.image, "pullPolicy": source.oci.pull_policy}}
    if source.persistent_volume_claim is not None:
        claim = source.persistent_volume_claim.claim_name
        return {"name": "source", "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
    return None


def refuse_source(serving: Serving, settings: RenderSettings) -> None:
    """Raise UnrenderableError for a source that this cluster must not fetch from, or cannot mount.

    The CRD has refused most of it before; an object may have been stored under an older one, and what is dangerous is
    checked where it is used.
    """
    source = serving.spec.model.source
    if sum(given is not None for given in (source.uri, source.oci, source.persistent_volume_claim)) != 1:
        raise UnrenderableError("spec.model.source must be exactly one of uri, oci and persistentVolumeClaim")
    try:
        if source.uri is not None:
            parse_model_uri(source.uri, settings.pod.network_rules)
        if source.oci is not None:
            parse_oci_image(source.oci.image)
    except ValueError as error:
        raise UnrenderableError(f"spec.model.source: {error}") from error
    if source.oci is not None and not settings.image_volumes:
        raise UnrenderableError(
            "spec.model.source.oci needs image volumes, which this cluster does not offer: use a uri or a "
            "persistentVolumeClaim, or ask the administrator for Kubernetes 1.35 or the feature gate ImageVolume"
        )
    mounted = source.oci or source.persistent_volume_claim
    if mounted is not None and mounted.path is not None and not is_safe_relative_path(mounted.path):
        raise UnrenderableError(
            f"spec.model.source: path {mounted.path!r} has a segment that no file system can hold: each has at most "
            f"{MAX_NAME_BYTES} bytes; name the directory as it is on the volume"
        )
