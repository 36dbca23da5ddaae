"""`InferencePool`: which accelerators there are, at what price, and whose models may use them."""

from typing import Annotated, Any, Literal

from pydantic import Field

from trimtab.api.conditions import Condition
from trimtab.api.fetch import CodeConsent
from trimtab.api.rules import Rule, spelled
from trimtab.api.shared import NodeSelector, Tolerations, VariantName
from trimtab.api.wire import EXTENDED_RESOURCE, DnsLabel, Labels, Money, Price, Wire, keyed_by

_CURRENCY = r"^[A-Z]{3}$"


class LabelSelector(Wire):
    """Labels that must all be there."""

    match_labels: Annotated[
        Labels,
        Field(min_length=1, max_length=16, description="Each key with the value that it must have."),
    ]


class AllowedNamespaces(Wire):
    """Namespaces whose models may use the pool, as in the Gateway API."""

    rules = (
        Rule(
            "(self.from == 'Selector') == has(self.selector)",
            "selector goes with from: Selector, and only with it",
        ),
    )

    from_: Annotated[
        Literal["Same", "All", "Selector"],
        Field(
            alias="from",
            description="Same: the pool's own namespace. All: every one. Selector: those whose labels match.",
        ),
    ] = "Same"
    selector: Annotated[LabelSelector | None, Field(description="Which namespaces, for from: Selector.")] = None


class AllowedModels(Wire):
    """The pool's consent."""

    namespaces: Annotated[AllowedNamespaces, Field(description="Namespaces whose models may use the pool.")] = (
        AllowedNamespaces()
    )
    code: Annotated[
        CodeConsent,
        Field(
            description="Whether models may be programs: files for Triton's Python backend, pickles, shared libraries, "
            "remote code of vLLM. Refuse: such a model is not served. Allow: its code runs in its pods."
        ),
    ] = "Refuse"


class Variant(Wire):
    """One way to run a replica: an accelerator, the nodes that have it, and its price."""

    rules = (
        Rule(
            "!has(self.acceleratorsPerReplica) || has(self.resourceName)",
            "acceleratorsPerReplica needs resourceName, which says what to count",
        ),
    )

    name: Annotated[VariantName, Field(description="Short name, part of the names of Deployments.")]
    resource_name: Annotated[
        str | None,
        Field(
            max_length=128,
            pattern=EXTENDED_RESOURCE,
            description="Extended resource of the accelerator, such as nvidia.com/gpu or nvidia.com/mig-1g.10gb; "
            "absent means the processor alone.",
        ),
        spelled(EXTENDED_RESOURCE, "must be domain/name, such as nvidia.com/gpu"),
        Rule(
            "!self.contains('kubernetes.io/') && !self.startsWith('requests.')",
            "must be an extended resource, which never lies under kubernetes.io",
        ),
    ] = None
    accelerators_per_replica: Annotated[
        int | None, Field(ge=1, le=16, description="How many of it a replica takes; absent means 1.")
    ] = None
    node_selector: Annotated[NodeSelector, Field(description="Node labels to require.")] = {}  # noqa: RUF012
    tolerations: Annotated[Tolerations, Field(description="Taints to accept.")] = ()
    price_per_hour: Annotated[
        Price | None,
        Field(
            description="Price of one replica per hour, in the pool's currency and in quotes, such as '0.71'; "
            "absent means that of the operator's price list if it has one, else unknown, never free."
        ),
    ] = None


class MetricSourceReference(Wire):
    """One of the metric sources that the operator's administrator has set up, by its name there."""

    name: Annotated[DnsLabel, Field(description="Its name, as in the operator's TRIMTAB_PROMETHEUS_SOURCES.")]


class PoolMetrics(Wire):
    """Where the pool's models are measured."""

    source_ref: Annotated[
        MetricSourceReference | None,
        Field(description="The metric source; absent means the operator's default."),
    ] = None


class InferencePoolSpec(Wire):
    """What the administrator offers."""

    currency: Annotated[
        str,
        Field(
            pattern=_CURRENCY,
            max_length=16,
            description="ISO 4217 code of every price of the pool.",
        ),
        spelled(_CURRENCY, "must be three capital letters, an ISO 4217 code such as USD or EUR"),
        Rule("self == oldSelf", "currency cannot change: every price was written in it; create another pool"),
    ] = "USD"
    allowed_models: Annotated[AllowedModels, Field(description="Whose models may use the pool.")] = AllowedModels()
    metrics: Annotated[PoolMetrics | None, Field(description="Where the pool's models are measured.")] = None
    variants: Annotated[
        tuple[Variant, ...],
        Field(
            min_length=1,
            max_length=16,
            description="Ways to run a replica, the preferred first.",
            json_schema_extra=keyed_by("name"),
        ),
    ]


class VariantUse(Wire):
    """How much of a variant is in use."""

    name: Annotated[str, Field(max_length=63, description="Name of the variant.")]
    replicas: Annotated[int, Field(ge=0, description="Replicas that run on it, of all models.")]
    accelerators: Annotated[int, Field(ge=0, description="Accelerators that they take.")]


class InferencePoolStatus(Wire):
    """What is so. Only the operator writes here."""

    observed_generation: Annotated[
        int | None, Field(ge=0, description="The metadata.generation that this status was computed for.")
    ] = None
    models: Annotated[int | None, Field(ge=0, description="Models that use the pool by its consent.")] = None
    accelerators: Annotated[int | None, Field(ge=0, description="Accelerators in use.")] = None
    hourly: Annotated[
        Money | None, Field(description="What all replicas cost per hour; absent while a price is unknown.")
    ] = None
    variants: Annotated[
        tuple[VariantUse, ...],
        Field(
            max_length=16,
            description="Use of each variant.",
            json_schema_extra=keyed_by("name"),
        ),
    ] = ()
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=32,
            description="Ready first.",
            json_schema_extra=keyed_by("type"),
        ),
    ] = ()


class InferencePool(Wire):
    """Accelerators that models share, and their prices; not the kind of that name in the Gateway API."""

    spec: Annotated[InferencePoolSpec, Field(description="What the administrator offers.")]
    status: Annotated[InferencePoolStatus | None, Field(description="What is so. Only the operator writes here.")] = (
        None
    )


def parse_pool_spec(manifest: dict[str, Any]) -> InferencePoolSpec:
    """Return the spec of an InferencePool manifest.

    Raises:
        pydantic.ValidationError: if the object was stored under an older or looser schema.
    """
    return InferencePoolSpec.model_validate(manifest.get("spec", {}))
