"""Conditions: what `kubectl get` and `kubectl wait` read, after the standard `metav1.Condition`."""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from trimtab.api.wire import Timestamp, Wire

Status = Literal["True", "False", "Unknown"]

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


class ConditionType(StrEnum):
    """What a condition is about. `Reconciling`, `Stalled`, `Paused` are there only while they are true (kstatus).

    `ObjectivesMet`, `MetricsFresh` and `TrafficBalanced` need a metric source, `WithinBudget` a budget,
    `SchedulesValid` a schedule, `Profiled` a wish for a profile; `MetricSourceKnown` is about a pool that names one.
    """

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    MODEL_LOADED = "ModelLoaded"
    CAPACITY_AVAILABLE = "CapacityAvailable"
    OBJECTIVES_MET = "ObjectivesMet"
    METRICS_FRESH = "MetricsFresh"
    TRAFFIC_BALANCED = "TrafficBalanced"
    METRIC_SOURCE_KNOWN = "MetricSourceKnown"
    PRICES_KNOWN = "PricesKnown"
    WITHIN_BUDGET = "WithinBudget"
    SCHEDULES_VALID = "SchedulesValid"
    PROFILED = "Profiled"
    PAUSED = "Paused"


class Reason(StrEnum):
    """Why a condition has its status. Each is explained for users in docs/reasons.md."""

    SERVING = "Serving"
    PROGRESSING = "Progressing"
    SCALED_TO_ZERO = "ScaledToZero"
    INVALID_SPEC = "InvalidSpec"
    POOL_NOT_FOUND = "PoolNotFound"
    POOL_INVALID = "PoolInvalid"
    POOL_REFUSES_NAMESPACE = "PoolRefusesNamespace"
    POOL_REFUSES_CODE = "PoolRefusesCode"
    VARIANT_NOT_FOUND = "VariantNotFound"
    SOURCE_REFUSED = "SourceRefused"
    CONFLICT = "Conflict"
    CHILD_REFUSED = "ChildRefused"
    RECONCILE_ERROR = "ReconcileError"
    MODEL_FETCH_FAILED = "ModelFetchFailed"
    MODEL_LOAD_FAILED = "ModelLoadFailed"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    REPLICA_LOST = "ReplicaLost"
    START_OVERDUE = "StartOverdue"
    PODS_REFUSED = "PodsRefused"
    UNSCHEDULABLE = "Unschedulable"
    WAITING_FOR_ACCELERATOR = "WaitingForAccelerator"
    WAITING_FOR_DELETION = "WaitingForDeletion"
    LOADED = "Loaded"
    LOADING = "Loading"
    NO_REPLICAS = "NoReplicas"
    SCHEDULED = "Scheduled"
    PRICED = "Priced"
    PRICED_BY_LIST = "PricedByList"
    PRICE_OLD = "PriceOld"
    UNPRICED = "Unpriced"
    FRESH = "Fresh"
    NO_SOURCE = "NoSource"
    SOURCE_FOUND = "SourceFound"
    SOURCE_UNKNOWN = "SourceUnknown"
    UNREACHABLE = "Unreachable"
    MALFORMED = "Malformed"
    EMPTY = "Empty"
    STALE = "Stale"
    PARTIAL = "Partial"
    MET = "Met"
    MISSED = "Missed"
    NO_TRAFFIC = "NoTraffic"
    NOT_MEASURED = "NotMeasured"
    EVEN = "Even"
    UNEVEN = "Uneven"
    WITHIN_BUDGET = "WithinBudget"
    OVER_BUDGET = "OverBudget"
    SCHEDULES_FOLLOWED = "SchedulesFollowed"
    SCHEDULE_UNUSABLE = "ScheduleUnusable"
    PROFILE_MEASURED = "ProfileMeasured"
    PROFILE_RUNNING = "ProfileRunning"
    PROFILE_WAITING = "ProfileWaiting"
    PROFILE_FAILED = "ProfileFailed"
    PROFILE_LOST = "ProfileLost"
    PROFILE_REFUSED = "ProfileRefused"
    PAUSED_BY_ANNOTATION = "PausedByAnnotation"
    ACCEPTED = "Accepted"


class Condition(Wire):
    """One `metav1.Condition`."""

    type: Annotated[str, Field(max_length=316, description="What the condition is about.")]
    status: Annotated[Status, Field(description="True, False or Unknown.")]
    observed_generation: Annotated[
        int | None, Field(ge=0, description="The metadata.generation that this condition was computed for.")
    ] = None
    last_transition_time: Annotated[Timestamp, Field(description="When the status last changed, RFC 3339.")]
    reason: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,  # metav1 allows 1024: a column of `kubectl get`
            pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
            description="Why, as one CamelCase word.",
        ),
    ]
    message: Annotated[str, Field(max_length=32768, description="What is so, where, and what to do next.")]


def with_transition_times(wanted: Iterable[Condition], written: object) -> tuple[Condition, ...]:
    """Return `wanted`, keeping the transition time of each condition whose status did not change.

    `written` is the `status.conditions` found on the object; whatever in it is not a condition with a plausible time,
    one that is not later than that of the wanted condition (it may have been written by anybody), is passed over.
    """
    times: dict[tuple[str, str], str] = {}
    for entry in written if isinstance(written, list) else ():
        if isinstance(entry, Mapping):
            found = (entry.get("type"), entry.get("status"), entry.get("lastTransitionTime"))
            if all(isinstance(text, str) for text in found) and _TIME.fullmatch(str(found[2])):
                times[str(found[0]), str(found[1])] = str(found[2])
    return tuple(
        condition.model_copy(
            update={
                "last_transition_time": min(
                    condition.last_transition_time,
                    times.get((condition.type, condition.status), condition.last_transition_time),
                )
            }
        )
        for condition in wanted
    )
