"""The picture: it shows what was seen, hides nothing, and stands alone."""

import dataclasses
import io
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.image import imread
from numpy.testing import assert_array_equal

from demo.picture import draw, page, png
from demo.record import Record
from fakes.demo_records import HALF, blind, moment, run, said

SVG = "{http://www.w3.org/2000/svg}"
REFERRING = {"src", "href", "xlink:href", "data", "action"}


class Outside(HTMLParser):
    """Collects what a page would fetch, run or refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        references = [
            value for name, value in attrs if name in {"src", "href", "xlink:href", "data", "action"} and value
        ]
        self.found += [each for each in references if not each.startswith("#")]


def panel(records: list[Record], row: int, column: int = 0) -> Axes:
    """Return one panel of the picture: 0 demand, 1 replicas, 2 latency, 3 cost."""
    return draw(records).axes[row * len(records) + column]


def line(axes: Axes, name: str) -> list[float]:
    """Return the heights of a line by its name."""
    found = next(each for each in axes.lines if each.get_gid() == name)
    return [float(value) for value in np.asarray(found.get_ydata())]


def test_every_series_is_drawn_as_it_was_seen() -> None:
    """Demand, three kinds of replicas, latency in milliseconds beside its estimate and target, cost."""
    record = run()
    record.moments[7] = moment(7.0, 1, rate=42.0, p99_s=0.2, ready=1, said=said(2, wanted=5, hourly=1.6))

    assert line(panel([record], 0), "demand")[6:9] == [30, 42, 30]
    replicas = panel([record], 1)
    assert line(replicas, "ready")[HALF - 1 : HALF + 1] == [1, 3]
    assert line(replicas, "decided")[6:8] == [1, 2]
    assert line(replicas, "wanted")[6:8] == [1, 5]
    latency = panel([record], 2)
    assert line(latency, "latency")[6:8] == pytest.approx([70, 200])
    assert line(latency, "estimate")[6] == pytest.approx(60)
    assert line(latency, "target") == [80, 80]
    assert line(panel([record], 3), "cost")[6:8] == pytest.approx([0.8, 1.6])


def test_what_is_not_known_is_a_gap_and_a_word() -> None:
    """No line at zero where nobody knows; a cost without a price is called unknown."""
    record = blind()

    assert_array_equal(line(panel([record], 1), "wanted"), np.nan)
    assert_array_equal(line(panel([record], 2), "latency"), np.nan)
    cost = panel([record], 3)
    assert [each.get_text() for each in cost.texts] == ["cost: unknown"]
    assert list(cost.lines) == []


def test_latency_far_above_the_target_is_told_and_hides_nothing_below() -> None:
    """The scale ends at four times the target; how far it went stands there."""
    record = run()
    record.moments[4] = moment(4.0, 1, p99_s=3.9)
    axes = panel([record], 2)

    assert axes.get_ylim() == (0, 4 * 80)
    assert "up to 3.9 s" in [each.get_text() for each in axes.texts]
    assert not any("up to" in each.get_text() for each in panel([run()], 2).texts)


def test_each_model_has_a_column_on_the_same_time() -> None:
    """Side by side, each under its name."""
    other = dataclasses.replace(run(), model="churn", currency="EUR")
    figure = draw([run(), other])

    assert [axes.get_title(loc="left") for axes in figure.axes[:2]] == ["fraud-scorer", "churn"]
    assert len(figure.axes) == 8
    assert "cost, EUR an hour" in [each.get_text() for each in panel([run(), other], 3, 1).texts]


def test_the_png_is_a_picture_with_something_on_it() -> None:
    """It can be read back, is large enough to be read by people, and has the colours of its lines."""
    pixels = imread(io.BytesIO(png(draw([run()]))), format="png")
    colours = {tuple(colour) for colour in (pixels[..., :3] * 255).astype(int).reshape(-1, 3)[::3]}

    assert pixels.shape[0] >= 1000
    assert pixels.shape[1] >= 800
    assert {(0x3E, 0x6F, 0xB0), (0x2A, 0x9D, 0x8F), (0x6B, 0x4F, 0xA0), (0x8A, 0x6D, 0x1F)} <= colours


def test_the_page_stands_alone() -> None:
    """Nothing is fetched and no script runs; the picture in it is well-formed, with every line by its name."""
    records = [run()]
    text = page(records, draw(records), "replicas follow traffic")
    parser = Outside()
    parser.feed(text)
    svg = ET.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])  # noqa: S314 - our own

    assert parser.found == []
    assert {"script", "link", "img", "iframe"}.isdisjoint(parser.tags)
    assert "@import" not in text
    assert re.findall(r"url\((?!#)", text) == []
    names = {each.get("id") for each in svg.iter(f"{SVG}g")}
    assert {"demand", "ready", "decided", "wanted", "latency", "estimate", "target", "cost"} <= names


def test_the_page_has_the_report_and_every_reason() -> None:
    """What stands in the terminal stands here as well."""
    records = [run()]
    text = page(records, draw(records), "replicas follow traffic")

    assert "<tr><th>within 80 ms</th><td>95.0 %</td></tr>" in text
    assert "<td>of these in time</td><td>96.00 %</td><td>95.32 %</td><td>95.00 %</td><td>1.05 %</td>" in text
    assert "<li><b>10 s</b> fraud-scorer: 3 replicas: 31.0 requests/s expected</li>" in text


def test_words_of_the_operator_are_text_and_not_html() -> None:
    """Whatever they are."""
    record = run()
    record.moments[-1] = moment(20.0, 4, said=said(4, message="<script>alert(1)</script> & {body}"))
    text = page([record], draw([record]), "<b>title</b> {body}")

    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; {body}" in text
    assert "<b>title</b>" not in text


def test_the_same_run_is_the_same_page() -> None:
    """No date, no chance: two pages can be compared."""
    assert page([run()], draw([run()]), "a") == page([run()], draw([run()]), "a")
