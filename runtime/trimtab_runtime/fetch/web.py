"""Models behind http and https: one file, or an archive."""

import asyncio
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import aiohttp
from yarl import URL

from trimtab.api.addresses import NetworkRules, endpoint, parse_host, refuse_host
from trimtab.api.fetch import FetchFailureReason as Reason, FetchLimits, ModelUri
from trimtab_runtime.fetch.archive import is_archive
from trimtab_runtime.fetch.errors import FetchError, full_disk
from trimtab_runtime.fetch.guard import AddressRefusedError, CheckedResolver
from trimtab_runtime.fetch.source import Listing, RemoteFile, check_size, check_space, retry

MAX_REDIRECTS = 5
CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 60.0  # a server that sends nothing for a minute will not go on
CHUNK_BYTES = 1 << 20

REDIRECTS = frozenset({301, 302, 303, 307, 308})
NOT_FOUND = frozenset({404, 410})
REFUSED = frozenset({401, 403, 407})
TOKEN = re.compile(r"[!-~]+")
PAGES = frozenset({"text/html", "application/xhtml+xml"})


@dataclass(frozen=True, kw_only=True)
class WebSource:
    """One file of a web server.

    Redirects are followed by hand: each target is judged like the first address, none leads from https to http, and
    credentials are not sent to another origin.
    """

    uri: ModelUri
    rules: NetworkRules
    environment: Mapping[str, str]
    silence_seconds: float = SILENCE_SECONDS

    def list_files(self) -> Listing:
        """Return the one file; its size is known when it comes."""
        name = unquote(self.uri.path).rpartition("/")[2]
        return Listing(files=(RemoteFile(path=name, size=None),), is_single=True)

    def download(self, listing: Listing, folder: Path, limits: FetchLimits) -> None:
        """Write the file below a folder; it is whole, or FetchError is raised."""
        target = folder / listing.files[0].path
        retry(lambda: asyncio.run(self._download(target, limits)))

    async def _download(self, target: Path, limits: FetchLimits) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=self.silence_seconds)
        connector = aiohttp.TCPConnector(resolver=CheckedResolver(rules=self.rules), use_dns_cache=False)
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False, trust_env=False
        ) as session:
            try:
                async with self._answer(session) as response:
                    await _save(response, target, limits)
            except AddressRefusedError as error:
                raise FetchError(Reason.ADDRESS_REFUSED, f"{self.uri.shown}: {error}") from error
            except aiohttp.ClientPayloadError as error:
                raise FetchError(
                    Reason.INTERRUPTED,
                    f"{self.uri.shown} broke off before its end ({error}); it is tried again",
                ) from error
            except (aiohttp.ClientError, TimeoutError) as error:
                raise self._unreachable(error) from error
            except OSError as error:
                raise full_disk(error) or self._unreachable(error) from error

    @asynccontextmanager
    async def _answer(self, session: aiohttp.ClientSession) -> AsyncIterator[aiohttp.ClientResponse]:
        start = _url(self.uri)
        url = start
        for _ in range(MAX_REDIRECTS + 1):
            headers = {"Accept-Encoding": "identity", "User-Agent": "trimtab"}
            if url.origin() == start.origin():
                headers |= self._authorization(url)
            async with session.get(url, headers=headers, allow_redirects=False) as response:
                if response.status not in REDIRECTS:
                    self._check_status(response)
                    yield response
                    return
                url = self._follow(url, response)
        raise FetchError(
            Reason.SOURCE_UNREACHABLE,
            f"{self.uri.shown} redirects more than {MAX_REDIRECTS} times; name the last",
        )

    def _follow(self, url: URL, response: aiohttp.ClientResponse) -> URL:
        """Return where a redirect leads, if it may lead there."""
        try:
            target = url.join(URL(response.headers["Location"]))
        except (KeyError, ValueError) as error:
            raise FetchError(
                Reason.SOURCE_UNREACHABLE, f"{self.uri.shown} redirects to no address; name the last"
            ) from error
        where = f"{self.uri.shown} redirects to {target.scheme}://{target.raw_host}"
        if target.scheme not in {"http", "https"} or target.raw_host is None or target.raw_user is not None:
            raise FetchError(Reason.ADDRESS_REFUSED, f"{where}, which is no plain http(s) address; name the last")
        if url.scheme == "https" and target.scheme == "http":
            raise FetchError(Reason.ADDRESS_REFUSED, f"{where}, from https to http; name an https address")
        host = f"[{target.raw_host}]" if ":" in target.raw_host else target.raw_host
        problem = refuse_host(host, target.port or 0, self.rules)
        if problem is not None:
            raise FetchError(Reason.ADDRESS_REFUSED, f"{where}: {problem}")
        return target.with_fragment(None)

    def _authorization(self, url: URL) -> dict[str, str]:
        """Return the header with the user's credentials; over plain http only to an endpoint allowed by name."""
        token, user = self.environment.get("HTTP_BEARER_TOKEN"), self.environment.get("HTTP_USERNAME")
        if not token and not user:
            return {}
        allowed = endpoint(parse_host(self.uri.authority), url.port or 0) in self.rules.allowed_endpoints
        if url.scheme != "https" and not allowed:
            raise FetchError(Reason.CREDENTIALS_REFUSED, f"{self.uri.shown} would send credentials in clear; use https")
        if token:
            if not TOKEN.fullmatch(token):
                raise FetchError(
                    Reason.CREDENTIALS_REFUSED,
                    "HTTP_BEARER_TOKEN holds what no header can carry; put the plain token into the credentials Secret",
                )
            return {"Authorization": f"Bearer {token}"}
        pair = f"{user}:{self.environment.get('HTTP_PASSWORD', '')}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    def _check_status(self, response: aiohttp.ClientResponse) -> None:
        status = response.status
        if status == 200:  # noqa: PLR2004  # OK; no range was asked for, so no other status carries the whole file
            self._check_kind(response)
            return
        said = f"{self.uri.shown} answered {status}"
        if status in NOT_FOUND:
            raise FetchError(Reason.SOURCE_NOT_FOUND, f"{said}; check the address")
        if status in REFUSED:
            raise FetchError(
                Reason.CREDENTIALS_REFUSED,
                f"{said}; check HTTP_BEARER_TOKEN or HTTP_USERNAME and HTTP_PASSWORD in the credentials Secret",
            )
        raise FetchError(Reason.SOURCE_UNREACHABLE, f"{said}; it is tried again")

    def _check_kind(self, response: aiohttp.ClientResponse) -> None:
        """Refuse what cannot be the file's own bytes: a page (to log in, mostly), and a body compressed on the way."""
        if response.content_type in PAGES:
            raise FetchError(
                Reason.SOURCE_NOT_FOUND,
                f"{self.uri.shown} answered with a web page, no file; name the file's own address, "
                "and credentials where it needs some",
            )
        encoding = response.headers.get("Content-Encoding", "identity").lower()
        if encoding != "identity" and not is_archive(self.uri.path):  # servers mark a .tar.gz as what it is
            raise FetchError(
                Reason.UNSUPPORTED_LAYOUT,
                f"{self.uri.shown} comes compressed ({encoding}), unasked; switch that off there, or pack a .tar.gz",
            )

    def _unreachable(self, error: Exception) -> FetchError:
        cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
        if isinstance(cause, AddressRefusedError):
            return FetchError(Reason.ADDRESS_REFUSED, f"{self.uri.shown}: {cause}")
        said = str(error) or type(error).__name__
        return FetchError(Reason.SOURCE_UNREACHABLE, f"{self.uri.shown} cannot be read ({said}); it is tried again")


async def _save(response: aiohttp.ClientResponse, target: Path, limits: FetchLimits) -> None:
    """Write a response's body into a file, as long as its server announced it."""
    announced = response.content_length
    if announced is None and "chunked" not in response.headers.get("Transfer-Encoding", "").lower():
        raise FetchError(
            Reason.INTERRUPTED,
            f"{response.url.host} sends no length and no chunks, so a break looks like the end; use another server",
        )
    check_size(files=1, size=announced or 0, limits=limits)
    check_space(target.parent, announced or 0)
    received = 0
    with target.open("wb") as file:
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            received += len(chunk)
            check_size(files=1, size=received, limits=limits)
            file.write(chunk)
    if announced is not None and received != announced:
        raise FetchError(
            Reason.INTERRUPTED,
            f"{response.url.host} announced {announced} bytes and sent {received}; it is tried again",
        )


def _url(uri: ModelUri) -> URL:
    """Return the URL with its path and query exactly as the user encoded them."""
    query = f"?{uri.query}" if uri.query is not None else ""
    return URL(f"{uri.scheme}://{uri.authority}:{uri.port}/{uri.path}{query}", encoded=True)
