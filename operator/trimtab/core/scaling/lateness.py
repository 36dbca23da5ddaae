"""The share of requests that one replica answers too late, by how busy it is."""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from trimtab.core.scaling.queueing import MOST_BUSY, MOST_SLOTS, Replica, late_share
from trimtab.units import RequestsPerSecond, Seconds

STEP = 0.01
"""Of utilisation, in which the share is tabled."""
MOST_TABLED = 1.5
LONGEST_PATIENCE = 100.0
"""Service times; who can wait longer than that is late only where there is more work than capacity."""
FINENESS = 4
"""Patience is tabled in quarters of a service time, and never optimistic."""
OVERLOADED = 10.0
"""How steeply lateness rises with utilisation at least, first come, first served, once a queue would never end."""
LEAST_WORTH, MOST_WORTH = 5.0, 50.0
"""Where lateness sets in late and suddenly, its slope says little: a replica is bought against an overload that comes
once in 50 times at most, until what is observed asks for more."""
AROUND = 5
"""Steps to each side over which a slope is taken."""
_SMALL, _MOST_EXPONENT = 1e-9, 300.0


@dataclass(frozen=True, kw_only=True)
class Lateness:
    """Shares of late requests by utilisation, in steps of `STEP` up to `MOST_TABLED`.

    `sustained` is the utilisation at which the share is `allowed`, and `worth` how many seconds of a replica one late
    request less is worth in units of its service, so that exactly `sustained` is bought when demand is certain.
    """

    shares: tuple[float, ...]
    fresh_first: bool
    sustained: float
    worth: float

    def at(self, busy: float) -> float:
        """Return the share at a utilisation, from 0 on.

        Between two steps it runs straight over the number of replicas, which is 1 / utilisation: so each replica more
        spares less than the one before it, however many there are. Beyond capacity, whoever serves fresh requests
        first loses what exceeds it. First come, first served, all are late, and so are those that come later: that
        counts as more than one, since the queue stays.
        """
        if busy < MOST_TABLED:
            steps = busy / STEP
            below = min(int(steps), len(self.shares) - 2)
            way = (steps - below) * (below + 1) / steps if steps else 0.0
            return self.shares[below] + way * (self.shares[below + 1] - self.shares[below])
        if self.fresh_first:
            return 1.0 - (1.0 - self.shares[-1]) * MOST_TABLED / busy
        return self.shares[-1] + (self.shares[-1] - self.shares[-2]) * (busy - MOST_TABLED) / STEP


def lateness_of(
    replica: Replica, patience: Seconds, allowed: float, least_busy: float, *, fresh_first: bool
) -> Lateness:
    """Return the shares for a replica whose requests may wait for `patience`, and where a share `allowed` is planned.

    A replica is planned to be busy for a share of at least `least_busy` of the time: below that, the objective is out
    of reach, and more replicas would hardly help.
    """
    waits = min(LONGEST_PATIENCE, math.floor(FINENESS * max(0.0, patience) / replica.service) / FINENESS)
    counted = min(replica.slots, MOST_SLOTS)
    return _tabled(counted, waits * replica.slots / counted, replica.variability, fresh_first, allowed, least_busy)


def abandoned_share(slots: int, busy: float, patience: float, variability: float) -> float:
    """Return the share of requests that wait longer than `patience` (in service times) where they then give way.

    That is M/M/c with constant patience (Baccelli and Hebuterne, On queues with impatient customers, 1981), of which
    the virtual wait's density is known; the exponent is divided by the variability, as Allen and Cunneen do. It holds
    with more work than capacity too.
    """
    load, term, states = busy * slots, 1.0, 1.0
    for state in range(1, slots):
        term *= load / state
        states += term
    drain, tail = (slots - load) / variability, slots / variability
    exponent = -drain * patience
    if exponent > _MOST_EXPONENT:
        return 1.0 - 1.0 / busy
    still_waiting = math.exp(exponent)
    in_time = patience if abs(drain) < _SMALL else (1.0 - still_waiting) / drain
    waiting = load / variability * term
    late = waiting * still_waiting / tail
    return late / (states + waiting * in_time + late)


@lru_cache(maxsize=4096)
def _tabled(  # noqa: PLR0913, PLR0917 - the key of the cache
    slots: int,
    patience: float,
    variability: float,
    fresh_first: bool,  # noqa: FBT001 - ... which takes keywords for another one
    allowed: float,
    least_busy: float,
) -> Lateness:
    steps = round(MOST_TABLED / STEP)
    if fresh_first:
        shares = [0.0, *(abandoned_share(slots, step * STEP, patience, variability) for step in range(1, steps + 1))]
    else:
        shares = _first_come(Replica(slots=slots, service=Seconds(1.0), variability=variability), patience, steps)
    shares = list(accumulate(shares, max))
    sustained = max((index for index, share in enumerate(shares) if share <= allowed), default=0) * STEP
    sustained = min(MOST_BUSY, max(least_busy, STEP, sustained))
    return Lateness(shares=tuple(shares), fresh_first=fresh_first, sustained=sustained, worth=_worth(shares, sustained))


def _first_come(replica: Replica, patience: float, steps: int) -> list[float]:
    """Return the shares of who is served in the order of arrival; above `MOST_BUSY` along a straight line."""
    border = round(MOST_BUSY / STEP)
    shares = [
        late_share(replica, RequestsPerSecond(step * STEP * replica.slots), Seconds(patience))
        for step in range(border + 1)
    ]
    slope = max(OVERLOADED * STEP, (shares[border] - shares[border - AROUND]) / AROUND)
    return [*shares, *(shares[border] + slope * beyond for beyond in range(1, steps - border + 1))]


def _worth(shares: list[float], sustained: float) -> float:
    """Return what makes the last replica pay that keeps the utilisation at `sustained`.

    n replicas at x = a / n are late with a rate of a f(a / n), whose derivative by n is -x^2 f'(x).
    """
    here = round(sustained / STEP)
    low, high = max(0, here - AROUND), here + AROUND
    gain = sustained**2 * (shares[high] - shares[low]) / ((high - low) * STEP)
    return min(MOST_WORTH, max(LEAST_WORTH, 1.0 / gain)) if gain > 0.0 else MOST_WORTH
