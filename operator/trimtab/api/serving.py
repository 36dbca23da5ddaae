"""How a model is served: a closed list of what may reach its pods."""

from typing import Annotated, Literal

from pydantic import Field

from trimtab.api.fetch import WarmUp
from trimtab.api.rules import Rule, duration_between, quantity_between, spelled
from trimtab.api.shared import NodeSelector, SecretReference, Tolerations, VariantName
from trimtab.api.wire import (
    AS_A_SET,
    AS_A_WHOLE,
    DnsLabel,
    DnsSubdomain,
    Duration,
    ImageReference,
    Labels,
    Quantity,
    Wire,
    keyed_by,
)

_TUNING = (
    "OMP", "OPENBLAS", "MKL", "KMP", "CUDA", "CUBLAS", "CUDNN", "NCCL", "TF", "ORT", "TRT", "TRTLLM", "VLLM", "TORCH",
    "PYTORCH", "TOKENIZERS", "TRITON",
)  # fmt: skip
_TUNING_VARIABLE = rf"^({'|'.join(_TUNING)})_[A-Z0-9_]+$"
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"


class ResourceAmounts(Wire):
    """Amounts of what a Triton container uses besides its accelerator."""

    cpu: Annotated[
        Annotated[Quantity, quantity_between("1m", "1024")] | None,
        Field(description="Processor cores, such as 4 or 500m."),
    ] = None
    memory: Annotated[
        Annotated[Quantity, quantity_between("1Mi", "64Ti")] | None,
        Field(description="Memory, such as 8Gi; what lies in `sharedMemory` counts towards it."),
    ] = None
    ephemeral_storage: Annotated[
        Annotated[Quantity, quantity_between("1Mi", "64Ti")] | None,
        Field(alias="ephemeral-storage", description="Local disk, such as 20Gi; the fetched model lies on it."),
    ] = None


def _requested_at_most_the_limit(name: str, where_left_out: str = "") -> Rule:
    asked, limit = (f"self.{side}.{name.replace('-', '__dash__')}" for side in ("requests", "limits"))
    return Rule(
        f"!has({asked}) || !has({limit}) || !isQuantity(string({asked})) || !isQuantity(string({limit}))"
        f" || !quantity(string({asked})).isGreaterThan(quantity(string({limit})))",
        f"requests.{name} must not exceed limits.{name}{where_left_out}",
        f".requests.{name}",
    )


class Resources(Wire):
    """Requests and limits of the Triton container; the accelerator comes from the pool's variant."""

    rules = (
        _requested_at_most_the_limit("cpu", ", and is 1 where requests is left out: set both"),
        _requested_at_most_the_limit("memory", "; each is 2Gi where requests or limits is left out: set both"),
        _requested_at_most_the_limit("ephemeral-storage"),
    )

    requests: Annotated[ResourceAmounts, Field(description="What the scheduler sets aside.")] = ResourceAmounts(
        cpu="1", memory="2Gi"
    )
    limits: Annotated[ResourceAmounts, Field(description="What the kubelet enforces.")] = ResourceAmounts(memory="2Gi")


class EnvironmentVariable(Wire):
    """A tuning variable for Triton and its backends."""

    name: Annotated[
        str,
        Field(
            max_length=64,
            pattern=_TUNING_VARIABLE,
            description="One of the known tuning families, such as OMP_NUM_THREADS or CUDA_MODULE_LOADING.",
        ),
        spelled(_TUNING_VARIABLE, f"must be in capitals and begin with one of {', '.join(_TUNING)}, then _"),
    ]
    value: Annotated[
        str,
        Field(max_length=256, pattern=_PRINTABLE, description="Its value."),
        spelled(_PRINTABLE, "must hold no control characters, such as a newline or a tab"),
    ]


QueuePolicy = Literal["FreshFirst", "FirstComeFirstServed"]
"""Whom Triton serves next."""


class DynamicBatching(Wire):
    """How Triton gathers requests into batches."""

    max_queue_delay: Annotated[
        Duration,
        duration_between("1ms", "10s"),
        Field(description="How long a request may wait for others to share its batch."),
    ] = "1ms"
    preferred_batch_sizes: Annotated[
        tuple[Annotated[int, Field(ge=1, le=4096)], ...],
        Field(
            max_length=8,
            description="Sizes to aim at; absent means as large as possible.",
            json_schema_extra=AS_A_SET,
        ),
    ] = ()


