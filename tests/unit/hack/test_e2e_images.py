"""What decides whether an image of the end-to-end tests is built again, and how."""

import os
from pathlib import Path

import pytest

from e2e.base import default_of
from e2e.engine import ImagesError, build_arguments
from e2e.images import ROOT, TORCH_WHEELS, Recipe, torch_wheels
from e2e.inputs import bring, context_of, copy, digest

BASE = "sha256:1"


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """Return how to make an image of a Dockerfile, a folder of code, and one large file from elsewhere."""
    folder = tmp_path / "context"
    (folder / "code").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "code" / "a.py").write_text("a = 1\n")
    large = tmp_path / "large.whl"
    large.write_bytes(b"wheel")
    return Recipe(name="x", usually="1 s", folder=folder, names=("Dockerfile", "code"), given=(large,))


def tag_now(recipe: Recipe, scratch: Path, base: str = BASE) -> str:
    """Return the tag of what the recipe's inputs are now; `scratch` is a folder that is not there yet."""
    copy(recipe.folder, recipe.names, scratch)
    return recipe.tag(scratch, base)


def test_nothing_changed_means_the_same_tag(recipe: Recipe, tmp_path: Path) -> None:
    """Neither time stamps of source files nor Python's caches make an image be built again."""
    before = tag_now(recipe, tmp_path / "before")
    os.utime(recipe.folder / "code" / "a.py", (1, 1))
    cache = recipe.folder / "code" / "__pycache__"
    cache.mkdir()
    (cache / "a.pyc").write_bytes(b"\0")
    (recipe.folder / "notes.txt").write_text("not among the names")
    assert tag_now(recipe, tmp_path / "after") == before


@pytest.mark.parametrize("what", ["content", "name", "rights", "large file", "base"])
def test_whatever_the_image_is_made_of_changes_its_tag(recipe: Recipe, tmp_path: Path, what: str) -> None:
    """An image that would come out differently never hides behind the tag of an older one."""
    before, base = tag_now(recipe, tmp_path / "before"), BASE
    code = recipe.folder / "code" / "a.py"
    match what:
        case "content":
            code.write_text("a = 2\n")
        case "name":
            code.rename(code.with_name("b.py"))
        case "rights":
            code.chmod(0o755)
        case "large file":
            assert recipe.given
            recipe.given[0].write_bytes(b"another")
        case _:
            base = "sha256:2"
    assert tag_now(recipe, tmp_path / "after", base) != before


def test_a_digest_knows_where_a_part_ends() -> None:
    """Moving a byte from one file to the next is a change."""
    assert digest(["ab", "c"]) != digest(["a", "bc"])


def test_files_from_elsewhere_arrive_with_their_bytes_and_rights(tmp_path: Path) -> None:
    """A program that is put into a context can still be executed in the image."""
    program = tmp_path / "program"
    program.write_bytes(b"elf")
    program.chmod(0o755)
    bring([program], tmp_path / "context" / "given")
    brought = tmp_path / "context" / "given" / "program"
    assert (brought.read_bytes(), os.access(brought, os.X_OK)) == (b"elf", True)


def test_a_build_names_its_stage_and_base_only_where_it_has_them() -> None:
    """`docker build` gets what the recipe says; an empty stage or base would be an error of its own."""
    plain = build_arguments("a:1", Path("/c"), target=None, base=None)
    full = build_arguments("a:1", Path("/c"), target="operator", base="b:2")
    assert plain == ["build", "--network", "host", "--tag", "a:1", "/c"]
    assert full[5:-1] == ["--target", "operator", "--build-arg", "BASE_IMAGE=b:2"]


def test_the_projects_own_images_are_made_of_what_the_builder_is_sent() -> None:
    """The list of inputs is `.dockerignore`'s, and each of them is there."""
    names = context_of((ROOT / ".dockerignore").read_text())
    assert {"operator", "runtime", "requirements", "pyproject.toml"} <= set(names)
    assert all((ROOT / name).exists() for name in names)


def test_the_base_image_is_the_dockerfiles() -> None:
    """Without a choice in the environment the tests run on what a release runs on."""
    assert default_of((ROOT / "Dockerfile").read_text()).startswith("python:3.11")
    with pytest.raises(ImagesError, match="ARG BASE_IMAGE"):
        default_of("FROM scratch\n")


def test_a_folder_without_wheels_is_refused_before_gigabytes_are_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who names a folder of torch wheels gets them or an error, never PyPI's torch instead."""
    monkeypatch.setenv(TORCH_WHEELS, str(tmp_path))
    with pytest.raises(ImagesError, match=TORCH_WHEELS):
        torch_wheels()
    (tmp_path / "torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl").touch()
    assert len(torch_wheels()) == 1
