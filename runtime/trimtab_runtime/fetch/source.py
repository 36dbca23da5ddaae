"""What every source of a model offers: a listing first, then its files."""

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from trimtab.api.fetch import FetchFailureReason as Reason, FetchLimits, is_safe_relative_path
from trimtab_runtime.fetch.errors import FetchError

ATTEMPTS = 4  # waits of about 1, 2 and 4 s: a server's hiccup; longer outages are the kubelet's to retry
FIRST_WAIT_SECONDS = 1.0

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file of a source: its path below the source's root; its size in bytes, None where the source does not say."""

    path: str
    size: int | None
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The files of a source; `is_single` if the source is one file and no folder."""

    files: tuple[RemoteFile, ...]
    is_single: bool

    @property
    def known_bytes(self) -> int:
        """The sum of the sizes that are known."""
        return sum(file.size or 0 for file in self.files)


class Source(Protocol):
    """A place from which a model is downloaded. Both methods raise FetchError."""

    def list_files(self) -> Listing:
        """Return what there is, without downloading it."""
        ...

    def download(self, listing: Listing, folder: Path, limits: FetchLimits) -> None:
        """Write the listed files below a folder; files of other sizes than listed are refused."""
        ...


def check_listing(listing: Listing, limits: FetchLimits) -> None:
    """Raise FetchError if a path leads out of the folder, two paths exclude each other, or there is too much."""
    check_size(files=len(listing.files), size=listing.known_bytes, limits=limits)
    paths = [file.path for file in listing.files]
    for path in paths:
        if not is_safe_relative_path(path):
            raise FetchError(
                Reason.UNSAFE_PATH, f"the source has a file named {path!a}, which no model needs; rename it"
            )
    parents = {str(parent) for path in paths for parent in Path(path).parents}
    for path, times in Counter(paths).items():
        if path in parents or times > 1:
            raise FetchError(
                Reason.UNSAFE_PATH,
                f"{path!a} is both a file and a folder, or there twice; remove one of them",
            )


def check_size(*, files: int, size: int, limits: FetchLimits) -> None:
    """Raise FetchError if there are more files or bytes than allowed."""
    if files > limits.max_files:
        raise FetchError(
            Reason.TOO_LARGE,
            f"the source has {files} files, the limit is {limits.max_files}; name the model's own folder",
        )
    if size > limits.max_bytes:
        raise FetchError(
            Reason.TOO_LARGE,
            f"the source has {size} bytes, the limit is {limits.max_bytes}; name the model's own folder, or raise the"
            " model's limits.ephemeral-storage",
        )


def check_space(folder: Path, size: int) -> None:
    """Raise FetchError if there is no room for so many bytes where a folder lies."""
    free = shutil.disk_usage(folder).free
    if size > free:
        raise FetchError(
            Reason.DISK_FULL,
            f"the model has {size} bytes, the volume {free} free; give the pod more ephemeral storage",
        )


def retry(operation: Callable[[], Result], attempts: int = ATTEMPTS) -> Result:
    """Return what an operation returns, after a few attempts while it fails for a retryable reason.

    A full disk is not tried again here: nothing in this container frees it.
    """
    for attempt in range(1, attempts + 1):
        try:
            return operation()
        except FetchError as error:
            passing = error.reason in {Reason.SOURCE_UNREACHABLE, Reason.INTERRUPTED}
            if not passing or attempt == attempts:
                raise
            time.sleep(FIRST_WAIT_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311  # jitter, no secret
    raise AssertionError("the loop returns or raises")  # pragma: no cover


def make_folders(folder: Path, files: Iterable[RemoteFile]) -> None:
    """Create the folders that files are to be written into."""
    for parent in {(folder / file.path).parent for file in files}:
        parent.mkdir(parents=True, exist_ok=True)
