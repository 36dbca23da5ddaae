"""Workers: what one look comes to decides when the next one is; nothing of it reaches other keys."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from trimtab.api.kinds import AIMODEL
from trimtab.api.objects import ConflictError, NotFoundError, ObjectKey, RefusedError, UnreachableError
from trimtab.reconcile.outcome import DONE, Outcome
from trimtab.reconcile.queue import LAST_RETRY, LAST_RETRY_OF_OUTAGE, Key, WorkQueue
from trimtab.reconcile.work import Looked, Workers
from trimtab.units import Seconds

BAD = Key(AIMODEL, ObjectKey("shop", "bad"))


class Recorded:
    """A queue's wishes for later, and the bugs that were told."""

    def __init__(self, look: Callable[[ObjectKey], Awaitable[Outcome]]) -> None:
        self.queue = WorkQueue(jitter=lambda: 1.0)
        self.bugs: list[Exception] = []
        self.seen: list[Looked] = []
        self.workers = Workers(self.queue, {AIMODEL: look}, self._on_bug, self.seen.append, count=2)

    async def _on_bug(self, key: Key, error: Exception) -> None:
        del key
        self.bugs.append(error)


def failing(error: Exception) -> Callable[[ObjectKey], Awaitable[Outcome]]:
    """Return a look that always ends so."""

    async def look(key: ObjectKey) -> Outcome:
        del key
        raise error

    return look


@pytest.mark.parametrize(
    ("error", "result", "first_delay"),
    [
        (ConflictError("other uid"), "conflict", 0.2),
        (UnreachableError("refused"), "unreachable", 0.2),
        (UnreachableError("429", retry_after=9.0), "unreachable", 9.0),
        (RefusedError("status too large"), "refused", 5.0),
        (ValueError("nobody thought of this"), "bug", 1.0),
    ],
)
async def test_a_look_that_failed_is_repeated(
    error: Exception, result: str, first_delay: float, caplog: pytest.LogCaptureFixture
) -> None:
    """Each way to fail has its own patience, and none gives up."""
    recorded = Recorded(failing(error))

    with caplog.at_level(logging.DEBUG):
        assert await recorded.workers.look(BAD) == result

    delay = recorded.queue._timers[BAD].when() - asyncio.get_running_loop().time()
    assert delay == pytest.approx(first_delay, abs=0.1)
    recorded.queue.close()


@pytest.mark.parametrize(
    ("error", "longest"), [(UnreachableError("refused"), LAST_RETRY_OF_OUTAGE), (ValueError("poison"), LAST_RETRY)]
)
async def test_what_a_long_outage_has_put_off_is_done_soon_after_it(error: Exception, longest: Seconds) -> None:
    """However long the API server was away, the next look is 15 s away at most; a bug waits up to five minutes."""
    recorded = Recorded(failing(error))
    for _ in range(20):
        recorded.queue.close()
        await recorded.workers.look(BAD)

    delay = recorded.queue._timers[BAD].when() - asyncio.get_running_loop().time()
    assert delay == pytest.approx(longest, abs=0.1)
    recorded.queue.close()


async def test_what_is_gone_is_not_looked_at_again() -> None:
    """A namespace that went while we looked leaves nothing to do."""
    recorded = Recorded(failing(NotFoundError("namespace shop")))

    assert await recorded.workers.look(BAD) == "gone"
    assert recorded.queue.retry(BAD) == 0.2
    recorded.queue.close()


async def test_a_bug_is_told_once_for_each_look_and_only_a_bug() -> None:
    """The user of the object reads of it; an API server that is away is nobody's bug."""
    recorded = Recorded(failing(ZeroDivisionError("x")))
    await recorded.workers.look(BAD)
    await Recorded(failing(UnreachableError("x"))).workers.look(BAD)

    assert [type(error) for error in recorded.bugs] == [ZeroDivisionError]
    recorded.queue.close()


async def test_a_bug_that_cannot_be_told_stays_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Telling is an attempt: its own failure ends nothing."""

    async def cannot_tell(key: Key, error: Exception) -> None:
        raise UnreachableError(f"{key} {error}")

    queue = WorkQueue()
    workers = Workers(queue, {AIMODEL: failing(ZeroDivisionError("x"))}, cannot_tell)

    assert await workers.look(BAD) == "bug"
    assert "a bug" in caplog.text
    queue.close()


async def test_one_poisoned_object_among_many_keeps_nobody_waiting() -> None:
    """A hundred keys are looked at while one fails for ever."""
    looked: set[str] = set()
    all_looked = asyncio.Event()

    async def look(key: ObjectKey) -> Outcome:
        if key.name == "bad":
            raise ValueError(key.name)
        looked.add(key.name)
        if len(looked) == 100:
            all_looked.set()
        return DONE

    recorded = Recorded(look)
    for number in range(100):
        recorded.queue.add(BAD)
        recorded.queue.add(Key(AIMODEL, ObjectKey("shop", f"good-{number}")))
    working = asyncio.create_task(recorded.workers.run())
    await asyncio.wait_for(all_looked.wait(), 10)
    working.cancel()

    assert {entry.result for entry in recorded.seen} == {"done", "bug"}
    assert all(entry.seconds >= 0 for entry in recorded.seen)
    recorded.queue.close()


async def test_a_look_may_ask_for_the_next_one() -> None:
    """`look_again_in` is kept."""

    async def look(key: ObjectKey) -> Outcome:
        del key
        return Outcome(Seconds(0.01))

    recorded = Recorded(look)
    await recorded.workers.look(BAD)

    assert await asyncio.wait_for(recorded.queue.get(), 1.0) == BAD
    recorded.queue.close()
