"""Workers: take keys, look, and follow up by what came of it. Nothing that happens to one key reaches another."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from trimtab.api.kinds import Kind
from trimtab.api.objects import ConflictError, NotFoundError, ObjectKey, RefusedError, UnreachableError
from trimtab.reconcile.outcome import Outcome
from trimtab.reconcile.queue import LAST_RETRY_OF_OUTAGE, Key, WorkQueue
from trimtab.units import Seconds

logger = logging.getLogger(__name__)

WORKERS = 16  # as many requests may be under way; the client's rate limit is what protects the API server
CONFLICT_DELAY = Seconds(0.1)  # our own store catches up within a few milliseconds

Look = Callable[[ObjectKey], Awaitable[Outcome]]


@dataclass(frozen=True)
class Looked:
    """One finished look, for whoever counts them. `result` is `done`, or the name of what was raised."""

    key: Key
    result: str
    seconds: Seconds


@dataclass
class Workers:
    """Looks at keys, several at once, each key by one worker at a time."""

    queue: WorkQueue
    looks: Mapping[Kind, Look]
    on_bug: Callable[[Key, Exception], Awaitable[None]]
    observe: Callable[[Looked], None] = field(default=lambda _: None)
    count: int = WORKERS

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self.count):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            started = time.monotonic()
            try:
                result = await self.look(key)
            finally:
                self.queue.done(key)
            self.observe(Looked(key, result, Seconds(time.monotonic() - started)))

    async def look(self, key: Key) -> str:
        """Look at one key, ask for the next look, and return what came of this one."""
        try:
            outcome = await self.looks[key.kind](key.object)
        except NotFoundError:
            self.queue.forget_failures(key)
            return "gone"
        except ConflictError as error:
            logger.debug("looking again", extra={"object": str(key), "because": str(error)})
            self.queue.retry(key, CONFLICT_DELAY)
            return "conflict"
        except UnreachableError as error:
            delay = self.queue.retry(key, Seconds(error.retry_after), LAST_RETRY_OF_OUTAGE)
            logger.warning(
                "the API server cannot be used; everything stays as it is",
                extra={"object": str(key), "because": str(error), "again_in_seconds": round(delay, 1)},
            )
            return "unreachable"
        except RefusedError as error:
            delay = self.queue.retry(key, Seconds(5.0))
            logger.error(  # noqa: TRY400 - the server's words say it all; the traceback is ours and the same each time
                "the API server refuses what we say of an object",
                extra={"object": str(key), "because": str(error), "again_in_seconds": round(delay, 1)},
            )
            return "refused"
        except Exception as error:
            delay = self.queue.retry(key, Seconds(1.0))
            logger.exception("a bug", extra={"object": str(key), "again_in_seconds": round(delay, 1)})
            await self._report_bug(key, error)
            return "bug"
        self.queue.forget_failures(key)
        if outcome.look_again_in is not None:
            self.queue.add_after(key, outcome.look_again_in, outcome.lane)
        return "done"

    async def _report_bug(self, key: Key, error: Exception) -> None:
        try:
            await self.on_bug(key, error)
        except Exception as second:  # noqa: BLE001 - the first one is in the log and is tried again
            logger.warning("cannot tell the user of a bug", extra={"object": str(key), "because": str(second)})
