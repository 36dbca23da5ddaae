"""How often one object's status is written: what somebody waits for at once, what traffic moves once a minute."""

import math
from dataclasses import dataclass

from trimtab.core.reporting import Urgency
from trimtab.units import Seconds

GAPS = {Urgency.NOW: Seconds(2.0), Urgency.SELDOM: Seconds(300.0)}
"""Least time between two writes of one status: a start passes through a dozen states within seconds, and what is
measured never rests."""
RESTLESS = frozenset({Urgency.SOON, Urgency.LATER})
"""What changing traffic moves again and again."""
RESTLESS_AFTER = Seconds(10.0)
"""How long it must differ: a replica less is decided, deleted and gone within seconds: one write, and not four."""
RESTLESS_AT_ONCE, RESTLESS_EVERY = 2, Seconds(60.0)
"""Two such writes may follow each other, a move of replicas and its end, then there is one in a minute: 1,000 models
that move each minute were else written 50 times a second."""


@dataclass
class Pace:
    """The writes of one status; all times are seconds of one monotonic clock."""

    _written_at: float = -math.inf
    _differs_since: float | None = None
    _spent_until: float = -math.inf

    def nothing(self) -> None:
        """Take note that the status is as it should be."""
        self._differs_since = None

    def wait(self, how: Urgency, now: float) -> Seconds:
        """Return how long what differs has to wait; none where nothing was written yet."""
        if self._written_at == -math.inf:
            return Seconds(0.0)
        if how not in RESTLESS:
            self._differs_since = None
            return Seconds(max(0.0, self._written_at + GAPS[how] - now))
        self._differs_since = now if self._differs_since is None else self._differs_since
        allowed = self._spent_until - (RESTLESS_AT_ONCE - 1) * RESTLESS_EVERY
        return Seconds(max(0.0, self._differs_since + RESTLESS_AFTER - now, allowed - now))

    def written(self, how: Urgency, now: float) -> None:
        """Take note of a write."""
        self._written_at, self._differs_since = now, None
        if how in RESTLESS:
            self._spent_until = max(now, self._spent_until) + RESTLESS_EVERY
        elif how is Urgency.NOW:  # somebody asked for something, or something happened: its course is told as it goes
            self._spent_until = -math.inf
