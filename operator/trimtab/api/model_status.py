"""The status of an `AIModel`: what the operator says back."""

from typing import Annotated, Literal

from pydantic import Field

from trimtab.api.conditions import Condition
from trimtab.api.shared import Percentile
from trimtab.api.wire import AS_A_WHOLE, Amount, Duration, Money, Percent, Wire, keyed_by


class PolicyStep(Wire):
    """What one policy made of the number that the policies before it had arrived at."""

    policy: Annotated[str, Field(max_length=64, description="The policy.")]
    replicas: Annotated[int, Field(ge=0, description="How many replicas after it.")]
    because: Annotated[str, Field(max_length=512, description="Why it moved the number, or left it.")]


class OneMore(Wire):
    """What one replica more would cost and bring, by the queueing model that decided."""

    hourly: Annotated[
        Money | None, Field(description="Its price per hour, in the pool's currency; absent while it is unknown.")
    ] = None
    within_target_percent_now: Annotated[
        Percent, Field(description="Percent of requests expected within the target without it.")
    ]
    within_target_percent_then: Annotated[
        Percent, Field(description="Percent of requests expected within the target with it.")
    ]


class ScalingDecision(Wire):
    """The last decision, with what bound it."""

    desired_replicas: Annotated[int, Field(ge=0, description="How many replicas were decided.")]
    wanted_replicas: Annotated[
        int | None, Field(ge=0, description="How many demand asks for; absent while that is not known.")
    ] = None
    bound_by: Annotated[
        str,
        Field(
            max_length=64,
            description="What decided it: Objective, Held, MetricsLost, Stabilization, RateLimit, Budget, "
            "Schedule, MinReplicas, MaxReplicas, Pin, Mode or Paused.",
        ),
    ]
    message: Annotated[str, Field(max_length=1024, description="The decision in one sentence, with its numbers.")]
    trail: Annotated[
        tuple[PolicyStep, ...],
        Field(
            max_length=12,
            description="What each policy made of it, in their order; the last step is the decision.",
            json_schema_extra=AS_A_WHOLE,
        ),
    ] = ()
    hint: Annotated[
        str | None, Field(max_length=512, description="What would help better than replicas; absent if nothing does.")
    ] = None
    next_replica: Annotated[
        OneMore | None, Field(description="What one replica more would cost and bring; absent while unknown.")
    ] = None


class ObservedLatency(Wire):
    """How fast the model answered, beside what it promises."""

    percentile: Annotated[Percentile, Field(description="The percentile of the objective, and of `observed`.")]
    observed: Annotated[Duration, Field(description="What that percentile was in the last half minute.")]
    target: Annotated[Duration, Field(description="What it must stay below: objectives.latency.target.")]
    within_target_percent: Annotated[
        Percent, Field(description="Percent of requests answered within the target, rounded down.")
    ]
    source: Annotated[
        str,
        Field(max_length=64, description="Who measured: PodSummaries (each pod's quantiles, mixed) or a gateway."),
    ]
    resolution: Annotated[Duration, Field(description="How far `observed` may be off, for mixing what pods tell.")]


class ModelVersion(Wire):
    """Which files are served."""

    serving: Annotated[str, Field(max_length=1100, description="The digest asked for, else the source.")]


class ModelCost(Wire):
    """What the replicas cost."""

    hourly: Annotated[Money, Field(description="The present replicas' price per hour, in the pool's currency.")]
    currency: Annotated[str, Field(max_length=3, description="ISO 4217 code.")]


class BatchTime(Wire):
    """How long one batch takes."""

    batch: Annotated[int, Field(ge=1, description="Its size.")]
    milliseconds: Annotated[Amount, Field(description="How long Triton takes to execute it.")]


class ModelProfile(Wire):
    """What the profile Job measured."""

    variant: Annotated[str, Field(max_length=63, description="The pool's variant that it was measured on.")]
    accelerator: Annotated[
        str, Field(max_length=128, description="What a replica of it has: the resource's name, or cpu.")
    ]
    batch_times: Annotated[
        tuple[BatchTime, ...],
        Field(max_length=13, description="By size of batch.", json_schema_extra=keyed_by("batch")),
    ]
    requests_per_second_at_objective: Annotated[
        Amount | None,
        Field(
            description="The most that one replica was seen to serve within objectives.latency; absent if it kept the "
            "objective under no load."
        ),
    ] = None
    evidence: Annotated[
        Literal["Profile", "Traffic"],
        Field(description="Whether more of what is known of batch times is the profile's, or traffic's since."),
    ]


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
    latency: Annotated[
        ObservedLatency | None, Field(description="How fast the model answered; absent while that is not known.")
    ] = None
    decision: Annotated[ScalingDecision | None, Field(description="The last decision on replicas.")] = None
    cost: Annotated[ModelCost | None, Field(description="What the replicas cost; absent while a price is unknown.")] = (
        None
    )
    profile: Annotated[
        ModelProfile | None, Field(description="What the profile Job measured; absent before it has, and without one.")
    ] = None
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=32,
            description="Ready first; then what stands behind it.",
            json_schema_extra=keyed_by("type"),
        ),
    ] = ()
