"""What the shell gathers for one model before anything is decided: frozen values, nothing that can still change."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from trimtab.api.aimodel import AIModelSpec
from trimtab.api.conditions import Reason
from trimtab.api.identity import ModelIdentity
from trimtab.api.inferencepool import InferencePoolSpec, Variant
from trimtab.api.kinds import Manifest
from trimtab.core.prices import Listed
from trimtab.core.scaling.memory import ScalingMemory
from trimtab.core.scaling.observation import Observation
from trimtab.core.scaling.readings import Reading
from trimtab.units import Seconds


@dataclass(frozen=True)
class PoolFound:
    """The pool exists and admits the model; `variant` is the one that the model runs on.

    The prices in `spec` and `variant` are the pool's own, else those of the operator's list: `listed` says which.
    """

    namespace: str
    name: str
    spec: InferencePoolSpec
    variant: Variant
    listed: Listed = field(default_factory=Listed)


@dataclass(frozen=True)
class PoolUnusable:
    """The model cannot use its pool: `message` says what, where and what next."""

    reason: Reason
    message: str


@dataclass(frozen=True)
class Capabilities:
    """What this cluster can do."""

    pod_monitors: bool = False


@dataclass(frozen=True)
class ChildKey:
    """One child: its kind (`Deployment`) and name; the namespace is the model's."""

    kind: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Profiling:
    """That a model is to be measured: `key` stands for what, `job` is the Job's name.

    `refusal` says why the API server does not take it, empty if it does.
    """

    key: str
    job: str
    refusal: str = ""


@dataclass(frozen=True)
class ModelSnapshot:
    """Everything that is known about one model at `now`."""

    now: datetime
    model: ModelIdentity
    spec: AIModelSpec
    annotations: Mapping[str, str]
    written_status: Mapping[str, object]
    """The status as it stands on the object; anybody may have written it."""
    pool: PoolFound | PoolUnusable
    children: Mapping[ChildKey, Manifest]
    """Objects whose controller owner reference carries this model's uid, as the API server last told."""
    pods: tuple[Manifest, ...] = ()
    """The model's pods, reduced to what health reads: metadata, spec.nodeName and status."""
    profile_pods: tuple[Manifest, ...] = ()
    """The pods of the Jobs that measure it, reduced likewise."""
    profiling: Profiling | None = None
    """What is to be measured; None where nobody asked for it, and before that is known."""
    capabilities: Capabilities = field(default_factory=Capabilities)
    observation: Observation | None = None
    """What was measured; None where the pool has no metric source."""
    reading: Reading | None = None
    """What pods said directly, where that is surely more than the last decision was planned with."""
    memory: ScalingMemory = field(default_factory=ScalingMemory)
    cold_start: Seconds | None = None
    """How long a replica takes to answer, in nine of ten cases; None leaves it to what the memory has."""

    def with_children(self, children: Mapping[ChildKey, Manifest]) -> "ModelSnapshot":
        """Return the snapshot with the children as they are after our own writes."""
        return replace(self, children=children)
