"""The pods of a plane as they come, change and go; an API server that is away for a while does no harm."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import ssl
import urllib.parse
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from aiohttp import ClientError, ClientSession, ClientTimeout

from controlplane.api import Api
from demo.manifest import MODEL_LABEL, Manifest, Pod, read

AGAIN_S = 0.5
WATCH_S = 300  # then the server ends it, and all is listed again


@dataclass
class PodWatch:
    """Calls `seen` for each pod that is there or changes, and `gone` for each that is gone, as it was last seen.

    A pod of the same name as one before is told apart by its uid.
    """

    api: Api
    seen: Callable[[Pod], None]
    gone: Callable[[Pod], None]
    _pods: dict[str, Pod] = field(default_factory=dict)

    async def run(self) -> None:
        """Watch until cancelled; then no connection is left, whether or not the server says good-bye to it."""
        headers = {"Authorization": f"Bearer {self.api.token}", "User-Agent": self.api.agent}
        timeout = ClientTimeout(total=None, sock_connect=5.0, sock_read=WATCH_S + 30.0)
        async with ClientSession(headers=headers, timeout=timeout) as session:
            watching = asyncio.create_task(self._again_and_again(session))
            try:
                await asyncio.wait([watching])
            finally:
                await session.close()  # before the answer is left: that would be a TLS farewell, for which nobody waits
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
            watching.result()

    async def _again_and_again(self, session: ClientSession) -> None:
        context = ssl.create_default_context(cafile=str(self.api.certificate_authority))
        root = f"https://{self.api.host}:{self.api.port}/api/v1/pods"
        while True:
            try:
                await self._list_and_watch(session, root, context)
            except (ClientError, OSError, TimeoutError):
                await asyncio.sleep(AGAIN_S)

    async def _list_and_watch(self, session: ClientSession, root: str, context: ssl.SSLContext) -> None:
        async with session.get(_url(root), ssl=context, raise_for_status=True) as answer:
            listed = await answer.json()
        self._relist(listed["items"])
        version = listed["metadata"]["resourceVersion"]
        url = _url(root, watch="1", timeoutSeconds=str(WATCH_S), resourceVersion=version)
        async with session.get(url, ssl=context, raise_for_status=True) as answer:
            async for line in _lines(answer.content.iter_any()):
                event = json.loads(line)
                if event["type"] == "ERROR":  # too old: list again
                    return
                if event["type"] == "DELETED":
                    self._forget(event["object"]["metadata"]["uid"])
                else:
                    self._see(event["object"])

    def _relist(self, items: list[Manifest]) -> None:
        there = {item["metadata"]["uid"] for item in items}
        for uid in self._pods.keys() - there:
            self._forget(uid)
        for item in items:
            self._see(item)

    def _see(self, item: Manifest) -> None:
        pod, before = read(item), self._pods.get(item["metadata"]["uid"])
        if before is not None and before.drains:  # its last change is a second deletion, without grace
            pod = dataclasses.replace(pod, drains=True)
        if pod != before:
            self._pods[pod.uid] = pod
            self.seen(pod)

    def _forget(self, uid: str) -> None:
        pod = self._pods.pop(uid, None)
        if pod is not None:
            self.gone(pod)


def _url(root: str, **query: str) -> str:
    return f"{root}?{urllib.parse.urlencode({'labelSelector': MODEL_LABEL, **query})}"


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Cut a stream into lines of any length."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line
