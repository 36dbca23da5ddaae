"""What a rival is: a published autoscaler, made from its main knob and otherwise as shipped."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from trimtab.simulate.setting import Setting
from trimtab.simulate.view import Autoscaler, View

ROUNDING = 1e-9
"""0.7 * 10 / 0.1 is 70 and the processor's rounding, not 71 replicas."""


@dataclass(frozen=True, kw_only=True)
class Rival:
    """A published autoscaler.

    `knob` says what the number is that `make` takes, `default` is what it ships with or what its documents start from,
    `sweep` what a person who tunes it would try. Each call of `make` gives an autoscaler with a memory of its own, for
    one run. `source` names what was read.
    """

    name: str
    knob: str
    default: float
    sweep: tuple[float, ...]
    make: Callable[[float, Setting], Autoscaler]
    source: str


class Recent:
    """Numbers and when they came, kept for some seconds."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._kept: deque[tuple[int, int]] = deque()

    def add(self, now: int, number: int) -> None:
        """Keep a number, and forget those that are too old."""
        self._kept.append((now, number))
        while self._kept[0][0] < now - self._seconds:
            self._kept.popleft()

    def after(self, start: int) -> list[int]:
        """Return the numbers that came later than `start`."""
        return [number for at, number in self._kept if at > start]


def every(period: int, decide: Autoscaler) -> Autoscaler:
    """Return an autoscaler that decides once in `period` seconds, and leaves things as they are in between."""

    def ticking(view: View) -> int | None:
        return decide(view) if view.now % period == 0 else None

    return ticking


def rounded_up(number: float) -> int:
    """Return the next whole number, as all of them do with replicas."""
    return math.ceil(number - ROUNDING)
