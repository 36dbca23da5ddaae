"""NVIDIA Dynamo's planner: by throughput every 180 s, by load every 5 s, and both.

From ai-dynamo/dynamo, components/src/dynamo/planner/core/{throughput_scaling,load_scaling,state_machine}.py and
config/defaults.py at 0c6da1e, for engines that are not disaggregated. Throughput: ceil(requests forecast for the next
interval / what an engine serves within the SLA). Load: one replica more or less, and nothing while one starts. Both:
throughput is the floor of load. The GPU budget of 8 is left away; the setting's `max_replicas` is everybody's bound.

Models here have no tokens: an engine's rate within the SLA is that of the largest batch whose time is within the
target; slots stand for the KV-cache; the estimate of a new request's latency is the queue's time plus its own batch.
Engines are seen as their mean, since behind one Service they differ by chance only.
"""

from dataclasses import dataclass

from trimtab.simulate.rivals import forecast
from trimtab.simulate.rivals.rival import Rival, rounded_up
from trimtab.simulate.setting import Service, Setting
from trimtab.simulate.view import Autoscaler, Signal, View
from trimtab.units import RequestsPerSecond, Seconds

THROUGHPUT_INTERVAL = 180
LOAD_INTERVAL = 5
LAG = 1
PROMETHEUS_LAG = 15
UP_THRESHOLD, DOWN_THRESHOLD = 1.0, 0.6
DOWN_SENSITIVITY = 0.8
SOURCE = "ai-dynamo/dynamo components/src/dynamo/planner at 0c6da1e"


def engine_rate(service: Service, target: Seconds) -> RequestsPerSecond:
    """Return the most that one engine serves with each batch within the target; of single requests if none is."""
    fit = [size for size in range(1, service.max_batch + 1) if service.batch_time(size) <= target]
    return RequestsPerSecond(max(service.instances * size / service.batch_time(size) for size in fit or [1]))


def desired(requests: float, seconds: float, rate: RequestsPerSecond) -> int:
    """Return the replicas for so many requests in an interval of so many seconds, 1 at least."""
    return max(1, rounded_up(requests / seconds / rate))


def step(in_use: float, *, ready: int, threshold: float = UP_THRESHOLD) -> int:
    """Return +1, 0 or -1 by the share of the cache in use, queue included: the target `throughput` of the planner."""
    if in_use > threshold:
        return 1
    return -1 if ready > 1 and in_use < threshold * DOWN_THRESHOLD / UP_THRESHOLD else 0


@dataclass(frozen=True, kw_only=True)
class Load:
    """What an engine has: requests that wait and that are worked on."""

    waiting: float
    working: float

    def spread(self, engines: int) -> "Load":
        """Return what each has when there is one engine less."""
        more = engines / (engines - 1)
        return Load(waiting=self.waiting * more, working=self.working * more)


def step_within(load: Load, target: Seconds, service: Service, *, ready: int) -> int:
    """Return +1, 0 or -1 by the estimated latency: the target `sla` of the planner.

    Up if a new request would take longer than the target. Down if, with one engine less, everything fits in the slots
    and the time in the queue stays within 80 % of what the target leaves beside a request's own.
    """
    if _queue(load, service) + _own(load, service) > target:
        return 1
    if ready <= 1:
        return 0
    after = load.spread(ready)
    fits = after.waiting + after.working < service.slots
    quick = _queue(after, service) < DOWN_SENSITIVITY * (target - _own(after, service))
    return -1 if fits and quick else 0


def _queue(load: Load, service: Service) -> float:
    return load.waiting / service.capacity


def _own(load: Load, service: Service) -> float:
    batch = min(float(service.max_batch), max(1.0, load.working / service.instances))
    return service.batch_time(batch)


class Throughput:
    """The requests of each interval, and the replicas for those of the next."""

    def __init__(self, predict: forecast.Forecast, rate: RequestsPerSecond) -> None:
        self._predict, self._rate = predict, rate
        self._seen: list[float] = []

    def look(self, view: View) -> int | None:
        """Return the replicas for the next interval, at the end of one; None in between."""
        if view.now % THROUGHPUT_INTERVAL:
            return None
        requests = view.total(Signal.ARRIVALS, THROUGHPUT_INTERVAL, PROMETHEUS_LAG)
        if requests or self._seen:  # the idle time before the first request is left out
            self._seen.append(requests)
        return desired(self._predict(self._seen), THROUGHPUT_INTERVAL, self._rate)


