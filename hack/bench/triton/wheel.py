"""Find a real Triton without a GPU: NVIDIA ships the server and its Python backend inside of PyTriton's wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

from controlplane.progress import step
from controlplane.versions import cache_root, target

LOCK = Path(__file__).with_name("wheel.txt")
RELEASE = "2.51"  # what the locked wheel, 0.7.0, has inside
INSTALL_S = 300.0
LIBRARIES = Path(sysconfig.get_config_var("LIBDIR") or "/usr/lib")
PLACES = (LIBRARIES, LIBRARIES / str(sysconfig.get_config_var("MULTIARCH") or "."))
"""Where the library of this Python lies that Triton's Python backend loads: it brings none."""


class TritonMissingError(RuntimeError):
    """There is no Triton that runs here; the message says why."""


def triton() -> Path:
    """Return a folder with Triton's `bin`, `lib` and `backends`, from the cache, else from PyPI.

    Raises:
        TritonMissingError: it cannot be had, or does not run on such a machine.
    """
    if target() != ("linux", "amd64"):
        raise TritonMissingError(f"NVIDIA's wheel is for Linux on x86-64, this is {' on '.join(target())}")
    python = f"libpython{sys.version_info.major}.{sys.version_info.minor}.so.1.0"
    if not any((place / python).exists() for place in PLACES):
        raise TritonMissingError(f"Triton's Python backend needs {python}, and {LIBRARIES} has none; install it")
    place = cache_root().parent / f"triton-{RELEASE}-python{sys.version_info.major}.{sys.version_info.minor}"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".triton-", dir=place.parent) as scratch:
            _fetch(Path(scratch))
            _lay_out(Path(scratch), place)
    return place


def _fetch(folder: Path) -> None:
    said = "there is neither pip nor uv"
    with step("fetching Triton in PyTriton's wheel, 55 MB, from PyPI", usually="10 s"):
        for installer in _installers(folder):
            ended = subprocess.run(installer, capture_output=True, text=True, timeout=INSTALL_S, check=False)
            if ended.returncode == 0:
                return
            said = (ended.stderr.strip().splitlines() or ["it failed"])[-1]
    raise TritonMissingError(f"nvidia-pytriton cannot be installed: {said}")


def _installers(folder: Path) -> Iterator[list[str]]:
    locked = ["--target", str(folder), "--require-hashes", "--no-deps", "-r", str(LOCK)]
    yield [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *locked]
    beside = Path(sys.executable).with_name("uv")
    if uv := str(beside) if beside.exists() else shutil.which("uv"):
        yield [uv, "pip", "install", "--quiet", "--python", sys.executable, *locked]


def _lay_out(wheel: Path, place: Path) -> None:
    """Move what is needed to where Triton looks for it, and all at once to its place."""
    server, tree = wheel / "pytriton" / "tritonserver", wheel / "tree"
    python, backends = f"{sys.version_info.major}.{sys.version_info.minor}", tree / "backends" / "python"
    stub = server / "python_backend_stubs" / python / "triton_python_backend_stub"
    if not stub.exists():
        raise TritonMissingError(f"the wheel has no Python backend for Python {python}")
    (tree / "bin").mkdir(parents=True)
    backends.mkdir(parents=True)
    for file in (stub, *(server / "backends" / "python").iterdir()):
        file.rename(backends / file.name)
    (server / "bin" / "tritonserver").rename(tree / "bin" / "tritonserver")
    (wheel / "nvidia_pytriton.libs").rename(tree / "lib")
    for program in (tree / "bin" / "tritonserver", backends / stub.name):
        program.chmod(0o755)  # a stub that is not executable for all is made so by Triton, for one alone
    tree.rename(place)
