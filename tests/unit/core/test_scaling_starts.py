"""Cold starts by phase, out of what kubelets say of pods."""

import copy
from typing import Any

import pytest

from trimtab.core.scaling.memory import ColdStart
from trimtab.core.scaling.starts import cold_starts
from trimtab.units import Seconds

LONGEST = Seconds(1_200.0)
T0 = 1_764_000_000  # 2025-11-24T16:00:00Z


def pod(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
    """Return a pod that was asked for at T0 and became Ready 100 s later."""
    ended = {"startedAt": "2025-11-24T16:00:35Z", "finishedAt": "2025-11-24T16:01:00Z", "exitCode": 0}
    status = {
        "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2025-11-24T16:00:05Z"},
            {"type": "Ready", "status": "True", "lastTransitionTime": "2025-11-24T16:01:40Z"},
        ],
        "initContainerStatuses": [{"name": "fetch", "state": {"terminated": ended}}],
        "containerStatuses": [{"name": "triton", "restartCount": 0}],
    }
    about = {"creationTimestamp": "2025-11-24T16:00:00Z", "labels": {"trimtab.io/variant": "l4"}}
    return {"metadata": about, "status": status | changes}


def test_a_start_is_told_by_phase() -> None:
    """Waiting for a node, for images, for the model's files, for Triton."""
    (start,) = cold_starts([pod()], "l4", LONGEST)

    assert start == ColdStart(at=T0 + 100, scheduled=5, pulled=30, fetched=25, loaded=40, warm=0)
    assert start.total == 100.0


@pytest.mark.parametrize(
    "odd",
    [
        pod(containerStatuses=[{"name": "triton", "restartCount": 1}]),
        pod(initContainerStatuses=[]),
        pod(conditions=[]),
        pod(conditions=[{"type": "Ready", "status": "False", "lastTransitionTime": "2025-11-24T16:01:40Z"}]),
        pod(conditions="x", initContainerStatuses=7),
        {},
    ],
)
def test_a_pod_that_does_not_tell_its_start_tells_nothing(odd: dict[str, Any]) -> None:
    """Restarted, not Ready, without times, or of no shape at all: none raises, none counts."""
    assert list(cold_starts([odd], "l4", LONGEST)) == []


def test_times_that_run_backwards_and_other_variants_do_not_count() -> None:
    """A clock that was set is no start, nor is a start on another accelerator."""
    backwards = copy.deepcopy(pod())
    backwards["metadata"]["creationTimestamp"] = "2025-11-24T17:00:00Z"

    assert list(cold_starts([backwards], "l4", LONGEST)) == []
    assert list(cold_starts([pod()], "h100", LONGEST)) == []


def test_a_pod_that_was_ready_before_does_not_pass_for_a_long_start() -> None:
    """Longer than the startup probe allows it cannot have loaded."""
    assert list(cold_starts([pod()], "l4", Seconds(39.0))) == []
