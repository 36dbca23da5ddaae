"""One second in the life of a queue, as a matrix on the distribution of the work that waits in it.

The work lies on the lattice of `lattice.Station`. Arrivals are Poisson, a request adds 1 / capacity, time takes away.
For one slot that is the M/D/1 queue itself. It holds for any load, above 1 too, and from any beginning: no steady state
is assumed.

Under DELAY only those who will be served in time enter (Baccelli and Hebuterne, "On queues with impatient
customers", Performance '81); the others are served in what time is left, and block a slot while they are.
"""

from bisect import bisect_right
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trimtab.simulate.lattice import STATES, Floats, Station
from trimtab.simulate.setting import Discipline

LOADS = (*(index / 25.0 for index in range(51)), *(2.0 * 1.2**index for index in range(1, 26)))
"""Utilisations for which there are matrices, up to 190: between two of them, the distributions are mixed."""
LATE, REFUSED, OVER, DONE, BATCHES, BUSY, TOPPED = range(7)
"""Sums over the second that follow the lattice in an answer, in seconds of work: what will be late; what of that has to
wait until there is room; what is above the top; what was done; the same, each part divided by the size of its batch;
the share of the time in which instances were busy; what was late already and taken in."""
SUMS = 7


def one_second(station: Station, load: float, *, late_wait: bool) -> tuple[float, Floats, Floats]:
    """Return two matrices that take the lattice one second on, and below it give the sums; and the second's share.

    `load` is the work that arrives in that second. `late_wait` says whether requests that are late already are there to
    be taken in when there is room.
    """
    load = min(load, LOADS[-1])
    above = min(bisect_right(LOADS, load), len(LOADS) - 1)
    share = (load - LOADS[above - 1]) / (LOADS[above] - LOADS[above - 1])
    return share, _second(station, above - 1, late_wait), _second(station, above, late_wait)


@lru_cache(maxsize=4_096)  # 36 KiB each
def _second(station: Station, index: int, late_wait: bool) -> Floats:  # noqa: FBT001 - a key of the cache
    """Return the matrix of one second: that of a tick, to the power of their number."""
    matrix, sums = _step(station, LOADS[index], late_wait=late_wait)
    whole, total = np.eye(STATES), np.zeros_like(sums)
    left = station.ticks
    while left:
        if left % 2:
            total = total + sums @ whole
            whole = matrix @ whole
        sums = sums + sums @ matrix
        matrix = matrix @ matrix
        left //= 2
    return np.vstack((whole, total))


def _step(station: Station, load: float, *, late_wait: bool) -> tuple[Floats, Floats]:
    """Return the matrix of one tick, and the sums over it."""
    tick, unit, lattice = 1.0 / station.ticks, station.unit, station.lattice
    random = station.by_chance(load)
    flow = (1.0 - random) * load * tick
    speed, busy, batch = station.speed, station.busy, station.batch
    topped = np.zeros_like(lattice)
    if late_wait:
        # so many that all slots are busy: then half a batch time of work is left in the mean
        level = (station.service.batch_time(station.service.max_batch) - unit) / 2.0
        topped = np.where(lattice <= level + station.step / 2.0, np.maximum(unit, level - lattice), 0.0)
        full = topped > 0.0
        speed, busy = np.where(full, 1.0, speed), np.where(full, 1.0, busy)
        batch = np.where(full, station.service.max_batch, batch)
    work = lattice + topped - speed * tick
    enter = station.entering
    matrix = _spread(work, station) * (1.0 - enter)
    over = np.maximum(0.0, work - lattice[-1]) * (1.0 - enter)
    work = work + flow
    for adds, probability in _arriving(station, load * random / unit):
        # whoever comes to an empty station comes in the middle of it
        after = np.where(
            (lattice == 0.0) & (topped == 0.0) & (adds > 0.0), np.maximum(0.0, adds + flow - tick / 2.0), work + adds
        )
        matrix += _spread(after, station) * enter * probability
        over += np.maximum(0.0, after - lattice[-1]) * enter * probability
    if station.discipline is Discipline.FIFO:
        over[_wander(matrix, station, load)] = 0.0
        over[-1] = (load - 1.0) * tick
    sums = np.zeros((SUMS, len(lattice)))
    sums[LATE] = station.late * load * tick
    sums[REFUSED] = station.refused * load * tick
    sums[OVER] = over
    sums[DONE] = speed * tick
    sums[BATCHES] = speed * tick / batch
    sums[BUSY] = busy * tick
    sums[TOPPED] = topped
    return matrix, sums


def _arriving(station: Station, rate: float) -> list[tuple[float, float]]:
    """Return how much work comes in a tick, with its probability."""
    mean, unit, step = rate / station.ticks, station.unit, station.step
    varied = 1.0 + station.service.variation**2
    if unit >= step:  # one by one
        terms, probability = [], np.exp(-mean)
        spread = station.service.variation
        for count in range(int(mean + 6.0 * np.sqrt(mean) + 6.0)):
            deviation = unit * spread * np.sqrt(count)
            terms += [
                (max(0.0, count * unit + sign * deviation), probability / 2.0)
                for sign in ((-1.0, 1.0) if count else (0.0, 0.0))
            ]
            probability *= mean / (count + 1)
        total = sum(term[1] for term in terms)
        return [(adds, weight / total) for adds, weight in terms]
    # many at once, on the lattice: two points for the mean, moved one step up or down for the variance
    whole, part = divmod(mean * unit / step, 1.0)
    extra = min(1.0, max(0.0, mean * (unit / step) ** 2 * varied - part * (1.0 - part)))
    around = ((-1.0, extra / 2.0), (0.0, 1.0 - extra), (1.0, extra / 2.0))
    return [
        ((whole + up + move) * step, likely * chance)
        for up, likely in ((0.0, 1.0 - part), (1.0, part))
        for move, chance in around
    ]


def _wander(matrix: Floats, station: Station, load: float) -> NDArray[np.intp]:
    """Let what is far above move to the states beside it, with the mean and the variance it has; return its states.

    What reaches the top stays there until the second is over.
    """
    below, above = np.diff(station.lattice)[station.fine - 1 : -1], np.diff(station.lattice)[station.fine :]
    drift = (load - 1.0) / station.ticks
    varied = 1.0 + station.service.variation**2
    chance = load * station.by_chance(load) * station.unit * varied / station.ticks + drift * drift
    # where steps are too long for that little chance, as much as keeps the mean
    variance: Floats = np.maximum(chance, np.maximum(drift * above, -drift * below))
    up = (variance + drift * below) / (above * (above + below))
    down = (variance - drift * above) / (below * (above + below))
    beside = up + down <= 1.0  # else a tick may lead further than that, and requests are taken one by one here too
    states, up, down = np.arange(station.fine, STATES - 1)[beside], up[beside], down[beside]
    matrix[:, states], matrix[:, -1] = 0.0, 0.0
    matrix[states + 1, states], matrix[states - 1, states], matrix[states, states] = up, down, 1.0 - up - down
    matrix[-1, -1] = 1.0
    return states


def _spread(work: Floats, station: Station) -> Floats:
    """Return a matrix that puts each column's work on the lattice, between two of its points, keeping the mean."""
    lattice = station.lattice
    held = np.clip(work, 0.0, lattice[-1])
    low = np.minimum(np.searchsorted(lattice, held, side="right") - 1, STATES - 2)
    share = (held - lattice[low]) / (lattice[low + 1] - lattice[low])
    matrix = np.zeros((STATES, len(work)))
    columns = np.arange(len(work))
    matrix[low, columns] = 1.0 - share
    matrix[low + 1, columns] += share
    return matrix
