"""Listings and volumes that lie: nothing is written outside the model's folder, and nothing foreign is read."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from aiohttp import web

from runtime.content import ONNX, content
from runtime.places import S3, Google, HuggingFace, Place, Volume
from runtime.process import Ask
from runtime.servers import Fault, answer
from trimtab.api.fetch import FetchFailureReason as Reason, FetchLimits

HOSTILE = [
    "../x.onnx",
    "/etc/x.onnx",
    "a/../../x.onnx",
    "a//x.onnx",
    "./x.onnx",
    "a\\x.onnx",
    "a\nx.onnx",
    "n" * 256 + ".onnx",
]
NOBODY = 65_534

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root may become another user")


def s3_listing(root: str, names: list[str]) -> Callable[[web.Request], web.Response]:
    """Return the answer of a store that lists these names, whatever it holds."""
    rows = "".join(
        f"<Contents><Key>{escape(f'{root}/{name}')}</Key><Size>5</Size><ETag>&quot;1&quot;</ETag>"
        "<LastModified>2026-11-24T00:00:00.000Z</LastModified></Contents>"
        for name in names
    )
    head = "<Name>models</Name><IsTruncated>false</IsTruncated>"
    text = f'<?xml version="1.0"?><ListBucketResult>{head}{rows}</ListBucketResult>'
    return lambda _: web.Response(body=text.encode(), content_type="application/xml")


def list_only(place: Place, names: list[str]) -> None:
    """Let a place list these names."""
    if isinstance(place, S3):
        place.server.faults.append(Fault(answer=s3_listing(place.root, names), path="/models"))
    else:
        place.put(dict.fromkeys(names, b"12345"))


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("place", ["s3", "gs", "hf"], indirect=True)
def test_a_hostile_name_in_a_listing_stops_the_fetch(place: Place, ask: Ask, models: Path, name: str) -> None:
    """Such a name is refused before anything is downloaded; nothing appears beside the model."""
    assert place.server is not None
    if name == "a\nx.onnx" and isinstance(place, S3):
        name = "a\u2028x.onnx"  # XML has no way to write the other
    list_only(place, ["good.onnx", name])

    ended = ask(place)

    assert ended.exit_code == 2
    assert ended.told.reason is Reason.UNSAFE_PATH
    assert place.server.bodies_sent(place.bodies) == 0
    assert content(models.parent).keys() == {"container/log-1", "container/termination-1"}


@pytest.mark.parametrize("place", ["s3", "gs", "hf"], indirect=True)
def test_a_name_that_is_both_file_and_folder_stops_the_fetch(place: Place, ask: Ask) -> None:
    """Object stores allow it, file systems do not."""
    list_only(place, ["model", "model/x.onnx"])

    assert ask(place).told.reason is Reason.UNSAFE_PATH


@pytest.mark.parametrize("place", ["gs"], indirect=True)
@pytest.mark.parametrize(
    ("size", "limit", "reason"),
    [(10**15, 10**12, Reason.TOO_LARGE), (10**15, 10**16, Reason.DISK_FULL), (5, 10**12, Reason.INTERRUPTED)],
)
def test_a_listing_that_lies_about_sizes_is_noticed(
    place: Google, ask: Ask, size: int, limit: int, reason: Reason
) -> None:
    """A size is believed when it refuses, and checked when it admits."""
    place.put({"model.onnx": ONNX})
    place.storage.sizes[f"models/{place.root}/model.onnx"] = size

    assert ask(place, limits=FetchLimits(max_bytes=limit)).told.reason is reason


@pytest.mark.parametrize("place", ["http"], indirect=True)
def test_an_answer_larger_than_the_disk_is_not_begun(place: Place, ask: Ask) -> None:
    """What the server announces is believed when it refuses: nobody else's pods lose their disk over it."""
    assert place.server is not None
    place.put({"model.onnx": ONNX})
    place.server.faults.append(Fault(path=place.bodies, answer=answer(ONNX, Content_Length=str(10**15))))

    ended = ask(place, "model.onnx", limits=FetchLimits(max_bytes=10**16))

    assert ended.told.reason is Reason.DISK_FULL
    assert str(10**15) in ended.told.message


@pytest.mark.parametrize("place", ["gs"], indirect=True)
def test_a_source_that_changes_meanwhile_is_not_mixed(place: Google, ask: Ask) -> None:
    """Half of the old model and half of the new one is no model."""
    place.put({"model.onnx": ONNX})

    def replace(_: web.Request) -> web.Response:
        place.put({"model.onnx": ONNX[::-1]})
        return web.Response(body=ONNX)

    place.server.faults.append(Fault(path=place.bodies, answer=replace))

    ended = ask(place)

    assert ended.told.reason is Reason.INTERRUPTED
    assert "changed while it was read" in ended.told.message


