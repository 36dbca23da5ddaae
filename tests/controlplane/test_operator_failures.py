"""Replicas that do not start: whose words reach the user, whether it is tried again, and that the rest serves on."""

import json
from collections.abc import Iterator

import pytest

from controlplane import ControlPlane
from controlplane.operator_process import OperatorProcess
from stories import CPU, MODEL, Outcomes, Place, story, told
from trimtab.api.fetch import FetchFailureReason, FetchOutcome, FetchReport

GPU = {"name": "l4", "resourceName": "nvidia.com/gpu", "nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-L4"}}
TRITON = """\
I1124 10:00:00.000000 1 server.cc:604] \\n+------------------+------+
E1124 10:00:01.000000 1 model_lifecycle.cc:654] "failed to load 'model' version 1: Invalid argument: input 'x' has dims"
error: creating server: Internal - failed to load all models
"""


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, control_plane: ControlPlane, operator: OperatorProcess
) -> Iterator[Outcomes]:
    """Return what came of each story of this file."""
    with told(request, control_plane) as running:
        yield running
    assert operator.running
    assert "a bug" not in operator.log


def report(reason: FetchFailureReason, message: str) -> str:
    """Return the termination message with which the init container tells of a failure."""
    return FetchReport(outcome=FetchOutcome.FAILED, reason=reason, message=message).to_termination_message()


def pardon(place: Place) -> None:
    """Let the pods that there are get well, and those to come."""
    place.fate(None)
    for pod in place.pods():
        change = {"metadata": {"annotations": {"kwok.trimtab.io/fate": None}}}
        place.api.patch("v1/Pod", pod["metadata"]["name"], change, namespace=place.namespace)


@story
def test_a_digest_that_does_not_match_stalls_with_both_digests(place: Place) -> None:
    """No second attempt mends it: Stalled, in the fetcher's words; another source does."""
    words = (
        "s3://models/fraud/7 has digest sha256:aa, the AIModel asks for sha256:bb: correct model.digest or the files"
    )
    place.fate("init-fails", exit_code=2, message=report(FetchFailureReason.DIGEST_MISMATCH, words))
    place.model()

    said = place.says("Stalled", "True", "ModelFetchFailed")

    assert said == f"the model cannot be fetched (DigestMismatch): {words}"
    assert place.says("Ready", "False", "ModelFetchFailed") == said
    assert place.says("ModelLoaded", "False", "ModelFetchFailed") == said
    assert place.says("CapacityAvailable", "True", "Scheduled")
    assert not place.condition("Reconciling")
    place.fate(None)
    place.edit(model={"source": {"uri": "s3://models/fraud/8"}})
    place.is_ready()


@story
def test_a_store_that_is_away_is_tried_again_and_not_stalled(place: Place) -> None:
    """Waiting helps, so it is Reconciling; when the store is back the same pods get ready."""
    words = "cannot reach s3.example.com: connection refused"
    place.fate("init-fails", message=report(FetchFailureReason.SOURCE_UNREACHABLE, words))
    place.model()

    said = place.says("Ready", "False", "ModelFetchFailed")

    assert said == f"the model cannot be fetched (SourceUnreachable): {words}; it is tried again"
    assert place.says("Reconciling", "True", "ModelFetchFailed") == said
    assert not place.condition("Stalled")
    before = [pod["metadata"]["uid"] for pod in place.pods()]
    pardon(place)
    place.is_ready()
    assert [pod["metadata"]["uid"] for pod in place.pods()] == before


@story
def test_a_program_waits_for_the_consent_of_its_pool(place: Place) -> None:
    """The refusal says whose consent is missing; once it is there, the refused pods are made anew, and no others."""
    place.model(name="data")
    place.is_ready(name="data")
    data = [pod["metadata"]["uid"] for pod in place.pods("data")]
    words = "1/model.py is run by Triton's Python backend, and the pool refuses models that are programs"
    place.fate("init-fails", exit_code=2, message=report(FetchFailureReason.CODE_REFUSED, words))
    place.model()

    said = place.says("Stalled", "True", "PoolRefusesCode")

    assert said == f"the model cannot be fetched (CodeRefused): {words}"
    assert place.says("Ready", "False", "PoolRefusesCode") == said
    place.fate(None)
    place.pool(allowedModels={"code": "Allow"})
    place.is_ready()
    assert [pod["metadata"]["uid"] for pod in place.pods("data")] == data


@story
def test_a_triton_that_ends_is_told_by_its_last_words(place: Place) -> None:
    """The error that names the model's failure goes before the general one that follows it."""
    place.fate("crash-loop", exit_code=1, message=TRITON)
    place.model()

    said = place.says("Stalled", "True", "ModelLoadFailed")

    assert said == (
        "container triton ended with exit code 1: "
        "failed to load 'model' version 1: Invalid argument: input 'x' has dims"
    )
    assert place.says("Ready", "False", "ModelLoadFailed") == said
    pardon(place)
    place.is_ready()


