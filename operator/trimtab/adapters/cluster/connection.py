"""One connection to the API server: plain dicts in and out, and every failure one of our errors."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from trimtab import __version__
from trimtab.adapters.cluster.errors import FIRST_ERROR, UnauthorizedError, error_of
from trimtab.adapters.cluster.login import Login
from trimtab.adapters.cluster.rate import Rate, TokenBucket
from trimtab.api.kinds import Manifest
from trimtab.api.objects import RefusedError, UnreachableError

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

CONNECT_SECONDS = 5.0
REQUEST_SECONDS = 30.0
LONGEST_LINE = 8 << 20  # bytes: etcd takes objects of 1.5 MB; nothing that is an object comes near
CREDENTIALS = "BearerToken"

_PLAIN_PATH = re.compile(r"(/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)+")


@dataclass(frozen=True)
class Call:
    """One request; `body` is anything that JSON can say."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    content_type: str = JSON
    seconds: float = REQUEST_SECONDS

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Connection:
    """Requests and streams, made by `connect`; safe for any number of tasks of one event loop."""

    def __init__(self, configuration: Configuration, login: Login, rate: Rate) -> None:
        self._configuration = configuration
        self._login = login
        self._logged_in_at = asyncio.get_running_loop().time()
        self._rest = RESTClientObject(configuration)
        self._bucket = TokenBucket(per_second=rate.writes_per_second, burst=rate.burst)
        self._slots = asyncio.Semaphore(rate.parallel)

    async def request(self, call: Call) -> Manifest:
        """Send one request and return the object in the answer.

        Raises:
            ClusterError: it has not been done, or nobody knows whether it has (`UnreachableError`).
        """
        if call.method == "GET":
            return await self._exchange(call)
        await self._bucket.take()
        usable = True
        try:
            return await self._exchange(call)
        except UnreachableError:
            usable = False
            raise
        finally:
            self._bucket.heed(usable=usable)

    async def _exchange(self, call: Call) -> Manifest:
        async with self._slots:
            limits = aiohttp.ClientTimeout(total=call.seconds, sock_connect=CONNECT_SECONDS)
            response = await self._send(call, limits)
            try:
                return _object(await response.read(), call)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise _unreachable(call, error) from error
            finally:
                _end(response)

    async def stream(self, call: Call, *, silence: float) -> AsyncGenerator[Any, None]:
        """Yield the JSON values of an answer that has one on each line, until the server ends it.

        Raises:
            ClusterError: it was refused or cut off, is no JSON, was silent for `silence` s, or took `call.seconds`.
        """
        limits = aiohttp.ClientTimeout(total=call.seconds, sock_connect=CONNECT_SECONDS, sock_read=silence)
        response = await self._send(call, limits)
        try:
            async for line in _lines(response.content):
                yield json.loads(line)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _unreachable(call, error) from error
        finally:
            _end(response)

    async def close(self) -> None:
        """Close every connection; requests under way fail."""
        await self._rest.close()

    async def _send(self, call: Call, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        """Send a request and return the answer once its head is there, logging in anew if credentials have expired."""
        try:
            return await self._try(call, limits)
        except UnauthorizedError:
            now = asyncio.get_running_loop().time()
            if now < self._logged_in_at + self._login.every:
                raise
            self._logged_in_at = now
            await self._login.load(self._configuration)
            return await self._try(call, limits)

    async def _try(self, call: Call, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        if not _PLAIN_PATH.fullmatch(call.path):
            raise RefusedError(f"{call}: this is no path of an object; no name may hold anything but a-z, 0-9, - and .")
        url = f"{self._configuration.host}{call.path}" + (f"?{urlencode(call.query)}" if call.query else "")
        try:
            headers = await self._headers(call)
            answer = await self._rest.request(  # type: ignore[no-untyped-call]  # the library has no types here
                call.method, url, headers, call.body, _request_timeout=limits
            )
            response: aiohttp.ClientResponse = answer.response
            if response.status < FIRST_ERROR:
                return response
            async with response:
                raise error_of(response.status, await response.read(), response.headers, asked=str(call))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(call, error) from error

    async def _headers(self, call: Call) -> dict[str, str]:
        headers = {"Accept": JSON, "Content-Type": call.content_type, "User-Agent": f"trimtab/{__version__}"}
        token = await self._configuration.get_api_key_with_prefix(CREDENTIALS)
        if token is not None:
            headers["Authorization"] = token
        return headers


async def connect(kubeconfig: str | None = None, context: str | None = None, rate: Rate | None = None) -> Connection:
    """Log in, and return a connection to the API server; nothing is sent yet.

    Raises:
        LoginError: there are no usable credentials.
    """
    configuration = Configuration()
    configuration.connection_pool_maxsize = 0  # our own `parallel` limits requests, and watches come on top
    login = Login(kubeconfig, context)
    await login.load(configuration)
    return Connection(configuration, login, rate or Rate())


def _end(response: aiohttp.ClientResponse) -> None:
    """Cut off an answer that was not read to its end: TLS would take up to 30 s to say good-bye, perhaps to nobody."""
    if response.connection is not None and response.connection.transport is not None:
        response.connection.transport.abort()
    response.close()


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Yield lines of any length up to `LONGEST_LINE`; what follows the last line end was cut off."""
    rest = bytearray()
    async for chunk in content.iter_any():
        *lines, last = chunk.split(b"\n")
        for line in lines:
            rest += line
            if rest:
                yield bytes(rest)
            rest.clear()
        rest += last
        if len(rest) > LONGEST_LINE:
            raise ValueError(f"a line is longer than {LONGEST_LINE} bytes")
    if rest:
        raise ValueError("the last line was cut off")


def _object(body: bytes, call: Call) -> Manifest:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise _unreachable(call, error) from error
    if not isinstance(value, dict):
        raise UnreachableError(f"{call}: the answer is no object: {body[:100]!r}")
    return value


def _unreachable(call: Call, error: Exception) -> UnreachableError:
    return UnreachableError(f"{call}: {str(error) or type(error).__name__}")
