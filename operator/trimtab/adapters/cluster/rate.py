"""How fast we may write."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic


@dataclass(frozen=True)
class Rate:
    """How much we ask of the API server at most.

    The burst creates the children of some sixty models at once, and then a thousand models take half a minute.
    `parallel` counts requests under way, watches not among them.
    """

    writes_per_second: float = 200.0
    burst: int = 400
    parallel: int = 32


SLOWEST = 0.5  # seconds between two writes while none succeeds: two requests each, as an apply reads first


class TokenBucket:
    """Lets `burst` pass at once and `per_second` in the long run, in the order of asking; less while nothing works."""

    def __init__(self, *, per_second: float, burst: int, clock: Callable[[], float] = monotonic) -> None:
        self._usual = self._interval = 1.0 / per_second
        self._depth = burst * self._interval
        self._clock = clock
        self._free_at = clock() - self._depth

    def reserve(self) -> float:
        """Take one token, and return how many seconds to wait before using it."""
        now = self._clock()
        self._free_at = max(self._free_at, now - self._depth) + self._interval
        return max(0.0, self._free_at - now)

    async def take(self) -> None:
        """Wait for one token; a caller that is cancelled meanwhile has spent it."""
        if (wait := self.reserve()) > 0:
            await asyncio.sleep(wait)

    def heed(self, *, usable: bool) -> None:
        """Let half as many pass after one that met a server which cannot be used, and as many as ever after others."""
        if not usable:
            self._interval = max(self._usual, min(SLOWEST, 2.0 * self._interval))
        elif self._interval != self._usual:
            self._interval = self._usual
            self._free_at = min(self._free_at, self._clock())  # whoever comes now need not wait for those of before
