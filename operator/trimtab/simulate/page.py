"""A simulation as one HTML page that is whole in itself: no script, no font, no picture from elsewhere."""

import html
from collections.abc import Iterable

from trimtab.simulate.picture import draw, svg
from trimtab.simulate.report import Kind, Report, Row, as_json, cells, headings, ordered

META = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
STYLE = """
:root { color-scheme: light dark; --ink: #1f2933; --faint: #66717e; --line: #dfe3e8; --good: #1c7a4f; --bad: #b3261e }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; color: var(--ink) }
h1 { font-size: 1.4rem; margin: 0 0 .2rem } h2 { font-size: 1.05rem; margin-top: 2rem } p { color: var(--faint) }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap }
th:first-child, td:first-child { text-align: left } tr.trimtab, tr.what-if { font-weight: 600 }
tr.oracle { color: var(--faint); font-style: italic } .good { color: var(--good) } .bad { color: var(--bad) }
figure { margin: 1.5rem 0; background: #fff; border-radius: 6px } svg { width: 100%; height: auto }
pre { overflow: auto; font-size: 12px; max-height: 24rem; border: 1px solid var(--line); padding: .8rem }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --faint: #9aa5b1; --line: #3e4c59; --good: #6fcf97;
  --bad: #ff8a80 } body { background: #161b22 } }
@media (max-width: 40rem) { table { display: block; overflow: auto } }
"""


def page(report: Report) -> str:
    """Return the page."""
    title = f"{report.model}, {report.traffic}"
    minutes = (len(report.counts) - report.since) / 60.0
    said = (
        f"{report.rows[0].arrivals:,.0f} requests in {minutes:.0f} minutes; objective: {report.objective}. "
        f"A batch takes {report.service}, a start {report.setting.cold_start.mean:g} s; world: {report.world}."
    )
    parts = [
        f"<h1>{html.escape(title)}</h1><p>{html.escape(said)}</p>",
        _table(report),
        f"<figure>{svg(draw(report))}</figure>",
        _list("Notes", report.notes),
        _list("Where the rivals' algorithms are written down", _sources(report.rows)),
        f"<h2>As JSON</h2><pre>{html.escape(as_json(report))}</pre>",
    ]
    head = f"{META}<title>{html.escape(title)}</title><style>{STYLE}</style>"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _table(report: Report) -> str:
    head = "".join(f"<th>{html.escape(heading)}</th>" for heading in headings(report))
    rows = "".join(_row(report, row) for row in ordered(report.rows))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(report: Report, row: Row) -> str:
    reached = "good" if row.attainment >= report.setting.percentile else "bad"
    name, in_time, *others = (html.escape(cell) for cell in cells(report, row))
    rest = "".join(f"<td>{cell}</td>" for cell in others)
    return f'<tr class="{row.kind}"><td>{name}</td><td class="{reached}">{in_time}</td>{rest}</tr>'


def _sources(rows: Iterable[Row]) -> list[str]:
    return [f"{row.name}: {row.source}" for row in rows if row.source and row.kind is Kind.RIVAL]


def _list(title: str, items: Iterable[str]) -> str:
    told = "".join(f"<li>{html.escape(item)}</li>" for item in items)
    return f"<h2>{html.escape(title)}</h2><ul>{told}</ul>" if told else ""
