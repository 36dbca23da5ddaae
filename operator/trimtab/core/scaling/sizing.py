"""How many replicas pay for themselves: each by the late requests that it spares, at what one of them is worth."""

from collections.abc import Callable
from dataclasses import dataclass

from trimtab.core.scaling.capacity import Capacity, Promise, capacity_of
from trimtab.core.scaling.forecast import HORIZONS, MINUTE, Outlook, outlook, unit_of
from trimtab.core.scaling.lateness import Lateness
from trimtab.core.scaling.memory import MOST_REPLICAS, ScalingMemory
from trimtab.core.scaling.observation import Sample
from trimtab.units import Replicas, RequestsPerSecond, Seconds

NINETEEN_OF_TWENTY = 0.95
NOTHING = Seconds(0.0)
LEAST_WORTH = 2.0
"""Services that a late request is worth at least, whatever its price. Where fresh requests go first, a replica that
never rests spares one late request in each service, so below 1 no demand would get any replica; at 2, there are as many
as demand needs in half of the cases."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What there is: `replicas` that are asked for already, and `start`, how long one more takes to answer."""

    start: Seconds
    replicas: int


@dataclass(frozen=True, kw_only=True)
class Sizing:
    """`replicas` are worth being started now; of those that are asked for, `kept` are worth being kept, if more.

    `outlook` is for the time when a replica started now would answer. Were the replicas that are not measured as busy
    as the others, it would be `with_missing`. `capacity` is None where nothing is asked for, and service times are not
    known; `worth` is what a late request less is worth, in seconds of a replica.
    """

    outlook: Outlook | None
    capacity: Capacity | None
    replicas: Replicas
    kept: Replicas
    with_missing: Replicas
    worth: Seconds = NOTHING

    @property
    def rate(self) -> RequestsPerSecond:
        """The rate to be expected."""
        return RequestsPerSecond(0.0) if self.outlook is None else self.outlook.mean

    def within(self, replicas: int) -> float:
        """Return the share of requests, 0 to 1, expected to be in time with so many replicas; 1 where none come."""
        if self.outlook is None or self.capacity is None:
            return 1.0
        need = Need(_loads((self.outlook,), self.capacity), self.capacity.lateness)
        total = sum(chance * load for load, chance in need.loads)
        return 1.0 - min(1.0, need.late(replicas) / total) if total else 1.0

    def explained(self, promise: Promise) -> str:
        """Return the numbers in a sentence."""
        outlook, capacity = self.outlook, self.capacity
        if outlook is None or capacity is None or (not outlook.now and not self.replicas):
            return "no requests come"
        expected = (
            f"{_number(outlook.mean)} requests/s expected in {outlook.horizon:.0f} s "
            f"(now {_number(outlook.now)}, in 19 of 20 cases at most {_number(outlook.at(NINETEEN_OF_TWENTY))})"
        )
        target = f"{promise.target * 1_000:g} ms"
        serves = f"one replica serves {_number(capacity.rate)}"
        if capacity.alone > promise.target:
            alone = f"{capacity.alone * 1_000:.3g} ms"
            return f"{expected}; {serves}, but none within {target}: a request that is alone takes {alone}"
        worth = f"a late request less is worth {self.worth:.3g} s of a replica"
        return f"{expected}; {serves} within {target} at p{promise.percentile * 100:g}; {worth}"


