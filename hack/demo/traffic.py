"""Requests per second, and the moments at which they come."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

DAY_S = 180
TROUGH = 0.15  # of the evening's peak: what conversation traffic shows at night
BURSTS = 3
BURST_S = (4, 9)
BURST_HEIGHT = (1.4, 1.9)
STEP = 1.5  # a campaign begins after the day's peak and ends before the night
STEP_BEGINS, STEP_ENDS = 0.58, 0.74


@dataclass(frozen=True)
class Traffic:
    """A rate for each second from 0 on; `counted` tells that they are whole requests which really came.

    What was counted comes in exactly these numbers, at random moments of its second. Else the rates are means, and the
    requests a Poisson process.
    """

    per_second: Sequence[float]
    counted: bool = False

    @property
    def seconds(self) -> int:
        """How long it lasts."""
        return len(self.per_second)

    @property
    def mean(self) -> float:
        """Requests per second, over all of it."""
        return sum(self.per_second) / len(self.per_second)

    @property
    def peak(self) -> float:
        """Requests in its busiest second."""
        return max(self.per_second)

    def scaled(self, factor: float) -> Traffic:
        """Return so many times the requests; a whole number of copies of what was counted is counted still."""
        if not 0 < factor < math.inf:
            raise ValueError(f"traffic times {factor:g} is none: give a factor above 0, such as 0.5 or 20")
        counted = self.counted and float(factor).is_integer()
        return Traffic([rate * factor for rate in self.per_second], counted)

    def part(self, first_s: int, seconds: int) -> Traffic:
        """Return `seconds` of it, from `first_s` on."""
        found = self.per_second[first_s : first_s + seconds]
        if first_s < 0 or not found:
            raise ValueError(f"there is no traffic from second {first_s} on: it lasts {self.seconds} s")
        return Traffic(found, self.counted)

    def hurried(self, times: int) -> Traffic:
        """Let time run so many times faster: each second has the mean rate of `times` seconds."""
        if times < 1:
            raise ValueError(f"time cannot run {times} times faster: give a whole number from 1 on")
        if times == 1:
            return self
        parts = [self.per_second[first : first + times] for first in range(0, self.seconds, times)]
        return Traffic([sum(part) / len(part) for part in parts])

    def arrivals(self, seed: int | str) -> Iterator[float]:
        """Yield the ascending moments of all requests, in seconds."""
        random = Random(seed)  # noqa: S311 - chance that can be repeated is the point
        for second, rate in enumerate(self.per_second):
            if self.counted:
                yield from sorted(second + random.random() for _ in range(int(rate)))
            elif rate:
                moment = random.expovariate(rate)
                while moment < 1:
                    yield second + moment
                    moment += random.expovariate(rate)


def steady(rate: float, seconds: int) -> Traffic:
    """Return the same rate for so many seconds."""
    return Traffic([rate] * seconds)


def generated_day(peak: float, *, seconds: int = DAY_S, seed: int = 0) -> Traffic:
    """Return a day, from midnight to midnight, in so many seconds: a wave, a step up and down, and bursts.

    `peak` is the rate of the busiest second. The seed says when the bursts come and how high they are.
    """
    random = Random(seed)  # noqa: S311 - as above
    day = [_wave(second / seconds) for second in range(seconds)]
    for second in range(seconds):
        if STEP_BEGINS <= second / seconds < STEP_ENDS:
            day[second] *= STEP
    for number in range(BURSTS):  # one in each third of the waking hours
        middle = seconds * (0.25 + 0.2 * (number + random.random()))
        length, height = random.randint(*BURST_S) * seconds / DAY_S, random.uniform(*BURST_HEIGHT)
        for second in range(seconds):
            if abs(second - middle) <= length / 2:
                day[second] *= height
    highest = max(day)
    return Traffic([rate * peak / highest for rate in day])


def _wave(share: float) -> float:
    return TROUGH + (1 - TROUGH) * (1 - math.cos(2 * math.pi * share)) / 2
