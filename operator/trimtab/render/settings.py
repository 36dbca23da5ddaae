"""What rendering is told: the decision about one model, and what the administrator set for all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, field_validator

from trimtab.api.addresses import NetworkRules, parse_endpoint
from trimtab.api.aimodel import AIModelSpec
from trimtab.api.fetch import CodeConsent
from trimtab.api.identity import ModelIdentity
from trimtab.api.inferencepool import Variant
from trimtab.api.kinds import Manifest
from trimtab.api.wire import ImageReference, Quantity, Wire
from trimtab.units import Replicas


class FetchResources(Wire):
    """Requests and limits of the container that fetches."""

    cpu_request: Quantity = "250m"
    memory_request: Quantity = "512Mi"
    memory_limit: Quantity = "2Gi"


class PodSettings(Wire):
    """The operator's settings that reach a pod, and the pool's consent to code in the model's files.

    A Deployment remembers, in an annotation, those that it was rendered with, and keeps them until its user or pool
    changes what the pods are to be: another default image must not restart every model of a cluster. See
    docs/adr/0006-what-rolls-a-pod.md.
    """

    triton_image: ImageReference
    runtime_image: ImageReference
    fetch_resources: FetchResources = FetchResources()
    allow_private_addresses: bool = False
    allowed_endpoints: Annotated[tuple[str, ...], Field(max_length=256)] = ()
    code: Literal["Allow"] | None = None
    """Set by rendering alone, from `Serving.code`; absent means that a model whose files are programs is refused."""

    @field_validator("allowed_endpoints")
    @classmethod
    def _one_notation(cls, endpoints: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted({parse_endpoint(text) for text in endpoints}))

    @property
    def network_rules(self) -> NetworkRules:
        """The addresses that models may be fetched from beside public ones."""
        return NetworkRules(
            allow_private_addresses=self.allow_private_addresses, allowed_endpoints=frozenset(self.allowed_endpoints)
        )


@dataclass(frozen=True, kw_only=True)
class RenderSettings:
    """What the administrator set for all models.

    `scraper_namespace` is where the Prometheus runs that may read the pods' metrics, None for any pod of the cluster;
    `scraper_labels` narrow it to pods that carry them; `operator_namespace` is where the operator runs that reads them
    too, None if it does not. Without `image_volumes` (Kubernetes before 1.35, unless its
    feature gate was opened) an `oci` source is refused.
    """

    pod: PodSettings
    scraper_namespace: str | None = "monitoring"
    scraper_labels: Mapping[str, str] = field(default_factory=dict)
    operator_namespace: str | None = None
    image_volumes: bool = True


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What is to be served, and how: one model on one variant of its pool.

    `replicas` is the decision; it trims the autoscaler's bounds. `pinned` tells that a person fixed the number.
    `code` is the pool's consent to models whose files are programs.
    `ceiling` is what an autoscaler that moves by itself may rise to, None where that is `scaling.maxReplicas` alone.
    `live_deployments` are this model's Deployments as they stand, by name: each keeps the `PodSettings` that it was
    rendered with. Leave one out, and it is rendered with today's: for a pod that cannot work under the old ones.
    """

    model: ModelIdentity
    spec: AIModelSpec
    variant: Variant
    replicas: Replicas
    pinned: bool = False
    code: CodeConsent = "Refuse"
    ceiling: Replicas | None = None
    pod_monitors: bool = False
    live_deployments: Mapping[str, Manifest] = field(default_factory=dict)

    @property
    def triton_name(self) -> str:
        """The model's name inside Triton."""
        return self.spec.model.name or self.model.name


class UnrenderableError(Exception):
    """The spec asks for what this cluster cannot do; `str()` says what, where and what next."""
