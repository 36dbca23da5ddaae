"""What is shown while it happens: on a terminal a table, elsewhere lines."""

import dataclasses
import io
import math

import pytest
from rich.console import Console

from demo.record import Record, Said
from demo.table import COLUMNS, Show, bars, cells, plain, reasons, whole
from fakes.demo_records import HALF, blind, moment, run, said


def shown(records: list[Record], width: int) -> str:
    """Return the live table as text."""
    console = Console(file=io.StringIO(), width=width, force_terminal=False, color_system=None)
    with console.capture() as capture:
        console.print(whole(records, lasts_s=170, width=width))
    return capture.get()


def on(*, terminal: bool, records: list[Record], looks: int) -> str:
    """Return what is written while `looks` of the moments come one after the other."""
    file = io.StringIO()
    seen = [dataclasses.replace(record, moments=[]) for record in records]
    with Show(Console(file=file, width=120, force_terminal=terminal, color_system=None), seen, 170) as show:
        for number in range(looks):
            for record, growing in zip(records, seen, strict=True):
                growing.moments.append(record.moments[number])
            show.update()
    return file.getvalue()


def test_a_row_has_everything_that_the_columns_say() -> None:
    """Truth beside estimate beside target; wanted, why, and how many of the decided ones are ready."""
    seen = moment(4.0, 2, rate=311.7, said=said(5, wanted=7, bound_by="MaxReplicas", hourly=4.0))

    assert dict(zip(COLUMNS, cells(run(), seen), strict=True)) == {
        "model": "fraud-scorer",
        "traffic": "312/s",
        "p99": "70 ms",
        "estimate": "60 ms",
        "target": "80 ms",
        "wanted": "7",
        "bound by": "MaxReplicas",
        "ready": "2/5",
        "cost/h": "4.00 USD",
    }


def test_what_is_not_known_is_a_dash() -> None:
    """Neither zero nor nan, and no None either."""
    found = cells(run(), moment(4.0, 2, p99_s=math.nan, said=Said()))

    assert found == ("fraud-scorer", "30/s", "-", "-", "80 ms", "-", "-", "2", "unknown")


def test_a_line_says_the_same() -> None:
    """Where there is no terminal."""
    line = plain(run(), moment(4.0, 2, said=said(5, wanted=7, bound_by="MaxReplicas")))

    for text in ("   4 s", "fraud-scorer", "30/s", "p99   70 ms", "estimate   60 ms", "target 80 ms", "wanted  7"):
        assert text in line
    assert "by MaxReplicas   ready 2/5" in line


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_shows_the_last_moment_and_why(width: int) -> None:
    """Of all models; each decision with its reason stands under it, on one line."""
    other = dataclasses.replace(run(), model="churn")
    text = shown([run(), other], width)

    assert "20 of 170 s" in text
    for model in ("fraud-scorer", "churn"):
        assert f"10 s  {model}: 3 replicas: 31.0 requests/s expected" in text
    assert all(name in text for name in COLUMNS)
    assert max(len(line) for line in text.splitlines()) <= width
    assert ("▁" in text or "█" in text) == (width == 120)


def test_the_table_of_nothing_is_empty() -> None:
    """Before the first look there is only the head."""
    text = shown([dataclasses.replace(run(), moments=[])], 120)

    assert "traffic" in text
    assert "fraud-scorer" not in text


def test_markup_in_what_an_operator_says_is_shown_and_not_obeyed() -> None:
    """A message with brackets comes out as it went in."""
    record = run()
    record.moments[-1] = moment(20.0, 4, said=said(4, message="[bold]4[/bold] [/] replicas"))

    assert "[bold]4[/bold] [/] replicas" in shown([record], 120)
    assert "[bold]4[/bold] [/] replicas" in on(terminal=False, records=[record], looks=21)


def test_without_a_terminal_there_is_a_line_every_five_seconds() -> None:
    """And one for each decision when it comes, no sooner and no more often; nothing moves the cursor."""
    text = on(terminal=False, records=[run()], looks=2 * HALF + 1)
    lines = text.splitlines()

    assert [float(line.split()[0]) for line in lines if "target" in line] == [0, 5, 10, 15, 20]
    assert [float(line.split()[0]) for line in lines if "requests/s expected" in line] == [0, 10]
    assert "\x1b" not in text


def test_on_a_terminal_the_table_is_drawn_over_and_stays() -> None:
    """The cursor is hidden while it lasts and given back; the last state is what remains."""
    text = on(terminal=True, records=[run()], looks=3)

    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1
    assert text.rindex("2 of 170 s") > text.rindex("1 of 170 s")


def test_the_terminal_is_given_back_after_an_interrupt() -> None:
    """Ctrl-C in the middle leaves the cursor as it was."""
    file = io.StringIO()

    with pytest.raises(KeyboardInterrupt), Show(Console(file=file, width=120, force_terminal=True), [run()], 170):
        raise KeyboardInterrupt

    assert file.getvalue().rindex("\x1b[?25h") > file.getvalue().rindex("\x1b[?25l")


def test_reasons_of_all_models_come_in_the_order_of_time() -> None:
    """Whoever decided."""
    late = dataclasses.replace(run(), model="churn", moments=run().moments[5:])

    assert [(at_s, text.split(":")[0]) for at_s, text in reasons([late, run()])] == [
        (0, "fraud-scorer"),
        (5, "churn"),
        (10, "churn"),
        (10, "fraud-scorer"),
    ]
    assert list(reasons([blind()])) == []


def test_bars_are_as_high_as_what_they_stand_for() -> None:
    """The highest is full, nothing is the lowest; nothing at all is no error."""
    assert bars([0, 50, 100, 12.6]) == "▁▅█▂"
    assert bars([0, 0]) == "▁▁"
    assert bars([]) == ""
