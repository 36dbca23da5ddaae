"""Profiles, and the Jobs and pods that bring them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from trimtab.api.annotations import PROFILE_ACCELERATOR_ANNOTATION, PROFILE_KEY_ANNOTATION, VARIANT_LABEL
from trimtab.api.fetch import FetchOutcome
from trimtab.api.kinds import JOB, POD, Manifest
from trimtab.api.profile import (
    MOST_BATCHES,
    MOST_LOADS,
    ProfiledBatch,
    ProfiledLoad,
    ProfileFailureReason,
    ProfileReport,
)
from trimtab.core.scaling.prior import MOST_NOTES, MOST_OF_A_NOTE, MeasuredBatch, MeasuredLoad, Profile
from trimtab.units import RequestsPerSecond, Seconds

KEY, UID, NAME = "0123abcd", "job-1", "fraud-profile-0123456789"
REPORT = ProfileReport(
    outcome=FetchOutcome.SUCCEEDED,
    batches=(ProfiledBatch(batch=1, seconds=0.0031), ProfiledBatch(batch=8, seconds=0.0102)),
    loads=(
        ProfiledLoad(concurrency=1, rate=240.0, p50=0.0042, p90=0.005, p95=0.006, p99=0.009),
        ProfiledLoad(concurrency=16, rate=610.0, p50=0.02, p90=0.03, p95=0.04, p99=0.07),
        ProfiledLoad(concurrency=64, rate=700.0, p50=0.09, p90=0.1, p95=0.11, p99=0.2),
    ),
    notes=("input TEXT may have any size",),
)
PROFILE = Profile(
    key=KEY,
    job=UID,
    variant="l4",
    accelerator="nvidia.com/gpu",
    batches=(
        MeasuredBatch(size=1, time=Seconds(0.0031)),
        MeasuredBatch(size=8, time=Seconds(0.0102)),
    ),
    loads=(
        MeasuredLoad(
            concurrency=1,
            rate=RequestsPerSecond(240.0),
            p50=Seconds(0.0042),
            p90=Seconds(0.005),
            p95=Seconds(0.006),
            p99=Seconds(0.009),
        ),
        MeasuredLoad(
            concurrency=16,
            rate=RequestsPerSecond(610.0),
            p50=Seconds(0.02),
            p90=Seconds(0.03),
            p95=Seconds(0.04),
            p99=Seconds(0.07),
        ),
        MeasuredLoad(
            concurrency=64,
            rate=RequestsPerSecond(700.0),
            p50=Seconds(0.09),
            p90=Seconds(0.1),
            p95=Seconds(0.11),
            p99=Seconds(0.2),
        ),
    ),
    notes=("input TEXT may have any size",),
)
"""What `REPORT` says, of the Job that `job()` is."""

LONG = replace(
    PROFILE,
    key="0" * 32,
    job="0" * 36,
    variant="v" * 63,
    accelerator="a" * 128,
    batches=tuple(MeasuredBatch(size=2**power, time=Seconds(0.001234)) for power in range(MOST_BATCHES)),
    loads=(replace(PROFILE.loads[0], concurrency=4096, rate=RequestsPerSecond(12345.0)),) * MOST_LOADS,
    notes=("n" * MOST_OF_A_NOTE,) * MOST_NOTES,
)
"""As long as a profile can be."""


def failed(reason: ProfileFailureReason, message: str) -> ProfileReport:
    """Return the report of a run that measured nothing."""
    return ProfileReport(outcome=FetchOutcome.FAILED, reason=reason, message=message)


def job(*, complete: str = "", failed: Mapping[str, str] | None = None, key: str = KEY) -> Manifest:
    """Return a Job under way; `complete` is when it ended well, `failed` the reason and message of its end."""
    conditions = [{"type": "Complete", "status": "True", "lastTransitionTime": complete}] if complete else []
    conditions += [] if failed is None else [{"type": "Failed", "status": "True", **failed}]
    return {
        "kind": JOB.kind,
        "metadata": {
            "name": NAME,
            "uid": UID,
            "labels": {VARIANT_LABEL: "l4"},
            "annotations": {PROFILE_KEY_ANNOTATION: key, PROFILE_ACCELERATOR_ANNOTATION: "nvidia.com/gpu"},
        },
        "status": {"conditions": conditions},
    }


def job_pod(
    report: ProfileReport | str | None = None,
    *,
    born: str = "2026-11-24T09:00:00Z",
    owner: str = UID,
    unscheduled: str = "",
    **containers: Mapping[str, Any],
) -> Manifest:
    """Return a pod of a Job; one that has a report has ended, `containers` say how others stand by their names."""
    text = report.to_termination_message() if isinstance(report, ProfileReport) else report
    ended = [] if text is None else [{"name": "profile", "ready": False, "state": {"terminated": {"message": text}}}]
    waits = {"type": "PodScheduled", "status": "False", "message": unscheduled}
    return {
        "kind": POD.kind,
        "metadata": {
            "name": f"{NAME}-x",
            "creationTimestamp": born,
            "ownerReferences": [{"uid": "other"}, {"uid": owner, "controller": True}],
        },
        "status": {
            "conditions": [waits] if unscheduled else [],
            "initContainerStatuses": [{"name": name, **state} for name, state in containers.items()],
            "containerStatuses": ended,
        },
    }
