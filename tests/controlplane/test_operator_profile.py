"""A model that is measured: its Job comes when the model serves, hands its report back, and never disturbs serving."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from controlplane import ControlPlane
from controlplane.operator_process import OperatorProcess
from fakes.profiles import REPORT
from stories import JOB, MODEL, POLICY, Manifest, Outcomes, Place, put_a_job_in_the_way, story, told
from trimtab.api.fetch import FetchOutcome
from trimtab.api.profile import ProfileFailureReason, ProfileReport

MEASURED = REPORT.model_copy(update={"notes": ("input TEXT may have any size, and was measured with 1: [-1]",)})
HEADLINE = (
    "on cpu (cpu) a batch of 1 takes 3.1 ms, one of 8 takes 10.2 ms; one replica served 610 requests/s with P99 within "
    "80ms; input TEXT may have any size, and was measured with 1: [-1]"
)


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, control_plane: ControlPlane, operator: OperatorProcess
) -> Iterator[Outcomes]:
    """Return what came of each story of this file."""
    with told(request, control_plane) as running:
        yield running
    assert operator.running
    assert "a bug" not in operator.log


def jobs(place: Place) -> list[Manifest]:
    """Return the Jobs of the namespace that are not on their way out."""
    return [each for each in place.api.list(JOB, place.namespace) if "deletionTimestamp" not in each["metadata"]]


def the_job(place: Place) -> Manifest:
    """Wait for the one Job."""
    return place.until(lambda: found if len(found := jobs(place)) == 1 else None, "one Job")[0]


def time_of(written: str) -> datetime:
    """Return a time of the API server."""
    return datetime.fromisoformat(written)


@story
def test_a_report_reaches_status_once_the_model_serves(place: Place) -> None:
    """The Job starts after the model is Ready; what it found is in status, and it is not run again."""
    place.fate(None, message=MEASURED.to_termination_message())
    place.model(profile={})

    said = place.says("Profiled", "True", "ProfileMeasured")

    assert said == HEADLINE
    place.until(
        lambda: place.get(MODEL, "model")["status"]["profile"]["evidence"] == "Profile", "what the curve rests on"
    )
    status = place.get(MODEL, "model")["status"]
    assert status["profile"] == {
        "variant": "cpu",
        "accelerator": "cpu",
        "batchTimes": [{"batch": 1, "milliseconds": "3.1"}, {"batch": 8, "milliseconds": "10.2"}],
        "requestsPerSecondAtObjective": "610",
        "evidence": "Profile",
    }
    job = the_job(place)
    ready = next(each for each in status["conditions"] if each["type"] == "Ready")
    assert time_of(job["metadata"]["creationTimestamp"]) >= time_of(ready["lastTransitionTime"])
    place.edit(objectives={"latency": {"target": "8ms"}})
    place.until(lambda: "no load kept P99 within 8ms" in place.condition("Profiled")["message"], "the new objective")
    place.until(
        lambda: "requestsPerSecondAtObjective" not in place.get(MODEL, "model")["status"]["profile"], "the new headline"
    )
    place.is_ready()
    assert [each["metadata"]["uid"] for each in jobs(place)] == [job["metadata"]["uid"]]


@story
def test_another_way_of_serving_is_measured_anew(place: Place) -> None:
    """Its Job replaces the former one; without the wish both go, with their policy."""
    place.fate(None, message=MEASURED.to_termination_message())
    place.model(profile={})
    place.says("Profiled", "True", "ProfileMeasured")
    first = the_job(place)["metadata"]["name"]

    place.edit(serving={"triton": {"maxBatchSize": 16}})

    place.until(lambda: jobs(place) and jobs(place)[0]["metadata"]["name"] != first, "another Job")
    place.says("Profiled", "True", "ProfileMeasured")
    assert len(jobs(place)) == 1
    assert len(place.api.list(POLICY, place.namespace, "trimtab.io/model=model")) == 2
    place.edit(profile=None)
    place.until(lambda: not jobs(place), "the Job to go")
    place.until(lambda: len(place.api.list(POLICY, place.namespace, "trimtab.io/model=model")) == 1, "its policy to go")
    place.until(lambda: not place.condition("Profiled"), "the condition to go")


@story
def test_a_profile_that_fails_is_told_and_serving_goes_on(place: Place) -> None:
    """In its own words, with an Event; it is tried again when somebody deletes the Job."""
    place.model()
    place.is_ready()
    words = "model 'model' answers in streams, which are not measured yet"
    report = ProfileReport(outcome=FetchOutcome.FAILED, reason=ProfileFailureReason.UNSUPPORTED, message=words)
    place.fate("fails", exit_code=1, message=report.to_termination_message())
    place.edit(profile={})

    said = place.says("Profiled", "False", "ProfileFailed")

    job = the_job(place)["metadata"]
    assert said == f"the model cannot be measured (Unsupported): {words}; to measure again, delete Job {job['name']}"
    assert place.condition("Ready")["status"] == "True"
    assert place.is_settled()
    events = (each for each in place.api.list("v1/Event", place.namespace) if each["reason"] == "ProfileFailed")
    place.until(lambda: next(events, None), "an Event")
    place.fate(None, message=MEASURED.to_termination_message())
    place.api.delete(JOB, job["name"], place.namespace)
    assert place.says("Profiled", "True", "ProfileMeasured") == HEADLINE


@story
def test_a_report_that_is_lost_is_a_failed_run(place: Place) -> None:
    """A Job that ended well and said nothing has measured nothing."""
    place.fate(None, message="I am no report")
    place.model(profile={})

    said = place.says("Profiled", "False", "ProfileLost")

    name = the_job(place)["metadata"]["name"]
    assert said == (
        f"Job {name} ended, and its pod left no report that can be read; to measure again, delete Job {name}"
    )
    assert "profile" not in place.get(MODEL, "model")["status"]


@story
def test_no_profile_starts_while_a_replica_waits_for_an_accelerator(place: Place) -> None:
    """Whatever becomes free is for serving."""
    place.pool({"name": "gpu", "resourceName": "example.com/scarce"}, name="scarce")
    place.model(poolRef={"name": "scarce"}, profile={})

    assert "wait" in place.says("CapacityAvailable", "False", "WaitingForAccelerator")
    said = place.says("Profiled", "Unknown", "ProfileWaiting")

    assert said == "the model is measured once all of its replicas are ready, and while none of them waits for a node"
    assert jobs(place) == []


@story
def test_a_job_that_is_in_the_way_is_left_alone_and_named(place: Place) -> None:
    """Neither taken over nor deleted; it is said whose it is."""
    place.model()
    place.is_ready()
    place.fate("fails", exit_code=1)
    place.edit(profile={})
    place.says("Profiled", "False", "ProfileFailed")
    name = the_job(place)["metadata"]["name"]
    put_a_job_in_the_way(place, name)

    said = place.says("Profiled", "False", "ProfileRefused")

    assert said == (
        f"Job {name} is refused: one of that name is there and was made by somebody else; it is left alone: delete it"
    )
    assert place.condition("Ready")["status"] == "True"
