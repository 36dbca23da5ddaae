"""Knative's pod autoscaler (KPA).

From knative/serving, pkg/autoscaler/scaling/autoscaler.go and config/core/configmaps/autoscaler.yaml at 00a4a55: a look
every 2 s; a stable window of 60 s and a panic window of a tenth; target 70 % of the container's concurrency; at most
1000 times up and half down in one look; panic from twice the ready pods on, in which nothing goes down, until a stable
window has passed without. Concurrency is counted by the sidecars, queue included, and is 1 s old.
"""

import math
from dataclasses import dataclass

from trimtab.simulate.rivals.rival import Rival, every, rounded_up
from trimtab.simulate.setting import Setting
from trimtab.simulate.view import Autoscaler, Signal, View

TICK = 2
LAG = 1
STABLE_WINDOW = 60
PANIC_WINDOW = 6
PANIC_THRESHOLD = 2.0
UP_RATE = 1000.0
DOWN_RATE = 2.0


@dataclass(frozen=True)
class Wanted:
    """What the two windows ask for, and whether that is twice of what there is."""

    stable: int
    panic: int
    alarming: bool


def desired(stable: float, panic: float, target: float, *, ready: int) -> Wanted:
    """Return what is wanted for the concurrency of the stable and of the panic window; `target` is for one pod."""
    pods = max(1, ready)
    most, least = rounded_up(UP_RATE * pods), math.floor(pods / DOWN_RATE)
    by_stable, by_panic = rounded_up(stable / target), rounded_up(panic / target)
    return Wanted(
        stable=min(max(by_stable, least), most),
        panic=min(max(by_panic, least), most),
        alarming=by_panic / pods >= PANIC_THRESHOLD,
    )


class Panic:
    """The state between looks: since when there is panic, and the most pods that it has wanted."""

    def __init__(self, *, now: int, ready: int) -> None:
        # A new autoscaler that finds more than one pod begins in panic, since it has no history and must not shrink.
        self._since: int | None = now if ready > 1 else None
        self._most = ready

    def settle(self, now: int, wanted: Wanted) -> int:
        """Return the pods to set."""
        if wanted.alarming:
            self._since = now
        elif self._since is not None and self._since + STABLE_WINDOW < now:
            self._since, self._most = None, 0
        if self._since is None:
            return wanted.stable
        self._most = max(self._most, wanted.stable, wanted.panic)
        return self._most


def kpa(utilisation: float, setting: Setting) -> Autoscaler:
    """Return the KPA on concurrency; `utilisation` is the target's share of the slots of a replica."""
    target = utilisation * setting.service.slots
    state: Panic | None = None

    def decide(view: View) -> int | None:
        nonlocal state
        if state is None:
            state = Panic(now=view.now, ready=view.ready)
        if view.now <= LAG:
            return None
        stable, panic = (view.mean(Signal.INSIDE, window, LAG) for window in (STABLE_WINDOW, PANIC_WINDOW))
        return state.settle(view.now, desired(stable, panic, target, ready=view.ready))

    return every(TICK, decide)


KPA = Rival(
    name="knative-kpa",
    knob="container-concurrency-target-percentage, of a replica's slots",
    default=0.7,
    sweep=(0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2),
    make=kpa,
    source="knative/serving pkg/autoscaler/scaling/autoscaler.go, config/core/configmaps/autoscaler.yaml at 00a4a55",
)
