"""Find the programs of a control plane: on this machine, in the cache, as a download, as a build from source."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from controlplane import download, gobuild
from controlplane.progress import HEARTBEAT_S, say
from controlplane.versions import cache_root, cached, project_of, question, said

VERSION_TIMEOUT_S = 20.0  # a cold 100 MB program took 1 s here
HOW_TO_BUILD = "install Go 1.26 or newer and let Go modules be fetched (GOPROXY names a mirror of them)"


class BinariesMissingError(RuntimeError):
    """Some programs can be had in no way; the message says which, what was tried, and how to get them."""


def find(programs: Iterable[str]) -> dict[str, Path]:
    """Return where each program is, after fetching or building those that are nowhere yet.

    In this order: `KUBEBUILDER_ASSETS` and the PATH, where the version fits; the cache; official downloads, checksums
    verified; a build from Go modules. Two processes that look at the same time build once.

    Raises:
        BinariesMissingError: a program can be had in none of these ways.
        ChecksumError: a download is not what its publisher says it is.
    """
    wanted = list(dict.fromkeys(programs))
    found = _here(wanted)
    if missing := [program for program in wanted if program not in found]:
        with _alone(cache_root() / ".lock"):
            found |= _here(missing)  # another process may have been faster
            found |= _obtain([program for program in missing if program not in found])
    return {program: found[program] for program in wanted}


def rebuild(programs: Iterable[str]) -> dict[str, Path]:
    """Build each program from Go modules into the cache, whatever is there already.

    Raises:
        BinariesMissingError: the build failed.
    """
    wanted = list(dict.fromkeys(programs))
    with _alone(cache_root() / ".lock"):
        if wrong := gobuild.build(wanted):
            raise BinariesMissingError(f"{'; '.join(wrong)}. Next: {HOW_TO_BUILD}")
    return {program: cached(program) for program in wanted}


def _here(programs: Iterable[str]) -> dict[str, Path]:
    """Return those of the programs that are on this machine, in a version that fits."""
    found = {}
    for program in programs:
        path = _installed(program) or (cached(program) if cached(program).exists() else None)
        if path:
            found[program] = path
    return found


def _installed(program: str) -> Path | None:
    project = project_of(program)
    search = os.pathsep.join(filter(None, (os.environ.get("KUBEBUILDER_ASSETS"), os.environ.get("PATH"))))
    path = shutil.which(program, path=search)
    if not path:
        return None
    version = version_of(Path(path), program)
    if version and project.accepts(version):
        say(f"using {path}, version {version}")
        return Path(path)
    say(f"not using {path}: its version {version or 'is unknown and'} cannot stand in for {project.version}")
    return None


def version_of(path: Path, program: str) -> str | None:
    """Ask a program for its version; None where it does not answer."""
    try:
        answer = subprocess.run(
            [path, *question(program)], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return said(answer.stdout + answer.stderr)


def _obtain(programs: list[str]) -> dict[str, Path]:
    """Download or build programs into the cache.

    Raises:
        BinariesMissingError: neither worked for some of them.
    """
    tried: list[str] = []
    for way in WAYS:
        left = [program for program in programs if not cached(program).exists()]
        if left:
            tried += way(left)
    if left := [program for program in programs if not cached(program).exists()]:
        raise BinariesMissingError(
            f"no control plane: {', '.join(left)} cannot be had. Tried: {'; '.join(tried)}. Next:"
            f" {HOW_TO_BUILD}, or put the programs on the PATH or into KUBEBUILDER_ASSETS"
        )
    return {program: cached(program) for program in programs}


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a lock that the system lets go when this process ends, and say so when somebody else has it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        heard = 0.0
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() - heard > HEARTBEAT_S:
                    say("another process is fetching or building the control plane; waiting for it")
                    heard = time.monotonic()
                time.sleep(0.2)
            else:
                break
        yield


# Each takes programs, puts what it can get into the cache, and returns what went wrong, in words.
Way = Callable[[list[str]], list[str]]
WAYS: tuple[Way, ...] = (download.fetch, gobuild.build)
