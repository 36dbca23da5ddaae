"""What a model says of replicas that do not start: who failed, in whose words, and whether somebody has to act."""

import pytest

from fakes.snapshots import (
    SERVICE_OF_MODEL,
    condition,
    deployment,
    message,
    model_spec,
    pod,
    pool_found,
    snapshot,
    status_of,
    terminated,
    told,
    waiting,
)
from trimtab.api.conditions import Reason
from trimtab.api.fetch import FetchFailureReason, FetchOutcome, FetchReport
from trimtab.api.kinds import Manifest
from trimtab.core.health import Trouble
from trimtab.core.snapshot import PoolFound, PoolUnusable

OVERDUE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
QUOTA = {
    "type": "ReplicaFailure",
    "status": "True",
    "reason": "FailedCreate",
    "message": 'pods "fraud-l4-6d4cf56db6-x7k2p" is forbidden: exceeded quota: gpus, requested: nvidia.com/gpu=1',
}
CONFLICT = Trouble(reason=Reason.CONFLICT, message="Deployment fraud-l4 was made by somebody else", needs_change=True)
NO_POOL = PoolUnusable(Reason.POOL_NOT_FOUND, "InferencePool payments/gpus is not there")
NO_GPU = "0/7 nodes are available: 7 Insufficient nvidia.com/gpu."


def fetch_failed(reason: FetchFailureReason) -> Manifest:
    """Return the status of an init container that could not fetch."""
    report = FetchReport(outcome=FetchOutcome.FAILED, reason=reason, message="no such key")
    return terminated(report.exit_code, report.to_termination_message())


def test_the_way_of_each_replica_is_told() -> None:
    """Where a start stands, pod by pod; pods that have ended, leave or belong to another variant do not count."""
    pods = [
        pod(unschedulable="no"),
        pod(initialized=False),
        pod(),
        pod(),
        pod(variant="h100"),
        pod() | {"metadata": {"labels": {"trimtab.io/variant": "l4"}, "deletionTimestamp": "2026-11-24T10:00:00Z"}},
        pod() | {"status": {"phase": "Succeeded"}},
    ]
    status = status_of(snapshot(deployment(asked=4, ready=0), pods=pods))

    assert message(status, "ModelLoaded") == (
        "no replica has the model in memory yet: 1 waiting for a node, 1 fetching the model, 2 loading the model"
    )


@pytest.mark.parametrize(
    ("reason", "about"),
    [(FetchFailureReason.DIGEST_MISMATCH, "Stalled"), (FetchFailureReason.SOURCE_UNREACHABLE, "Reconciling")],
)
def test_a_failed_fetch_is_told_and_stalls_where_no_retry_helps(reason: FetchFailureReason, about: str) -> None:
    """A wrong digest stays wrong; a store that is away comes back."""
    failed = pod(initialized=False, fetch=fetch_failed(reason), triton=waiting("PodInitializing"))

    status = status_of(snapshot(deployment(asked=1, ready=0), SERVICE_OF_MODEL, pods=[failed]))

    for kind in ("Ready", "ModelLoaded"):
        assert told(status, kind) == ("False", "ModelFetchFailed")
        assert f"({reason}): no such key" in message(status, kind)
    assert told(status, about) == ("True", "ModelFetchFailed")
    assert condition(status, "Reconciling" if about == "Stalled" else "Stalled") is None


def test_the_hopeless_failure_is_told_first_whatever_the_order_of_pods() -> None:
    """Pods come in any order; a status that followed it would be written for nothing."""
    pods = [
        pod(triton=terminated(1, "out of luck")),
        pod(triton=terminated(1, "out of cheese", restarts=3)),
        pod(triton=terminated(1, "out of bread", restarts=3)),
    ]
    world = (deployment(asked=3, ready=0), SERVICE_OF_MODEL)

    forwards, backwards = (status_of(snapshot(*world, pods=each)) for each in (pods, pods[::-1]))

    assert "out of bread" in message(forwards, "Stalled")
    assert forwards == backwards


