"""What every simulated world has in common: second after second, replicas come and go and the autoscaler is asked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from trimtab.simulate.outcome import HOUR, Outcome
from trimtab.simulate.replicas import Replicas, start_times
from trimtab.simulate.setting import Setting
from trimtab.simulate.view import Autoscaler, View


@dataclass(frozen=True, kw_only=True)
class Second:
    """What happened in one second: the numbers of `view.Signal` in their order, and how long completions took."""

    signals: Sequence[float]
    latencies: Sequence[float]
    weights: Sequence[float] | None = None


class World(Protocol):
    """Requests and the pods that answer them."""

    late: list[float]
    """Of each second's arrivals, those that were not in time so far."""

    @property
    def leaving(self) -> int:
        """How many pods that were told to go still end their work."""
        ...

    @property
    def unanswered(self) -> float:
        """How many requests have come and are not answered."""
        ...

    def join(self, pods: int) -> None:
        """Send requests to so many more pods."""
        ...

    def leave(self, pods: int) -> None:
        """Tell the pods that joined last to end what they have and go."""
        ...

    def lose(self, pods: int) -> None:
        """Lose pods, with the requests that they have."""
        ...

    def step(self, second: int) -> Second:
        """Let a second pass; after the trace's end none arrive."""
        ...

    def close(self) -> None:
        """Count as late who is still not answered."""
        ...


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where a simulation begins: with so many ready replicas; judged from second `since` on; and its chance."""

    first: int
    since: int = 0
    seed: int = 0


def run(world: World, arriving: Sequence[float], setting: Setting, autoscaler: Autoscaler, start: Start) -> Outcome:
    """Return what an autoscaler makes of a world in which `arriving` requests come in each second.

    After the trace's end those inside have as long as the target to be answered; nothing is billed then.
    """
    chance = Random(start.seed)  # noqa: S311 - chance that can be repeated is the point
    failures = Random(~start.seed)  # noqa: S311 - of their own, so that they do not move the cold starts
    first = int(min(start.first, setting.accelerators))
    replicas = Replicas(start_times(setting.cold_start, chance), setting.accelerators, ready=first, asked=start.first)
    view = View(setting.min_replicas, setting.max_replicas, asked=start.first)
    world.join(first)
    billed, ready, before = [], [], 0
    for second in range(len(arriving)):
        if second == start.since:
            before = replicas.changes
        _begin(world, replicas, second)
        if setting.failures_per_hour:
            _fail(world, replicas, second, _lost(replicas.ready, setting.failures_per_hour, failures))
        billed.append(replicas.billed)
        ready.append(replicas.ready)
        happened = world.step(second)
        view.record(happened.signals, happened.latencies, happened.weights)
        view.ready, view.unschedulable = replicas.ready, replicas.unschedulable
        view.starting = replicas.starting + replicas.unschedulable
        wanted = autoscaler(view)
        if wanted is not None:
            view.asked = min(max(wanted, setting.min_replicas), setting.max_replicas)
            world.leave(replicas.ask(view.asked, second + 1))
    _run_out(world, replicas, len(arriving), setting)
    gpu_hours = sum(billed[start.since :]) / HOUR
    return Outcome(
        arrivals=float(sum(arriving[start.since :])),
        violations=float(sum(world.late[start.since :])),
        gpu_hours=gpu_hours,
        cost=gpu_hours * setting.price,
        replica_changes=replicas.changes - before,
        billed=tuple(billed),
        ready=tuple(ready),
        late=tuple(world.late),
        since=start.since,
    )


def _begin(world: World, replicas: Replicas, second: int) -> None:
    replicas.leaving = world.leaving
    world.join(replicas.begin(second))


def _lost(ready: int, failures_per_hour: float, chance: Random) -> int:
    share = -math.expm1(-failures_per_hour / HOUR)
    return sum(chance.random() < share for _ in range(ready))


def _fail(world: World, replicas: Replicas, second: int, lost: int) -> None:
    world.lose(lost)
    replicas.lose(lost, second)


def _run_out(world: World, replicas: Replicas, end: int, setting: Setting) -> None:
    for second in range(end, end + math.ceil(setting.target) + 1):
        if not world.unanswered:
            break
        _begin(world, replicas, second)
        world.step(second)
    world.close()
