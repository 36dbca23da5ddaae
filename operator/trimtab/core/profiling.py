"""What came of the Job that measures a model: read from the Job and its pods, as they are now."""

import datetime as dt
from dataclasses import dataclass, replace

from trimtab.api.annotations import (
    PROFILE_ACCELERATOR_ANNOTATION,
    PROFILE_CONTAINER,
    PROFILE_KEY_ANNOTATION,
    VARIANT_LABEL,
)
from trimtab.api.kinds import JOB, Manifest
from trimtab.api.profile import ProfileReport, parse_profile_report
from trimtab.core.scaling.memory import with_profile
from trimtab.core.scaling.prior import MOST_NOTES, MOST_OF_A_NOTE, MeasuredBatch, MeasuredLoad, Profile
from trimtab.core.snapshot import ModelSnapshot
from trimtab.core.untrusted import entries, entry, part, text
from trimtab.units import RequestsPerSecond, Seconds


@dataclass(frozen=True, kw_only=True)
class JobState:
    """How far one Job is. `failed` is its controller's word, empty unless it has given the Job up."""

    complete: bool
    failed: str
    ended: dt.datetime | None


def with_report(snapshot: ModelSnapshot) -> ModelSnapshot:
    """Return the snapshot with what a Job that has ended well left behind, if the memory does not have it yet."""
    found = next((profile for job in _jobs(snapshot) if (profile := _profile_of(snapshot, job)) is not None), None)
    known = snapshot.memory.profile
    if found is None or (known is not None and known.job == found.job):
        return snapshot
    return replace(snapshot, memory=with_profile(snapshot.memory, found))


def state_of(job: Manifest) -> JobState:
    """Return how far a Job is, by its status."""
    done = entry(job, "status", "conditions", key="type", named="Complete")
    lost = entry(job, "status", "conditions", key="type", named="Failed")
    failed = ""
    if part(lost, "status") == "True":
        failed = ": ".join(said for said in (text(lost, "reason"), text(lost, "message")) if said) or "no reason given"
    ended = _time(text(done, "lastTransitionTime"))
    return JobState(complete=part(done, "status") == "True", failed=failed, ended=ended)


def reports_of(snapshot: ModelSnapshot, job: Manifest) -> tuple[ProfileReport, ...]:
    """Return what the pods of a Job have left behind, those that can be read, the youngest pod's first."""
    pods = sorted(pods_of(snapshot, job), key=lambda pod: text(pod, "metadata", "creationTimestamp"), reverse=True)
    ends = (entry(pod, "status", "containerStatuses", key="name", named=PROFILE_CONTAINER) for pod in pods)
    reports = (parse_profile_report(text(end, "state", "terminated", "message")) for end in ends)
    return tuple(report for report in reports if report is not None)


def pods_of(snapshot: ModelSnapshot, job: Manifest) -> tuple[Manifest, ...]:
    """Return the pods that a Job controls."""
    uid = text(job, "metadata", "uid")
    return tuple(pod for pod in snapshot.profile_pods if uid and uid == _controller(pod))


def _controller(pod: Manifest) -> str:
    owners = entries(pod, "metadata", "ownerReferences")
    return next((text(owner, "uid") for owner in owners if owner.get("controller") is True), "")


def _jobs(snapshot: ModelSnapshot) -> list[Manifest]:
    return [child for key, child in sorted(snapshot.children.items(), key=str) if key.kind == JOB.kind]


def _profile_of(snapshot: ModelSnapshot, job: Manifest) -> Profile | None:
    """Return what a Job has measured; None unless it says so, and of what."""
    key = text(job, "metadata", "annotations", PROFILE_KEY_ANNOTATION)
    if not key or not state_of(job).complete:
        return None
    report = next((each for each in reports_of(snapshot, job) if each.reason is None), None)
    if report is None:
        return None
    return Profile(
        key=key,
        job=text(job, "metadata", "uid"),
        variant=text(job, "metadata", "labels", VARIANT_LABEL),
        accelerator=text(job, "metadata", "annotations", PROFILE_ACCELERATOR_ANNOTATION),
        batches=tuple(MeasuredBatch(size=each.batch, time=Seconds(each.seconds)) for each in report.batches),
        loads=tuple(
            MeasuredLoad(
                concurrency=each.concurrency,
                rate=RequestsPerSecond(each.rate),
                p50=Seconds(each.p50),
                p90=Seconds(each.p90),
                p95=Seconds(each.p95),
                p99=Seconds(each.p99),
            )
            for each in report.loads
        ),
        notes=tuple(ascii(note)[1:-1][:MOST_OF_A_NOTE] for note in report.notes[:MOST_NOTES]),
    )


def _time(written: str) -> dt.datetime | None:
    try:
        time = dt.datetime.fromisoformat(written)
    except ValueError:
        return None
    return time if time.tzinfo is not None else None
