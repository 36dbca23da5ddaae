"""The digest of a model: what `sha256sum` says of a file, and of the list of a folder's files."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from trimtab.api.fetch import FetchFailureReason as Reason
from trimtab_runtime.fetch.errors import FetchError

CHUNK_BYTES = 1 << 20
ESCAPED = frozenset("\\\n\r")  # sha256sum marks such names in its lines, and other programs read those differently


def digest_of_file(path: Path) -> str:
    """Return `sha256:` and the hexadecimal SHA-256 of a file's bytes."""
    return f"sha256:{_hexdigest(path)}"


def digest_of_folder(folder: Path, paths: list[str]) -> str:
    """Return `sha256:` and the SHA-256 of the sorted lines that `sha256sum` prints for these files below a folder.

    Raises:
        FetchError: if `sha256sum` would escape one of the names.
    """
    for path in paths:
        if ESCAPED & set(path):
            raise FetchError(
                Reason.UNSAFE_PATH,
                f"{path!a} has a backslash or a line's end in its name, so its digest has no one notation; rename it",
            )
    ordered = sorted(paths, key=os.fsencode)
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:  # hashlib lets go of the interpreter
        sums = pool.map(_hexdigest, (folder / path for path in ordered))
        lines = "".join(f"{digest}  {path}\n" for digest, path in zip(sums, ordered, strict=True))
    return f"sha256:{hashlib.sha256(os.fsencode(lines)).hexdigest()}"


def verify(actual: str, expected: str | None, source: str) -> None:
    """Raise FetchError if a digest was asked for and another one came."""
    if expected is not None and actual != expected:
        raise FetchError(
            Reason.DIGEST_MISMATCH,
            f"{source} has digest {actual}, the model asks for {expected}; upload it again or correct the digest",
        )


def _hexdigest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
