"""A control plane of these tests' own: they take minutes, and run by hand (`.venv/bin/pytest tests/live`)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane import ControlPlane, Options


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """Run a control plane with the project's CRDs."""
    with ControlPlane(Options(crds=Path(__file__).parents[2] / "crds")) as plane:
        yield plane
