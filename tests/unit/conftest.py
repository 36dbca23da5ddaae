"""Golden files: what is rendered, word for word, read by a person before it is accepted with `make goldens`."""

from collections.abc import Callable
from pathlib import Path

import pytest

GOLDENS = Path(__file__).parents[1] / "goldens"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flag that `make goldens` sets."""
    parser.addoption("--update-goldens", action="store_true", help="write tests/goldens instead of comparing with it")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Return a function that compares a text with a golden file by name, or writes the file where that was asked."""

    def compare(name: str, text: str) -> None:
        path = GOLDENS / name
        if request.config.getoption("--update-goldens"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert path.exists(), f"{path} is not there: `make goldens` writes it; read it before you commit it"
        assert text == path.read_text(), f"{path} says something else; if this is meant: `make goldens`, and read it"

    return compare
