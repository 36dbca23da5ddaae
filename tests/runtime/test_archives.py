"""Archives are written by strangers: whatever is in one, nothing leaves its folder and nothing fills the disk."""

import contextlib
import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings, strategies as st

from runtime.content import content, tar_of, zip_of
from trimtab.api.fetch import FetchFailureReason as Reason, FetchLimits
from trimtab_runtime.fetch.archive import unpack
from trimtab_runtime.fetch.errors import FetchError

GOOD = {"1/model.onnx": b"model" * 100, "config.pbtxt": b"max_batch_size: 4"}
LIMITS = FetchLimits(max_bytes=100_000, max_files=10)
LINK_IN_A_ZIP = 0o120777 << 16


def tar_with(entries: Iterable[tuple[tarfile.TarInfo, bytes]], mode: str = "w") -> bytes:
    """Return a tar archive of entries as they are."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]  # takes literals only
        for entry, body in entries:
            archive.addfile(entry, io.BytesIO(body))
    return buffer.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    """Return a tar entry."""
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, size
    return made


def zip_with(name: str, attributes: int = 0, compression: int = zipfile.ZIP_STORED, times: int = 1) -> bytes:
    """Return a zip archive of one entry, perhaps several times."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for _ in range(times):
            made = zipfile.ZipInfo(name)
            made.external_attr, made.compress_type = attributes, compression
            archive.writestr(made, b"target")
    return buffer.getvalue()


def unpacked(body: bytes, name: str, folder: Path, limits: FetchLimits = LIMITS) -> Path:
    """Return the folder that an archive was unpacked into."""
    (folder / name).write_bytes(body)
    unpack(folder / name, folder / "unpacked", limits)
    return folder / "unpacked"


def refusal(body: bytes, name: str, folder: Path, limits: FetchLimits = LIMITS) -> Reason:
    """Return why an archive was refused; everything around the folder has to be as before."""
    before = {path for path in folder.parent.rglob("*") if folder not in path.parents}
    with pytest.raises(FetchError) as caught:
        unpacked(body, name, folder, limits)
    assert {path for path in folder.parent.rglob("*") if folder not in path.parents} == before
    assert {path.name for path in folder.iterdir()} <= {name, "unpacked"}
    return caught.value.reason


@pytest.mark.parametrize("name", ["m.tar.gz", "m.tgz", "M.TAR.GZ"])
def test_a_gzipped_tar_is_unpacked(tmp_path: Path, name: str) -> None:
    """Endings are read without regard to case."""
    assert content(unpacked(tar_of(GOOD), name, tmp_path)) == GOOD


def test_a_plain_tar_and_a_zip_are_unpacked(tmp_path: Path) -> None:
    """Folders that are entries of their own, and a leading `./`, are usual."""
    (tmp_path / "tar").mkdir()
    (tmp_path / "zip").mkdir()
    plain = tar_with(
        [
            (entry("./", tarfile.DIRTYPE), b""),
            (entry("./1", tarfile.DIRTYPE), b""),
            (entry("./1/model.onnx", size=5), b"model"),
        ]
    )

    assert content(unpacked(plain, "m.tar", tmp_path / "tar")) == {"1/model.onnx": b"model"}
    assert content(unpacked(zip_of(GOOD), "m.zip", tmp_path / "zip")) == GOOD


@pytest.mark.parametrize(
    "name", ["../x", "/x", "1/../../x", "1//x", "a\\b", "1/./x", "\N{RIGHT-TO-LEFT OVERRIDE}x", "n" * 256]
)
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_path_that_means_something_else_is_refused(tmp_path: Path, kind: str, name: str) -> None:
    """Absolute, upward, doubled, hidden and overlong names are refused, not repaired."""
    body = tar_with([(entry(name), b"")]) if kind == "tar" else zip_with(name)

    assert refusal(body, f"m.{kind}", tmp_path) is Reason.UNSAFE_PATH


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE],
    ids=["link", "hard link", "character device", "block device", "pipe", "contiguous"],
)
def test_what_is_no_plain_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    """No link, so that no later entry can be written through it; no device, no pipe."""
    body = tar_with([(entry("1", kind, "/etc"), b""), (entry("1/passwd", size=1), b"x")])

    assert refusal(body, "m.tar", tmp_path) is Reason.UNSAFE_PATH


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    """A zip marks links in the file's mode."""
    assert refusal(zip_with("1", LINK_IN_A_ZIP), "m.zip", tmp_path) is Reason.UNSAFE_PATH


@pytest.mark.parametrize(
    "body",
    [
        tar_with([(entry("x", size=1), b"1"), (entry("x", size=1), b"2")]),
        tar_with([(entry("x", size=1), b"1"), (entry("x/y", size=1), b"2")]),
        tar_with([(entry("x/y", size=1), b"1"), (entry("x", size=1), b"2")]),
        tar_with([(entry("x", size=1), b"1"), (entry("x", tarfile.DIRTYPE), b"")]),
    ],
    ids=["twice", "file then folder", "folder then file", "folder again"],
)
def test_names_that_exclude_each_other_are_refused(tmp_path: Path, body: bytes) -> None:
    """Which of the two would win is nobody's to guess."""
    assert refusal(body, "m.tar", tmp_path) is Reason.UNSAFE_PATH