class TritonSpec(Wire):
    """Triton's own settings, for what the model's config.pbtxt does not say itself."""

    rules = (
        Rule(
            "!has(self.dynamicBatching.preferredBatchSizes) || self.dynamicBatching.preferredBatchSizes.all("
            "size, has(self.maxBatchSize) && size <= self.maxBatchSize)",
            "each of dynamicBatching.preferredBatchSizes must be at most triton.maxBatchSize",
        ),
    )

    max_batch_size: Annotated[
        int | None, Field(ge=1, le=4096, description="The largest batch; absent leaves it to the model's config.pbtxt.")
    ] = None
    instances_per_replica: Annotated[
        int | None,
        Field(
            ge=1,
            le=64,
            description="Copies of the model in each replica; absent leaves it to the model's config.pbtxt.",
        ),
    ] = None
    dynamic_batching: Annotated[DynamicBatching, Field(description="How requests are gathered into batches.")] = (
        DynamicBatching()
    )
    queue_policy: Annotated[
        QueuePolicy,
        Field(
            description="FreshFirst: requests that have waited for three quarters of the latency target are served "
            "after all others, so that an overload makes few of them late instead of all. Triton then looks for a "
            "free instance when a request comes, and each half second: where its threads have to wait for a "
            "processor, FirstComeFirstServed is faster. A default_queue_policy of the config.pbtxt is kept."
        ),
    ] = "FreshFirst"
    warm_up: Annotated[
        WarmUp,
        Field(
            description="What Triton sends to the model before it is ready, so that no user meets its slow first "
            "requests. ZeroData: zeros for each input, in batches of 1 and of the most. A model that cannot answer "
            "zeros does not load then. A model_warmup of its config.pbtxt is kept. None: only that."
        ),
    ] = "None"


class Startup(Wire):
    """How long a start may take."""

    timeout: Annotated[
        Duration,
        duration_between("10s", "6h"),
        Field(description="From the container's start until the model must be loaded; after that it is restarted."),
    ] = "20m"


class Drain(Wire):
    """How a replica leaves."""

    timeout: Annotated[
        Duration,
        duration_between("1s", "1h"),
        Field(description="How long requests in flight may take to finish once a replica is asked to leave."),
    ] = "60s"


class AllowedClient(Wire):
    """Pods that may call the model."""

    namespace: Annotated[DnsLabel | None, Field(description="Their namespace; absent means the model's own.")] = None
    pod_labels: Annotated[
        Labels,
        Field(max_length=8, description="Labels that they carry; empty means every pod there."),
    ] = {}  # noqa: RUF012


class ServingSpec(Wire):
    """How the model is served. There is no free pod template: this list is closed, so that it can be reasoned about."""

    variant: Annotated[
        VariantName | None, Field(description="The pool's variant to run on; absent means the pool's first.")
    ] = None
    image: Annotated[
        ImageReference | None,
        Field(description="The Triton image, best with its digest; absent means the operator's setting."),
    ] = None
    resources: Annotated[Resources, Field(description="What a replica uses besides its accelerator.")] = Resources()
    shared_memory: Annotated[
        Quantity,
        quantity_between("1Mi", "1Ti"),
        Field(description="Size of /dev/shm, through which Triton talks to its Python backends, such as 1Gi."),
    ] = "256Mi"
    triton: Annotated[TritonSpec, Field(description="Triton's own settings.")] = TritonSpec()
    startup: Annotated[Startup, Field(description="How long a start may take.")] = Startup()
    drain: Annotated[Drain, Field(description="How a replica leaves.")] = Drain()
    env: Annotated[
        tuple[EnvironmentVariable, ...],
        Field(
            max_length=32,
            description="Tuning variables.",
            json_schema_extra=keyed_by("name"),
        ),
    ] = ()
    labels: Annotated[
        Labels,
        Rule(
            "self.all(key, !key.startsWith('trimtab.io/') && !key.startsWith('app.kubernetes.io/'))",
            "keys under trimtab.io/ and app.kubernetes.io/ belong to the operator: choose another",
        ),
        Field(max_length=16, description="Further labels of the pods."),
    ] = {}  # noqa: RUF012
    node_selector: Annotated[NodeSelector, Field(description="Node labels to require besides the variant's.")] = {}  # noqa: RUF012
    tolerations: Annotated[Tolerations, Field(description="Taints to accept besides the variant's.")] = ()
    image_pull_secrets: Annotated[
        tuple[SecretReference, ...],
        Field(
            max_length=8,
            description="Secrets of the model's namespace to pull images with.",
            json_schema_extra=keyed_by("name"),
        ),
    ] = ()
    priority_class_name: Annotated[DnsSubdomain | None, Field(description="PriorityClass of the pods.")] = None
    allowed_clients: Annotated[
        tuple[AllowedClient, ...],
        Field(
            max_length=32,
            description="Who may call the model; empty means every pod of its namespace.",
            json_schema_extra=AS_A_WHOLE,
        ),
    ] = ()