def sizing_of(sample: Sample, memory: ScalingMemory, promise: Promise, standing: Standing) -> Sizing | None:
    """Return how many replicas are worth it, None where that cannot be known.

    That is so while service times are not, and where requests wait and none ends: then no traffic is measured because
    nothing moves. Where nothing is asked for, nothing needs to be known.
    """
    asked = sample.arrivals > 0.0 or any(point.rate > 0.0 for point in sample.history)
    moves = sample.arrivals > 0.0 or any(point.rate > 0.0 for point in sample.history if point.ago <= MINUTE)
    if not moves and sample.pending > 0.0:
        return None
    if not memory.times.known:
        nothing = Replicas(0)
        none = Sizing(outlook=None, capacity=None, replicas=nothing, kept=nothing, with_missing=nothing)
        return None if asked else none
    capacity = capacity_of(memory.times, promise)
    unit = unit_of(capacity.most)
    then = outlook(sample, memory.demand, standing.start, unit)
    worth = max(LEAST_WORTH, capacity.lateness.worth * memory.price.factor)
    at_end = Need(_loads((then,), capacity), capacity.lateness)
    replicas = Replicas(max(int(asked), at_end.bought(worth, standing.replicas)))
    with_missing = replicas
    if sample.missing:
        share = (sample.pods + sample.missing) / max(1, sample.pods)
        more = tuple((load * share, chance) for load, chance in at_end.loads)
        with_missing = Replicas(max(int(asked), Need(more, capacity.lateness).bought(worth, standing.replicas)))
    kept = replicas
    if standing.replicas > replicas:
        before = (outlook(sample, memory.demand, standing.start, unit, index) for index in range(HORIZONS - 1))
        until_then = Need(_loads((*before, then), capacity), capacity.lateness)
        kept = Replicas(until_then.kept(worth, replicas, standing.replicas))
    return Sizing(
        outlook=then,
        capacity=capacity,
        replicas=replicas,
        kept=kept,
        with_missing=with_missing,
        worth=Seconds(worth / capacity.most),
    )


Loads = tuple[tuple[float, float], ...]
"""Demand in replicas that would never rest, each with its probability."""


def _loads(some: tuple[Outlook, ...], capacity: Capacity) -> Loads:
    """Return the demand of some horizons together, each as likely as the others; no demand makes no difference."""
    return tuple(
        (rate / capacity.most, chance / len(some))
        for outlook in some
        for rate, chance in zip(outlook.rates, outlook.chances, strict=True)
        if rate > 0.0
    )


@dataclass(frozen=True)
class Need:
    """Demand in replicas, and how late it is by how busy they are."""

    loads: Loads
    lateness: Lateness

    def late(self, replicas: int) -> float:
        """Return how much is late with so many replicas, in a replica's capacity."""
        at = self.lateness.at
        if not replicas:
            return sum(chance * load * max(1.0, at(2.0 * load)) for load, chance in self.loads)
        return sum(chance * load * at(load / replicas) for load, chance in self.loads)

    def spared(self, replicas: int) -> float:
        """Return how much less is late with one more than so many."""
        return self.late(replicas) - self.late(replicas + 1)

    def bought(self, worth: float, guess: int) -> int:
        """Return how many replicas spare enough late requests each to be worth their time, looked for from a guess on.

        They spare less and less, so the first that does not is found by doubling steps and then by halving.
        """
        low, high, step = 0, max(1, min(guess, MOST_REPLICAS - 1)), 1
        if worth * self.spared(high) >= 1.0:
            low = high + 1
            while high < MOST_REPLICAS and worth * self.spared(high) >= 1.0:
                low, high, step = high + 1, min(MOST_REPLICAS, high + step), 2 * step
        else:
            while high - step > 0 and worth * self.spared(high - step) < 1.0:
                high, step = high - step, 2 * step
            low = max(0, high - step)
        return _first(low, high, lambda replicas: worth * self.spared(replicas) < 1.0)

    def kept(self, worth: float, least: int, most: int) -> int:
        """Return how many replicas are worth being kept, of `most` that there are and `least` that are needed anyway.

        One that is given up saves its time only until it is needed again, since its start is paid for without use: the
        more likely that is within a start, the less has to be spared by it. (Renting skis, with a forecast.)
        """

        def goes(replicas: int) -> bool:
            border = replicas * self.lateness.sustained
            needed = sum(chance for load, chance in self.loads if load > border)
            return worth * self.spared(replicas) < 1.0 - needed

        return most if not goes(most - 1) else _first(least, most - 1, goes)


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the first number from `low` on for which something holds, as it does from some number on; else `high`."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _number(rate: RequestsPerSecond) -> str:
    return f"{rate:.1f}" if rate >= 1.0 else f"{rate:.2g}"
