"""Reads the metrics pages of pods over HTTP: from their addresses alone, within a second, at a size that they have.

A pod runs what somebody else has written, and its page may be anything.
"""

import ipaddress
import time

import aiohttp

from trimtab import __version__
from trimtab.adapters.triton.page import PageError, counts_on
from trimtab.api.addresses import AddressKind, classify_address
from trimtab.core.scaling.observation import NoData, NoDataReason
from trimtab.core.scaling.readings import PodCount
from trimtab.render.triton import METRICS_PORT
from trimtab.units import Seconds

WITHIN = Seconds(1.0)
"""For a whole page: Triton answers within 20 ms, and one that is a second late says nothing of now."""
LARGEST_PAGE = 256 << 10  # bytes: 25 times that of a server with two models
AT_ONCE = 64
KEPT_OPEN = Seconds(3.0)
"""An idle connection is kept for so long: models that are read each second need no new ones, and of those that are read
less often there are never many."""
NO_PODS = frozenset({AddressKind.LOOPBACK, AddressKind.LINK_LOCAL, AddressKind.METADATA})
OK = 200
PLAIN = "identity"


class PodReader:
    """Reads pages, for one event loop. Every connection goes to a pod's address at the port that is rendered.

    `proxy` is for worlds whose pods are played. No redirect is followed, and nothing of the process' environment has a
    say.
    """

    def __init__(self, *, proxy: str | None = None, within: Seconds = WITHIN) -> None:
        self._proxy, self._within = proxy, within
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def read(self, address: str, model: str) -> PodCount | NoData:
        """Return what the page of the pod at an address says of a model; never raises, and takes a second at most."""
        try:
            host = _host(address)
        except ValueError:
            said = f"the address {address[:80]!a} is none that a pod can have"
            return NoData(NoDataReason.MALFORMED, said)
        url = f"http://{host}:{METRICS_PORT}/metrics"
        try:
            page, at = await self._get(url)
            ended, pending = counts_on(page, model)
        except PageError as error:
            return NoData(error.fault.reason, f"{url}: {error}")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            cause = str(error) or f"there was no whole answer in {self._within:g} s"
            return NoData(NoDataReason.UNREACHABLE, f"{url}: {cause}")
        return PodCount(at=at, ended=ended, pending=pending)

    async def _get(self, url: str) -> tuple[bytes, Seconds]:
        """Return a page, and when it was told."""
        async with self._opened().get(url, allow_redirects=False, proxy=self._proxy) as response:
            at = Seconds(time.monotonic())
            if response.status != OK:
                raise PageError(NoDataReason.UNREACHABLE, f"it answers {response.status}")
            if response.headers.get("Content-Encoding", PLAIN).lower() != PLAIN:  # a small one may be a large page
                raise PageError(NoDataReason.MALFORMED, "it is compressed, which was not asked for")
            page = bytearray()
            async for piece in response.content.iter_any():
                page += piece
                if len(page) > LARGEST_PAGE:
                    response.close()
                    raise PageError(NoDataReason.MALFORMED, f"it has more than {LARGEST_PAGE >> 10} KiB")
            return bytes(page), at

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=AT_ONCE, keepalive_timeout=KEPT_OPEN),
                timeout=aiohttp.ClientTimeout(total=self._within),
                headers={"Accept-Encoding": PLAIN, "User-Agent": f"trimtab/{__version__}"},
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session


def _host(address: str) -> str:
    """Return an address as it stands in a URL.

    Raises:
        ValueError: it is none, or one that no pod has: the operator's own machine, or a cloud's metadata service.
    """
    parsed = ipaddress.ip_address(address)
    if classify_address(parsed) in NO_PODS or parsed.is_multicast or parsed.is_unspecified:
        raise ValueError(address)
    return f"[{parsed}]" if parsed.version == 6 else str(parsed)  # noqa: PLR2004 - of IP
