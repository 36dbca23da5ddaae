"""KEDA: an HPA between one and many, and KEDA's own operator between none and one.

From kedacore/keda, pkg/scaling/executor/scale_scaledobjects.go, and keda.sh "ScaledObject specification" (the executor
at 01305c8): pollingInterval 30 s and cooldownPeriod 300 s for 0 <-> 1, activationThreshold 0; for 1 <-> N an HPA with
Kubernetes' defaults on the total divided by a threshold (`AverageValue`), which counts all replicas, ready or not. The
number comes from a Prometheus that scrapes each 15 s.
"""

from trimtab.simulate.rivals.hpa import LAG, SYNC, WINDOW, Behaviour, Stabiliser, desired_of_total
from trimtab.simulate.rivals.rival import Rival
from trimtab.simulate.view import Autoscaler, Signal, View

POLLING = 30
COOLDOWN = 300
RATE_WINDOW = 120
SOURCE = "kedacore/keda pkg/scaling/executor at 01305c8, keda.sh ScaledObject specification and Prometheus scaler"


def activated(total: float, *, replicas: int, idle: int, may_be_zero: bool) -> int:
    """Return 0 or 1 where KEDA itself decides, else what there is; `idle` is seconds since the last activity."""
    if not replicas:
        return 1 if total > 0.0 else 0
    return 0 if may_be_zero and total <= 0.0 and idle > COOLDOWN else replicas


def keda(signal: Signal, window: int, threshold: float) -> Autoscaler:
    """Return KEDA with one trigger: the mean of a signal over a window, `threshold` of it for each replica."""
    stabiliser = Stabiliser(Behaviour())
    active = 0

    def decide(view: View) -> int | None:
        nonlocal active
        if view.now <= LAG:
            return None
        total = view.mean(signal, window, LAG)
        if view.now % POLLING == 0:
            active = view.now if total > 0.0 else active
            wanted = activated(total, replicas=view.asked, idle=view.now - active, may_be_zero=view.min_replicas == 0)
            if wanted == 0 or view.asked == 0:
                return wanted
        if view.now % SYNC or not view.asked:
            return None
        wanted = max(1, desired_of_total(total, threshold, replicas=view.asked))
        return stabiliser.settle(view.now, wanted, view.asked)

    return decide


KEDA = Rival(
    name="keda",
    knob="requests inside for each replica, as a share of its slots",
    default=0.7,
    sweep=(0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2),
    make=lambda share, setting: keda(Signal.INSIDE, WINDOW, share * setting.service.slots),
    source=SOURCE,
)
KEDA_RATE = Rival(
    name="keda-rate",
    knob="requests per second for each replica, as a share of its capacity",
    default=0.7,
    sweep=(0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95),
    make=lambda share, setting: keda(Signal.ARRIVALS, RATE_WINDOW, share * setting.service.capacity),
    source=f"{SOURCE}: its example takes rate(...[2m])",
)
