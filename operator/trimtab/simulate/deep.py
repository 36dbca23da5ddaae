"""Queues that are far too long: a few parts of the probability, each with its depth, not a lattice without end."""

import math
from dataclasses import dataclass, field

LEAST = 1e-9  # mass, or requests: less is nothing
NEAR = 0.5  # seconds of depth in which two parts are one, and twice that where one is split in two ...
NEAR_SHARE = 0.05  # ... or, where that is more, this share of the depth


@dataclass
class Part:
    """So much mass, so deep in the mean, in seconds of work, and with that variance."""

    mass: float
    depth: float
    variance: float = 0.0

    @property
    def near(self) -> float:
        """Seconds of depth that are no difference."""
        return max(NEAR, NEAR_SHARE * self.depth)

    @property
    def wide(self) -> bool:
        """Whether its depth varies so much that it is two."""
        return self.variance > 4.0 * self.near * self.near


@dataclass
class Deep:
    """Parts, the deepest first."""

    parts: list[Part] = field(default_factory=list)

    @property
    def mass(self) -> float:
        """Probability of being here."""
        return sum(part.mass for part in self.parts)

    @property
    def work(self) -> float:
        """Seconds of work that are here, in the mean over all."""
        return sum(part.mass * part.depth for part in self.parts)

    def scale(self, share: float) -> None:
        """Keep that share of the mass."""
        for part in self.parts:
            part.mass *= share

    def add(self, mass: float, depth: float) -> None:
        """Add mass at some depth."""
        self._keep([*self.parts, Part(mass, depth)])

    def blend(self, other: "Deep", mine: float) -> None:
        """Let this be a mixture of both, of which that share is this one."""
        self.scale(mine)
        theirs = [Part(part.mass * (1.0 - mine), part.depth, part.variance) for part in other.parts]
        self._keep([*self.parts, *theirs])

    def move(self, drift: float, variance: float) -> None:
        """Let all depths change by that much, give or take."""
        for part in self.parts:
            part.depth += drift
            part.variance += variance
        if any(part.wide for part in self.parts):
            self._keep([piece for part in self.parts for piece in _pieces(part)])

    def rise_above(self, top: float) -> list[Part]:
        """Give away what is not deeper than that."""
        gone = []
        while self.parts and self.parts[-1].depth < top:
            gone.append(self.parts.pop())
        return gone

    def _keep(self, parts: list[Part]) -> None:
        """Keep these, in order, and those as one that are nearly as deep."""
        parts.sort(key=lambda part: -part.depth)
        self.parts = []
        for part in parts:
            if part.mass <= LEAST:
                continue
            if self.parts and self.parts[-1].depth - part.depth < part.near:
                self.parts[-1] = _merged(self.parts[-1], part)
            else:
                self.parts.append(part)


def _pieces(part: Part) -> list[Part]:
    if not part.wide:
        return [part]
    deviation = math.sqrt(part.variance)
    return [Part(part.mass / 2.0, part.depth + sign * deviation) for sign in (1.0, -1.0)]


def _merged(one: Part, other: Part) -> Part:
    mass = one.mass + other.mass
    share = other.mass / mass
    apart = one.depth - other.depth
    variance = (1.0 - share) * one.variance + share * other.variance + share * (1.0 - share) * apart * apart
    return Part(mass, one.depth - share * apart, variance)