def test_a_new_template_that_fails_leaves_ready_true_and_is_told_there_too() -> None:
    """The replicas of before serve on; the message says both, and Stalled that somebody has to act."""
    old = pod(template="old", born="2026-11-01T00:00:00Z", ready=True)
    new = pod(template="new", triton=terminated(1, "out of cheese", restarts=5))

    status = status_of(snapshot(deployment(asked=1, exists=2, ready=1, updated=1), SERVICE_OF_MODEL, pods=[new, old]))

    assert told(status, "Ready") == ("True", "Serving")
    assert message(status, "Ready").startswith("1 replica of before answers, those of the present spec do not: ")
    assert told(status, "ModelLoaded") == ("False", "ModelLoadFailed")
    assert told(status, "Stalled") == ("True", "ModelLoadFailed")


def test_an_accident_of_one_replica_is_no_fault_of_the_model() -> None:
    """Where another replica of the same template is ready, the template is good: nothing stalls."""
    pods = [pod(ready=True), pod(triton=terminated(137, reason="OOMKilled", restarts=9))]

    status = status_of(snapshot(deployment(asked=2, ready=1), SERVICE_OF_MODEL, pods=pods))

    assert told(status, "ModelLoaded") == ("True", "Loaded")
    assert "another replica has trouble: container triton was killed" in message(status, "ModelLoaded")
    assert told(status, "Reconciling") == ("True", "Progressing")
    assert message(status, "Ready") == "1 of 2 replicas answer"


EVICTED = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."}


def test_a_pod_that_its_node_gave_up_is_told_until_one_works() -> None:
    """Whoever follows it may be given up for the same reason; once a replica is ready, the pod of before is history."""
    lost = pod() | {"status": EVICTED}
    world = (deployment(asked=1, ready=0), SERVICE_OF_MODEL)

    loading = status_of(snapshot(*world, pods=[lost, pod()]))
    serving = status_of(snapshot(deployment(asked=1), SERVICE_OF_MODEL, pods=[lost, pod(ready=True)]))

    assert told(loading, "ModelLoaded") == ("False", "ReplicaLost")
    assert message(loading, "ModelLoaded") == (
        "a pod was given up by its node (Evicted), and another one is tried: "
        "The node was low on resource: ephemeral-storage."
    )
    assert told(loading, "Reconciling") == ("True", "ReplicaLost")
    assert message(serving, "ModelLoaded") == "Triton has the model in memory"


def test_a_failure_of_a_live_pod_is_told_before_that_of_an_ended_one() -> None:
    """It is the newer one. A pod that ended without words is told as such, and has no node."""
    lost = pod() | {"status": {"phase": "Failed"}}
    seen = snapshot(deployment(asked=2, ready=0), pods=[lost, pod(triton=terminated(1, "out of cheese"))])

    assert told(status_of(seen), "ModelLoaded") == ("False", "ModelLoadFailed")
    alone = status_of(snapshot(deployment(asked=1, ready=0), pods=[lost]))
    assert message(alone, "ModelLoaded") == "a pod was given up by its node (no reason given), and another one is tried"
    assert message(alone, "CapacityAvailable") == "0 of 1 replicas have a node so far"


def test_a_lack_of_accelerators_is_told_in_the_schedulers_words() -> None:
    """It is waited for: a node may come."""
    status = status_of(
        snapshot(deployment(asked=2, ready=0), SERVICE_OF_MODEL, pods=[pod(unschedulable=NO_GPU), pod()])
    )

    for kind in ("Ready", "CapacityAvailable"):
        assert told(status, kind) == ("False", "WaitingForAccelerator")
        assert message(status, kind) == f"1 of 2 replicas wait for a node: {NO_GPU}"
    assert told(status, "Reconciling") == ("True", "WaitingForAccelerator")


@pytest.mark.parametrize(
    ("pool", "said"),
    [
        (pool_found(), '0/7 nodes are available: persistentvolumeclaim "weights" not found.'),
        (pool_found("cpu"), NO_GPU),
        (NO_POOL, NO_GPU),
    ],
)
def test_more_accelerators_are_not_asked_for_where_they_would_not_help(
    pool: PoolFound | PoolUnusable, said: str
) -> None:
    """A missing volume, or a variant that takes no accelerator."""
    variant = "cpu" if pool == pool_found("cpu") else "l4"
    waits = pod(variant=variant, unschedulable=said)

    status = status_of(snapshot(deployment(variant, asked=1, ready=0), pool=pool, pods=[waits]))

    assert told(status, "CapacityAvailable") == ("False", "Unschedulable")
    assert said in message(status, "CapacityAvailable")


