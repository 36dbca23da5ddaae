"""Parts that both custom resources are made of."""

from typing import Annotated, Literal

from pydantic import Field

from trimtab.api.rules import Rule
from trimtab.api.wire import AS_A_WHOLE, DnsLabel, DnsSubdomain, LabelKey, Labels, LabelValue, Wire


class SecretReference(Wire):
    """A Secret in the model's own namespace, read by the kubelet; the operator has no verb on Secrets."""

    name: Annotated[DnsSubdomain, Field(description="Name of the Secret.")]


class Toleration(Wire):
    """A node taint that the pods accept, as in a pod."""

    rules = (
        Rule(
            "self.operator != 'Exists' || !has(self.value)",
            "a toleration with operator Exists takes no value: remove value, or write operator Equal",
        ),
        Rule(
            "self.operator == 'Exists' || has(self.key)",
            "a toleration without key accepts every taint, which needs operator Exists",
        ),
        Rule(
            "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
            "tolerationSeconds has a meaning for effect NoExecute only",
        ),
    )

    key: Annotated[
        LabelKey | None, Field(description="The taint's key; absent, with operator Exists, means every taint.")
    ] = None
    operator: Annotated[Literal["Exists", "Equal"], Field(description="Exists, or Equal to `value`.")] = "Equal"
    value: Annotated[LabelValue | None, Field(description="The taint's value, for operator Equal.")] = None
    effect: Annotated[
        Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None,
        Field(description="The taint's effect; absent means all of them."),
    ] = None
    toleration_seconds: Annotated[
        int | None,
        Field(
            ge=0, le=86_400, description="How long a pod stays after a NoExecute taint appears; absent means for ever."
        ),
    ] = None


Percentile = Literal["P50", "P90", "P95", "P99"]
NodeSelector = Annotated[Labels, Field(max_length=16)]
Tolerations = Annotated[tuple[Toleration, ...], Field(max_length=16, json_schema_extra=AS_A_WHOLE)]
VariantName = Annotated[DnsLabel, Field(max_length=20)]
"""Short, since it is part of the names of Deployments."""
