"""The price list: a YAML file that an administrator may write, read entry by entry: a fault in one costs no other.

It is read as nodes and not as values, so that each fault has its line, and each amount is the text that was written.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from trimtab.core.prices import ListPrice, Market, PriceList
from trimtab.units import MoneyPerHour

logger = logging.getLogger(__name__)

LARGEST_FILE = 1 << 20  # bytes, as much as a ConfigMap holds
NEEDED = ("accelerator", "provider", "region", "market", "usdPerHour", "asOf", "source")
OPTIONAL = ("note",)
MARKETS: dict[str, Market] = {"OnDemand": "OnDemand", "Spot": "Spot"}
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
_WORD = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62})")


class _FaultError(Exception):
    """Something in the file cannot be used; `str()` says what, and what to write."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class _Entry:
    """One entry that can be used, and the line where it begins."""

    line: int
    price: ListPrice


def read_price_list(path: Path, place: str, today: date) -> PriceList:
    """Return the list prices at `place`, which is provider/region; never raises, and logs each fault.

    What cannot be used is left out: no price is better than a wrong one.
    """
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_FILE).decode()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        known = PriceList(place=place, refused={"": f"{path} cannot be read: {why}; see what is mounted there"})
    else:
        known = parse_price_list(text, str(path), place, today)
    for fault in known.refused.values():
        logger.warning("the price list, or an entry of it, is left out: %s", fault)
    return known


def parse_price_list(text: str, name: str, place: str, today: date) -> PriceList:
    """Return the list prices at `place` in a file's text, with what is wrong in it; `name` is the file's."""
    refused: dict[str, str] = {}
    entries: dict[tuple[str, str, str], list[_Entry]] = defaultdict(list)
    try:
        for node in _list_of(text):
            try:
                entry = _entry(node, today)
                entries[entry.price.place, entry.price.accelerator, entry.price.market].append(entry)
            except _FaultError as fault:
                refused[_accelerator(node)] = f"{name}, line {fault.line}: {fault}"
    except _FaultError as fault:
        return PriceList(place=place, refused={"": f"{name}, line {fault.line}: {fault}"})
    prices = {}
    for (where, accelerator, market), found in entries.items():
        if len(found) > 1:
            lines = " and ".join(str(entry.line) for entry in found)
            what = f"{accelerator} at {where}, {market}, has {len(found)} prices: leave one"
            refused[accelerator] = f"{name}, lines {lines}: {what}"
        elif where == place:
            prices[accelerator, market] = found[0].price
    if not prices and not refused:
        there = ", ".join(sorted({where for where, _, _ in entries})) or "nowhere"
        refused[""] = f"{name} has prices for {there} and none for {place}: correct TRIMTAB_PRICES_FOR, or add them"
    return PriceList(place=place, prices=prices, refused=refused)


def _list_of(text: str) -> Iterator[yaml.Node]:
    """Yield the entries."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or type(error).__name__
        raise _FaultError(1 if mark is None else mark.line + 1, f"it is no YAML: {problem}") from None
    fields = _fields(root, ("prices",), ())
    if not isinstance(fields["prices"], yaml.SequenceNode):
        raise _FaultError(_line(fields["prices"]), "prices: write a list of entries")
    yield from fields["prices"].value


def _fields(node: yaml.Node | None, needed: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, yaml.Node]:
    """Return a mapping's values by their names: all that are needed, each once, and no other."""
    shape = f"write {', '.join(needed)}"
    if not isinstance(node, yaml.MappingNode):
        raise _FaultError(_line(node), f"this is no mapping: {shape}")
    fields: dict[str, yaml.Node] = {}
    for key, value in node.value:
        said = str(key.value)
        if said not in needed + optional:
            in_dollars = "; every price is in US dollars, under usdPerHour" if "usdPerHour" in needed else ""
            raise _FaultError(_line(key), f"there is no field {said[:40]!r}: {shape}{in_dollars}")
        if said in fields:
            raise _FaultError(_line(key), f"{said} stands here a second time: leave one")
        fields[said] = value
    for name in needed:
        if name not in fields:
            raise _FaultError(_line(node), f"{name} is missing: {shape}")
    return fields


def _entry(node: yaml.Node, today: date) -> _Entry:
    fields = _fields(node, NEEDED, OPTIONAL)
    text = {name: _text(name, value) for name, value in fields.items()}

    def refuse(field: str, words: str) -> _FaultError:
        return _FaultError(_line(fields[field]), f"{field}: {text[field][:60]!r} {words}")

    for field in ("accelerator", "provider", "region"):
        if not _WORD.fullmatch(text[field]):
            raise refuse(field, "must be letters, digits, dots, dashes and underscores, such as NVIDIA-L4")
    if text["market"] not in MARKETS:
        raise refuse("market", f"must be {' or '.join(MARKETS)}")
    if not _AMOUNT.fullmatch(text["usdPerHour"]) or not Decimal(text["usdPerHour"]):
        raise refuse("usdPerHour", "must be a decimal number above 0 with at most 6 decimals, such as 0.8048")
    try:
        as_of = date.fromisoformat(text["asOf"])
    except ValueError:
        raise refuse("asOf", "must be a day, such as 2025-06-01") from None
    if as_of > today:
        raise refuse("asOf", f"lies ahead of {today}: write the day on which the price was read")
    if urlsplit(text["source"]).scheme != "https" or not text["source"].isprintable():
        raise refuse("source", "must be the https:// address where the price was read")
    price = ListPrice(
        accelerator=text["accelerator"],
        market=MARKETS[text["market"]],
        price=MoneyPerHour(Decimal(text["usdPerHour"])),
        place=f"{text['provider']}/{text['region']}",
        as_of=as_of,
        source=text["source"],
    )
    return _Entry(_line(node), price)


def _text(name: str, node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _FaultError(_line(node), f"{name}: write one value")
    return str(node.value)


def _accelerator(node: yaml.Node) -> str:
    """Return the accelerator that a faulty entry is about, as far as it says so."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    named = (value.value for key, value in pairs if key.value == "accelerator" and isinstance(value, yaml.ScalarNode))
    return str(next(named, f"the entry in line {_line(node)}"))


def _line(node: yaml.Node | None) -> int:
    return 1 if node is None else int(node.start_mark.line) + 1