@story
def test_a_fetcher_that_dies_without_a_report_is_told_by_its_exit_code(place: Place) -> None:
    """What is in the termination message need not be a report, nor be there."""
    place.fate("init-fails", exit_code=137, message='{"outcome": "Failed"')
    place.model()

    said = place.says("Ready", "False", "ModelFetchFailed")

    assert said.startswith("container fetch ended with exit code 137 (signal 9)")
    pardon(place)
    place.is_ready()


@story
def test_a_model_that_never_gets_ready_is_waited_for(place: Place) -> None:
    """Nobody failed: ModelLoaded is not known yet, and the message counts where the replicas are."""
    place.fate("never-ready")
    place.model(scaling={"minReplicas": 2, "maxReplicas": 3})

    place.until(
        lambda: place.condition("ModelLoaded").get("message") == LOADING, "the message that counts the replicas"
    )

    assert place.says("Ready", "False", "Progressing") == LOADING
    assert place.says("ModelLoaded", "Unknown", "Loading") == LOADING
    assert place.says("CapacityAvailable", "True", "Scheduled") == "every replica has a node"
    assert place.says("Reconciling", "True", "Progressing")
    assert not place.condition("Stalled")
    pardon(place)
    place.is_ready()


LOADING = "no replica has the model in memory yet: 2 loading the model"


@story
def test_a_node_label_that_no_node_has_is_told_by_the_scheduler(place: Place) -> None:
    """It is the selector that fits no node, and more accelerators would not mend that; another selector does."""
    place.pool({**CPU, "nodeSelector": {"disk": "tape"}}, name="tapes")
    place.model(poolRef={"name": "tapes"})

    said = place.says("CapacityAvailable", "False", "Unschedulable")

    assert said.startswith("1 of 1 replicas wait for a node: 0/7 nodes are available: ")
    assert "didn't match Pod's node affinity/selector" in said
    assert place.says("Ready", "False", "Unschedulable") == said
    assert place.says("Reconciling", "True", "Unschedulable") == said
    assert not place.condition("Stalled")
    place.pool(name="tapes")
    place.is_ready()


@story
def test_more_accelerators_than_a_node_has_are_told_by_the_scheduler(place: Place) -> None:
    """It is accelerators that lack, which has a reason of its own; a smaller replica fits."""
    place.pool({**GPU, "acceleratorsPerReplica": 16}, name="gpus")
    place.model(poolRef={"name": "gpus"})

    said = place.says("CapacityAvailable", "False", "WaitingForAccelerator")

    assert "3 Insufficient nvidia.com/gpu" in said
    assert place.says("Ready", "False", "WaitingForAccelerator") == said
    place.pool({**GPU, "acceleratorsPerReplica": 1}, name="gpus")
    place.is_ready()


@story
def test_a_new_version_that_fails_leaves_the_old_one_serving(place: Place) -> None:
    """Ready stays True and says both; Stalled says that somebody has to act; the version before mends it."""
    place.model()
    place.is_ready()
    words = "there is no s3://models/fraud/8: correct model.source.uri"
    place.fate("init-fails", exit_code=2, message=report(FetchFailureReason.SOURCE_NOT_FOUND, words))
    place.edit(model={"source": {"uri": "s3://models/fraud/8"}})

    said = place.says("Stalled", "True", "ModelFetchFailed")

    assert said == f"the model cannot be fetched (SourceNotFound): {words}"
    ready = place.says("Ready", "True", "Serving")
    assert ready == f"1 replica of before answers, those of the present spec do not: {said}"
    assert place.says("ModelLoaded", "False", "ModelFetchFailed") == said
    status = place.get(MODEL, "model")["status"]
    assert (status["readyReplicas"], status.get("version")) == (1, None)
    place.fate(None)
    place.edit(model={"source": {"uri": "s3://models/fraud/7"}})
    place.is_ready()
    place.until(lambda: place.get(MODEL, "model")["status"].get("version"), "the version that is served")
    assert place.get(MODEL, "model")["status"]["version"] == {"serving": "s3://models/fraud/7"}


@story
def test_a_replica_that_is_lost_later_does_not_lower_ready(place: Place) -> None:
    """One of two that crashes is told, and the other answers: Ready, and Reconciling until it is back."""
    place.model(scaling={"minReplicas": 2, "maxReplicas": 3})
    place.is_ready()
    victim = place.pods()[0]["metadata"]["name"]
    place.fate("crash-loop", message="out of luck")
    place.api.delete("v1/Pod", victim, place.namespace)

    place.until(lambda: "out of luck" in place.condition("ModelLoaded").get("message", ""), "the words of the lost one")

    assert place.condition("ModelLoaded")["status"] == "True"
    assert place.says("Ready", "True", "Serving") == "1 of 2 replicas answer"
    assert place.says("Reconciling", "True", "Progressing")
    pardon(place)
    place.is_ready()
    assert json.dumps(place.get(MODEL, "model")["status"]["readyReplicas"]) == "2"
