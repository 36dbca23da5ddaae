"""`AIModel`: what a user says about one model, and what the operator says back."""

from typing import Annotated, Any, Literal

from pydantic import Field

from trimtab.api.conditions import Condition
from trimtab.api.rules import Rule, duration_between, spelled
from trimtab.api.serving import ServingSpec
from trimtab.api.shared import SecretReference
from trimtab.api.wire import (
    DnsLabel,
    DnsSubdomain,
    Duration,
    ImageReference,
    Money,
    RelativePath,
    Sha256,
    Wire,
    keyed_by,
)

_URI = r"^(s3|gs|https?|hf)://[A-Za-z0-9\[][A-Za-z0-9._~:/?@!$&()*+,;=%\[\]-]*$"
_TRITON_NAME = r"^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$"


class PoolReference(Wire):
    """The InferencePool whose accelerators the model runs on."""

    name: Annotated[DnsSubdomain, Field(description="Name of the InferencePool (inferencepools.trimtab.io).")]
    namespace: Annotated[
        DnsLabel | None,
        Field(
            description="Its namespace; absent means the model's own. "
            "A pool elsewhere must admit this namespace in `allowedModels`."
        ),
    ] = None


class OciSource(Wire):
    """A model packed as an OCI image, mounted as an image volume."""

    image: Annotated[ImageReference, Field(description="The image, best with its digest: registry/name@sha256:...")]
    path: Annotated[RelativePath | None, Field(description="Directory inside the image; absent means its root.")] = None
    pull_policy: Annotated[
        Literal["IfNotPresent", "Always", "Never"], Field(description="When the kubelet pulls the image.")
    ] = "IfNotPresent"


class PersistentVolumeClaimSource(Wire):
    """A model on a volume of the model's own namespace, mounted read-only."""

    claim_name: Annotated[DnsSubdomain, Field(description="Name of the PersistentVolumeClaim.")]
    path: Annotated[RelativePath | None, Field(description="Directory on the volume; absent means its root.")] = None


class ModelSource(Wire):
    """Where the model's files come from: exactly one of the three."""

    rules = (
        Rule(
            "[has(self.uri), has(self.oci), has(self.persistentVolumeClaim)].filter(given, given).size() == 1",
            "give exactly one source: uri, oci or persistentVolumeClaim",
        ),
    )

    uri: Annotated[
        str | None,
        Field(
            max_length=1024,
            pattern=_URI,
            description="s3://bucket/key, gs://bucket/key, https://host/file, http://host/file "
            "or hf://organisation/name[@revision][/directory].",
        ),
        spelled(
            _URI, "must begin with s3://, gs://, https://, http:// or hf:// and hold no spaces, quotes or backslashes"
        ),
        Rule(r"!self.matches(r'^[^?]*/\.\.?([/?]|$)')", "must have no . or .. in its path: write the plain path"),
        Rule("!self.matches(r'^[^?]*%')", "must not be percent-encoded before a ?: write the plain path"),
        Rule(
            "!self.matches(r'^[^/]*//[^/?]*@')",
            "must hold no name or password: put them into a Secret and name it in model.credentialsSecretRef",
        ),
        Rule("self.startsWith('http') || !self.contains('?')", "may have a ? with https:// and http:// only"),
    ] = None
    oci: Annotated[OciSource | None, Field(description="An OCI image that holds the model.")] = None
    persistent_volume_claim: Annotated[
        PersistentVolumeClaimSource | None, Field(description="A volume that holds the model.")
    ] = None


class ModelSpec(Wire):
    """Which model is served."""

    rules = (
        Rule(
            "has(self.name) == has(oldSelf.name) && (!has(self.name) || self.name == oldSelf.name)",
            "model.name cannot change, since clients call it by that name: create another AIModel",
        ),
    )

    name: Annotated[
        str | None,
        Field(
            max_length=63,
            pattern=_TRITON_NAME,
            description="The model's name inside Triton (/v2/models/NAME); absent means metadata.name.",
        ),
        spelled(_TRITON_NAME, "must be letters, digits, dashes and underscores, between two letters or digits"),
    ] = None
    source: Annotated[ModelSource, Field(description="Where the files come from.")]
    digest: Annotated[
        Sha256 | None,
        Field(
            description="What the files must add up to: the SHA-256 of a single file, "
            "or of the sorted `sha256sum` lines of a directory."
        ),
    ] = None
    credentials_secret_ref: Annotated[
        SecretReference | None,
        Field(
            description="A Secret whose keys (AWS_ACCESS_KEY_ID, HF_TOKEN, ...) become the environment "
            "of the container that fetches."
        ),
    ] = None


