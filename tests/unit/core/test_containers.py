"""What the status of one container says about why it does not work."""

import pytest

from fakes.snapshots import terminated, waiting
from trimtab.api.conditions import Reason
from trimtab.api.fetch import FetchFailureReason, FetchOutcome, FetchReport
from trimtab.api.kinds import Manifest
from trimtab.core.health.containers import Failure, failure_of


def failure(container: Manifest, name: str = "triton") -> Failure:
    """Return the failure that must be found."""
    found = failure_of({"name": name, **container})
    assert found is not None
    return found


def report(reason: FetchFailureReason, message: str = "it did not work") -> str:
    """Return the termination message of a failed fetch."""
    return FetchReport(outcome=FetchOutcome.FAILED, reason=reason, message=message).to_termination_message()


@pytest.mark.parametrize(
    "container",
    [
        {},
        {"state": {"running": {"startedAt": "2026-11-24T10:00:00Z"}}},
        waiting("ContainerCreating"),
        waiting("PodInitializing"),
        {"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
        {"state": {"running": {}}, "lastState": {"terminated": {"exitCode": 0}}},
        {"state": {"terminated": "gone"}},
    ],
)
def test_what_is_on_its_way_has_not_failed(container: Manifest) -> None:
    """Not ready yet is no failure."""
    assert failure_of({"name": "triton", **container}) is None


@pytest.mark.parametrize("reason", FetchFailureReason)
def test_a_failed_fetch_speaks_through_its_report(reason: FetchFailureReason) -> None:
    """Its own words; hopeless exactly where the same plan cannot succeed later."""
    found = failure(terminated(1, report(reason, "digest is sha256:1, sha256:2 was asked for")), "fetch")

    assert found.reason is (Reason.POOL_REFUSES_CODE if reason == "CodeRefused" else Reason.MODEL_FETCH_FAILED)
    assert f"the model cannot be fetched ({reason}): digest is sha256:1, sha256:2 was asked for" in found.message
    assert found.hopeless is not reason.retryable
    assert found.message.endswith("it is tried again") is reason.retryable


def test_a_fetch_that_runs_again_still_tells_of_its_last_end() -> None:
    """Else the condition would change with every attempt."""
    ended = terminated(1, report(FetchFailureReason.SOURCE_UNREACHABLE))
    again = ended | {"state": {"running": {"startedAt": "2026-11-24T10:00:00Z"}}}

    assert failure(again, "fetch") == failure(ended, "fetch")


@pytest.mark.parametrize("message", ["", "not json", '{"outcome": "Succeeded"}', "{" * 3000])
def test_a_fetch_without_a_report_of_failure_is_told_by_its_exit_code(message: str) -> None:
    """A killed container leaves no report, and a hostile one anything."""
    found = failure(terminated(137, message), "fetch")

    assert found.reason is Reason.MODEL_FETCH_FAILED
    assert "container fetch ended with exit code 137 (signal 9)" in found.message
    assert not found.hopeless


def test_a_report_is_believed_of_the_fetching_container_alone() -> None:
    """The model's own code could print one."""
    found = failure(terminated(1, report(FetchFailureReason.DIGEST_MISMATCH)))

    assert found.reason is Reason.MODEL_LOAD_FAILED
    assert not found.hopeless


def test_triton_is_told_in_its_own_words() -> None:
    """Exit code, and the line that names the cause."""
    log = "2026-11-24T10:12:52Z E 1 model_lifecycle.cc:642] \"failed to load 'fraud' version 1: Internal: no\""

    found = failure(terminated(1, log))

    assert found.message == "container triton ended with exit code 1: failed to load 'fraud' version 1: Internal: no"


def test_a_silent_end_points_to_the_log() -> None:
    """There is always a next step."""
    assert failure(terminated(139)).message == (
        "container triton ended with exit code 139 (signal 11), and said nothing: see its log"
    )


def test_an_exit_code_of_128_is_no_signal() -> None:
    """128 and the signal: there is none of number 0."""
    assert "exit code 128, and" in failure(terminated(128)).message


def test_an_exit_code_that_is_none_is_unknown() -> None:
    """Somebody wrote nonsense into the status."""
    found = failure({"state": {"terminated": {"exitCode": "one"}}})

    assert "exit code unknown" in found.message


def test_a_server_that_keeps_leaving_without_error_has_failed_too() -> None:
    """Exit code 0 is no success for a server that is being restarted."""
    assert "exit code 0" in failure(terminated(0, reason="Completed")).message


@pytest.mark.parametrize(
    ("name", "remedy"), [("triton", "serving.resources.limits.memory"), ("fetch", "the operator's")]
)
def test_a_lack_of_memory_names_the_limit_to_raise(name: str, remedy: str) -> None:
    """Which limit depends on the container."""
    found = failure(terminated(137, reason="OOMKilled"), name)

    assert "OOMKilled" in found.message
    assert f"raise {remedy}" in found.message


@pytest.mark.parametrize(("restarts", "hopeless"), [(0, False), (2, False), (3, True), (40, True), (True, False)])
def test_the_same_end_three_times_is_hopeless(restarts: int, *, hopeless: bool) -> None:
    """The same files give the same end; the number itself is not told, as it would change for ever."""
    found = failure(terminated(1, "out of cheese", restarts=restarts))

    assert found.hopeless is hopeless
    assert found.message == "container triton ended with exit code 1: out of cheese"


def test_the_two_states_of_a_failing_pull_read_the_same() -> None:
    """A kubelet changes between them every few seconds."""
    cause = 'failed to pull image "triton.example/server:1": 403 Forbidden'
    trying = failure(waiting("ErrImagePull", cause))
    pausing = failure(
        waiting("ImagePullBackOff", f'Back-off pulling image "triton.example/server:1": ErrImagePull: {cause}')
    )

    assert trying == pausing
    assert trying.reason is Reason.IMAGE_PULL_FAILED
    assert cause in trying.message


@pytest.mark.parametrize(
    ("reason", "hopeless"), [("InvalidImageName", True), ("ErrImageNeverPull", True), ("ImagePullBackOff", False)]
)
def test_an_image_that_no_attempt_can_find_is_hopeless(reason: str, *, hopeless: bool) -> None:
    """A registry may come back; a name that is none stays none. Without words, the kubelet's reason is told."""
    said = 'Back-off pulling image "x"' if reason == "ImagePullBackOff" else ""
    found = failure(waiting(reason, said, image=""))

    assert found.hopeless is hopeless
    assert found.message == f"image of the container of container triton cannot be had: {reason}"


@pytest.mark.parametrize(
    ("name", "reason"), [("fetch", Reason.MODEL_FETCH_FAILED), ("triton", Reason.MODEL_LOAD_FAILED)]
)
def test_a_container_that_cannot_be_made_is_told_in_the_kubelets_words(name: str, reason: Reason) -> None:
    """A Secret that is not there, most often."""
    found = failure(waiting("CreateContainerConfigError", 'secret "s3" not found'), name)

    assert found.reason is reason
    assert found.message == f'container {name} cannot be started (CreateContainerConfigError): secret "s3" not found'
    assert found.hopeless


def test_an_unknown_reason_for_waiting_is_passed_on() -> None:
    """A newer kubelet may know more reasons; nameless containers and missing words do no harm."""
    found = failure_of({"state": {"waiting": {"reason": "RunContainerError"}}})

    assert found is not None
    assert found.message == "container without a name cannot be started (RunContainerError): no reason given"
    assert not found.hopeless
