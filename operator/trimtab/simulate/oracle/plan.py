"""What the clairvoyant's plan comes to when it is carried out: with queues, chance, and cold starts that differ."""

import math
from collections.abc import Callable, Sequence
from functools import partial

from trimtab.simulate.oracle.bound import planned
from trimtab.simulate.outcome import Outcome
from trimtab.simulate.setting import Setting
from trimtab.simulate.view import Autoscaler, View

LEADS = (1.0, 1.5)
"""How early a plan orders, in mean cold starts: they are not all alike."""
SPARES = (0.85, 0.9, 0.94, 0.97, 1.0, 1.02, 1.05, 1.08, 1.1, 1.13, 1.16, 1.2, 1.25, 1.3, 1.4, 1.5, 1.7, 2.0, 2.5, 3.0)
"""By how much the traffic that is planned for is above the real one, which comes by chance within its seconds."""

World = Callable[[Autoscaler], Outcome]
"""Carries an autoscaler out: with the same trace, setting and chance each time."""


def replay(plan: Sequence[int], setting: Setting, *, since: int = 0, lead: float = 1.0) -> Autoscaler:
    """Return an autoscaler that carries a plan out: a replica is ordered `lead` mean cold starts before it is needed.

    The plan's first second is second `since` of the trace; before, its first number is what there shall be.
    """
    ahead = math.ceil(lead * setting.cold_start.mean)
    asked = [max(plan[now : now + ahead + 1]) for now in range(len(plan))]

    def decide(view: View) -> int | None:
        if not asked:
            return None
        now = view.now - since
        return max(plan[: max(1, now + ahead + 1)]) if now < 0 else asked[min(now, len(asked) - 1)]

    return decide


def carried_out(
    world: World, per_second: Sequence[float], setting: Setting, *, attainment: float, since: int = 0
) -> Outcome:
    """Return the cheapest outcome of the clairvoyant's plans that attains so much, else the one that attains most.

    The traffic from second `since` on is planned for. Plans differ in how much more than the real traffic they are for
    and in how early they order; of `SPARES`, more is taken to attain more.
    """
    plans: dict[float, tuple[int, ...]] = {}

    def tried(lead: float, spare: float) -> Outcome:
        if spare not in plans:
            more = [spare * each for each in per_second[since:]]
            plans[spare] = planned(more, setting, attainment=attainment)
        return world(replay(plans[spare], setting, since=since, lead=lead))

    outcomes: list[Outcome] = []
    for lead in LEADS:
        outcomes += least(SPARES, attainment, partial(tried, lead))
    return min(outcomes, key=lambda each: rank(each, attainment))


def least(knobs: Sequence[float], attainment: float, play: Callable[[float], Outcome]) -> list[Outcome]:
    """Return what was tried on the way to the least of ascending knobs that attains so much, by bisection."""
    tried = []
    low, high = 0, len(knobs) - 1
    while low <= high:
        middle = (low + high) // 2
        tried.append(play(knobs[middle]))
        if tried[-1].attainment >= attainment:
            high = middle - 1
        else:
            low = middle + 1
    return tried


def rank(outcome: Outcome, attainment: float) -> tuple[bool, float, float]:
    """Return what sorts outcomes: those that attain so much by GPU-hours, then the others by what they attain."""
    short = outcome.attainment < attainment
    return short, 1.0 - outcome.attainment if short else outcome.gpu_hours, outcome.gpu_hours
