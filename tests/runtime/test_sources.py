"""The contract of every source: what any place that models come from has to do, through the real entry point."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from runtime.content import FOLDER, ONNX, content, shell, tar_of, write, zip_of
from runtime.places import Elsewhere, Place
from runtime.process import Ask, Kubelet
from runtime.servers import Fault, Files, Loop, Server, serve
from trimtab.api import fetch as fetch_api
from trimtab.api.fetch import FetchFailureReason as Reason, FetchLimits, FetchPlan

STORES = ["s3", "gs", "hf", "volume"]
REMOTE = ["s3", "gs", "hf", "http", "https"]
BIG = ONNX * 4000  # 1 MB: more than sockets buffer, so that half a file is really half a file
PIPELINE = r"find -L . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum"


def test_one_file_becomes_version_one_of_a_model(place: Place, ask: Ask, models: Path) -> None:
    """A single model file arrives whole, under the name that Triton looks for."""
    place.put({"v7.onnx": ONNX})

    ended = ask(place, "v7.onnx")

    assert ended.exit_code == 0, ended.log
    assert (models / "fraud/1/model.onnx").read_bytes() == ONNX
    assert (models / "fraud/config.pbtxt").read_text() == 'name: "fraud"\nbackend: "onnxruntime"\n'
    assert ended.told.bytes == len(ONNX)
    assert ended.told.files == 1


@pytest.mark.parametrize("place", STORES, indirect=True)
def test_a_folder_in_tritons_layout_keeps_its_versions(place: Place, ask: Ask, models: Path) -> None:
    """Numbered versions and files beside them stay as they are; config.pbtxt is the user's, completed."""
    place.put(FOLDER)

    ended = ask(place, config={"dynamic_batching": {"max_queue_delay_microseconds": 5000}})

    assert ended.exit_code == 0, ended.log
    placed = content(models / "fraud")
    config = placed.pop("config.pbtxt").decode()
    assert placed == {path: body for path, body in FOLDER.items() if path != "config.pbtxt"}
    assert "max_batch_size: 8" in config
    assert "max_queue_delay_microseconds: 5000" in config
    assert ended.told.files == len(FOLDER)
    assert ended.told.bytes == sum(map(len, FOLDER.values()))


@pytest.mark.parametrize("place", STORES, indirect=True)
def test_a_folder_is_found_below_others_and_not_mixed_with_its_siblings(place: Place, ask: Ask, models: Path) -> None:
    """`team/model` means that folder: neither its siblings nor `team/model-2`, whose name begins alike."""
    place.put({"team/model/model.onnx": ONNX, "team/model-2/model.onnx": b"2", "team/model.onnx": b"other"})

    ended = ask(place, "team/model")

    assert ended.exit_code == 0, ended.log
    assert content(models / "fraud/1") == {"model.onnx": ONNX}


