"""The work queue: equal keys collapse, nobody shares a key, failures wait longer, newcomers go first."""

import asyncio

from trimtab.api.kinds import AIMODEL
from trimtab.api.objects import ObjectKey
from trimtab.reconcile.queue import LAST_RETRY, Key, Lane, WorkQueue
from trimtab.units import Seconds


def key(name: str) -> Key:
    """Return the key of a model."""
    return Key(AIMODEL, ObjectKey("shop", name))


def queue() -> WorkQueue:
    """Return a queue whose retries come exactly when they are due."""
    return WorkQueue(jitter=lambda: 1.0)


async def test_a_key_that_waits_is_not_there_twice() -> None:
    """A thousand events about one object are one look."""
    waiting = queue()
    for _ in range(1000):
        waiting.add(key("a"))

    assert len(waiting) == 1


async def test_a_key_in_work_is_given_to_nobody_else_and_looked_at_again_afterwards() -> None:
    """What happens while somebody looks is not lost, and never looked at in parallel."""
    waiting = queue()
    waiting.add(key("a"))
    held = await waiting.get()
    waiting.add(key("a"))

    assert len(waiting) == 0
    waiting.done(held)
    assert await waiting.get() == key("a")


async def test_a_key_that_is_given_back_untouched_does_not_come_again() -> None:
    """Looking is not an event."""
    waiting = queue()
    waiting.add(key("a"))
    waiting.done(await waiting.get())

    assert len(waiting) == 0


async def test_who_waits_for_an_answer_goes_first() -> None:
    """The first lane is served before the other, each in order; moving up is possible, moving down not."""
    waiting = queue()
    waiting.add(key("old"))
    waiting.add(key("up"))
    waiting.add(key("new"), Lane.FIRST)
    waiting.add(key("up"), Lane.FIRST)
    waiting.add(key("new"), Lane.LATER)

    assert waiting.anybody_first()
    assert [await waiting.get() for _ in range(3)] == [key("new"), key("up"), key("old")]
    assert not waiting.anybody_first()


async def test_a_wish_while_in_work_keeps_its_lane() -> None:
    """The most urgent wish made during a look decides where the key queues afterwards."""
    waiting = queue()
    waiting.add(key("a"))
    held = await waiting.get()
    waiting.add(key("a"), Lane.FIRST)
    waiting.add(key("a"), Lane.LATER)

    waiting.done(held)

    assert waiting.anybody_first()


async def test_the_earliest_of_several_wishes_counts() -> None:
    """A later wish does not put off an earlier one, an earlier one replaces a later one."""
    waiting = queue()
    waiting.add_after(key("a"), Seconds(60.0))
    waiting.add_after(key("a"), Seconds(0.01))
    waiting.add_after(key("a"), Seconds(30.0))

    assert await asyncio.wait_for(waiting.get(), 1.0) == key("a")
    waiting.done(key("a"))
    assert len(waiting) == 0
    waiting.close()


async def test_failures_wait_twice_as_long_each_time_up_to_five_minutes_until_one_look_succeeds() -> None:
    """0.2, 0.4, 0.8 s ... 300 s; a success starts over; a poisoned key never stops the others."""
    waiting = queue()
    delays = [waiting.retry(key("bad")) for _ in range(40)]
    waiting.forget_failures(key("bad"))
    waiting.add(key("good"))

    assert delays[:4] == [0.2, 0.4, 0.8, 1.6]
    assert delays[-1] == LAST_RETRY
    assert waiting.retry(key("bad")) == 0.2
    assert await waiting.get() == key("good")
    waiting.close()


async def test_a_server_that_asks_for_patience_gets_it() -> None:
    """`least` is a floor for the delay."""
    waiting = queue()

    assert waiting.retry(key("a"), Seconds(7.0)) == 7.0
    waiting.close()


async def test_a_waiting_worker_is_woken() -> None:
    """`get` returns as soon as there is something to do."""
    waiting = queue()
    worker = asyncio.create_task(waiting.get())
    await asyncio.sleep(0)
    waiting.add(key("a"))

    assert await asyncio.wait_for(worker, 1.0) == key("a")
