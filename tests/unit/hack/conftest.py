"""Fixtures for tests of hack/: a bare machine with a cache and a PATH of its own, and a mirror on loopback."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from controlplane import download
from controlplane.ports import LOOPBACK
from fakes.mirror import Mirror, mirror_in

NOBODY = f"http://{LOOPBACK}:9"  # the discard port: nobody listens there


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """Return a folder that is the whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def _a_bare_machine(tmp_path: Path, bin_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have an empty cache, no programs, no way to PyPI, and mirrors that nobody answers at."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(bin_folder))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_OFFLINE", "1")
    for name in download.MIRRORS:
        monkeypatch.setenv(name, NOBODY)


@pytest.fixture
def script() -> Callable[[Path, str], Path]:
    """Return a function that writes an executable shell script and returns its path."""

    def write(path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """Serve an empty mirror, and have the downloads go there."""
    with mirror_in(tmp_path / "mirror") as (found, environment):
        for name, url in environment.items():
            monkeypatch.setenv(name, url)
        yield found