class LatencyObjective(Wire):
    """How fast the model must answer."""

    target: Annotated[
        Duration,
        duration_between("1ms", "10m"),
        Field(
            description="What the 99th percentile of request latency must stay below. "
            "A request that has queued this long is served after fresh ones."
        ),
    ]


class Objectives(Wire):
    """What the model promises to those who call it."""

    latency: Annotated[LatencyObjective, Field(description="How fast it must answer.")]


class ScalingSpec(Wire):
    """How many replicas there may be."""

    rules = (
        Rule(
            "self.minReplicas <= self.maxReplicas",
            "scaling.minReplicas must not exceed scaling.maxReplicas: lower it, or raise maxReplicas",
            ".minReplicas",
        ),
    )

    min_replicas: Annotated[
        int, Field(ge=1, le=1000, description="Never fewer replicas than this, unless pinned by `kubectl scale`.")
    ] = 1
    max_replicas: Annotated[int, Field(ge=1, le=1000, description="Never more replicas than this, pinned or not.")]
    autoscaler: Annotated[
        Literal["HorizontalPodAutoscaler", "None"],
        Field(
            description="HorizontalPodAutoscaler: bounds are kept by an HPA, also while the operator is away. "
            "None: the operator alone sets the scale."
        ),
    ] = "HorizontalPodAutoscaler"


class AIModelSpec(Wire):
    """What the user wants. The operator never writes here."""

    pool_ref: Annotated[PoolReference, Field(description="The pool whose accelerators the model runs on.")]
    replicas: Annotated[
        int | None,
        Field(
            ge=0,
            le=1000,
            description="A pin, set by `kubectl scale`: exactly this many replicas, at most scaling.maxReplicas. "
            "`kubectl trimtab unpin` removes it. While it is absent, reading the scale subresource is an error, "
            "so no HorizontalPodAutoscaler can target an AIModel.",
        ),
    ] = None
    model: Annotated[ModelSpec, Field(description="Which model is served.")]
    serving: Annotated[ServingSpec, Field(description="How it is served.")] = ServingSpec()
    objectives: Annotated[Objectives, Field(description="What it promises to its callers.")]
    scaling: Annotated[ScalingSpec, Field(description="How many replicas there may be.")]


class ScalingDecision(Wire):
    """The last decision, with what bound it."""

    desired_replicas: Annotated[int, Field(ge=0, description="How many replicas were decided.")]
    bound_by: Annotated[
        str, Field(max_length=64, description="What decided it: Held, MinReplicas, MaxReplicas, Pin or Paused.")
    ]
    message: Annotated[str, Field(max_length=1024, description="The decision in one sentence, with its numbers.")]


class ModelVersion(Wire):
    """Which files are served."""

    serving: Annotated[str, Field(max_length=1100, description="The digest asked for, else the source.")]


class ModelCost(Wire):
    """What the replicas cost."""

    hourly: Annotated[Money, Field(description="The present replicas' price per hour, in the pool's currency.")]
    currency: Annotated[str, Field(max_length=3, description="ISO 4217 code.")]


class AIModelStatus(Wire):
    """What is so. Only the operator writes here."""

    observed_generation: Annotated[
        int | None, Field(ge=0, description="The metadata.generation that this status was computed for.")
    ] = None
    replicas: Annotated[int | None, Field(ge=0, description="Pods that exist.")] = None
    ready_replicas: Annotated[int | None, Field(ge=0, description="Pods that answer.")] = None
    selector: Annotated[
        str | None, Field(max_length=512, description="Label selector of the pods, for the scale subresource.")
    ] = None
    url: Annotated[str | None, Field(max_length=512, description="Where the model is called inside the cluster.")] = (
        None
    )
    variant: Annotated[str | None, Field(max_length=63, description="The pool's variant that the replicas run on.")] = (
        None
    )
    version: Annotated[
        ModelVersion | None, Field(description="Which files are served; absent until a replica that has them answers.")
    ] = None
    decision: Annotated[ScalingDecision | None, Field(description="The last decision on replicas.")] = None
    cost: Annotated[ModelCost | None, Field(description="What the replicas cost; absent while a price is unknown.")] = (
        None
    )
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=32,
            description="Ready first; then what stands behind it.",
            json_schema_extra=keyed_by("type"),
        ),
    ] = ()


class AIModel(Wire):
    """A model that Triton serves on the accelerators of an InferencePool, within its latency objective."""

    spec: Annotated[AIModelSpec, Field(description="What the user wants. The operator never writes here.")]
    status: Annotated[AIModelStatus | None, Field(description="What is so. Only the operator writes here.")] = None


def parse_spec(manifest: dict[str, Any]) -> AIModelSpec:
    """Return the spec of an AIModel manifest.

    Raises:
        pydantic.ValidationError: if the object was stored under an older or looser schema.
    """
    return AIModelSpec.model_validate(manifest.get("spec", {}))
