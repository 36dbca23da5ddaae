"""Fetch official releases, and refuse what does not have the checksum that its publisher gives."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from controlplane.progress import say, step
from controlplane.versions import ETCD, KUBERNETES, KWOK, PROMETHEUS, cache_root, cached, project_of, target

TIMEOUT_S = 5.0  # to connect, and between two pieces: a machine without a way out must not wait long
KUBERNETES_URL = "TRIMTAB_KUBERNETES_URL"
GITHUB_URL = "TRIMTAB_GITHUB_URL"
GITHUB_API_URL = "TRIMTAB_GITHUB_API_URL"
MIRRORS = {  # each environment variable names a mirror of the same layout
    KUBERNETES_URL: "https://dl.k8s.io/release",
    GITHUB_URL: "https://github.com",
    GITHUB_API_URL: "https://api.github.com",
}


class ChecksumError(RuntimeError):
    """A download is not what its publisher says it is."""


@dataclass(frozen=True)
class Release:
    """Where a program is published: the file, where its SHA-256 stands and how to read it, the member of an archive."""

    url: str
    checksum_url: str
    read_checksum: Callable[[str, str], str | None]
    member: str = ""


def fetch(programs: list[str]) -> list[str]:
    """Download `programs` into the cache; return what could not be reached, in words.

    A host that could not be reached once is not asked again.

    Raises:
        ChecksumError: a download is not what its publisher says it is.
    """
    failures: dict[str, str] = {}
    for program in programs:
        release = release_of(program)
        host = urllib.parse.urlsplit(release.url).netloc
        if host in failures:
            continue
        try:
            _fetch(program, release)
        except (OSError, http.client.HTTPException, tarfile.TarError, KeyError, ValueError) as error:
            failures[host] = f"download of {program} from {host}: {error}"
            say(f"no {failures[host]}")
    return list(failures.values())


def release_of(program: str) -> Release:
    """Return where `program` is published for this machine, or where the environment says that a mirror is."""
    project = project_of(program)
    version, (system, machine) = project.version, target()
    kubernetes, github, api = (os.environ.get(name, url).rstrip("/") for name, url in MIRRORS.items())
    if project is KUBERNETES:
        url = f"{kubernetes}/v{version}/bin/{system}/{machine}/{program}"
        return Release(url, f"{url}.sha256", _bare)
    if project is ETCD:
        folder, name = f"{github}/etcd-io/etcd/releases/download/v{version}", f"etcd-v{version}-{system}-{machine}"
        return Release(f"{folder}/{name}.tar.gz", f"{folder}/SHA256SUMS", _listed, f"{name}/etcd")
    if project is PROMETHEUS:
        folder = f"{github}/prometheus/prometheus/releases/download/v{version}"
        name = f"prometheus-{version}.{system}-{machine}"
        return Release(f"{folder}/{name}.tar.gz", f"{folder}/sha256sums.txt", _listed, f"{name}/prometheus")
    if project is KWOK:  # publishes no list of checksums, but the forge keeps a digest of each file
        repository = "kubernetes-sigs/kwok"
        url = f"{github}/{repository}/releases/download/v{version}/kwok-{system}-{machine}"
        return Release(url, f"{api}/repos/{repository}/releases/tags/v{version}", _digest)
    raise KeyError(program)


def _fetch(program: str, release: Release) -> None:
    name = release.url.rpartition("/")[2]
    expected = release.read_checksum(_text(release.checksum_url), name)
    if not expected:
        raise ValueError(f"{release.checksum_url} has no SHA-256 of {name}")
    goal = cached(program)
    goal.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=cache_root()) as scratch:
        file = Path(scratch) / name
        with step(f"downloading {release.url}", usually="5 to 60 s"):
            found = _save(release.url, file)
        if found != expected:
            raise ChecksumError(
                f"{release.url} has SHA-256 {found}, but {release.checksum_url} says {expected}: it was damaged or"
                " changed on the way and is not used. Next: try again; if it stays so, do not trust this mirror: unset"
                f" {', '.join(MIRRORS)}, or build from source with `python -m controlplane build --from-source`"
            )
        if release.member:
            file = _extract(file, release.member, Path(scratch) / program)
        file.chmod(0o755)
        file.replace(goal)  # in one step: nobody ever sees half a program


def _text(url: str) -> str:
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - https, or a mirror that the user chose
        return str(answer.read().decode())


def _save(url: str, file: Path) -> str:
    """Save what is at `url`, and return its SHA-256."""
    digest = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer, file.open("wb") as out:  # noqa: S310 - as above
        while piece := answer.read(1 << 20):
            digest.update(piece)
            out.write(piece)
    return digest.hexdigest()


def _extract(archive: Path, member: str, goal: Path) -> Path:
    with tarfile.open(archive) as tar:
        content = tar.extractfile(member)
        if content is None:
            raise KeyError(f"{archive.name}: {member} is not a file")
        with content, goal.open("wb") as out:
            shutil.copyfileobj(content, out)
    return goal


def _bare(text: str, _: str) -> str | None:
    return text.split(maxsplit=1)[0] if text.split() else None


def _listed(text: str, name: str) -> str | None:
    lines = (line.split() for line in text.splitlines())
    return next((line[0] for line in lines if len(line) > 1 and line[-1].lstrip("*") == name), None)


def _digest(text: str, name: str) -> str | None:
    assets = json.loads(text).get("assets", [])
    digest = next((asset.get("digest") for asset in assets if asset.get("name") == name), None)
    return str(digest).removeprefix("sha256:") if digest else None
