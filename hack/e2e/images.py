"""Build the images that the end-to-end tests run; what has not changed is not built again.

PYTHONPATH=hack python -m e2e.images [--metrics-server]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from controlplane import BinariesMissingError, gobuild
from controlplane.binaries import find
from controlplane.progress import say as say_on_stderr
from controlplane.versions import cached
from e2e.base import Say, base_image, pulled
from e2e.engine import ImagesError, build_arguments, docker, forget_older, identity, size
from e2e.inputs import bring, contents, context_of, copy, digest, stamps

ROOT = Path(__file__).parents[2]
DOCKERFILES = ROOT / "tests" / "e2e" / "images"
MODELS = ROOT / "tests" / "e2e" / "models"
GIVEN = "given"  # the folder in a context for what does not lie in the repository

PROMETHEUS_CHOICE = "TRIMTAB_E2E_PROMETHEUS_IMAGE"
METRICS_SERVER_CHOICE = "TRIMTAB_E2E_METRICS_SERVER_IMAGE"
TORCH_WHEELS = "TRIMTAB_TORCH_WHEELS"
"""A folder with a torch without CUDA; without one PyPI's is taken, with 2.7 GB of CUDA libraries."""
WHEELS_BESIDE = ROOT.parent / "shared" / "wheels"


@dataclass(frozen=True)
class Images:
    """The tag of each image, as this machine's engine knows it."""

    operator: str
    runtime: str
    triton: str
    prometheus: str
    store: str
    model: str


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one image is made.

    `folder` has its Dockerfile, `names` are the files and folders in it that it is made of; `base` is the tag that it
    stands on. `given` are large files from elsewhere, none at all among them: the Dockerfile then expects their folder.
    """

    name: str
    usually: str
    folder: Path
    names: tuple[str, ...]
    target: str | None = None
    base: str | None = None
    given: tuple[Path, ...] | None = None

    def tag(self, context: Path, base_identity: str) -> str:
        """Return the tag of what a copy of the inputs would be built into, on a base image of this identity."""
        parts = [base_identity, self.target or "", *contents(context), *stamps(self.given or ())]
        return f"trimtab-e2e/{self.name}:{digest(parts)}"


def build(say: Say) -> Images:
    """Return the tags of images that the engine has, after building those that are new or have changed.

    Raises:
        ImagesError: one of them cannot be had.
    """
    base = base_image(ROOT / "Dockerfile", say)
    return Images(
        operator=_made(_product("operator", base), say),
        runtime=_made(_product("runtime", base), say),
        triton=_made(_triton(base), say),
        prometheus=_prometheus(say),
        store=_made(_store(base), say),
        model=_made(Recipe(name="model", usually="1 s", folder=MODELS, names=("Dockerfile", "echo")), say),
    )


def metrics_server(say: Say) -> str:
    """Return the tag of an image of the metrics server, for tests that need one; its build takes minutes, once.

    Raises:
        ImagesError: it cannot be had.
    """
    if chosen := os.environ.get(METRICS_SERVER_CHOICE):
        return pulled(chosen, f"it is what {METRICS_SERVER_CHOICE} says", say)
    program = cached("metrics-server")
    if not program.exists() and (wrong := gobuild.build([program.name])):
        raise ImagesError(f"{'; '.join(wrong)}\nor name an image of it: {METRICS_SERVER_CHOICE}=...")
    return _made(_program(program), say)


def _made(recipe: Recipe, say: Say) -> str:
    with tempfile.TemporaryDirectory(prefix="trimtab-image-") as scratch:
        context = Path(scratch) / "context"
        copy(recipe.folder, recipe.names, context)  # what the tag says is what is built, whoever is editing meanwhile
        tag = recipe.tag(context, (recipe.base and identity(recipe.base)) or "")
        if identity(tag):
            return tag
        say(f"building {tag} (usually {recipe.usually})")
        began = time.monotonic()
        if recipe.given is not None:
            bring(recipe.given, context / GIVEN)
        docker(*build_arguments(tag, context, target=recipe.target, base=recipe.base))
    forget_older(tag)
    say(f"  done building {tag}: {time.monotonic() - began:.0f} s")
    return tag


def _product(target: str, base: str) -> Recipe:
    """Return how one of the project's own images is made: by its Dockerfile, as a release makes it."""
    return Recipe(
        name=target,
        usually="1 min",
        folder=ROOT,
        names=("Dockerfile", *context_of((ROOT / ".dockerignore").read_text())),
        target=target,
        base=base,
    )


def _triton(base: str) -> Recipe:
    return Recipe(
        name="triton",
        usually="3 min",
        folder=DOCKERFILES / "triton",
        names=("Dockerfile", "requirements.txt"),
        base=base,
        given=torch_wheels(),
    )


def _store(base: str) -> Recipe:
    names = ("Dockerfile", "requirements.txt")
    return Recipe(name="store", usually="1 min", folder=DOCKERFILES / "store", names=names, base=base)


def torch_wheels() -> tuple[Path, ...]:
    """Return the wheels of a torch without CUDA that lie on this machine.

    Raises:
        ImagesError: there are none in the folder that the environment names.
    """
    named = os.environ.get(TORCH_WHEELS)
    wheels = tuple(sorted(Path(named or WHEELS_BESIDE).glob("torch-*.whl")))
    if named and not wheels:
        raise ImagesError(f"{TORCH_WHEELS}={named}: there is no torch-*.whl; put one there or leave the variable out")
    return wheels


def _prometheus(say: Say) -> str:
    if chosen := os.environ.get(PROMETHEUS_CHOICE):
        return pulled(chosen, f"it is what {PROMETHEUS_CHOICE} says", say)
    try:
        program = find(["prometheus"])["prometheus"]
    except BinariesMissingError as error:
        raise ImagesError(f"{error}\nor name an image of Prometheus: {PROMETHEUS_CHOICE}=...") from error
    return _made(_program(program), say)


def _program(program: Path) -> Recipe:
    """Return how an image with one static program is made."""
    folder = DOCKERFILES / program.name
    return Recipe(name=program.name, usually="10 s", folder=folder, names=("Dockerfile",), given=(program,))


def main() -> int:
    """Build all images, print them with their sizes, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m e2e.images", description="Build the end-to-end tests' images.")
    parser.add_argument("--metrics-server", action="store_true", help="the metrics server, too")
    asked, began = parser.parse_args(), time.monotonic()
    try:
        tags = asdict(build(say_on_stderr))
        if asked.metrics_server:
            tags["metrics-server"] = metrics_server(say_on_stderr)
        for name, tag in tags.items():
            print(f"{name:<14} {tag:<42} {size(tag) / 1e6:6.0f} MB")
    except (ImagesError, OSError) as error:
        say_on_stderr(f"error: {error}")
        return 1
    say_on_stderr(f"all images are there: {time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
