"""What a simulation came to."""

from dataclasses import dataclass

HOUR = 3_600.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One autoscaler over one trace, from second `since` on: what came before is only to learn from.

    `violations` are arrivals that were not answered within the target, also where the answer was lost or came after the
    trace's end. `gpu_hours` counts replicas from being asked for to being gone, cold starts and draining too, by whole
    seconds; one that waits for an accelerator costs nothing. `replica_changes` are moves of the number asked for.

    The series have one entry a second, from 0 on: the replicas that are paid and those that answer, and how many of
    that second's arrivals were (or will be) too late.
    """

    arrivals: float
    violations: float
    gpu_hours: float
    cost: float
    replica_changes: int
    billed: tuple[int, ...]
    ready: tuple[int, ...]
    late: tuple[float, ...]
    since: int = 0

    @property
    def attainment(self) -> float:
        """Share of the arrivals that were in time, 0 to 1; 1 where nobody came."""
        return 1.0 - self.violations / self.arrivals if self.arrivals else 1.0
