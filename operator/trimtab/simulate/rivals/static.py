"""The peak, all the time: what people do who have been hurt by an autoscaler."""

from trimtab.simulate.rivals.rival import Rival, rounded_up
from trimtab.simulate.setting import Setting
from trimtab.simulate.view import Autoscaler, Signal, View
from trimtab.units import RequestsPerSecond

BUSIEST = 60
"""Seconds over which the peak is a mean: peaks are read from a graph of requests per minute."""


def desired(peak: RequestsPerSecond, capacity: RequestsPerSecond, headroom: float) -> int:
    """Return the replicas for a peak and some more, 1 at least."""
    return max(1, rounded_up(headroom * peak / capacity))


def static(headroom: float, setting: Setting) -> Autoscaler:
    """Keep what the busiest minute so far would need. Never fewer: after the part to learn from it is nearly constant.

    If a later minute is busier still, the number is raised on the spot, as a person with a pager would do within
    minutes; that is kinder than a constant, whose misses would have no end.
    """
    most = 0

    def decide(view: View) -> int:
        nonlocal most
        peak = RequestsPerSecond(view.mean(Signal.ARRIVALS, BUSIEST)) if view.now >= BUSIEST else RequestsPerSecond(0.0)
        most = max(most, view.asked, desired(peak, setting.service.capacity, headroom))
        return most

    return decide


STATIC = Rival(
    name="static-peak",
    knob="capacity over the busiest minute so far",
    default=1.3,
    sweep=(0.6, 0.8, 1.0, 1.15, 1.3, 1.5, 2.0),
    make=static,
    source="nobody's: the custom of provisioning for the peak, with 30 % on top",
)
