"""What pods tell the operator itself, within seconds: evidence that more is asked for than was planned with.

It only ever raises. That nothing is read, or that what was read is little, says nothing: an old page, a pod that was
left out and a counter that began anew all look like calm.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from trimtab.core.scaling.observation import RatePoint, Sample
from trimtab.units import RequestsPerSecond, Seconds

SHORTEST_WINDOW, LONGEST_WINDOW = Seconds(1.8), Seconds(16.0)
"""Over which pages are compared: below, a handful of requests decides; above, Prometheus has seen as much."""
JUST_NOW = Seconds(0.0)
JITTER = Seconds(0.2)
"""By which the pages of one round may be apart."""
UNUSUAL = 3.0
"""Standard deviations above what was planned with: once in 700 times by chance."""
LONGEST_IN_FORCE = Seconds(10.0)
"""After which a reading is forgotten: two scrapes of Prometheus, which has seen the step by then, or there was none."""
APART, OVER = 3, Seconds(10.0)
"""Points of the past whose rates share no request: they are 5 s apart, and each is told by scrapes of 15 s, of which
the first and the last are 10 s apart."""
RECENT = Seconds(300.0)
KEPT, OF_KEPT = 0.75, 0.3688
"""Of the squared differences, the smaller three quarters; of normal ones, these are so much of all in the mean."""
PRIOR_WEIGHT = 40.0
"""Differences that pure chance is worth: from 20, twice as much is found as often as half."""
TOLD_ROUNDED = Seconds(10.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class PodCount:
    """What a pod's page says at a time: requests `ended` since it began, answered or failed, and `pending` now.

    `at` is seconds of a clock that never goes back.
    """

    at: Seconds
    ended: float
    pending: float


Round = Mapping[str, PodCount]
"""What the pods of a model told at about one time, by their uids; one that told nothing is absent."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Requests per second that came in the `window` that ended `age` ago, by the pages of so many `pods`."""

    rate: RequestsPerSecond
    window: Seconds
    pods: int
    age: Seconds = JUST_NOW

    def told(self) -> str:
        """Return it in words."""
        rate = f"{self.rate:.2g}" if self.rate < TOLD_ROUNDED else f"{self.rate:.0f}"
        return f"direct reading, {self.age:.1f} s old: {rate} requests/s"


@dataclass(frozen=True, kw_only=True)
class SizedFor:
    """The rate that the last decision was planned with, and the sample that it was taken on.

    `in_flight` is how many requests one pod may work on at once, as far as is known.
    """

    rate: RequestsPerSecond
    sample: Sample
    in_flight: float = 1.0


def step_in(rounds: Sequence[Round], sized: SizedFor) -> Reading | None:
    """Return what comes, if it is surely more than was planned with; None else. `rounds` are the oldest first.

    Each window counts in which requests exceed the plan by three standard deviations: roots of counts are compared,
    since few requests vary more to above. Of several, the one counts by which surely most came, one deviation less
    than was counted: a short one that was lucky says less.
    """
    found = [
        counted
        for window, count, pods in _windows(rounds)
        if _exceeds(count, sized.rate * window, 1.0)  # before anything is worked out that costs time
        if (counted := _counted(window, count, pods, sized)) is not None
    ]
    return max(found, key=lambda counted: counted[0])[1] if found else None


def measured_since(rounds: Sequence[Round], began: Seconds) -> Reading | None:
    """Return what has come since a step was found to begin, None if no page is left of then.

    So a step that was found by luck is told with less of it each time; looked for anew, it would be the luckiest again.
    """
    ended = ended_at(rounds)
    known = [each for each in _windows(rounds) if each[0] <= ended - began + JITTER]
    if not known:
        return None
    window, count, pods = max(known)
    return Reading(rate=RequestsPerSecond(max(0.0, count / window)), window=window, pods=pods)


def ended_at(rounds: Sequence[Round]) -> Seconds:
    """Return when the last page of the last round was read; 0 where there is none."""
    return max((each.at for each in rounds[-1].values()), default=JUST_NOW) if rounds else JUST_NOW


def grown(sample: Sample, reading: Reading) -> Sample:
    """Return a sample as it would be had Prometheus seen what was read: the rate before it is part of the past."""
    before = tuple(point for point in sample.history if point.ago > sample.age)
    return replace(
        sample,
        age=reading.age,
        arrivals=max(sample.arrivals, reading.rate),
        history=(*before, RatePoint(ago=sample.age, rate=sample.arrivals)),
    )


def as_read(reading: Reading) -> Sample:
    """Return all that is known where Prometheus tells nothing: what was read, without a past."""
    nothing = RequestsPerSecond(0.0)
    return Sample(
        age=reading.age,
        window=reading.window,
        pods=reading.pods,
        arrivals=reading.rate,
        completions=nothing,
        failures=nothing,
        pending=0.0,
    )


def dispersion_of(history: Sequence[RatePoint]) -> float:
    """Return how many times as much as by pure chance the number of requests varied in the last minutes; at least 1.

    By differences between neighbours (von Neumann, 1941), since a slow rise is no variance; and without the largest
    quarter of them, since a step of the past is none either. Until much is known, it is taken to be chance.
    """
    rates = [point.rate for point in history if point.ago <= RECENT]
    squares = sorted((later - earlier) ** 2 for earlier, later in zip(rates, rates[APART:], strict=False))
    kept = squares[: math.ceil(KEPT * len(squares))]
    total = sum(rates)
    if not kept or not 0.0 < total < math.inf:
        return 1.0
    variance = sum(kept) / (2.0 * len(kept) * OF_KEPT)
    found = variance * OVER * len(rates) / total
    return max(1.0, (len(squares) * found + PRIOR_WEIGHT) / (len(squares) + PRIOR_WEIGHT))


def _windows(rounds: Sequence[Round]) -> Iterator[tuple[Seconds, float, int]]:
    """Yield how long ago a round was, how many requests came since, and by how many pods' pages.

    A pod without an earlier page, or whose counters began anew, is left out: what it tells came at another time.
    """
    if not rounds:
        return
    *earlier, last = rounds
    for before in earlier:
        pairs = [(before[pod], now) for pod, now in last.items() if pod in before and now.ended >= before[pod].ended]
        window = max((now.at - then.at for then, now in pairs), default=0.0)
        if SHORTEST_WINDOW <= window <= LONGEST_WINDOW:
            count = sum(now.ended - then.ended + now.pending - then.pending for then, now in pairs)
            yield Seconds(window), count, len(pairs)


def _counted(window: Seconds, count: float, pods: int, sized: SizedFor) -> tuple[float, Reading] | None:
    """Return what surely came in a window, as a rate, and what was counted; None if it may be chance.

    What a pod works on is neither pending nor ended, so the count is off by what it had at the beginning and has at
    the end: by up to a batch, as likely as not.
    """
    planned = sized.rate * window
    lumps = pods * sized.in_flight**2 / 2.0
    dispersion = dispersion_of(sized.sample.history) + lumps / max(planned, 1.0)
    if not _exceeds(count, planned, dispersion):
        return None
    surely = (count - math.sqrt(dispersion * count)) / window
    return surely, Reading(rate=RequestsPerSecond(count / window), window=window, pods=pods)


def _exceeds(count: float, planned: float, dispersion: float) -> bool:
    return count > 0.0 and 2.0 * (math.sqrt(count) - math.sqrt(planned)) > UNUSUAL * math.sqrt(dispersion)
