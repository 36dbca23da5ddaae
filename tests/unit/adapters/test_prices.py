"""The price list: what an entry gives, and what a fault in it gets; never a wrong price."""

import logging
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from trimtab.adapters.prices import parse_price_list, read_price_list
from trimtab.core.prices import ListPrice, PriceList
from trimtab.units import MoneyPerHour

ROOT = Path(__file__).resolve().parents[3]
TODAY = date(2026, 11, 24)
HERE = "aws/us-east-1"
L4 = {
    "accelerator": "NVIDIA-L4",
    "provider": "aws",
    "region": "us-east-1",
    "market": "OnDemand",
    "usdPerHour": '"0.8048"',
    "asOf": "2026-11-01",
    "source": "https://prices.example/l4",
}
T4 = L4 | {"accelerator": "Tesla-T4", "usdPerHour": '"0.526"'}


def entry(**changes: str | None) -> str:
    """Return the entry of an L4 with some fields changed; None takes one out. It has a line for each field."""
    fields = {name: value for name, value in (L4 | changes).items() if value is not None}
    return "- " + "\n  ".join(f"{name}: {value}" for name, value in fields.items()) + "\n"


def read(*entries: str, place: str = HERE) -> PriceList:
    """Return what a file with these entries gives."""
    return parse_price_list("prices:\n" + "".join(entries), "prices.yaml", place, TODAY)


def test_an_entry_is_read_to_the_last_digit() -> None:
    """Quoted or not: an amount is never a binary number in between."""
    expected = ListPrice(
        accelerator="NVIDIA-L4",
        market="OnDemand",
        price=MoneyPerHour(Decimal("0.8048")),
        place=HERE,
        as_of=date(2026, 11, 1),
        source="https://prices.example/l4",
    )

    assert read(entry()) == PriceList(place=HERE, prices={("NVIDIA-L4", "OnDemand"): expected})
    assert read(entry(usdPerHour="0.8048", note="g6.xlarge")) == read(entry())


def test_markets_are_told_apart_and_other_places_left_out() -> None:
    """Spot is another price, and so is that of another region."""
    known = read(entry(), entry(market="Spot", usdPerHour="0.31"), entry(region="eu-west-1", usdPerHour="0.9"))

    assert {key: price.price for key, price in known.prices.items()} == {
        ("NVIDIA-L4", "OnDemand"): Decimal("0.8048"),
        ("NVIDIA-L4", "Spot"): Decimal("0.31"),
    }
    assert known.refused == {}


@pytest.mark.parametrize(
    ("changes", "line", "said"),
    [
        ({"usdPerHour": '"0"'}, 7, "usdPerHour: '0' must be a decimal number above 0"),
        ({"usdPerHour": "0.000"}, 7, "usdPerHour: '0.000' must be a decimal number above 0"),
        ({"usdPerHour": "-0.80"}, 7, "usdPerHour: '-0.80' must be a decimal number above 0"),
        ({"usdPerHour": "1e3"}, 7, "usdPerHour: '1e3' must be"),
        ({"usdPerHour": "0,80"}, 7, "usdPerHour: '0,80' must be"),
        ({"usdPerHour": ".nan"}, 7, "usdPerHour: '.nan' must be"),
        ({"usdPerHour": "[0.8]"}, 7, "usdPerHour: write one value"),
        ({"usdPerHour": None, "eurPerHour": "0.80"}, 9, "there is no field 'eurPerHour': write accelerator"),
        ({"currency": "EUR"}, 10, "there is no field 'currency': write accelerator, provider, region"),
        ({"market": "spot"}, 6, "market: 'spot' must be OnDemand or Spot"),
        ({"asOf": "June"}, 8, "asOf: 'June' must be a day, such as 2025-06-01"),
        ({"asOf": "2027-01-01"}, 8, "asOf: '2027-01-01' lies ahead of 2026-11-24"),
        ({"source": "http://prices.example"}, 9, "source: 'http://prices.example' must be the https:// address"),
        ({"source": None}, 3, "source is missing: write"),
        ({"provider": "a/b"}, 4, "provider: 'a/b' must be letters, digits"),
        ({"market": "OnDemand\n  market: Spot"}, 7, "market stands here a second time: leave one"),
    ],
)
def test_a_faulty_entry_says_what_and_where_and_costs_no_other(
    changes: dict[str, str | None], line: int, said: str
) -> None:
    """Its accelerator has no price, and the one before it has one; the entry begins in line 3."""
    known = read(flow(T4), entry(**changes))

    assert list(known.prices) == [("Tesla-T4", "OnDemand")]
    assert known.refused["NVIDIA-L4"].startswith(f"prices.yaml, line {line}: ")
    assert said in known.refused["NVIDIA-L4"]


