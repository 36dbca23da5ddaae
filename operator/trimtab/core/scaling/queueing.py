"""How long requests wait: the Erlang C formula, stretched for arrivals and services that are not memoryless."""

import math
from dataclasses import dataclass

from trimtab.units import RequestsPerSecond, Seconds

MOST_BUSY = 0.95
"""Utilisation up to which a replica is planned: beyond it every error of the model is minutes of queue."""
MOST_SLOTS = 256
"""Slots counted one by one. More are taken as so many faster ones: the same capacity, waiting a little longer."""


@dataclass(frozen=True, kw_only=True)
class Replica:
    """One replica as a queue: `slots` requests at once (instances x batch), each for `service`.

    `variability` is (Ca^2 + Cs^2) / 2, half the sum of the squared coefficients of variation of arrivals and services:
    1.0 is M/M/c, 0.5 is M/D/c.
    """

    slots: int
    service: Seconds
    variability: float = 1.0

    @property
    def capacity(self) -> RequestsPerSecond:
        """Requests per second that it serves when it never rests."""
        return RequestsPerSecond(self.slots / self.service)


def probability_of_waiting(replica: Replica, rate: RequestsPerSecond) -> float:
    """Return the Erlang C probability that a request waits at all; 1.0 where there is more work than capacity.

    By the stable recursion of Erlang B (A. O. Allen, Probability, Statistics, and Queueing Theory, 1990, section 5.2).
    """
    busy = rate / replica.capacity
    if busy >= 1.0:
        return 1.0
    counted = min(replica.slots, MOST_SLOTS)
    load = busy * counted
    blocked = 1.0
    for slots in range(1, counted + 1):
        blocked = load * blocked / (slots + load * blocked)
    return blocked / (1.0 - busy * (1.0 - blocked))


def late_share(replica: Replica, rate: RequestsPerSecond, patience: Seconds) -> float:
    """Return the share of requests that wait longer than `patience`, 0 to 1; all of them where it is negative.

    The tail of M/M/c, its exponent divided by the variability: Allen and Cunneen's correction of the mean wait.
    """
    busy = rate / replica.capacity
    if busy >= 1.0 or patience < 0.0:
        return 1.0
    exponent = (1.0 - busy) * replica.capacity * patience / replica.variability
    return probability_of_waiting(replica, rate) * math.exp(-exponent)
