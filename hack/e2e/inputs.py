"""What an image is made of, as a short hash: an image whose inputs have not changed is not built again."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

LENGTH = 12  # 48 bits: enough to tell the few states of one checkout apart
IGNORED = "__pycache__"


def digest(parts: Iterable[str | bytes]) -> str:
    """Return a hash of `parts` that depends on where one ends and the next begins."""
    found = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        found.update(len(content).to_bytes(8, "big") + content)
    return found.hexdigest()[:LENGTH]


def contents(folder: Path) -> Iterator[str | bytes]:
    """Yield names, rights and bytes of all files in `folder`, always in the same order."""
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        yield str(file.relative_to(folder))
        yield ("x" if file.stat().st_mode & stat.S_IXUSR else "-")  # the right that matters in an image
        yield file.read_bytes()


def copy(root: Path, names: Iterable[str], goal: Path) -> None:
    """Copy the files and folders `names` of `root` into `goal`, which is made; Python's caches stay behind.

    Raises:
        FileNotFoundError: one of them is not there.
    """
    goal.mkdir(parents=True)
    for name in names:
        if (root / name).is_dir():
            shutil.copytree(root / name, goal / name, ignore=shutil.ignore_patterns(IGNORED))
        else:
            shutil.copy2(root / name, goal / name)


def stamps(files: Iterable[Path]) -> Iterator[str]:
    """Yield what tells large files apart without reading them: name, size, time of change."""
    for file in sorted(files):
        seen = file.stat()
        yield f"{file.name} {seen.st_size} {seen.st_mtime_ns}"


def context_of(dockerignore: str) -> list[str]:
    """Return the names that a `.dockerignore` of the form "nothing but these" lets through."""
    return [line[1:].strip() for line in dockerignore.splitlines() if line.startswith("!")]


def bring(files: Iterable[Path], folder: Path) -> None:
    """Put files into `folder`, which is made: as links where the file system allows it, else as copies."""
    folder.mkdir(parents=True)
    for file in files:
        target = folder / file.name
        try:
            os.link(file.resolve(), target)
        except OSError:  # another file system, or a file of somebody else's
            target.write_bytes(file.read_bytes())
            target.chmod(stat.S_IMODE(file.stat().st_mode))
