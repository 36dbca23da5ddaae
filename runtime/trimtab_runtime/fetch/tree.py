"""Walk a folder of model files, mounted or downloaded, and put it into Triton's repository."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trimtab.api.fetch import FetchFailureReason as Reason
from trimtab_runtime.fetch.errors import FetchError
from trimtab_runtime.fetch.layout import FIRST_VERSION, Layout

IGNORED_AT_ROOT = frozenset({"lost+found"})  # of ext4, at the root of many volumes, readable by nobody else


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The plain files below a folder: their paths, sorted, and the sum of their sizes."""

    paths: tuple[str, ...]
    size: int


def walk(root: Path, boundary: Path) -> Tree:
    """Return the files below a folder, as they are seen through links.

    Raises:
        FetchError: for a link that leads out of the boundary, nowhere or in a circle, for a device, a pipe or a socket,
            and for what cannot be read.
    """
    limit = boundary.resolve()
    paths, size = [], 0
    try:
        for path, status in _files(root, limit, (root.resolve(),)):
            paths.append(path.relative_to(root).as_posix())
            size += status.st_size
    except PermissionError as error:
        raise FetchError(
            Reason.CREDENTIALS_REFUSED,
            f"{error.filename} cannot be read by user {os.getuid()}; correct the volume's permissions",
        ) from error
    return Tree(paths=tuple(sorted(paths, key=os.fsencode)), size=size)


def resolve_inside(path: Path, boundary: Path) -> Path:
    """Return where a path leads through links; raises FetchError if that is outside the boundary or does not exist."""
    try:
        real = path.resolve(strict=True)
    except FileNotFoundError as error:
        raise FetchError(Reason.SOURCE_NOT_FOUND, f"{path} does not exist; check the path in the volume") from error
    except (OSError, RuntimeError) as error:  # RuntimeError: a circle of links, until Python 3.12
        raise FetchError(Reason.UNSAFE_PATH, f"{path} cannot be followed ({error}); remove the link") from error
    if not real.is_relative_to(boundary.resolve()):
        raise FetchError(
            Reason.UNSAFE_PATH, f"{path} is a link to {real}, outside {boundary}; put the file itself there"
        )
    return real


def place(layout: Layout, source: Path, model: Path, *, by_link: bool) -> None:
    """Fill a model's folder: with links into a mounted source, or by moving a downloaded one."""
    model.mkdir()
    for name, below in layout.labels.items():
        if by_link:
            (model / name).symlink_to(source / below)
        else:
            os.link(source / below, model / name)
    for name, below in layout.places.items():
        target = model / name
        target.parent.mkdir(exist_ok=True)
        if by_link:
            target.symlink_to(source / below)
        else:
            (source / below).rename(target)
    if not layout.places:
        (model / FIRST_VERSION).mkdir()


def _files(folder: Path, limit: Path, parents: tuple[Path, ...]) -> Iterator[tuple[Path, os.stat_result]]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = folder / entry.name
        if len(parents) == 1 and entry.name in IGNORED_AT_ROOT:
            continue
        real = resolve_inside(path, limit) if entry.is_symlink() else path
        status = real.stat()
        if stat.S_ISDIR(status.st_mode):
            where = real.resolve()
            if where in parents:
                raise FetchError(Reason.UNSAFE_PATH, f"{path} is a link to a folder around it; remove the link")
            yield from _files(path, limit, (*parents, where))
        elif stat.S_ISREG(status.st_mode):
            if not os.access(path, os.R_OK):
                raise PermissionError(13, "not readable", str(path))
            yield path, status
        else:
            raise FetchError(Reason.UNSAFE_PATH, f"{path} is no file and no folder; remove it")
