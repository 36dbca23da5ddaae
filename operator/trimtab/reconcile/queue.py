"""A queue of keys: equal keys collapse, one worker at a time has a key, failures wait longer each time."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from trimtab.api.kinds import Kind
from trimtab.api.objects import ObjectKey
from trimtab.units import Seconds

FIRST_RETRY = Seconds(0.2)
NO_DELAY = Seconds(0.0)
LAST_RETRY = Seconds(300.0)  # a poisoned object costs one try in five minutes
LAST_RETRY_OF_OUTAGE = Seconds(15.0)  # what an outage has put off is done within 30 s of its end, however long it was


@dataclass(frozen=True)
class Key:
    """What is to be looked at: an AIModel or an InferencePool, by name."""

    kind: Kind
    object: ObjectKey

    def __str__(self) -> str:
        return f"{self.kind.kind} {self.object}"


class Lane(IntEnum):
    """Who is served first: somebody who waits for an answer to `kubectl apply`, or all the rest."""

    FIRST = 0
    LATER = 1


@dataclass
class WorkQueue:
    """Keys to look at. For one event loop; `jitter` spreads retries, so that what failed together comes back apart."""

    jitter: Callable[[], float] = field(default=lambda: random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, no secret
    _lanes: tuple[dict[Key, None], dict[Key, None]] = field(default_factory=lambda: ({}, {}), init=False)
    _busy: set[Key] = field(default_factory=set, init=False)
    _again: dict[Key, Lane] = field(default_factory=dict, init=False)
    _timers: dict[Key, asyncio.TimerHandle] = field(default_factory=dict, init=False)
    _failures: dict[Key, int] = field(default_factory=dict, init=False)
    _wakened: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def __len__(self) -> int:
        """Return how many keys wait for a worker now, without those whose time has not come."""
        return sum(map(len, self._lanes))

    def add(self, key: Key, lane: Lane = Lane.LATER) -> None:
        """Ask that a key is looked at; if somebody is looking at it now, it is looked at again afterwards."""
        if key in self._busy:
            self._again[key] = min(lane, self._again.get(key, lane))
            return
        if lane is Lane.FIRST:
            self._lanes[Lane.LATER].pop(key, None)
        elif key in self._lanes[Lane.FIRST]:
            return
        self._lanes[lane][key] = None
        self._wakened.set()

    def add_after(self, key: Key, delay: Seconds, lane: Lane = Lane.LATER) -> None:
        """Ask that a key is looked at in `delay`; of several such wishes the earliest counts."""
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= loop.time() + delay:
                return
            timer.cancel()
        self._timers[key] = loop.call_later(delay, self._ring, key, lane)

    def retry(self, key: Key, least: Seconds = NO_DELAY, most: Seconds = LAST_RETRY) -> Seconds:
        """Ask that a key which failed is looked at again, and return when: 0.2 s after the first time, then doubled."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = Seconds(max(least, min(most, FIRST_RETRY * 2.0 ** min(failures - 1, 32)) * self.jitter()))
        self.add_after(key, delay)
        return delay

    def forget_failures(self, key: Key) -> None:
        """Let the next failure of a key be its first."""
        self._failures.pop(key, None)

    def anybody_first(self) -> bool:
        """Tell whether somebody who waits for an answer has not been served."""
        return bool(self._lanes[Lane.FIRST])

    async def get(self) -> Key:
        """Return the next key once there is one; nobody else gets it until `done`."""
        while True:
            for lane in self._lanes:
                if lane:
                    key = next(iter(lane))
                    del lane[key]
                    self._busy.add(key)
                    return key
            self._wakened.clear()
            await self._wakened.wait()

    def done(self, key: Key) -> None:
        """Give a key back."""
        self._busy.discard(key)
        lane = self._again.pop(key, None)
        if lane is not None:
            self.add(key, lane)

    def close(self) -> None:
        """Drop every wish for later."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _ring(self, key: Key, lane: Lane) -> None:
        del self._timers[key]
        self.add(key, lane)
