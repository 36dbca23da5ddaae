"""Durations of the API become numbers, or a message that says how to write one."""

import pytest

from trimtab.units import Seconds, duration_text, milliseconds, seconds, whole_seconds


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("1ms", 1), ("80ms", 80), ("2s", 2_000), ("15m", 900_000), ("1h", 3_600_000), ("999999h", 3_599_996_400_000)],
)
def test_a_duration_is_whole_milliseconds(text: str, wanted: int) -> None:
    """Four units, up to six digits."""
    assert milliseconds(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "", "s", "80", "80 ms", " 80ms", "80ms\n", "-5s", "+5s", "0s", "05s", "1.5s", "1e3s", "5 minutes", "5d", "1mss",
        "1hs", "\u0661s", "\uff11s", "1S", "1000000s", "9" * 5000 + "h", "NaNs",
    ],
)  # fmt: skip
def test_anything_else_is_no_duration(text: str) -> None:
    """The message shows what was read, in ASCII and not endlessly, and an example of what to write."""
    with pytest.raises(ValueError, match="as in 80ms") as refused:
        milliseconds(text)

    assert str(refused.value).isascii()
    assert len(str(refused.value)) < 150


def test_seconds_keep_fractions_and_whole_seconds_round_up() -> None:
    """Kubernetes' probes take whole seconds only: too long is safe, too short is not."""
    assert (seconds("1500ms"), whole_seconds("1500ms")) == (1.5, 2)
    assert (seconds("1ms"), whole_seconds("1ms")) == (0.001, 1)
    assert (seconds("2m"), whole_seconds("2m")) == (120.0, 120)


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (0.0, "1ms"), (0.0000004, "1ms"), (0.08, "80ms"), (0.0623, "63ms"), (9.9991, "10000ms"), (10.0, "10s"),
        (10.2, "11s"), (600.0, "600s"), (1e9, "999999s"),
    ],
)  # fmt: skip
def test_a_measured_time_is_told_as_a_duration(time: float, text: str) -> None:
    """Rounded up, so that what is above a target never reads as if it kept it."""
    assert duration_text(Seconds(time)) == text
    assert seconds(text) >= min(time, 999_999.0) - 1e-6
