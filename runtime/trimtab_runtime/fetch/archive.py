"""Unpack an archive that somebody else made: regular files below one folder, within limits, and nothing else."""

import errno
import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self, cast

from trimtab.api.fetch import FetchFailureReason as Reason, FetchLimits, is_safe_relative_path
from trimtab_runtime.fetch.errors import FetchError
from trimtab_runtime.fetch.source import check_size

CHUNK_BYTES = 1 << 20
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz")
ZIP_ENCRYPTED = 0x1
MAX_HEADER_BYTES = 1 << 20  # of a long name or extended attributes, which tarfile reads into memory whole
DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,  # a compression that this Python does not know
    RecursionError,  # headers that describe headers that describe headers
    ValueError,  # numbers that are none, and times outside the calendar
)
SAID_OF_DATA = {None, errno.EINVAL}  # gzip's and bzip2's complaints have no number; zip seeks to impossible places


def is_archive(name: str) -> bool:
    """Tell by a file's name whether it is an archive that is unpacked."""
    return name.lower().endswith((*TAR_ENDINGS, ".zip"))


def unpack(archive: Path, folder: Path, limits: FetchLimits) -> None:
    """Write an archive's files below a new folder.

    Raises:
        FetchError: for a path that leaves the folder, a link, a device, a name that comes twice, a damaged archive, too
            many files or bytes (counted as they are written, whatever the archive claims).
    """
    folder.mkdir()
    writer = _Writer(folder=folder, limits=limits)
    with _readable(archive.name):
        if archive.name.lower().endswith(".zip"):
            _unpack_zip(archive, writer)
        else:
            _unpack_tar(archive, writer)


@dataclass(kw_only=True)
class _Writer:
    folder: Path
    limits: FetchLimits
    written_bytes: int = 0
    names: set[str] = field(default_factory=set)

    def accept(self, name: str) -> str:
        """Return the path of an entry below the folder, counting it."""
        path = name.removeprefix("./").removesuffix("/")
        if not is_safe_relative_path(path):
            raise FetchError(
                Reason.UNSAFE_PATH, f"the archive has an entry {name!a}; pack it with plain relative paths"
            )
        if path in self.names:
            raise FetchError(Reason.UNSAFE_PATH, f"the archive has {name!a} twice; pack it again")
        self.names.add(path)
        self.check_size()
        return path

    def check_size(self) -> None:
        """Raise FetchError if more came than is allowed."""
        check_size(files=len(self.names), size=self.written_bytes, limits=self.limits)

    def make_folder(self, name: str) -> None:
        """Create the folder that an entry stands for; it may be there already, for a file below it."""
        if name.strip("./"):
            (self.folder / self.accept(name)).mkdir(parents=True, exist_ok=True)

    def write(self, name: str, content: IO[bytes]) -> None:
        """Write one file."""
        target = self.folder / self.accept(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            while chunk := content.read(CHUNK_BYTES):
                self.written_bytes += len(chunk)
                self.check_size()
                file.write(chunk)

    def pass_over(self, rest: IO[bytes]) -> None:
        """Read to the end, where gzip's checksum is; what comes is counted, as it takes time."""
        while chunk := rest.read(CHUNK_BYTES):
            self.written_bytes += len(chunk)
            self.check_size()


class _SmallHeaders(tarfile.TarInfo):
    """An entry of a tar archive that announces no header too large to be read into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Return the entry that a header block describes."""
        entry = super().frombuf(buf, encoding, errors)
        if not entry.isreg() and entry.size > MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {entry.size} bytes")
        return entry


def _unpack_tar(archive: Path, writer: _Writer) -> None:
    is_plain = archive.name.lower().endswith(".tar")
    content: IO[bytes]
    with (
        archive.open("rb") if is_plain else cast("IO[bytes]", gzip.open(archive)) as content,
        tarfile.open(fileobj=content, mode="r|", tarinfo=_SmallHeaders) as tar,
    ):
        _write_members(tar, writer)
        writer.pass_over(content)


def _write_members(tar: tarfile.TarFile, writer: _Writer) -> None:
    for member in tar:
        if member.isdir():
            writer.make_folder(member.name)
        elif member.type in {tarfile.REGTYPE, tarfile.AREGTYPE}:  # no links, devices, pipes, sparse files
            content = tar.extractfile(member)
            if content is not None:
                writer.write(member.name, content)
        else:
            raise _refuse_kind(member.name)


def _unpack_zip(archive: Path, writer: _Writer) -> None:
    with zipfile.ZipFile(archive) as packed:
        for entry in packed.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if entry.flag_bits & ZIP_ENCRYPTED:
                raise FetchError(Reason.UNSUPPORTED_LAYOUT, f"{archive.name} is encrypted; pack it without a password")
            if entry.is_dir():
                writer.make_folder(entry.filename)
            elif kind in {0, stat.S_IFREG}:
                with packed.open(entry) as content:
                    writer.write(entry.filename, content)
            else:
                raise _refuse_kind(entry.filename)


def _refuse_kind(name: str) -> FetchError:
    return FetchError(
        Reason.UNSAFE_PATH,
        f"the archive's entry {name!a} is a link, a device or something else that is no plain file; pack files only",
    )


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except DAMAGE as error:
        raise _damaged(name, error) from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise FetchError(
            Reason.UNSAFE_PATH,
            f"{name} has an entry that is both a file and a folder ({Path(str(error.filename)).name}); pack it again",
        ) from error
    except OSError as error:
        if error.errno not in SAID_OF_DATA:
            raise
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> FetchError:
    return FetchError(
        Reason.UNSUPPORTED_LAYOUT, f"{name} is damaged or no archive of its kind ({error}); pack it again"
    )
