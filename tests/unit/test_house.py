"""The house rules that no linter knows, and the proof that the ones a linter holds are really held."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS_OF_CODE = ("operator", "runtime", "hack", "tests")
PURE_ROOMS = ("units", "api", "core", "render")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
A_PIN = re.compile(r"[a-z0-9][a-z0-9._-]*(\[[a-z0-9, _-]+\])?==[^\s;]+( ; [^\\]+)?( \\)?")
A_HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def lint_imports(house: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter over the copy of the code in `house`."""
    program = Path(sysconfig.get_path("scripts")) / "lint-imports"
    return subprocess.run(
        [program, "--no-cache", "--no-logo"],
        cwd=house,
        env={**os.environ, "PYTHONPATH": f"{house / 'operator'}:{house / 'runtime'}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Return a copy of the code and its contracts that a test may spoil."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for folder in ("operator", "runtime"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_folder_named_operator_never_hides_the_standard_module() -> None:
    """`import operator` gives Python's own module, even where the repository root comes first on the path."""
    found = subprocess.run(
        [sys.executable, "-S", "-c", "import operator; print(operator.__file__)"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert Path(found.stdout.strip()).is_relative_to(sysconfig.get_path("stdlib"))
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_no_file_of_code_is_longer_than_500_lines() -> None:
    """A file past 500 lines holds two ideas: split it."""
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for folder in FOLDERS_OF_CODE
        for path in (ROOT / folder).rglob("*.py")
    }

    assert lengths
    assert {path: length for path, length in lengths.items() if length > 500} == {}


def test_the_walls_stand_in_the_code_as_it_is(house: Path) -> None:
    """The copy that the next test spoils is sound before it is spoiled."""
    verdict = lint_imports(house)

    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


@pytest.mark.parametrize(
    ("room", "line", "wall"),
    [
        ("operator/trimtab/units.py", "import os", "The pure rooms touch nothing"),
        ("operator/trimtab/core/spoiled.py", "import time", "The pure rooms touch nothing"),
        ("operator/trimtab/render/spoiled.py", "from random import random", "The pure rooms touch nothing"),
        ("operator/trimtab/api/spoiled.py", "import trimtab.core", "Rooms are stacked"),
        ("operator/trimtab/core/spoiled.py", "import trimtab.render", "Rooms are stacked"),
        ("operator/trimtab/reconcile/spoiled.py", "import trimtab.adapters", "Rooms are stacked"),
        ("operator/trimtab/cellar.py", "DUST = 1", "Rooms are stacked"),
        ("operator/trimtab/reconcile/spoiled.py", "import kopf", "Only app knows kopf"),
        ("operator/trimtab/app/spoiled.py", "import kubernetes.aio", "Only adapters know a client library"),
        ("operator/trimtab/adapters/spoiled.py", "import torch", "The operator needs nothing of what runs in pods"),
        ("runtime/trimtab_runtime/spoiled.py", "import kopf", "Only app knows kopf"),
        ("runtime/trimtab_runtime/spoiled.py", "import kubernetes", "Only adapters know a client library"),
        ("runtime/trimtab_runtime/spoiled.py", "import trimtab.core", "Pods share only the API's formats"),
    ],
)
def test_a_hole_in_a_wall_is_found(house: Path, room: str, line: str, wall: str) -> None:
    """One forbidden import breaks exactly the contract that forbids it."""
    with (house / room).open("a") as file:
        file.write(f"\n{line}\n")

    verdict = lint_imports(house)

    broken = [row for row in verdict.stdout.splitlines() if "BROKEN" in row]
    assert verdict.returncode == 1, verdict.stdout + verdict.stderr
    assert len(broken) == 1
    assert broken[0].startswith(wall)


def test_coverage_is_demanded_of_every_pure_room() -> None:
    """The rooms without side effects are those whose every branch must be covered: one list, told twice."""
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    (pure,) = (contract for contract in contracts if contract["name"].startswith("The pure rooms"))
    measured = PYPROJECT["tool"]["coverage"]

    assert pure["source_modules"] == [f"trimtab.{room}" for room in PURE_ROOMS]
    assert [Path(path).parts[2].removesuffix(".py") for path in measured["report"]["include"]] == list(PURE_ROOMS)
    assert measured["report"]["fail_under"] == 100
    assert measured["run"]["branch"] is True


def test_there_is_a_lock_for_each_image_and_each_environment() -> None:
    """Two images are built and two environments are tested in, each from its own list."""
    assert {lock.stem for lock in LOCKS} >= {"operator", "runtime", "dev", "runtime-dev"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_locked_package_has_a_version_a_hash_and_no_address(lock: Path) -> None:
    """A lock says what to install and how to know it, and leaves it to the environment where to find it."""
    lines = [line for line in lock.read_text().splitlines() if line and not line.startswith("#")]
    hashes_of: dict[str, int] = {}
    for line in lines:
        if A_PIN.fullmatch(line):
            hashes_of[line] = 0
        else:
            assert A_HASH.fullmatch(line), f"{lock.name}: {line}"
            hashes_of[list(hashes_of)[-1]] += 1

    assert hashes_of
    assert [pin for pin, hashes in hashes_of.items() if hashes == 0] == []


def test_the_images_share_nothing_heavy() -> None:
    """The operator's image has no torch and no object-store client; what runs in pods has no kopf and no Kubernetes."""
    packages = {
        lock.stem: {line.partition("==")[0].partition("[")[0] for line in lock.read_text().splitlines() if "==" in line}
        for lock in LOCKS
    }

    assert packages["operator"] & {"torch", "tritonclient", "s3fs", "botocore", "pyarrow"} == set()
    assert packages["runtime"] & {"kopf", "kubernetes", "typer"} == set()
    assert {"kopf", "kubernetes"} <= packages["operator"]
    assert {"s3fs", "tritonclient"} <= packages["runtime"]


def test_make_explains_each_of_at_most_twelve_targets() -> None:
    """`make` alone prints every target with a sentence; more than twelve would be a second README."""
    makefile = (ROOT / "Makefile").read_text()
    declared = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    told = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607

    assert declared is not None
    assert re.findall(r"^  make ([a-z0-9]+) +\w", told.stdout, re.MULTILINE) == declared.group(1).split()
    assert len(declared.group(1).split()) <= 12
