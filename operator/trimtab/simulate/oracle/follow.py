"""The causal oracle: knows how fast requests come, is told of each change 5 s after it, and cannot see ahead.

It is the best of a family, and may look at what it is judged on to choose its member. A member is told the rate over
the last `memory` seconds, 5 at least, so that a step is known exactly 5 s after it. It asks each second for the most
that was needed within the last `hold` seconds, where needed is ceil(headroom * rate / capacity), and never for less
than `floor`. What it asks for takes its cold start, as for everybody. First come, first served, a backlog makes later
requests late too: there it may add what works the backlog off within `catch_up` seconds.

Its choice: for each hold the least headroom of a list that attains what is asked for; the cheapest of these; then the
same over memories, over floors and holds together, and over catch-ups. What it can know, then, is best used; that it
could plan with the odds of what has not come yet is beyond this family.
"""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from trimtab.simulate.oracle.plan import World, rank
from trimtab.simulate.outcome import Outcome
from trimtab.simulate.rivals.rival import rounded_up
from trimtab.simulate.setting import Discipline, Setting
from trimtab.simulate.view import Autoscaler, Signal, View

TOLD = 5
MEMORIES = (TOLD, 15, 30, 60, 120)
HOLDS = (0.5, 1.0, 2.0, 4.0, 8.0, math.inf)
"""In mean cold starts."""
HEADROOMS = (0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.5, 1.7, 2.0, 2.5, 3.0, 4.0, 6.0)
FLOORS = (0.3, 0.6)
"""As shares of what never going down comes to."""
CATCH_UPS = (60.0, 15.0)


@dataclass(frozen=True, kw_only=True)
class Member:
    """One of the family; `hold` and `catch_up` in seconds."""

    headroom: float
    memory: int = 15
    hold: float = math.inf
    floor: int = 0
    catch_up: float = math.inf


@dataclass(frozen=True, kw_only=True)
class Causal:
    """What the causal oracle came to, and which of the family it was."""

    outcome: Outcome
    member: Member


def follower(member: Member, setting: Setting) -> Autoscaler:
    """Return a member of the family, as an autoscaler for one run."""
    recent: deque[tuple[int, int]] = deque()  # falling: a number that a later one reaches is never the most again

    def decide(view: View) -> int:
        rate = view.mean(Signal.ARRIVALS, member.memory) + view.total(Signal.WAITING, 1) / member.catch_up
        needed = rounded_up(member.headroom * rate / setting.service.capacity)
        while recent and recent[-1][1] <= needed:
            recent.pop()
        recent.append((view.now, needed))
        while recent[0][0] < view.now - member.hold:
            recent.popleft()
        return max(recent[0][1], member.floor)

    return decide


def causal(world: World, setting: Setting, *, attainment: float) -> Causal:
    """Return the cheapest of the family that attains so much in the world, else one that attains most."""
    near = HEADROOMS.index(1.0)

    def best(members: Iterable[Member]) -> Causal:
        nonlocal near
        tried: list[Causal] = []
        for member in members:
            found, near = _least(world, setting, member, attainment=attainment, near=near)
            tried += found
        return min(tried, key=lambda each: rank(each.outcome, attainment))

    holds = [hold * setting.cold_start.mean for hold in HOLDS]
    never_down = best([Member(headroom=1.0)])
    found = [never_down, best(Member(headroom=1.0, hold=hold) for hold in holds[:-1])]
    found.append(best(replace(_of(found, attainment), memory=memory) for memory in MEMORIES))
    floors = [math.ceil(share * max(never_down.outcome.ready, default=0)) for share in FLOORS]
    found.append(
        best(replace(_of(found, attainment), floor=floor, hold=hold) for floor in floors for hold in holds[:-1:2])
    )
    if setting.discipline is Discipline.FIFO:
        found.append(best(replace(_of(found, attainment), catch_up=catch_up) for catch_up in CATCH_UPS))
    return min(found, key=lambda each: rank(each.outcome, attainment))


def _of(found: list[Causal], attainment: float) -> Member:
    return min(found, key=lambda each: rank(each.outcome, attainment)).member


def _least(world: World, setting: Setting, member: Member, *, attainment: float, near: int) -> tuple[list[Causal], int]:
    """Return what was tried on the way to the least headroom that attains so much, and its place; seek it from `near`.

    Members resemble each other, so that two or three runs mostly do.
    """
    tried: list[Causal] = []

    def attains(place: int) -> bool:
        each = replace(member, headroom=HEADROOMS[place])
        tried.append(Causal(outcome=world(follower(each, setting)), member=each))
        return tried[-1].outcome.attainment >= attainment

    if attains(near):
        while near and attains(near - 1):
            near -= 1
    else:
        while near < len(HEADROOMS) - 1:
            near += 1
            if attains(near):
                break
    return tried, near