@pytest.mark.parametrize("place", ["hf"], indirect=True)
def test_a_file_named_like_its_folder_is_found_in_it(place: HuggingFace, ask: Ask, models: Path) -> None:
    """`bert/bert` is a usual layout; the folder's address is not the file's."""
    place.put({"model.onnx/model.onnx": ONNX})

    ended = ask(place, "model.onnx")

    assert ended.exit_code == 0, ended.log
    assert (models / "fraud/1/model.onnx").read_bytes() == ONNX


@pytest.mark.parametrize("place", ["hf"], indirect=True)
def test_an_unknown_revision_is_missing(place: HuggingFace, ask: Ask) -> None:
    """A typing mistake in a revision is told as such, and not tried again."""
    place.put({"model.onnx": ONNX})
    place.root += "@v2"

    ended = ask(place)

    assert ended.told.reason is Reason.SOURCE_NOT_FOUND
    assert "@v2" in ended.told.message


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    """Return a volume with a model in it."""
    made = Volume(tmp_path / "volume")
    made.put({"v7/model.onnx": ONNX})
    return made


def test_a_volume_is_linked_and_not_copied(volume: Volume, ask: Ask, models: Path) -> None:
    """Hundreds of gigabytes on a volume are served from there."""
    ended = ask(volume, "v7")

    assert ended.exit_code == 0, ended.log
    assert (models / "fraud/1").is_symlink()
    assert (models / "fraud/1").resolve() == volume.root / "v7"


def test_links_inside_a_volume_are_followed(volume: Volume, ask: Ask, models: Path) -> None:
    """`latest -> v7` is how people publish."""
    (volume.root / "latest").symlink_to("v7")

    ended = ask(volume, "latest")

    assert ended.exit_code == 0, ended.log
    assert (models / "fraud/1/model.onnx").read_bytes() == ONNX


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../outside", "/etc", "../volume-of-others/x", "missing", "loop", "v7/../../outside"]
)
def test_a_link_out_of_a_volume_is_refused(volume: Volume, ask: Ask, target: str) -> None:
    """Whoever writes to the volume chooses its links, and must not choose files of the container."""
    (volume.root.parent / "outside").write_text("not yours")
    (volume.root.parent / "volume-of-others").mkdir()
    (volume.root.parent / "volume-of-others/x").write_text("not yours")
    (volume.root / "v7" / "loop").symlink_to(target)

    ended = ask(volume, "v7")

    assert ended.exit_code == 2
    assert ended.told.reason in {Reason.UNSAFE_PATH, Reason.SOURCE_NOT_FOUND}
    assert "not yours" not in ended.log


@pytest.mark.parametrize("target", ["/etc", ".."])
def test_a_model_path_that_is_a_link_out_is_refused(volume: Volume, ask: Ask, target: str) -> None:
    """The path that the user names is followed as carefully as what is below it."""
    (volume.root / "out").symlink_to(target)

    assert ask(volume, "out").told.reason is Reason.UNSAFE_PATH


def test_a_folder_that_contains_itself_is_refused(volume: Volume, ask: Ask) -> None:
    """A link to a folder around it would be walked for ever."""
    (volume.root / "v7/again").symlink_to("..")

    assert ask(volume, "v7").told.reason is Reason.UNSAFE_PATH


def test_a_pipe_in_a_volume_is_refused(volume: Volume, ask: Ask) -> None:
    """Reading it would wait for ever."""
    os.mkfifo(volume.root / "v7/pipe.onnx")

    assert ask(volume, "v7").told.reason is Reason.UNSAFE_PATH


@needs_root
@pytest.mark.parametrize("closed", ["v7", "v7/model.onnx"])
def test_a_volume_that_may_not_be_read_says_so(volume: Volume, ask: Ask, models: Path, closed: str) -> None:
    """Wrong ownership on a volume is the usual mistake: the message has the path and the user id."""
    models.mkdir(mode=0o777)
    models.chmod(0o777)
    for parent in volume.root.parents:
        if str(parent).startswith("/tmp/") and parent.owner() == "root":  # noqa: S108  # pytest's own folders are closed
            parent.chmod(0o755)
    (volume.root / closed).chmod(0)

    ended = ask(volume, "v7", user=NOBODY)

    assert ended.told.reason is Reason.CREDENTIALS_REFUSED
    assert str(NOBODY) in ended.told.message


def test_a_name_that_sha256sum_would_write_differently_has_no_digest(volume: Volume, ask: Ask) -> None:
    """`sha256sum` escapes a line's end and a backslash in names: no digest is better than one that never matches."""
    (volume.root / "v7/a\nb").write_bytes(b"")

    ended = ask(volume, "v7", digest=f"sha256:{'0' * 64}")

    assert ended.told.reason is Reason.UNSAFE_PATH
    assert ask(volume, "v7").exit_code == 0


def test_what_ext4_leaves_at_a_volumes_root_is_passed_over(volume: Volume, ask: Ask) -> None:
    """lost+found belongs to root and to no model."""
    (volume.root / "lost+found").mkdir(mode=0)
    volume.put({"model.onnx": ONNX})
    shutil.rmtree(volume.root / "v7")

    ended = ask(volume)

    assert ended.exit_code == 0, ended.log
    assert ended.told.files == 1
