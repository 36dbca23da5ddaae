"""Keeps the store right about one kind: list, watch, and look again whenever there is a doubt.

Every end of a watch is a doubt, the planned one included: the watch lasts as long as the store may go without being
compared with the server. So a deletion that no event told of is found by the next list, whatever went wrong.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from trimtab.adapters.cluster.connection import Call, Connection
from trimtab.adapters.cluster.errors import GoneError
from trimtab.adapters.cluster.shape import Source, reduced
from trimtab.adapters.cluster.store import Store, is_newer, version_of
from trimtab.api.kinds import Manifest
from trimtab.api.objects import ClusterError, NotFoundError, ObjectKey, UnreachableError, key_of

log = logging.getLogger(__name__)

PAGE = 100  # objects: listing 500 models and their children, the process grew to 110 MB by 100 and to 133 MB by 250
GRACE_SECONDS = 15.0  # for the server to end a watch by itself, before we do


@dataclass(frozen=True)
class Timings:
    """How long a reflector waits for what, in seconds.

    `relist`          how old the comparison with the server may become, give or take a tenth.
    `answer`          a list that takes longer is given up.
    `silence`         a watch without a byte for so long leads nowhere. Servers send a bookmark every 60 s, and nothing
                      at all to a watch from a version that lies ahead, as after a restored etcd (measured on 1.36).
    `first_retry`     the pause after a failure; it doubles with every further one, up to
    `longest_retry`   where ten kinds make two requests a second during an outage, and are back within 5 s of its end.
    `absent`          when to look again for an optional kind that the cluster does not have.
    `settled`         what lasted so long has worked: the next failure counts as the first.
    """

    relist: float = 600.0
    answer: float = 30.0
    silence: float = 150.0
    first_retry: float = 0.2
    longest_retry: float = 5.0
    absent: float = 60.0
    settled: float = 5.0


class Reflector:
    """Runs until it is cancelled; `synced` once the kind has been listed, or is known to be absent."""

    def __init__(
        self,
        source: Source,
        store: Store,
        connection: Connection,
        timings: Timings,
        spread: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.source = source
        self.synced = False
        self.present = False
        self._store = store
        self._connection = connection
        self._timings = timings
        self._spread = spread
        self._version = ""
        self._failures = 0

    async def run(self) -> None:
        """List and watch for ever."""
        clock = asyncio.get_running_loop().time
        while True:
            started = clock()
            failure = await self._try_once()
            if clock() - started >= self._timings.settled:
                self._failures = 0
            self._tell(failure)
            self._failures += 1
            await asyncio.sleep(self._pause(failure))

    async def _try_once(self) -> Exception | None:
        """List and watch until something ends it, and return what, if it was a failure."""
        try:
            version = await self._list()
            await self._watch(version)
        except NotFoundError as error:
            if not self.source.optional:
                return error
            self._store.replace(self.source.kind, {}, "", restored=True)
            self.present, self.synced = False, True
        except Exception as error:  # noqa: BLE001 - a bug too must not leave a store that nobody keeps right: it is logged
            return error
        return None

    async def _list(self) -> str:
        """Bring the store to what the server has, and return the version of that."""
        try:
            listed, version = await self._pages(PAGE)
        except GoneError:  # the server has forgotten the list that we were paging through
            listed, version = await self._pages(None)
        restored = is_newer(self._version, version)
        if restored:
            log.warning("%s went back from version %s to %s", self.source.kind.plural, self._version, version)
        self._store.replace(self.source.kind, listed, version, restored=restored)
        self._version = version
        self.present, self.synced = True, True
        return version

    async def _pages(self, limit: int | None) -> tuple[dict[ObjectKey, Manifest], str]:
        query = self._selector() if limit is None else {**self._selector(), "limit": str(limit)}
        listed: dict[ObjectKey, Manifest] = {}
        version = ""
        while True:
            call = Call("GET", self.source.kind.path(), query, seconds=self._timings.answer)
            page = await self._connection.request(call)
            items, about = page.get("items"), page.get("metadata")
            if not isinstance(items, list) or not isinstance(about, dict) or not about.get("resourceVersion"):
                raise UnreachableError(f"{call}: the answer is no list")
            for item in items:
                manifest = _checked(item)
                new, key = reduced(self.source.kind, manifest), key_of(manifest)
                known = self._store.get(self.source.kind, key)
                listed[key] = known if known is not None and known == new else new  # a relist takes no second copy
            version = version or str(about["resourceVersion"])
            if not about.get("continue"):
                return listed, version
            query = {**query, "continue": str(about["continue"])}

    async def _watch(self, version: str) -> None:
        """Follow the changes since a version until the server ends the stream.

        Raises:
            ClusterError: the stream broke, or something came that makes no sense.
        """
        seconds = max(1, round(self._timings.relist * self._spread(0.9, 1.1)))
        query = {
            **self._selector(),
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
        }
        call = Call("GET", self.source.kind.path(), query, seconds=seconds + GRACE_SECONDS)
        async with aclosing(self._connection.stream(call, silence=self._timings.silence)) as events:
            async for event in events:
                self._take(event)

    def _take(self, event: object) -> None:
        match event:
            case {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(version)}}}:
                self._note(version)
            case {"type": "ADDED" | "MODIFIED", "object": item}:
                manifest = _checked(item)
                self._store.put(self.source.kind, manifest)
                self._note(version_of(manifest))
            case {"type": "DELETED", "object": item}:
                manifest = _checked(item)
                self._store.drop(self.source.kind, manifest)
                self._note(version_of(manifest))
            case {"type": "ERROR", "object": {"message": message}}:
                raise UnreachableError(f"the server ended the watch of {self.source.kind.plural}: {message}")
            case _:
                raise UnreachableError(f"the watch of {self.source.kind.plural} sent {str(event)[:200]}")

    def _note(self, version: str) -> None:
        if not is_newer(self._version, version):
            self._version = version

    def _selector(self) -> dict[str, str]:
        return {"labelSelector": self.source.label_selector} if self.source.label_selector else {}

    def _pause(self, failure: Exception | None) -> float:
        """Return how long to wait before the next try, never shorter than the server asked for."""
        if self.synced and not self.present:
            return self._timings.absent
        doubled = self._timings.first_retry * 2.0 ** min(self._failures - 1, 32)
        pause = min(self._timings.longest_retry, doubled)
        asked = failure.retry_after if isinstance(failure, UnreachableError) else 0.0
        return max(asked, self._spread(pause / 2, pause))

    def _tell(self, failure: Exception | None) -> None:
        """Log the first failure in a row, those that follow say the same; and every one that is a bug."""
        plural = self.source.kind.plural
        if isinstance(failure, ClusterError):
            level = logging.DEBUG if self._failures else logging.WARNING
            log.log(level, "Watching %s failed, and starts again: %s", plural, failure)
        elif failure is not None:
            log.error("Watching %s failed, and starts again: this is a bug", plural, exc_info=failure)


def _checked(item: object) -> Manifest:
    """Return what is an object.

    Raises:
        UnreachableError: it is none; whoever answered is not the API server.
    """
    match item:
        case {"metadata": {"name": str(), "uid": str(), "resourceVersion": str()}} if isinstance(item, dict):
            return item
    raise UnreachableError(f"there is no object in {str(item)[:200]}")