def flow(fields: dict[str, str]) -> str:
    """Return an entry in one line."""
    return "- {" + ", ".join(f"{name}: {value}" for name, value in fields.items()) + "}\n"


def test_of_two_prices_for_one_thing_none_is_taken() -> None:
    """Nobody knows which is right; both lines are told."""
    known = read(flow(L4), flow(T4), flow(L4 | {"usdPerHour": "0.70"}))

    assert list(known.prices) == [("Tesla-T4", "OnDemand")]
    assert known.refused == {
        "NVIDIA-L4": "prices.yaml, lines 2 and 4: NVIDIA-L4 at aws/us-east-1, OnDemand, has 2 prices: leave one"
    }


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("prices: [", 1, "it is no YAML: "),
        ("prices:\n\t- a", 2, "it is no YAML: found character"),
        ("", 1, "this is no mapping: write prices"),
        ("- a", 1, "this is no mapping: write prices"),
        ("currency: EUR\nprices: []", 1, "there is no field 'currency': write prices"),
        ("prices: {}", 1, "prices: write a list of entries"),
        ("prices: []\nprices: []", 2, "prices stands here a second time"),
        ("[" * 10_000, 1, "it is no YAML: "),
    ],
)
def test_a_file_that_is_no_price_list_gives_no_price(text: str, line: int, said: str) -> None:
    """And says what, where, and what to write."""
    known = parse_price_list(text, "prices.yaml", HERE, TODAY)

    assert known.prices == {}
    assert known.refused[""].startswith(f"prices.yaml, line {line}: {said}")


def test_an_entry_that_is_none_is_told_by_its_line() -> None:
    """There is no accelerator to tell it by."""
    assert read("- 7\n", entry()).refused == {
        "the entry in line 2": "prices.yaml, line 2: this is no mapping: write accelerator, provider, region, market, "
        "usdPerHour, asOf, source"
    }


def test_a_place_that_the_list_does_not_know_is_told() -> None:
    """With those that it knows."""
    assert read(entry(), place="aws/eu-west-1").refused[""] == (
        "prices.yaml has prices for aws/us-east-1 and none for aws/eu-west-1: correct TRIMTAB_PRICES_FOR, or add them"
    )
    empty = parse_price_list("prices: []", "prices.yaml", HERE, TODAY)
    assert empty.refused[""].startswith("prices.yaml has prices for nowhere and none for aws/us-east-1")


def test_a_file_that_cannot_be_read_is_told_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The operator goes on without prices."""
    torn = tmp_path / "torn.yaml"
    torn.write_bytes(b"\xff\xfe\x00prices")

    with caplog.at_level(logging.WARNING):
        missing, unreadable = (read_price_list(path, HERE, TODAY) for path in (tmp_path / "none", torn))

    assert missing.prices == unreadable.prices == {}
    assert f"{tmp_path}/none cannot be read: No such file or directory" in missing.refused[""]
    assert "it is no text" in unreadable.refused[""]
    assert len(caplog.messages) == 2


def test_the_list_that_is_shipped_has_no_fault() -> None:
    """Each price has its source and its day."""
    known = read_price_list(ROOT / "config" / "prices" / "prices.yaml", HERE, TODAY)

    assert known.refused == {}
    assert {accelerator for accelerator, _ in known.prices} >= {"Tesla-T4", "NVIDIA-L4"}
