"""The image that all others stand on: the one that the Dockerfile names, or one like it where it cannot be pulled."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from e2e.engine import ImagesError, docker, forget_older, identity, last_lines
from e2e.inputs import digest

Say = Callable[[str], None]

CHOICE = "TRIMTAB_E2E_BASE_IMAGE"
NAME = "trimtab-e2e/base"
PULL_S = 120.0  # 45 MB; where no registry answers, the engine itself gives up after some 15 s
SUITE = "bookworm"  # of the base image that the Dockerfile names
PACKAGES = ("ca-certificates", "libpython3.11", "python-is-python3", "python3-pip", "python3-venv")
HOST_FILES = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pip.conf"))
"""How this machine reaches package registries: whom it trusts, and what pip has been told."""
LEFT_OUT = (
    "dev/*",
    "etc/resolv.conf",
    "proc/*",
    "sys/*",
    "usr/share/doc/*",
    "usr/share/info/*",
    "usr/share/locale/*",
    "usr/share/man/*",
    "var/cache/apt/*",
    "var/lib/apt/lists/*",
    "var/log/*",
)
_DEFAULT = re.compile(r"^ARG BASE_IMAGE=(\S+)", re.MULTILINE)


def base_image(dockerfile: Path, say: Say) -> str:
    """Return the tag of a base image that the engine has.

    It is the one in the environment, else the Dockerfile's own, else a minimal Debian with Python that is made here.

    Raises:
        ImagesError: there is none, and none can be made.
    """
    if chosen := os.environ.get(CHOICE):
        return pulled(chosen, f"it is what {CHOICE} says", say)
    default = default_of(dockerfile.read_text())
    ours = f"{NAME}:{digest(_inputs())}"
    for known in (default, ours):
        if identity(known):
            return known
    try:
        return pulled(default, "it is what the Dockerfile says", say)
    except ImagesError as error:
        say(f"{default} cannot be pulled, so a base image is made here ({str(error).splitlines()[-1]})")
    _make(ours, say)
    forget_older(ours)
    return ours


def pulled(image: str, why: str, say: Say) -> str:
    """Return `image` once the engine has it.

    Raises:
        ImagesError: no registry gives it.
    """
    if not identity(image):
        say(f"pulling {image} ({why})")
        docker("pull", "--quiet", image, seconds=PULL_S)
    return image


def default_of(dockerfile: str) -> str:
    """Return the base image that a Dockerfile takes where nobody says another.

    Raises:
        ImagesError: it says none.
    """
    found = _DEFAULT.search(dockerfile)
    if not found:
        raise ImagesError("the Dockerfile has no line `ARG BASE_IMAGE=...`, so nothing says what the images stand on")
    return found.group(1)


def _inputs() -> Iterator[str | bytes]:
    yield SUITE
    yield from PACKAGES
    yield from LEFT_OUT
    for file in HOST_FILES:
        yield file.read_bytes() if file.exists() else ""


def _make(tag: str, say: Say) -> None:
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        raise ImagesError(
            "no registry gives the base image, and making one needs root and debootstrap (apt-get install debootstrap);"
            f" or name an image with Python 3.11 and pip that this engine has: {CHOICE}=..."
        )
    say(f"making {tag} with debootstrap (usually 1 to 2 min)")
    with tempfile.TemporaryDirectory(prefix="trimtab-base-") as folder:
        root = Path(folder) / "root"
        command = ["nice", "debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(root)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
        if ended.returncode:
            raise ImagesError(f"debootstrap failed: {last_lines(ended.stdout + ended.stderr)}")
        for file in filter(Path.exists, HOST_FILES):
            shutil.copyfile(file, root / file.relative_to("/"))
        _import(root, tag)


def _import(root: Path, tag: str) -> None:
    """Make an image of one layer from the folder `root`."""
    left_out = [f"--exclude=./{pattern}" for pattern in LEFT_OUT]
    packing = ["tar", "--numeric-owner", "--directory", str(root), *left_out, "--create", "."]
    with subprocess.Popen(packing, stdout=subprocess.PIPE) as packer:
        command = ["docker", "import", "--change", 'CMD ["python"]', "-", tag]
        ended = subprocess.run(command, stdin=packer.stdout, capture_output=True, text=True, check=False)
    if ended.returncode or packer.returncode:
        raise ImagesError(f"`docker import` of the base image failed: {last_lines(ended.stderr)}")
