"""What came of the Job that measures, and when it is to be there, by example."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fakes.profiles import KEY, NAME, PROFILE, REPORT, failed, job, job_pod
from fakes.snapshots import NOW, children, deployment, pod, snapshot
from trimtab.api.kinds import Manifest
from trimtab.api.profile import ProfileFailureReason
from trimtab.core.profile_job import wants_job
from trimtab.core.profiling import pods_of, reports_of, state_of, with_report
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.memory import ScalingMemory
from trimtab.core.snapshot import ModelSnapshot

DONE = "2026-11-24T09:30:00Z"  # half an hour ago
FAILED = {"reason": "PodFailurePolicy", "message": "Container profile failed"}
KNOWN = ScalingMemory(profile=PROFILE)


def seen(live: Manifest | None, *pods: Manifest, memory: ScalingMemory | None = None) -> ModelSnapshot:
    """Return a model that serves, with its Job and that one's pods."""
    there = [] if live is None else [live]
    found = snapshot(deployment(asked=1), *there, pods=(pod(ready=True),))
    return replace(found, profile_pods=pods, memory=memory or ScalingMemory())


def wants(found: ModelSnapshot, live: Manifest | None, key: str = KEY) -> bool:
    """Tell whether the Job is wanted."""
    return wants_job(found, decide(found), key, live)


def test_a_report_becomes_the_models_profile() -> None:
    """Of the variant and the key that the Job says; notes in ASCII."""
    memory = with_report(seen(job(complete=DONE), job_pod(REPORT))).memory

    assert memory.profile == PROFILE
    assert memory.variant == "l4"
    assert memory.times == PROFILE.prior()


def test_a_report_is_heard_once() -> None:
    """What traffic has shown since is not overruled by the same report again."""
    found = seen(job(complete=DONE), job_pod(REPORT), memory=KNOWN)

    assert with_report(found) is found


@pytest.mark.parametrize(
    "found",
    [
        seen(None, job_pod(REPORT)),
        seen(job(), job_pod(REPORT)),
        seen(job(complete=DONE)),
        seen(job(complete=DONE), job_pod("nonsense")),
        seen(job(complete=DONE), job_pod(failed(ProfileFailureReason.NOT_READY, "no"))),
        seen(job(complete=DONE), job_pod(REPORT, owner="another")),
        seen(job(complete=DONE, key=""), job_pod(REPORT)),
        seen(job(failed=FAILED), job_pod(REPORT)),
    ],
)
def test_what_is_not_wholly_said_is_not_heard(found: ModelSnapshot) -> None:
    """No Job, none that ended well, no report, one of another's pod, or of nobody knows what."""
    assert with_report(found) is found


def test_the_youngest_pods_report_goes_first() -> None:
    """The one before was lost, or failed."""
    first, second = failed(ProfileFailureReason.INTERRUPTED, "stopped"), REPORT
    pods = (job_pod(first), job_pod(second, born="2026-11-24T09:10:00Z"), job_pod())

    assert reports_of(seen(job(), *pods), job()) == (second, first)
    assert len(pods_of(seen(job(), *pods), job())) == 3
    assert pods_of(seen(job(), *pods), {"metadata": {}}) == ()


def test_how_far_a_job_is() -> None:
    """By its conditions; a time that is none is not known."""
    assert state_of(job(complete=DONE)).ended == datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    assert state_of(job(complete="soon")).ended is None
    assert state_of(job(complete="2026-11-24T09:30:00")).ended is None
    assert not state_of(job()).complete
    assert state_of(job(failed=FAILED)).failed == "PodFailurePolicy: Container profile failed"
    assert state_of(job(failed={})).failed == "no reason given"


def test_it_starts_when_every_replica_is_ready() -> None:
    """Not before, and not for a model that has none."""
    loading = snapshot(deployment(asked=2, ready=1), pods=(pod(ready=True), pod()))
    nobody = snapshot(deployment(asked=0))

    assert wants(seen(None), None)
    assert not wants(loading, None)
    assert not wants(nobody, None)


def test_it_is_not_run_again_once_its_report_is_known() -> None:
    """Unless it is about something else."""
    assert not wants(seen(None, memory=KNOWN), None)
    assert wants(seen(None, memory=KNOWN), None, key="another")


def test_it_makes_room_for_a_replica_that_finds_no_node() -> None:
    """It may have the very accelerator that is lacking."""
    waits = (pod(ready=True), pod("fraud-l4-6d4cf56db6-other", unschedulable="0/3 nodes are available"))
    found = snapshot(deployment(asked=2, ready=1), job(), pods=waits)

    assert wants(snapshot(deployment(asked=2, ready=1), job(), pods=(pod(ready=True), pod())), job())
    assert not wants(found, job())
    assert wants(found, job(failed=FAILED))


def test_a_job_that_was_heard_stays_for_an_hour() -> None:
    """With its log, and until what it said is saved; if nobody knows when it ended, too."""
    later = replace(seen(job(complete=DONE), memory=KNOWN), now=NOW + timedelta(minutes=31))

    assert wants(seen(job(complete=DONE), memory=KNOWN), job(complete=DONE))
    assert not wants(later, job(complete=DONE))
    assert wants(later, job(complete="soon"))


def test_a_job_that_was_not_heard_stays() -> None:
    """It is not tried for ever: it failed, or its report is lost."""
    later = replace(seen(job(complete=DONE)), now=NOW + timedelta(days=9))

    assert wants(later, job(complete=DONE))
    assert wants(later, job(failed=FAILED))


def test_a_job_under_way_whose_report_is_known_already_goes() -> None:
    """Somebody has restored the memory of before."""
    assert not wants(seen(job(), memory=KNOWN), job())
    assert job()["metadata"]["name"] == NAME
    assert children(job())
