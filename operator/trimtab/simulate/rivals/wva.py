"""llm-d's Workload Variant Autoscaler (WVA): two analysers of saturation, and the HPA that carries them out.

From llm-d/llm-d-workload-variant-autoscaler at b08b1c7, internal/saturation,
internal/engines/{analyzers/saturation_v2,pipeline} and its chart: a decision every 60 s (GLOBAL_OPT_INTERVAL) on each
pod's peak of the last minute (max_over_time[1m]); the result goes through an HPA on `AverageValue` with 240 s of
stabilisation in both directions and 10 pods at a time. Without that stabilisation it is a variant, as in older charts.

Models here have no tokens. A request takes one slot of a replica as it would take KV-cache, so slots stand for the
cache's tokens: slots in use for `kv_cache_usage`, one slot for the tokens of a request that waits, instances * batch
for the cache's size. The queue's threshold stays 5 requests. Pods are seen as their mean, since behind one Service they
differ by chance only.
"""

from collections import deque
from collections.abc import Callable

from trimtab.simulate.rivals.hpa import LAG, SYNC, Behaviour, Stabiliser, desired_of_total
from trimtab.simulate.rivals.rival import Rival, rounded_up
from trimtab.simulate.setting import Setting
from trimtab.simulate.view import Autoscaler, Signal, View

INTERVAL = 60
PEAK_OF = 60
STABILISATION = 240
PODS = 10
QUEUE_THRESHOLD = 5.0
KV_THRESHOLD = 0.80
SPARE_KV, SPARE_QUEUE = 0.10, 3.0
UP_THRESHOLD, DOWN_BOUNDARY = 0.85, 0.70
REMEMBERED = 10
LEAST_FOR_DOWN = 2
SOURCE = "llm-d/llm-d-workload-variant-autoscaler at b08b1c7"

Analyser = Callable[[float, float, View], int]
"""Of the slots in use and the requests that wait, both per ready replica, and the replicas: how many there shall be."""


def step(in_use: float, waiting: float, *, ready: int, starting: int, threshold: float = KV_THRESHOLD) -> int:
    """Return V1's step: +1, 0 or -1. `in_use` is a share of the cache; nothing is done while replicas start."""
    if starting:
        return 0
    if in_use >= threshold or waiting >= QUEUE_THRESHOLD:  # saturated: no replica has any spare
        return 1
    if threshold - in_use < SPARE_KV or QUEUE_THRESHOLD - waiting < SPARE_QUEUE:
        return 1
    if ready < LEAST_FOR_DOWN:
        return 0
    more = ready / (ready - 1)
    spare = threshold - in_use * more >= SPARE_KV and QUEUE_THRESHOLD - waiting * more >= SPARE_QUEUE
    return -1 if spare else 0


def added(demand: float, capacity: float, *, ready: int, starting: int, threshold: float = UP_THRESHOLD) -> int:
    """Return by how many replicas V2 moves: up by what is short of demand / 0.85, down by what is beyond demand / 0.70.

    Those that start count as supply on the way up, not on the way down. At least one stays. The boundary down keeps its
    distance to the threshold when that is tuned.
    """
    short = demand / threshold - (ready + starting) * capacity
    if short > 0.0:
        return rounded_up(short / capacity)
    spare = ready * capacity - demand / (threshold * DOWN_BOUNDARY / UP_THRESHOLD)
    return -min(max(0, int(spare / capacity + 1e-9)), max(0, ready + starting - 1))


class Capacity:
    """V2's capacity of a replica: the less of 80 % of its cache (k1) and what it held with a full queue (k2)."""

    def __init__(self, slots: int) -> None:
        self._memory = slots * KV_THRESHOLD
        self._seen: deque[float] = deque(maxlen=REMEMBERED)

    def learn(self, in_use: float, waiting: float) -> float:
        """Return the slots that it is good for: as seen now, else the mean of those seen, else the memory's."""
        if waiting >= QUEUE_THRESHOLD and in_use > 0.0:
            self._seen.append(in_use)
            return min(self._memory, in_use)
        return min(self._memory, sum(self._seen) / len(self._seen)) if self._seen else self._memory


def first_analyser(threshold: float, setting: Setting) -> Analyser:
    """Return V1."""
    slots = setting.service.slots

    def analyse(in_use: float, waiting: float, view: View) -> int:
        starting = max(0, view.asked - view.ready)
        moved = step(in_use / slots, waiting, ready=view.ready, starting=starting, threshold=threshold)
        return view.asked + moved

    return analyse


def second_analyser(threshold: float, setting: Setting) -> Analyser:
    """Return V2."""
    capacity = Capacity(setting.service.slots)

    def analyse(in_use: float, waiting: float, view: View) -> int:
        demand = (in_use + waiting) * view.ready
        room = capacity.learn(in_use, waiting)
        starting = max(0, view.asked - view.ready)
        return view.asked + added(demand, room, ready=view.ready, starting=starting, threshold=threshold)

    return analyse


def wva(analyse: Analyser, stabilisation: int) -> Autoscaler:
    """Return an analyser with its HPA."""
    hpa = Stabiliser(
        Behaviour(
            stabilise_up=stabilisation,
            stabilise_down=stabilisation,
            up_pods=PODS,
            up_percent=0.0,
            down_pods=PODS,
            down_percent=0.0,
        )
    )
    wanted: int | None = None

    def decide(view: View) -> int | None:
        nonlocal wanted
        if view.now <= LAG or not view.asked:
            return None
        if view.now % INTERVAL == 0 and view.ready:
            wanted = max(1, analyse(*peaks(view), view))
        if view.now % SYNC or wanted is None:
            return None
        return hpa.settle(view.now, desired_of_total(wanted, 1.0, replicas=view.asked), view.asked)

    return decide


def peaks(view: View) -> tuple[float, float]:
    """Return the peaks of the last minute: slots in use and requests that wait, per ready replica."""
    in_use = waiting = 0.0
    for ago in range(min(PEAK_OF, view.now - LAG)):
        waits = view.per_replica(Signal.WAITING, 1, LAG + ago)
        in_use = max(in_use, view.per_replica(Signal.INSIDE, 1, LAG + ago) - waits)
        waiting = max(waiting, waits)
    return in_use, waiting


V1 = Rival(
    name="wva-v1",
    knob="kvCacheThreshold, here of slots",
    default=KV_THRESHOLD,
    sweep=(0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    make=lambda threshold, setting: wva(first_analyser(threshold, setting), STABILISATION),
    source=SOURCE,
)
V2 = Rival(
    name="wva-v2",
    knob="scaleUpThreshold",
    default=UP_THRESHOLD,
    sweep=(0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95),
    make=lambda threshold, setting: wva(second_analyser(threshold, setting), STABILISATION),
    source=SOURCE,
)
V2_AT_ONCE = Rival(
    name="wva-v2-0s",
    knob="scaleUpThreshold",
    default=UP_THRESHOLD,
    sweep=(0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95),
    make=lambda threshold, setting: wva(second_analyser(threshold, setting), 0),
    source=f"{SOURCE}, its HPA without stabilisation",
)
