"""What an autoscaler sees, written down: seconds that are all alike, or one after the other."""

from collections.abc import Mapping

from trimtab.simulate.setting import ColdStart, Discipline, Service, Setting
from trimtab.simulate.view import Signal, View
from trimtab.units import Seconds


def setting(  # noqa: PLR0913 - one for each thing that a simulation's test may be about
    *,
    service: float = 1.0,
    slots: int = 1,
    target: float = 3.0,
    cold_start: float = 60.0,
    variation: float = 0.0,
    discipline: Discipline = Discipline.DELAY,
    min_replicas: int = 1,
    max_replicas: int = 1000,
) -> Setting:
    """Return a model that takes `service` seconds for a batch of `slots` requests, in a cluster with room."""
    return Setting(
        service=Service(base=Seconds(service), max_batch=slots),
        target=Seconds(target),
        cold_start=ColdStart(mean=Seconds(cold_start), variation=variation),
        discipline=discipline,
        min_replicas=min_replicas,
        max_replicas=max_replicas,
    )


def seen(seconds: int, per_second: Mapping[Signal, float], *, ready: int, asked: int | None = None) -> View:
    """Return a view of `seconds` that were all alike, with the ready replicas of now."""
    view = View(0, 1000, ready=ready, asked=ready if asked is None else asked)
    view.starting = view.asked - view.ready
    return go_on(view, seconds, per_second)


def go_on(view: View, seconds: int, per_second: Mapping[Signal, float]) -> View:
    """Let seconds pass in a view, with its replicas as they are now."""
    amounts = {Signal.READY: float(view.ready), **per_second}
    for _ in range(seconds):
        view.record([amounts.get(signal, 0.0) for signal in Signal])
    return view


def ask(view: View, replicas: int | None) -> View:
    """Let a world do at once what an autoscaler asked for, without any cold start."""
    if replicas is not None:
        view.ready = view.asked = replicas
    return view
