"""docs/reasons.md explains every condition and every reason, and nothing else."""

import re
from pathlib import Path

from trimtab.api.conditions import ConditionType, Reason

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "reasons.md").read_text()
ROW = re.compile(r"^\| `(?P<name>[A-Za-z]+)` \| (?P<cells>.+) \|$", re.MULTILINE)


def rows(section: str) -> dict[str, list[str]]:
    """Return the cells of a section's table by the name that a row begins with."""
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    return {match["name"]: match["cells"].split(" | ") for match in ROW.finditer(text)}


def test_every_condition_is_explained() -> None:
    """What True, False and absence mean."""
    table = rows("Conditions")

    assert set(table) == set(ConditionType)
    assert {name: len(cells) for name, cells in table.items()} == dict.fromkeys(ConditionType, 2)


def test_every_reason_is_explained_with_a_next_step() -> None:
    """What it means, and what to do; in the order of the alphabet, since people look it up."""
    table = rows("Reasons")

    assert list(table) == sorted(Reason)
    assert all(len(cells) == 2 and all(cell.strip() for cell in cells) for cells in table.values())
