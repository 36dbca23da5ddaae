"""Kubernetes' HorizontalPodAutoscaler.

From kubernetes/kubernetes, pkg/controller/podautoscaler/{replica_calculator,horizontal}.go and
pkg/apis/autoscaling/v2/defaults.go, and kubernetes.io "Horizontal Pod Autoscaling" (the calculator at 0006726).
Defaults: a look every 15 s, 10 % tolerance, 300 s stabilisation on the way down, max(4 pods, 100 %) in 15 s on the way
up, all at once down. Metrics arrive as they do by metrics-server or by a scrape of Prometheus each 15 s: a mean over 15
s that is 15 s old. (The Prometheus adapter's own samples take rates over 2 minutes: slower.)
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from trimtab.simulate.rivals.rival import ROUNDING, Recent, Rival, every, rounded_up
from trimtab.simulate.setting import Setting
from trimtab.simulate.view import Autoscaler, Signal, View

SYNC = 15
TOLERANCE = 0.1
WINDOW = 15
LAG = 15
SOURCE = "kubernetes/kubernetes pkg/controller/podautoscaler at 0006726, pkg/apis/autoscaling/v2/defaults.go"


def desired(usage: float, target: float, *, ready: int, starting: int = 0) -> int:
    """Return the replicas for a metric of pods: `usage` is its mean over the ready ones, `target` what it shall be.

    Pods without a metric yet count as idle if there are too few replicas, and as at the target if there are too many.
    If they turn the direction around, or leave less than the tolerance, all stays as it is. Nobody ready: nothing is
    known, so too.
    """
    replicas = ready + starting
    if not ready:
        return replicas
    ratio = usage / target
    assumed = target if ratio < 1.0 else 0.0
    rebalanced = (usage * ready + assumed * starting) / (replicas * target)
    turned = (ratio - 1.0) * (rebalanced - 1.0) < 0.0
    if turned or abs(rebalanced - 1.0) <= TOLERANCE + ROUNDING:
        return replicas
    return rounded_up(rebalanced * replicas)


def desired_of_total(total: float, target: float, *, replicas: int) -> int:
    """Return the replicas for an external metric's `AverageValue`: its total divided by all replicas, ready or not."""
    ratio = total / (target * replicas)
    return replicas if abs(ratio - 1.0) <= TOLERANCE + ROUNDING else rounded_up(total / target)


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """`spec.behavior`, with Kubernetes' defaults: windows in seconds, and the most that one look may change.

    Of the policies for pods and for percent the larger change holds. Each policy's period is the look's own, 15 s, so
    that what the last look did is never counted against this one.
    """

    stabilise_up: int = 0
    stabilise_down: int = 300
    up_pods: int = 4
    up_percent: float = 100.0
    down_pods: int = 0
    down_percent: float = 100.0

    def highest(self, current: int) -> int:
        """Return the most replicas that may follow on `current`."""
        return max(current + self.up_pods, rounded_up(current * (1.0 + self.up_percent / 100.0)))

    def lowest(self, current: int) -> int:
        """Return the fewest."""
        return max(0, min(current - self.down_pods, math.floor(current * (1.0 - self.down_percent / 100.0))))


class Stabiliser:
    """Turns what a metric asks for into what is done: windows first, then the rates."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._recent = Recent(max(behaviour.stabilise_up, behaviour.stabilise_down))
        self._begun = False

    def settle(self, now: int, wanted: int, current: int) -> int:
        """Return the replicas to set: at most the least wanted in the window up, at least the most in that down."""
        if not self._begun:
            self._recent.add(now, current)  # the controller's first entry is what it finds
            self._begun = True
        least = min([wanted, *self._recent.after(now - self._behaviour.stabilise_up)])
        most = max([wanted, *self._recent.after(now - self._behaviour.stabilise_down)])
        self._recent.add(now, wanted)
        settled = min(max(current, least), most)
        return min(max(settled, self._behaviour.lowest(current)), self._behaviour.highest(current))


def unready(view: View) -> int:
    """Return the pods that were asked for and are not ready: those that start, and those that found no accelerator."""
    return max(0, view.asked - view.ready)


def hpa(signal: Signal, target: float) -> Autoscaler:
    """Return an HPA on the mean of a signal over the ready pods."""
    stabiliser = Stabiliser(Behaviour())

    def decide(view: View) -> int | None:
        if view.now <= LAG or not view.asked:  # no metric yet, or switched off by zero replicas
            return None
        usage = view.per_replica(signal, WINDOW, LAG)
        wanted = max(1, desired(usage, target, ready=view.ready, starting=unready(view)))
        return stabiliser.settle(view.now, wanted, view.asked)

    return every(SYNC, decide)


def _per_slot(signal: Signal) -> Callable[[float, Setting], Autoscaler]:
    return lambda share, setting: hpa(signal, share * setting.service.slots)


UTILISATION = Rival(
    name="hpa-utilisation",
    knob="share of its time that a replica shall work",
    default=0.8,  # what an HPA without metrics is given: 80 % of the processor
    sweep=(0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95),
    make=lambda share, _: hpa(Signal.BUSY, share),
    source=SOURCE,
)
CONCURRENCY = Rival(
    name="hpa-concurrency",
    knob="requests inside a replica, as a share of its slots",
    default=0.7,  # Kubernetes has no default for a metric of one's own; 0.7 is Knative's
    sweep=(0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2),
    make=_per_slot(Signal.INSIDE),
    source=SOURCE,
)
QUEUE = Rival(
    name="hpa-queue",
    knob="requests that wait at a replica",
    default=3.0,  # GKE's guide for inference begins with 3 to 5
    sweep=(0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0),
    make=lambda waiting, _: hpa(Signal.WAITING, waiting),
    source=f"{SOURCE}; GKE's best practices for autoscaling inference",
)
