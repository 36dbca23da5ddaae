"""Ray Serve's replica autoscaling.

From ray-project/ray, python/ray/serve/autoscaling_policy.py and config.py, and docs.ray.io "Advanced Ray Serve
Autoscaling" (the policy at 00590c4): requests ongoing and queued, a mean over the last 30 s (look_back_period_s) that
arrives every 10 s (metrics_interval_s); factors 1.0; up after 30 s of wanting nothing else, down after 600 s; one
replica at once for the first request at zero. The controller looks every 0.1 s, here every second.
"""

from dataclasses import dataclass

from trimtab.simulate.rivals.rival import Rival, rounded_up
from trimtab.simulate.setting import Setting
from trimtab.simulate.view import Autoscaler, Signal, View

METRICS_INTERVAL = 10
LOOK_BACK = 30
UP_DELAY = 30
DOWN_DELAY = 600
SHIPPED = 0.4
"""target_ongoing_requests 2 of max_ongoing_requests 5."""


def desired(ongoing: float, target: float, *, running: int) -> int:
    """Return running * (ongoing / (target * running)), rounded up; 1 for the first request at zero."""
    if not running:
        return 1 if ongoing > 0.0 else 0
    return rounded_up(ongoing / target)


@dataclass
class Delay:
    """How many seconds in a row the same direction was wanted: above 0 up, below 0 down."""

    counted: int = 0

    def settle(self, wanted: int, current: int) -> int:
        """Return the replicas to set after one more second."""
        if wanted == current:
            self.counted = 0
            return current
        if wanted > current:
            self.counted = max(0, self.counted) + 1
            done = self.counted > UP_DELAY
        else:
            self.counted = min(0, self.counted) - 1
            done = self.counted < -DOWN_DELAY
            wanted = wanted if current == 1 else max(1, wanted)  # to zero only from one
        if not done:
            return current
        self.counted = 0
        return wanted


def ray_serve(share: float, setting: Setting) -> Autoscaler:
    """Return Ray Serve; `share` is target_ongoing_requests as a part of a replica's slots."""
    target, delay = share * setting.service.slots, Delay()
    ongoing = 0.0

    def decide(view: View) -> int:
        nonlocal ongoing
        if view.now % METRICS_INTERVAL == 0:
            ongoing = view.mean(Signal.INSIDE, LOOK_BACK)
        if not view.ready:
            return max(view.asked, desired(view.mean(Signal.INSIDE, 1), target, running=0))
        wanted = desired(ongoing, target, running=view.ready)
        within = min(max(wanted, view.min_replicas), view.max_replicas)
        return delay.settle(within, view.asked)

    return decide


RAY_SERVE = Rival(
    name="ray-serve",
    knob="target_ongoing_requests, as a share of a replica's slots",
    default=SHIPPED,
    sweep=(0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    make=ray_serve,
    source="ray-project/ray python/ray/serve/autoscaling_policy.py at 00590c4, docs.ray.io advanced autoscaling",
)
