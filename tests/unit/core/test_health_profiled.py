"""What is said of a profile, by example."""

from dataclasses import replace

import pytest

from fakes.profiles import KEY, NAME, PROFILE, REPORT, failed, job, job_pod
from fakes.snapshots import deployment, pod, snapshot, terminated
from trimtab.api.kinds import Manifest
from trimtab.api.profile import ProfileFailureReason
from trimtab.core.health.profiled import profile_of, profiled
from trimtab.core.scaling.memory import ScalingMemory, with_profile
from trimtab.core.snapshot import ModelSnapshot, Profiling
from trimtab.units import Seconds

WISH = Profiling(key=KEY, job=NAME)
DONE = "2026-11-24T09:30:00Z"
FAILED = {"reason": "PodFailurePolicy", "message": "Container profile failed"}
AGAIN = f"to measure again, delete Job {NAME}"
HEADLINE = (
    "on l4 (nvidia.com/gpu) a batch of 1 takes 3.1 ms, one of 8 takes 10.2 ms; one replica served 610 requests/s "
    "with P99 within 80ms; input TEXT may have any size"
)
HEARD = with_profile(ScalingMemory(), PROFILE)


def seen(
    live: Manifest | None = None, *pods: Manifest, wish: Profiling | None = WISH, memory: ScalingMemory | None = None
) -> ModelSnapshot:
    """Return a model that serves, with its Job and that one's pods."""
    there = [] if live is None else [live]
    found = snapshot(deployment(asked=1), *there, pods=(pod(ready=True),))
    return replace(found, profile_pods=pods, memory=memory or ScalingMemory(), profiling=wish)


def said(found: ModelSnapshot) -> tuple[str, str, str]:
    """Return the status, reason and message of the condition."""
    (finding,) = profiled(found)
    return finding.status, finding.reason, finding.message


def test_nobody_who_did_not_ask_hears_of_profiles() -> None:
    """Neither condition nor status, even if there was one before."""
    found = seen(wish=None, memory=HEARD)

    assert profiled(found) == ()
    assert profile_of(found) is None


def test_what_was_measured_is_told_in_round_numbers() -> None:
    """The headline in the condition, the curve in status."""
    found = seen(memory=HEARD)

    assert said(found) == (
        "True",
        "ProfileMeasured",
        HEADLINE,
    )
    profile = profile_of(found)
    assert profile is not None
    assert [(each.batch, each.milliseconds) for each in profile.batch_times] == [(1, "3.1"), (8, "10.2")]
    assert profile.requests_per_second_at_objective == "610"
    assert profile.evidence == "Profile"


def test_an_objective_that_no_load_kept_has_no_rate() -> None:
    """And a model without batches has one size."""
    one = replace(PROFILE, batches=PROFILE.batches[:1], loads=PROFILE.loads[2:], notes=())
    found = seen(memory=with_profile(ScalingMemory(), one))

    assert said(found)[2] == "on l4 (nvidia.com/gpu) a batch of 1 takes 3.1 ms; no load kept P99 within 80ms"
    profile = profile_of(found)
    assert profile is not None
    assert profile.requests_per_second_at_objective is None


def test_traffic_tells_more_in_the_end() -> None:
    """After two minutes of it; and at once where what is known is of another variant."""
    times = HEARD.times
    for _ in range(6):
        times = times.learned(1.0, Seconds(0.0031), since=Seconds(30.0))
    profile, moved = (
        profile_of(seen(memory=each)) for each in (replace(HEARD, times=times), replace(HEARD, variant="x"))
    )

    assert profile is not None
    assert moved is not None
    assert profile.evidence == moved.evidence == "Traffic"


def test_a_profile_of_something_else_is_not_told() -> None:
    """It waits for its own."""
    found = seen(wish=replace(WISH, key="another"), memory=HEARD)

    assert profile_of(found) is None
    assert said(found)[:2] == ("Unknown", "ProfileWaiting")


@pytest.mark.parametrize(
    ("found", "status", "reason", "words"),
    [
        (seen(), "Unknown", "ProfileWaiting", "once all of its replicas are ready"),
        (
            seen(wish=replace(WISH, refusal="quota exceeded")),
            "False",
            "ProfileRefused",
            f"Job {NAME} is refused: quota exceeded",
        ),
        (seen(job()), "Unknown", "ProfileRunning", f"Job {NAME} is measuring the model"),
        (
            seen(job(), job_pod(unscheduled="0/3 nodes are available")),
            "Unknown",
            "ProfileWaiting",
            f"Job {NAME} waits for a node: 0/3 nodes are available",
        ),
        (
            seen(job(), job_pod(fetch=terminated(1))),
            "Unknown",
            "ProfileRunning",
            f"Job {NAME} has trouble: container fetch ended with exit code 1, and said nothing: see its log",
        ),
        (
            seen(job(), job_pod(fetch={"ready": True})),
            "Unknown",
            "ProfileRunning",
            f"Job {NAME} is measuring the model",
        ),
        (
            seen(job(failed=FAILED), job_pod(failed(ProfileFailureReason.NOT_READY, "it did not load"))),
            "False",
            "ProfileFailed",
            f"the model cannot be measured (NotReady): it did not load; to measure again, delete Job {NAME}",
        ),
        (
            seen(job(failed=FAILED), job_pod(fetch=terminated(2, "no such bucket"))),
            "False",
            "ProfileFailed",
            f"the model cannot be measured: container fetch ended with exit code 2: no such bucket; {AGAIN}",
        ),
        (
            seen(job(failed=FAILED)),
            "False",
            "ProfileFailed",
            f"the model cannot be measured: PodFailurePolicy: Container profile failed; {AGAIN}",
        ),
        (
            seen(job(complete=DONE), job_pod("nonsense")),
            "False",
            "ProfileLost",
            f"Job {NAME} ended, and its pod left no report that can be read; to measure again, delete Job {NAME}",
        ),
        (seen(job(), job_pod(REPORT)), "Unknown", "ProfileRunning", f"Job {NAME}"),
    ],
)
def test_how_far_it_is_and_why_it_is_not(found: ModelSnapshot, status: str, reason: str, words: str) -> None:
    """Whoever failed says why; a report that is lost is a failed run."""
    told = said(found)

    assert told[:2] == (status, reason)
    assert words in told[2]