def test_a_scheduler_without_words_is_told_as_such() -> None:
    """An empty message would read as if something were cut off."""
    status = status_of(snapshot(deployment(asked=1, ready=0), pods=[pod(unschedulable="")]))

    assert message(status, "CapacityAvailable").endswith("the scheduler gives no reason")


def test_a_replica_without_a_node_that_nobody_has_refused_is_on_its_way() -> None:
    """The scheduler has not looked at it yet."""
    status = status_of(snapshot(deployment(asked=2, ready=0), pods=[pod(), pod(node="")]))

    assert told(status, "CapacityAvailable") == ("Unknown", "Progressing")
    assert message(status, "CapacityAvailable") == "1 of 2 replicas have a node so far"


def test_a_quota_is_told_in_its_own_words_without_the_pods_name() -> None:
    """Each attempt has another name; the rest is the API server's."""
    status = status_of(
        snapshot(deployment(asked=2, exists=1, conditions=[QUOTA]), SERVICE_OF_MODEL, pods=[pod(ready=True)])
    )

    assert told(status, "Ready") == ("True", "Serving")
    assert told(status, "CapacityAvailable") == ("False", "PodsRefused")
    assert told(status, "Stalled") == ("True", "PodsRefused")
    assert message(status, "CapacityAvailable") == (
        'pods cannot be created: pods "fraud-l4-*" is forbidden: exceeded quota: gpus, requested: nvidia.com/gpu=1'
    )


def test_a_refusal_that_is_over_is_forgotten() -> None:
    """The condition may stay on the Deployment as False."""
    over = QUOTA | {"status": "False"}

    status = status_of(snapshot(deployment(asked=1, conditions=[over]), SERVICE_OF_MODEL, pods=[pod(ready=True)]))

    assert told(status, "CapacityAvailable") == ("True", "Scheduled")


def test_a_start_that_takes_too_long_stalls_with_what_is_known() -> None:
    """Nobody said what is wrong, and all the time is over; an old deadline of a rollout that works is nothing."""
    late = deployment(asked=1, ready=0, conditions=[OVERDUE])
    fine = deployment(asked=1, conditions=[OVERDUE])

    status = status_of(snapshot(late, SERVICE_OF_MODEL, pods=[pod()]))

    assert told(status, "Stalled") == ("True", "StartOverdue")
    assert "1 loading the model" in message(status, "Stalled")
    assert condition(status_of(snapshot(fine, SERVICE_OF_MODEL, pods=[pod(ready=True)])), "Stalled") is None


def test_an_overdue_rollout_without_any_known_cause_points_to_the_pods() -> None:
    """The model is loaded and every replica has a node, but one never gets ready."""
    late = deployment(asked=2, ready=1, conditions=[OVERDUE])

    status = status_of(snapshot(late, SERVICE_OF_MODEL, pods=[pod(ready=True), pod()]))

    assert message(status, "Stalled").endswith("see its pods")


@pytest.mark.parametrize(
    ("warm_up", "container", "named"),
    [
        ("ZeroData", {"triton": terminated(139)}, True),
        ("None", {"triton": terminated(139)}, False),
        ("ZeroData", {"fetch": fetch_failed(FetchFailureReason.SOURCE_NOT_FOUND)}, False),
    ],
)
def test_a_warm_up_is_named_where_it_may_be_why_a_model_does_not_load(
    warm_up: str, container: Manifest, *, named: bool
) -> None:
    """Triton 2.51 crashes over a model that cannot answer zeros, and says nothing; a fetch has other reasons."""
    spec = model_spec()
    triton = spec.serving.triton.model_copy(update={"warm_up": warm_up})
    spec = spec.model_copy(update={"serving": spec.serving.model_copy(update={"triton": triton})})

    status = status_of(snapshot(deployment(ready=0), pods=[pod(**container)], spec=spec))

    assert ("serving.triton.warmUp is ZeroData" in message(status, "ModelLoaded")) is named
    assert ("set it to None to find out" in message(status, "Ready")) is named
