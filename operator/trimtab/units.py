"""The quantities that cross a function border, each with its unit in its name."""

import math
import re
from decimal import Decimal
from typing import NewType

Seconds = NewType("Seconds", float)
Milliseconds = NewType("Milliseconds", int)
Microseconds = NewType("Microseconds", int)
Bytes = NewType("Bytes", int)
Replicas = NewType("Replicas", int)
RequestsPerSecond = NewType("RequestsPerSecond", float)
MoneyPerHour = NewType("MoneyPerHour", Decimal)
"""An amount per hour in the pool's currency; a Decimal, since money is never rounded behind one's back."""

DURATION = r"^[1-9][0-9]{0,5}(ms|s|m|h)$"
"""How the API spells a duration: `80ms`, `2s`, `15m`, `1h`. Read by Python, by CEL and by pydantic."""

TOLD_IN_MILLISECONDS = Seconds(10.0)
MOST_TOLD = 999_999  # six digits
ROUNDING = 1e-6  # 80.0000000001 ms are 80 ms and the processor's rounding

_DURATION = re.compile(r"([1-9][0-9]{0,5})(ms|s|m|h)")
_MILLISECONDS_IN = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}


def milliseconds(duration: str) -> Milliseconds:
    """Return a duration of the API in milliseconds.

    Raises:
        ValueError: if the text is not a whole number of 1 to 6 digits, above 0, followed by one of the four units.
    """
    match = _DURATION.fullmatch(duration)
    if match is None:
        shown = ascii(duration[:40])
        raise ValueError(
            f"{shown} is not a duration: write a whole number from 1 to 999999 and ms, s, m or h, as in 80ms"
        )
    return Milliseconds(int(match[1]) * _MILLISECONDS_IN[match[2]])


def seconds(duration: str) -> Seconds:
    """Return a duration of the API in seconds; see `milliseconds`."""
    return Seconds(milliseconds(duration) / 1_000)


def duration_text(time: Seconds) -> str:
    """Return a time as the API spells durations, rounded up: in milliseconds below 10 s, then in seconds."""
    if time < TOLD_IN_MILLISECONDS:
        return f"{max(1, math.ceil(time * 1_000 - ROUNDING))}ms"
    return f"{min(MOST_TOLD, math.ceil(time - ROUNDING))}s"


def whole_seconds(duration: str) -> int:
    """Return a duration of the API in whole seconds, rounded up: probes and grace periods take no fractions."""
    return -(-milliseconds(duration) // 1_000)