def throughput(predict: forecast.Forecast, share: float, setting: Setting) -> Autoscaler:
    """Return the planner by throughput alone; `share` is how much of an engine's rate is planned with."""
    return Throughput(predict, _planned(share, setting)).look


def _planned(share: float, setting: Setting) -> RequestsPerSecond:
    return RequestsPerSecond(share * engine_rate(setting.service, setting.target))


def load(threshold: float, setting: Setting) -> Autoscaler:
    """Return the planner by load alone, by the share of slots in use."""

    def decide(view: View) -> int | None:
        if view.now % LOAD_INTERVAL or _scaling(view):
            return None
        in_use = view.per_replica(Signal.INSIDE, LOAD_INTERVAL, LAG) / setting.service.slots
        return view.ready + step(in_use, ready=view.ready, threshold=threshold)

    return decide


def load_within(share: float, setting: Setting) -> Autoscaler:
    """Return the planner by load alone, by the latency; `share` is the SLA as a part of the target."""

    def decide(view: View) -> int | None:
        if view.now % LOAD_INTERVAL or _scaling(view):
            return None
        return view.ready + step_within(_load(view), Seconds(share * setting.target), setting.service, ready=view.ready)

    return decide


def hybrid(share: float, setting: Setting) -> Autoscaler:
    """Return the planner by load within the SLA, never below what throughput wants; `share` as for throughput."""
    planner, floor = Throughput(forecast.autoregression, _planned(share, setting)), 1

    def decide(view: View) -> int | None:
        nonlocal floor
        floor = planner.look(view) or floor
        if view.now % LOAD_INTERVAL or _scaling(view):
            return None
        moved = step_within(_load(view), setting.target, setting.service, ready=view.ready)
        return max(floor, view.ready + moved)

    return decide


def _scaling(view: View) -> bool:
    """Return whether replicas start or nobody answers: then nothing is done."""
    return view.now <= LAG or not view.ready or view.ready != view.asked


def _load(view: View) -> Load:
    waiting = view.per_replica(Signal.WAITING, LOAD_INTERVAL, LAG)
    return Load(waiting=waiting, working=view.per_replica(Signal.INSIDE, LOAD_INTERVAL, LAG) - waiting)


_SHARES = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0)
_KNOB = "share of an engine's rate within the SLA that is planned with"
THROUGHPUT = Rival(
    name="dynamo-throughput",
    knob=_KNOB,
    default=1.0,
    sweep=_SHARES,
    make=lambda share, setting: throughput(forecast.autoregression, share, setting),
    source=f"{SOURCE}, an autoregression for its ARIMA",
)
THROUGHPUT_CONSTANT = Rival(
    name="dynamo-throughput-constant",
    knob=_KNOB,
    default=1.0,
    sweep=_SHARES,
    make=lambda share, setting: throughput(forecast.constant, share, setting),
    source=f"{SOURCE}, load_predictor constant",
)
THROUGHPUT_KALMAN = Rival(
    name="dynamo-throughput-kalman",
    knob=_KNOB,
    default=1.0,
    sweep=_SHARES,
    make=lambda share, setting: throughput(forecast.kalman, share, setting),
    source=f"{SOURCE}, load_predictor kalman",
)
LOAD = Rival(
    name="dynamo-load",
    knob="share of the slots in use above which a replica is added; down from 60 % of it",
    default=UP_THRESHOLD,
    sweep=(0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2),
    make=load,
    source=f"{SOURCE}, optimization_target throughput",
)
LOAD_WITHIN = Rival(
    name="dynamo-load-sla",
    knob="the SLA as a share of the target",
    default=1.0,
    sweep=(0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0),
    make=load_within,
    source=f"{SOURCE}, optimization_target sla",
)
HYBRID = Rival(
    name="dynamo-hybrid",
    knob=_KNOB,
    default=1.0,
    sweep=_SHARES,
    make=hybrid,
    source=f"{SOURCE}, throughput and load",
)
