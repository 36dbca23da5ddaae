"""`AIModel`: what a user says about one model."""

from typing import Annotated, Any, Literal

from pydantic import Field

from trimtab.api.model_status import AIModelStatus
from trimtab.api.rules import Rule, duration_between, spelled
from trimtab.api.schedule import MOST_SCHEDULES, Schedule
from trimtab.api.serving import ServingSpec
from trimtab.api.shared import Percentile, SecretReference
from trimtab.api.wire import (
    DnsLabel,
    DnsSubdomain,
    Duration,
    ImageReference,
    PositiveMoney,
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
            description="What that percentile of request latency must stay below. "
            "A request that has queued this long is served after fresh ones."
        ),
    ]
    percentile: Annotated[
        Percentile,
        Field(description="The share of requests that must be answered within the target: P99 is 99 of 100."),
    ] = "P99"


class Objectives(Wire):
    """What the model promises to those who call it."""

    latency: Annotated[LatencyObjective, Field(description="How fast it must answer.")]


class Budget(Wire):
    """What the model may cost."""

    hourly: Annotated[
        PositiveMoney,
        Field(
            description="The most that the replicas may cost per hour, in the pool's currency and in quotes, such as "
            "'14.00'. It goes before the objective; scaling.minReplicas and a pin go before it. It bounds nothing "
            "while the variant has no price."
        ),
    ]


class ScalingSpec(Wire):
    """How many replicas there may be."""

    rules = (
        Rule(
            "self.minReplicas <= self.maxReplicas",
            "scaling.minReplicas must not exceed scaling.maxReplicas: lower it, or raise maxReplicas",
            ".minReplicas",
        ),
        Rule(
            "!has(self.schedules)"
            " || self.schedules.all(each, has(each.maxReplicas) || each.minReplicas <= self.maxReplicas)",
            "minReplicas of a schedule must not exceed scaling.maxReplicas: lower it, or give the schedule a "
            "maxReplicas of its own",
            ".schedules",
        ),
    )

    min_replicas: Annotated[
        int, Field(ge=1, le=1000, description="Never fewer replicas than this, unless pinned by `kubectl scale`.")
    ] = 1
    max_replicas: Annotated[int, Field(ge=1, le=1000, description="Never more replicas than this, pinned or not.")]
    schedules: Annotated[
        tuple[Schedule, ...],
        Field(
            max_length=MOST_SCHEDULES,
            description="Windows in which other bounds hold than minReplicas and maxReplicas. Like these they go "
            "before budget.hourly, and a pin goes before their minReplicas. Of several open windows the largest "
            "minReplicas counts, and the largest maxReplicas.",
            json_schema_extra=keyed_by("name"),
        ),
    ] = ()
    autoscaler: Annotated[
        Literal["HorizontalPodAutoscaler", "None"],
        Field(
            description="HorizontalPodAutoscaler: bounds are kept by an HPA, also while the operator is away. "
            "None: the operator alone sets the scale."
        ),
    ] = "HorizontalPodAutoscaler"
    mode: Annotated[
        Literal["Active", "Advisory"],
        Field(
            description="Active: replicas follow what is decided. Advisory: what runs is kept, within minReplicas and "
            "maxReplicas, and status.decision says what would be; a pin is obeyed."
        ),
    ] = "Active"


class ProfileSpec(Wire):
    """That the model is measured by a Job of its own."""

    time_limit: Annotated[
        Duration,
        duration_between("30s", "1h"),
        Field(description="How long measuring may take once the model is loaded; the accelerator is in use meanwhile."),
    ] = "5m"


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
    budget: Annotated[Budget | None, Field(description="What it may cost; absent means that nothing bounds it.")] = None
    scaling: Annotated[ScalingSpec, Field(description="How many replicas there may be.")]
    profile: Annotated[
        ProfileSpec | None,
        Field(
            description="Measure the model once in a Job: how long each size of batch takes, and what a replica "
            "serves, so that scaling knows before traffic tells. It takes a replica's accelerators for some minutes, "
            "beside the budget, once for each version, way of serving and accelerator. Absent means that it is not "
            "done; {} does it with the defaults."
        ),
    ] = None


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
