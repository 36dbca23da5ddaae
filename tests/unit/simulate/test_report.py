"""What is printed: JSON that programs rely on, a table, a picture, and a page that needs nothing from elsewhere."""

import io
import json
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from rich.console import Console

from trimtab.simulate.judge import Tally
from trimtab.simulate.page import page
from trimtab.simulate.picture import draw, png, svg
from trimtab.simulate.report import Course, Kind, Report, Row, as_json, cells, ordered, table
from trimtab.simulate.setting import ColdStart, Service, Setting
from trimtab.units import Seconds

SETTING = Setting(
    service=Service(base=Seconds(0.2)),
    target=Seconds(1.2),
    cold_start=ColdStart(mean=Seconds(60.0)),
    min_replicas=1,
    max_replicas=9,
    price=0.8,
)


def row(name: str, kind: Kind, *late: float, hours: float = 2.0) -> Row:
    """Return a row with a thousand requests in each seed."""
    tallies = (Tally(arrivals=1_000.0, violations=each, gpu_hours=hours, replica_changes=4) for each in late)
    return Row(name=name, kind=kind, tallies=tuple(tallies), source="a paper" if kind is Kind.RIVAL else "")


OURS = row("trimtab", Kind.OURS, 4.0)
GOOD = row("good <rival>", Kind.RIVAL, 1.0, hours=3.0)
BAD = row("bad rival", Kind.RIVAL, 900.0, hours=1.0)
BOUND = row("bound", Kind.ORACLE, 10.0, hours=1.5)
REPORT = Report(
    model="shop/fraud",
    traffic="trace.csv",
    setting=SETTING,
    world="events",
    service="200ms",
    price=Decimal("0.80"),
    currency="USD",
    since=60,
    counts=tuple(float(second % 7) for second in range(1_500)),
    rows=(BAD, BOUND, OURS, GOOD),
    courses=(
        Course(name="trimtab", kind=Kind.OURS, ready=(2,) * 1_500, late=(0.0,) * 1_490 + (0.4,) * 10),
        Course(name="bound", kind=Kind.ORACLE, ready=(1,) * 1_500, late=()),
    ),
    notes=("a note & more",),
)


def test_json_has_the_figures_of_each_policy_under_stable_names() -> None:
    """Rivals and ours under `policies`, the oracles beside them; what docs/simulate.md promises."""
    told = json.loads(as_json(REPORT))
    ours = next(each for each in told["policies"] if each["kind"] == "trimtab")

    assert told["version"] == 1
    assert ours == {
        "name": "trimtab",
        "kind": "trimtab",
        "knob": None,
        "attainment": 0.996,
        "attainment_95": None,
        "gpu_hours": 2.0,
        "gpu_hours_95": None,
        "cost": 1.6,
        "violations": 4.0,
        "replica_changes": 4.0,
        "source": None,
    }
    assert [each["name"] for each in told["oracles"]] == ["bound"]
    assert told["setting"]["cold_start_s"] == 60.0
    assert told["traffic"]["judged_from_second"] == 60


def test_a_price_that_is_not_known_is_no_cost() -> None:
    """Unknown is not zero: null in JSON, a word in the table."""
    report = replace(REPORT, price=None)

    assert json.loads(as_json(report))["policies"][0]["cost"] is None
    assert cells(report, OURS)[4] == "unknown"


def test_seeds_that_differ_say_how_much() -> None:
    """Several seeds: a mean, and the interval in which it lies."""
    report = replace(REPORT, rows=(row("trimtab", Kind.OURS, 0.0, 10.0, 20.0),))
    told = json.loads(as_json(report))["policies"][0]

    assert told["attainment"] == 0.99
    assert told["attainment_95"][0] < 0.99 < told["attainment_95"][1]
    assert "±" in cells(report, report.rows[0])[1]


def test_ours_comes_first_then_who_attains_most_and_the_oracles_last() -> None:
    """The order in which a reader compares."""
    assert [each.name for each in ordered(REPORT.rows)] == ["trimtab", "good <rival>", "bad rival", "bound"]


def test_the_table_shows_every_row_whole() -> None:
    """In 120 columns nothing is cut off."""
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(table(REPORT))
    text = console.export_text()

    assert "…" not in text
    assert re.search(r"good <rival> +99\.90 +1 +3\.00 +2\.40 +4", text)


def test_the_picture_is_a_png_and_the_same_each_time() -> None:
    """Two drawings of one report are equal to the byte."""
    assert png(draw(REPORT)) == png(draw(REPORT))
    assert png(draw(REPORT)).startswith(b"\x89PNG")


@pytest.mark.parametrize("late", [(0.0,), (1_000.0,)])
def test_extremes_can_be_drawn(late: tuple[float, ...]) -> None:
    """Nobody late, and everybody."""
    assert "<svg" in svg(draw(replace(REPORT, rows=(row("trimtab", Kind.OURS, *late),))))


def test_the_page_is_whole_in_itself() -> None:
    """No address is fetched: no src, no stylesheet, no script; and names cannot break it."""
    told = page(REPORT)

    assert not re.search(r"<script|<link|<img|<iframe|@import|url\((?!#)|\bsrc=|\bhref=\"(?!#)", told)
    assert "good &lt;rival&gt;" in told
    assert "good <rival>" not in told
    assert "a note &amp; more" in told
