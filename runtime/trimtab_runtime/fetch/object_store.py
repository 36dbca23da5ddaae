"""Models in object stores, read through fsspec: what s3 and gs have in common."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientPayloadError
from fsspec import AbstractFileSystem

from trimtab.api.fetch import FetchFailureReason as Reason, FetchLimits, ModelUri
from trimtab_runtime.fetch.errors import FetchError, full_disk
from trimtab_runtime.fetch.guard import refusal_behind
from trimtab_runtime.fetch.source import Listing, RemoteFile, make_folders, retry

PARALLEL_FILES = 4


@dataclass(frozen=True, kw_only=True)
class ObjectStore:
    """A key or a key prefix of a bucket, read through fsspec; `attempts` beside those that its client makes itself."""

    uri: ModelUri
    filesystem: AbstractFileSystem
    translate: Callable[[Exception], Reason]
    attempts: int

    def list_files(self) -> Listing:
        """Return the objects: the one of this key, or those below it."""
        return retry(self._list_files, self.attempts)

    def download(self, listing: Listing, folder: Path, limits: FetchLimits) -> None:
        """Write the listed objects below a folder, then look whether they are still the ones that were listed."""
        del limits  # the sizes were listed, and each file is held to its own
        make_folders(folder, listing.files)
        with ThreadPoolExecutor(max_workers=PARALLEL_FILES) as pool:
            for _ in pool.map(
                lambda file: retry(lambda: self._download(file, listing, folder), self.attempts), listing.files
            ):
                pass
        if self.list_files() != listing:
            raise FetchError(
                Reason.INTERRUPTED,
                f"{self.uri.shown} changed while it was read; upload to a new folder each time",
            )

    @property
    def _root(self) -> str:
        return f"{self.uri.authority}/{self.uri.path}".rstrip("/")

    def _list_files(self) -> Listing:
        with self._translated(self.uri.shown):
            found: dict[str, dict[str, Any]] = self.filesystem.find(self._root, detail=True, withdirs=False)
        below = self._root + "/"
        inside = {
            name.removeprefix(below): entry
            for name, entry in found.items()
            if name.startswith(below) and not name.endswith("/") and entry["type"] == "file"
        }
        alone = found.get(self._root)
        if inside:
            if alone is not None and alone["size"] and not self.uri.path.endswith("/"):
                raise FetchError(
                    Reason.UNSUPPORTED_LAYOUT,
                    f"{self.uri.shown} is both an object and a folder; end the URI with '/' to mean the folder",
                )
            files = tuple(_remote_file(path, entry) for path, entry in sorted(inside.items()))
            return Listing(files=files, is_single=False)
        if alone is not None and alone["type"] == "file" and not self.uri.path.endswith("/"):
            return Listing(files=(_remote_file(self._root.rpartition("/")[2], alone),), is_single=True)
        raise FetchError(
            Reason.SOURCE_NOT_FOUND,
            f"{self.uri.shown} has no objects; check the bucket, the key and the region",
        )

    def _download(self, file: RemoteFile, listing: Listing, folder: Path) -> None:
        key = self._root if listing.is_single else f"{self._root}/{file.path}"
        target = folder / file.path
        with self._translated(f"{self.uri.scheme}://{key}"):
            self.filesystem.get_file(key, str(target))
        received = target.stat().st_size
        if received != file.size:
            raise FetchError(
                Reason.INTERRUPTED,
                f"{self.uri.scheme}://{key} came with {received} of {file.size} bytes; it is tried again",
            )

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except FetchError:
            raise
        except Exception as error:  # client libraries raise their own, their transports' and Python's errors
            disk = full_disk(error) if isinstance(error, OSError) else None
            if disk is not None:
                raise disk from error
            refusal = refusal_behind(error)
            if refusal is not None:
                raise FetchError(Reason.ADDRESS_REFUSED, f"{what}: {refusal}") from error
            reason = self._reason(error)
            raise FetchError(reason, f"{what}: {str(error) or type(error).__name__}; {ADVICE[reason]}") from error

    def _reason(self, error: Exception) -> Reason:
        if isinstance(error, ClientPayloadError):  # of aiohttp, on which both clients stand
            return Reason.INTERRUPTED
        return self.translate(error)


ADVICE = {
    Reason.CREDENTIALS_REFUSED: "check the credentials Secret, and that they may list and read there",
    Reason.SOURCE_NOT_FOUND: "check the bucket, the key and the region",
    Reason.SOURCE_UNREACHABLE: "it is tried again",
    Reason.INTERRUPTED: "it broke off and is tried again",
}


def _remote_file(path: str, entry: Mapping[str, Any]) -> RemoteFile:
    version = entry.get("ETag") or entry.get("etag") or entry.get("generation") or ""
    return RemoteFile(path=path, size=int(entry["size"]), version=str(version))
