"""A model's own past as traffic: demand in steps, as a metric source kept it, to requests in each second."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from trimtab.simulate.trace import Trace

LEAST_STEPS = 120
"""Steps that must be known: ten minutes at 5 s. Of less there is nothing to learn from and then to judge."""
LEAST_KNOWN = 0.5
"""Share of the time that must be known; what lies between two known steps is drawn as a straight line."""


class HistoryError(ValueError):
    """The past cannot be replayed; `str()` says why and what to do."""


@dataclass(frozen=True)
class Past:
    """The traffic, and what share of its time was not known and had to be filled in, 0 to 1."""

    trace: Trace
    unknown: float


def past_of(rates: Mapping[int, float], *, step: int, name: str) -> Past:
    """Return the traffic whose rates, in requests per second, were these at these times, in seconds.

    `step` is what lies between two times that are both known. A rate holds for the step that ends at its time.

    Raises:
        HistoryError: too little is known.
    """
    times = sorted(rates)
    if len(times) < LEAST_STEPS:
        raise HistoryError(
            f"of {name} {len(times)} steps of {step} s are known, {LEAST_STEPS} are needed: ask for a longer time, or "
            "see whether Prometheus keeps nv_inference_request_success of the model that long"
        )
    steps = (times[-1] - times[0]) // step + 1
    unknown = 1.0 - len(times) / steps
    if 1.0 - unknown < LEAST_KNOWN:
        raise HistoryError(
            f"of {name} {unknown:.0%} of the time is not known, half of it must be: ask for a time in which Prometheus "
            "has scraped the model"
        )
    counts = [rates[times[0]]] * step
    for before, after in pairwise(times):
        missing = (after - before) // step
        for place in range(1, missing + 1):
            rate = rates[before] + (rates[after] - rates[before]) * place / missing
            counts += [rate] * step
    return Past(Trace(counts=tuple(counts)), unknown)
