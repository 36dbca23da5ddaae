"""kopf in its thread: it may end as it likes, the process lives and kopf is started again."""

import asyncio
import threading
from typing import Any

from kopf._cogs.aiokits.aioadapters import wait_flag

from trimtab.app.kopf_shell import KopfShell, make_settings
from trimtab.units import Seconds

PATIENCE = 10.0


async def test_kopf_is_started_again_when_it_ends_by_itself() -> None:
    """An error ends kopf while a task of it still waits for the stop flag, which keeps nobody from the next start."""
    second_life = threading.Event()

    async def kopf(stop_flag: Any, **_: object) -> None:  # noqa: ANN401 - kopf takes flags of many kinds
        waiting = asyncio.create_task(wait_flag(stop_flag))
        await asyncio.sleep(0)
        if shell.starts == 1:
            raise ValueError("HTTP 410 to the first question")
        second_life.set()
        await waiting

    shell = KopfShell(lambda _, __: None, operator=kopf, first_restart=Seconds(0.01))
    shell.start()
    try:
        assert await asyncio.to_thread(second_life.wait, PATIENCE)
    finally:
        await asyncio.to_thread(shell.stop)

    assert shell._thread is not None
    assert not shell._thread.is_alive()
    assert shell.starts == 2


async def test_a_stop_between_two_lives_ends_the_thread() -> None:
    """Nobody is left to be told of it, and nobody is started any more."""
    ended = threading.Event()

    async def kopf(**_: object) -> None:
        ended.set()

    shell = KopfShell(lambda _, __: None, operator=kopf, first_restart=Seconds(60.0))
    shell.start()
    assert await asyncio.to_thread(ended.wait, PATIENCE)
    await asyncio.to_thread(shell.stop)

    assert shell._thread is not None
    assert not shell._thread.is_alive()
    assert shell.starts == 1


def test_kopf_may_not_kill_the_process() -> None:
    """By default kopf sends SIGKILL to whom it runs in, some time after it has ended by an error."""
    assert make_settings().process.ultimate_exiting_timeout is None