@pytest.mark.parametrize("pack", [tar_of, zip_of])
def test_an_archive_is_unpacked(
    place: Place, ask: Ask, models: Path, pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    """A .tar.gz or .zip is unpacked, also where it wraps the model in a folder; the archive itself is not kept."""
    name = "model.tar.gz" if pack is tar_of else "model.zip"
    place.put({name: pack({f"fraud-v7/{path}": body for path, body in FOLDER.items()})})

    ended = ask(place, name)

    assert ended.exit_code == 0, ended.log
    assert content(models / "fraud").keys() == FOLDER.keys()
    assert sorted(path.name for path in models.iterdir()) == ["fraud"]


def test_the_digest_of_a_file_is_what_sha256sum_prints(place: Place, ask: Ask, tmp_path: Path) -> None:
    """A user can copy the digest from `sha256sum FILE`, also of an archive."""
    packed = tar_of(FOLDER)
    place.put({"model.tar.gz": packed})
    printed = shell("sha256sum model.tar.gz", write(tmp_path / "local", {"model.tar.gz": packed}))

    ended = ask(place, "model.tar.gz", digest=f"sha256:{printed}")

    assert ended.exit_code == 0, ended.log
    assert ended.told.digest == f"sha256:{printed}"


@pytest.mark.parametrize("place", STORES, indirect=True)
def test_the_digest_of_a_folder_is_what_the_documented_pipeline_prints(place: Place, ask: Ask, tmp_path: Path) -> None:
    """Names that sort differently by locale, by case and as paths give the digest of the pipeline in FetchReport."""
    files = {**FOLDER, "1/a b.bin": b"1", "1/Z.bin": b"2", "1/ä.bin": b"3", "1-2/x": b"4", "1.x": b"5"}
    place.put(files)
    printed = shell(PIPELINE, write(tmp_path / "local", files))

    ended = ask(place, digest=f"sha256:{printed}")

    assert ended.exit_code == 0, ended.log
    assert ended.told.digest == f"sha256:{printed}"


def test_the_documented_pipeline_is_the_one_in_the_contract() -> None:
    """The pipeline tried above is the one that users are told."""
    report = Path(fetch_api.__file__).read_text()

    assert PIPELINE in report


def test_another_digest_is_refused_with_both_in_the_message(place: Place, ask: Ask, models: Path) -> None:
    """A model that is not the one asked for never reaches Triton, and the report says what came."""
    place.put({"model.onnx": ONNX})

    ended = ask(place, "model.onnx", digest=f"sha256:{'0' * 64}")

    assert ended.exit_code == 2
    assert ended.told.reason is Reason.DIGEST_MISMATCH
    assert str(ended.told.digest) in ended.told.message
    assert list(models.iterdir()) == []


def test_what_is_not_there_is_said_to_be_missing(place: Place, ask: Ask, models: Path) -> None:
    """A wrong key is a user's mistake: the report names it, and another try is not promised."""
    place.put({"model.onnx": ONNX})

    ended = ask(place, "wrong/model.onnx")

    assert ended.exit_code == 2
    assert ended.told.reason is Reason.SOURCE_NOT_FOUND
    assert "wrong/model.onnx" in ended.told.message
    assert list(models.iterdir()) == []


@pytest.mark.parametrize("place", REMOTE, indirect=True)
def test_refused_credentials_are_a_reason_of_their_own(place: Place, ask: Ask) -> None:
    """A refusal is not tried again, and the message leads to the Secret."""
    assert place.server is not None
    place.put({"model.onnx": ONNX})
    place.server.faults.append(Fault(answer=place.refusal, only_bodies=False))

    ended = ask(place, "model.onnx")

    assert ended.exit_code == 2
    assert ended.told.reason is Reason.CREDENTIALS_REFUSED
    assert len(place.server.asked) == 1


@pytest.mark.parametrize("place", REMOTE, indirect=True)
def test_a_connection_that_breaks_once_is_tried_again(place: Place, ask: Ask, models: Path) -> None:
    """Half a file is never kept, and never fatal: the second attempt is whole."""
    assert place.server is not None
    place.put({"model.onnx": BIG})
    place.server.faults.append(Fault(path=place.bodies, times=1))

    ended = ask(place, "model.onnx")

    assert ended.exit_code == 0, ended.log
    assert (models / "fraud/1/model.onnx").read_bytes() == BIG
    assert place.server.faults[0].times == 0


@pytest.mark.parametrize("place", REMOTE, indirect=True)
def test_a_connection_that_always_breaks_ends_as_interrupted(place: Place, ask: Ask, models: Path) -> None:
    """After a few attempts the container ends, so that the user learns of it; the kubelet will start it again."""
    assert place.server is not None
    place.put({"model.onnx": BIG})
    place.server.faults.append(Fault(path=place.bodies))

    ended = ask(place, "model.onnx")

    assert ended.exit_code == 1
    assert ended.told.reason is Reason.INTERRUPTED
    assert 2 <= place.server.bodies_sent(place.bodies) <= 36
    assert list(models.iterdir()) == []


@pytest.mark.parametrize("place", REMOTE, indirect=True)
def test_a_server_in_trouble_is_tried_again_a_few_times(place: Place, ask: Ask) -> None:
    """503 is a server's trouble, not the user's mistake: retryable, and bounded."""
    assert place.server is not None
    place.put({"model.onnx": ONNX})
    place.server.faults.append(Fault(answer=lambda _: web.Response(status=503), only_bodies=False))

    ended = ask(place, "model.onnx")

    assert ended.exit_code == 1
    assert ended.told.reason is Reason.SOURCE_UNREACHABLE
    assert 2 <= len(place.server.asked) <= 30


@pytest.mark.parametrize("place", REMOTE, indirect=True)
def test_a_server_that_is_away_is_unreachable(place: Place, ask: Ask, loop: Loop) -> None:
    """Nobody listens: retryable."""
    source, closed = place.source("model.onnx"), Server(handler=Files())
    with serve(loop, closed):
        pass
    uri = (source.uri or "").replace(f"127.0.0.1:{place.server.port}", closed.endpoint)  # type: ignore[union-attr]  # remote
    credentials = {name: closed.origin for name, value in place.credentials.items() if value.startswith("http")}

    ended = ask(Elsewhere(place, uri, closed), credentials=credentials)

    assert ended.exit_code == 1
    assert ended.told.reason is Reason.SOURCE_UNREACHABLE


@pytest.mark.parametrize("place", REMOTE, indirect=True)
def test_a_full_disk_is_said_to_be_full(place: Place, ask: Ask, models: Path) -> None:
    """No space is no fault of the source; nothing half-written stays."""
    place.put({"model.onnx": BIG})

    ended = ask(place, "model.onnx", largest_file_bytes=len(BIG) // 2)

    assert ended.exit_code == 1
    assert ended.told.reason is Reason.DISK_FULL
    assert "ephemeral storage" in ended.told.message
    assert list(models.iterdir()) == []


@pytest.mark.parametrize("place", REMOTE, indirect=True)
def test_a_model_above_the_limit_is_not_fetched(place: Place, ask: Ask, models: Path) -> None:
    """Too many bytes are refused, before the download where the source tells sizes."""
    assert place.server is not None
    place.put({"model.onnx": BIG})

    ended = ask(place, "model.onnx", limits=FetchLimits(max_bytes=len(BIG) - 1))

    assert ended.exit_code == 2
    assert ended.told.reason is Reason.TOO_LARGE
    assert list(models.iterdir()) == []


@pytest.mark.parametrize("place", ["s3", "gs", "hf"], indirect=True)
def test_a_folder_with_too_many_files_is_not_fetched(place: Place, ask: Ask) -> None:
    """A path that names far too much is noticed by its listing."""
    assert place.server is not None
    place.put({f"{number}.onnx": ONNX for number in range(5)})

    ended = ask(place, limits=FetchLimits(max_files=4))

    assert ended.told.reason is Reason.TOO_LARGE
    assert place.server.bodies_sent(place.bodies) == 0


@pytest.mark.parametrize("place", REMOTE, indirect=True)
def test_a_container_killed_halfway_starts_afresh(
    place: Place, kubelet: Kubelet, plan: Callable[..., FetchPlan], models: Path
) -> None:
    """Whatever a dead run left behind, the next one makes the whole model and nothing else."""
    assert place.server is not None
    place.put({"model.onnx": BIG})
    place.server.faults.append(Fault(path=place.bodies, times=1, stall=True))
    wanted = plan(place.source("model.onnx"), place.server)
    running = kubelet.start(wanted, place.credentials)
    assert place.server.stalled.wait(20)
    os.kill(running.pid, signal.SIGKILL)
    killed = running.end()
    left = [path.name for path in models.iterdir()]

    ended = kubelet.start(wanted, place.credentials).end()

    assert (killed.exit_code, killed.report, left) == (-signal.SIGKILL, None, [".fetch-fraud"])
    assert ended.exit_code == 0, ended.log
    assert content(models) == {
        "fraud/1/model.onnx": BIG,
        "fraud/config.pbtxt": b'name: "fraud"\nbackend: "onnxruntime"\n',
    }


@pytest.mark.parametrize("place", REMOTE, indirect=True)
def test_sigterm_ends_a_download_at_once(place: Place, kubelet: Kubelet, plan: Callable[..., FetchPlan]) -> None:
    """As process 1 nothing would happen by default: the pod would hang for its grace period."""
    assert place.server is not None
    place.put({"model.onnx": BIG})
    place.server.faults.append(Fault(path=place.bodies, times=1, stall=True))
    running = kubelet.start(plan(place.source("model.onnx"), place.server), place.credentials)
    assert place.server.stalled.wait(20)
    sent = time.monotonic()
    os.kill(running.pid, signal.SIGTERM)

    ended = running.end()

    assert time.monotonic() - sent < 2
    assert ended.exit_code == 1
    assert ended.told.reason is Reason.INTERRUPTED


def test_a_model_that_was_there_before_is_replaced_whole(place: Place, ask: Ask, models: Path) -> None:
    """A node that rebooted runs init containers again, on the same volume: nothing of the old model is mixed in."""
    write(models, {"fraud/1/old.bin": b"old", ".fetch-fraud/download/old.bin": b"older"})
    place.put({"model.onnx": ONNX})

    ended = ask(place, "model.onnx")

    assert ended.exit_code == 0, ended.log
    assert content(models).keys() == {"fraud/1/model.onnx", "fraud/config.pbtxt"}