@pytest.mark.parametrize("pack", [tar_of, zip_of])
def test_a_bomb_is_stopped_while_it_is_written(tmp_path: Path, pack: Callable[[dict[str, bytes]], bytes]) -> None:
    """50 MB of zeros in 50 kB: what counts is what comes out, and it stops near the limit."""
    name = "m.tar.gz" if pack is tar_of else "m.zip"
    bomb = pack({"1/model.onnx": bytes(50_000_000)})

    assert refusal(bomb, name, tmp_path) is Reason.TOO_LARGE
    assert (tmp_path / "unpacked/1/model.onnx").stat().st_size <= LIMITS.max_bytes


def test_a_bomb_behind_the_end_of_the_archive_is_stopped(tmp_path: Path) -> None:
    """What follows the last entry is only passed over, but passing over takes time too."""
    body = gzip.compress(tar_with([(entry("x", size=1), b"1")]) + bytes(50_000_000))

    assert refusal(body, "m.tar.gz", tmp_path) is Reason.TOO_LARGE


def test_too_many_files_are_stopped(tmp_path: Path) -> None:
    """Empty files cost inodes."""
    assert refusal(tar_of({f"{number}": b"" for number in range(11)}), "m.tar.gz", tmp_path) is Reason.TOO_LARGE


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE])
def test_a_header_that_would_fill_the_memory_is_refused(tmp_path: Path, kind: bytes) -> None:
    """Python reads such headers into memory whole: 1 GB of them is 1 MB of gzip."""
    body = gzip.compress(entry("x", kind, size=1 << 30).tobuf() + bytes(1 << 20))

    with pytest.raises(FetchError, match="a header of 1073741824 bytes") as caught:
        unpacked(body, "m.tar.gz", tmp_path)
    assert caught.value.reason is Reason.UNSUPPORTED_LAYOUT


def test_headers_that_describe_each_other_without_end_are_refused(tmp_path: Path) -> None:
    """Each long name may describe another long name: a few thousand exhaust Python's stack."""
    one = entry("x", tarfile.GNUTYPE_LONGNAME, size=1).tobuf() + b"n".ljust(512, b"\0")

    assert refusal(one * 5000, "m.tar", tmp_path) is Reason.UNSUPPORTED_LAYOUT


@pytest.mark.parametrize("cut", [0, 5, 60, 0.5, -1])
def test_a_cut_archive_is_damaged_and_not_smaller(tmp_path: Path, cut: float) -> None:
    """Half an archive is not half a model."""
    whole = tar_of({f"{number}/model.onnx": bytes([number]) * 700 for number in range(1, 8)})
    kept = int(len(whole) * cut) if 0 < cut < 1 else int(cut)

    assert refusal(whole[:kept], "m.tar.gz", tmp_path) is Reason.UNSUPPORTED_LAYOUT


def test_a_wrong_checksum_is_noticed(tmp_path: Path) -> None:
    """Both formats carry one, and both are checked to the end."""
    packed = bytearray(tar_of(GOOD))
    packed[-6] ^= 1  # of gzip's checksum
    stored = bytearray(zip_with("x"))
    stored[stored.index(b"target")] ^= 1
    for kind, body in (("tar.gz", packed), ("zip", stored)):
        (tmp_path / kind).mkdir()
        assert refusal(bytes(body), f"m.{kind}", tmp_path / kind) is Reason.UNSUPPORTED_LAYOUT


@pytest.mark.parametrize("name", ["m.tar", "m.tar.gz", "m.zip"])
@pytest.mark.parametrize("body", [b"", b"<html>log in</html>", bytes(10_000)], ids=["empty", "page", "zeros"])
def test_what_is_no_archive_is_refused(tmp_path: Path, name: str, body: bytes) -> None:
    """The name promised one. Nothing but zeros is a tar archive, if an empty one."""
    if name == "m.tar" and body == bytes(10_000):
        assert content(unpacked(body, name, tmp_path)) == {}
    else:
        assert refusal(body, name, tmp_path) is Reason.UNSUPPORTED_LAYOUT


def test_an_encrypted_zip_is_refused_with_the_cause(tmp_path: Path) -> None:
    """Nobody is there to type a password."""
    body = bytearray(zip_with("x"))
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        body[body.index(signature) + offset] |= 1

    assert refusal(bytes(body), "m.zip", tmp_path) is Reason.UNSUPPORTED_LAYOUT


SEEDS = {
    "m.tar": tar_with([(entry("a/b", size=3), b"abc"), (entry("n" * 150, size=1), b"x")]),
    "m.tar.gz": tar_of(GOOD),
    "m.zip": zip_of(GOOD) + zip_with("y", compression=zipfile.ZIP_LZMA),
    "b.zip": zip_with("y", compression=zipfile.ZIP_BZIP2),
    "l.zip": zip_with("y", compression=zipfile.ZIP_LZMA),
}


CHANGE = st.tuples(st.integers(0, 4000), st.integers(0, 255))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(SEEDS)), st.lists(CHANGE, min_size=1, max_size=6))
def test_any_change_to_an_archive_unpacks_or_is_refused(name: str, changes: list[tuple[int, int]]) -> None:
    """No byte that anybody can write makes anything but files below the folder, or a FetchError."""
    body = bytearray(SEEDS[name])
    for place, value in changes:
        body[place % len(body)] = value
    with TemporaryDirectory() as folder:
        with contextlib.suppress(FetchError):
            unpacked(bytes(body), name, Path(folder))
        inside = list(Path(folder).rglob("*"))
        assert all(path.is_file() or path.is_dir() for path in inside)
        assert not any(path.is_symlink() for path in inside)
        assert {path.name for path in Path(folder).iterdir()} <= {name, "unpacked"}
