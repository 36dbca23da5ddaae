"""Reading what anybody may have written."""

import pytest

from trimtab.core.untrusted import count, entries, entry, part, shown, text


@pytest.mark.parametrize("value", [None, 7, "x", [], {}, {"a": None}, {"a": {"b": None}}, {"a": ["b"]}])
def test_what_is_not_there_reads_as_nothing(value: object) -> None:
    """Wrong types, missing keys and nulls alike."""
    assert part(value, "a", "b") is None
    assert text(value, "a", "b") == ""
    assert count(value, "a", "b") is None
    assert entries(value, "a", "b") == ()
    assert entry(value, "a", "b", key="type", named="Ready") == {}


def test_a_list_is_read_without_what_does_not_belong_in_it() -> None:
    """Only objects are entries; the first of a name counts."""
    value = {"list": [None, 7, {"type": "A", "n": 1}, ["x"], {"type": "A", "n": 2}, {"type": ["A"]}]}

    assert len(entries(value, "list")) == 3
    assert entry(value, "list", key="type", named="A") == {"type": "A", "n": 1}


@pytest.mark.parametrize(
    ("value", "read"),
    [(0, 0), (7, 7), (2**31 - 1, 2**31 - 1), (2**31, None), (-1, None), (True, None), (1.0, None), ("1", None)],
)
def test_a_count_is_what_kubernetes_counts_in(value: object, read: int | None) -> None:
    """A whole number of 32 bits, never negative; True is no number."""
    assert count({"n": value}, "n") == read


def test_of_a_long_text_the_end_is_read() -> None:
    """The last words say why something ended."""
    assert text({"log": "x" * 1_000_000 + "the end"}, "log").endswith("the end")
    assert len(text({"log": "x" * 1_000_000}, "log")) == 8192


def test_a_message_is_one_clean_line() -> None:
    """No control characters, no lone halves of a character, no more than a condition shows."""
    assert shown("a\r\n b\t\x00\ud800c\u2028d") == "a b c d"
    assert len(shown("x" * 1_000_000)) == 1024
    assert shown("x" * 1024) == "x" * 1024
