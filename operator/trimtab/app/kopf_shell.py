"""kopf: a second pair of ears. It hears of events on our kinds and wakes the queue; it decides and writes nothing.

It runs in a thread and a loop of its own and is started again when it ends: after some answers of an API server it ends
the whole process otherwise. Everything works without it, only our reflectors are needed (docs/adr/0004).
"""

import asyncio
import contextlib
import functools
import logging
import random
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import kopf

from trimtab.api.kinds import AIMODEL, INFERENCEPOOL, VERSION, Kind
from trimtab.api.objects import ObjectKey
from trimtab.units import Seconds

logger = logging.getLogger(__name__)

Wake = Callable[[Kind, ObjectKey], None]

FIRST_RESTART = Seconds(1.0)
LAST_RESTART = Seconds(60.0)
END_PATIENCE = Seconds(10.0)


class EndlessBackoff:
    """Delays that never run out: kopf ends the process when they do. Iterating starts afresh each time."""

    def __iter__(self) -> Iterator[float]:
        """Yield 0.5 to 1 s, then more, up to 30 s."""
        delay = 1.0
        while True:
            yield random.uniform(0.5 * delay, delay)  # noqa: S311 - spreads load, no secret
            delay = min(30.0, delay * 1.7)


def make_registry(wake: Wake) -> kopf.OperatorRegistry:
    """Return kopf's registry with the one handler that there is, once for each of our kinds."""
    registry = kopf.OperatorRegistry()
    for kind in (AIMODEL, INFERENCEPOOL):

        async def heard(namespace: str | None, name: str | None, *, kind: Kind = kind, **_: object) -> None:
            wake(kind, ObjectKey(namespace or "", name or ""))

        kopf.on.event(kind.group, VERSION, kind.plural, id=f"heard-{kind.plural}", registry=registry)(heard)
    for login in (kopf.login_with_service_account, kopf.login_with_kubeconfig):
        kopf.on.login(id=login.__name__, registry=registry)(login)
    return registry


def make_settings() -> kopf.OperatorSettings:
    """Return settings with which kopf asks for little, waits for ever, and writes nothing."""
    settings = kopf.OperatorSettings()
    settings.networking.error_backoffs = EndlessBackoff()  # iterated afresh for each request
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.watching.server_timeout = 290  # an int: the API server refuses 290.0
    settings.watching.client_timeout = 330
    settings.watching.connect_timeout = 5
    settings.watching.inactivity_timeout = 70  # bookmarks come once a minute
    settings.watching.reconnect_backoff = 1
    settings.scanning.disabled = True  # our kinds are known; no right to look at CRDs is needed
    settings.peering.standalone = True
    settings.posting.enabled = False
    settings.queueing.idle_timeout = 1
    settings.process.ultimate_exiting_timeout = None  # else kopf, ended by an error, kills our whole process soon after
    return settings


@dataclass
class KopfShell:
    """kopf in a thread, started again whenever it ends, until `stop`. `wake` is called in that thread."""

    wake: Wake
    operator: Callable[..., Awaitable[None]] = field(default=kopf.operator)
    first_restart: Seconds = FIRST_RESTART
    starts: int = 0
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)
    _end_life: Callable[[], object] | None = field(default=None, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="kopf", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End kopf, and wait for it a while; nothing that it does needs finishing."""
        self._stopping.set()
        if self._end_life is not None:
            with contextlib.suppress(RuntimeError):  # its loop is closed: that life has ended by itself
                self._end_life()
        if self._thread is not None:
            self._thread.join(END_PATIENCE)

    def _run(self) -> None:
        delay = self.first_restart
        while not self._stopping.is_set():
            self.starts += 1
            try:
                asyncio.run(self._live())
            except Exception as error:  # noqa: BLE001 - whatever it is, the next start is our answer
                logger.warning("kopf ended; our own watches go on", extra={"because": repr(error)})
            if not self._stopping.wait(delay):
                delay = Seconds(min(LAST_RESTART, delay * 2))

    async def _live(self) -> None:
        """Run kopf until it ends, by itself or by `stop`.

        The flag is one of this loop: for a flag between threads kopf waits in an executor's thread, and a loop whose
        kopf has ended by itself would wait for that thread for ever.
        """
        stop = asyncio.Event()
        self._end_life = functools.partial(asyncio.get_running_loop().call_soon_threadsafe, stop.set)
        if self._stopping.is_set():
            return
        await self.operator(
            registry=make_registry(self.wake),
            settings=make_settings(),
            stop_flag=stop,
            clusterwide=True,
            standalone=True,
        )
