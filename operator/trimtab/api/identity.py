"""Who a custom resource is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelIdentity:
    """Which AIModel this is about."""

    namespace: str
    name: str
    uid: str
    generation: int

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"
