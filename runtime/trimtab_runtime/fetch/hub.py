"""Models on a Hugging Face hub, pinned to the commit that was listed."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from trimtab.api.addresses import NetworkRules
from trimtab.api.fetch import FetchFailureReason as Reason, FetchLimits, ModelUri
from trimtab_runtime.fetch.errors import FetchError, full_disk
from trimtab_runtime.fetch.guard import check_endpoint
from trimtab_runtime.fetch.source import Listing, RemoteFile, retry

PUBLIC_HUB = "https://huggingface.co"
PARALLEL_FILES = 4

# Read by huggingface_hub when it is imported. Xet's client is compiled and opens its own connections, past our guard.
SETTINGS = {
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "HF_HUB_VERBOSITY": "error",  # its warnings name addresses with their signatures
    "HF_HUB_DOWNLOAD_TIMEOUT": "60",
    "HF_HUB_ETAG_TIMEOUT": "10",
}
ATTEMPTS_AT_A_FILE = 2  # the client makes six at its address, and five more whenever its body breaks off
LISTING_SECONDS = 20
BROKEN_OFF = frozenset({"ReadError", "ReadTimeout", "RemoteProtocolError"})
MISSING = frozenset(
    {"RepositoryNotFoundError", "RevisionNotFoundError", "EntryNotFoundError", "RemoteEntryNotFoundError"}
)
REFUSED_STATUSES = frozenset({401, 403})


@dataclass(frozen=True, kw_only=True)
class HubRepository:
    """A repository of models, or a folder in it, at one revision."""

    uri: ModelUri
    endpoint: str
    token: str | None

    def list_files(self) -> Listing:
        """Return the files at the commit that the revision means now; each carries that commit as its version."""
        return retry(self._list_files)

    def download(self, listing: Listing, folder: Path, limits: FetchLimits) -> None:
        """Write the listed files of the listed commit below a folder."""
        del limits  # the sizes were listed, and each file is held to its own
        with ThreadPoolExecutor(max_workers=PARALLEL_FILES) as pool:
            for _ in pool.map(
                lambda file: retry(lambda: self._download(file, listing, folder), ATTEMPTS_AT_A_FILE), listing.files
            ):
                pass
        rmtree(_scratch(folder), ignore_errors=True)

    @property
    def _folder(self) -> str:
        path = self.uri.path.rstrip("/")
        return f"{path}/" if path else ""

    def _list_files(self) -> Listing:
        from huggingface_hub import HfApi  # noqa: PLC0415  # its settings are read from the environment on import

        with self._translated():
            api = HfApi(endpoint=self.endpoint, token=self.token or False)
            info = api.model_info(
                self.uri.authority, revision=self.uri.revision, files_metadata=True, timeout=LISTING_SECONDS
            )
        commit = info.sha or ""
        everything = {entry.rfilename: entry.size for entry in info.siblings or ()}
        alone = self.uri.path in everything
        files = tuple(
            RemoteFile(
                path=path.rpartition("/")[2] if alone else path.removeprefix(self._folder), size=size, version=commit
            )
            for path, size in sorted(everything.items())
            if path == self.uri.path or (not alone and path.startswith(self._folder))
        )
        if not files:
            raise FetchError(
                Reason.SOURCE_NOT_FOUND, f"{self.uri.shown} has no files; check the folder and the revision"
            )
        return Listing(files=files, is_single=alone)

    def _download(self, file: RemoteFile, listing: Listing, folder: Path) -> None:
        from huggingface_hub import hf_hub_download  # noqa: PLC0415  # as above

        name = self.uri.path if listing.is_single else f"{self._folder}{file.path}"
        with self._translated():
            got = hf_hub_download(
                self.uri.authority,
                name,
                revision=file.version,
                local_dir=_scratch(folder),
                endpoint=self.endpoint,
                token=self.token or False,
            )
        received = Path(got).stat().st_size
        if file.size is not None and received != file.size:
            raise FetchError(
                Reason.INTERRUPTED,
                f"{self.uri.shown}: {name} came with {received} of {file.size} bytes; it is tried again",
            )
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(got).rename(target)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # the hub's, its transport's and Python's errors
            disk = full_disk(error) if isinstance(error, OSError) else None
            if disk is not None:
                raise disk from error
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> FetchError:
        what = f"{self.uri.shown}: {str(error) or type(error).__name__}"
        status = getattr(getattr(error, "response", None), "status_code", None)
        if type(error).__name__ == "GatedRepoError" or (status in REFUSED_STATUSES and self.token):
            return FetchError(
                Reason.CREDENTIALS_REFUSED,
                f"{what}; check HF_TOKEN, and that its owner may read this model",
            )
        if type(error).__name__ in MISSING or status in REFUSED_STATUSES:
            return FetchError(
                Reason.SOURCE_NOT_FOUND,
                f"{what}; check the name and the revision; private models need HF_TOKEN",
            )
        if type(error).__name__ in BROKEN_OFF or str(error).startswith("Consistency check failed"):
            return FetchError(Reason.INTERRUPTED, f"{what}; it broke off and is tried again")
        return FetchError(Reason.SOURCE_UNREACHABLE, f"{what}; it is tried again")


def _scratch(folder: Path) -> Path:
    return folder.with_name(folder.name + ".hub")


def hub_repository(uri: ModelUri, rules: NetworkRules, environment: Mapping[str, str]) -> HubRepository:
    """Return a source on the hub at HF_ENDPOINT, with HF_TOKEN where there is one."""
    endpoint, token = environment.get("HF_ENDPOINT") or PUBLIC_HUB, environment.get("HF_TOKEN") or None
    check_endpoint(endpoint, rules, with_token=token is not None)
    os.environ.update(SETTINGS)
    return HubRepository(uri=uri, endpoint=endpoint.rstrip("/"), token=token)
