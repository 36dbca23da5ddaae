"""What a pod's metrics may look like when something is wrong with them; each is a class, since some remember."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

SLOW_S = 30.0
PAGE_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SAMPLE = re.compile(r"^(?P<name>\w+)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Scrape:
    """One scrape of the pod with the address `ip`, and the `page` that it would get."""

    ip: str
    page: str
    request: web.BaseRequest


class Fault(Protocol):
    """Answers in the pod's place."""

    async def answer(self, scrape: Scrape) -> web.StreamResponse:
        """Return what Prometheus gets."""
        ...


def plain(page: str) -> web.Response:
    """Return a page as Triton would send it."""
    return web.Response(body=page.encode(), headers={"Content-Type": PAGE_TYPE})


@dataclass
class Changed:
    """The page, with each sample changed."""

    change: Callable[[re.Match[str]], str]

    async def answer(self, scrape: Scrape) -> web.StreamResponse:
        """Return the changed page."""
        return plain(SAMPLE.sub(self.change, scrape.page))


@dataclass
class Frozen:
    """Each pod's page as it was at the first scrape since the fault began."""

    _pages: dict[str, str] = field(default_factory=dict)

    async def answer(self, scrape: Scrape) -> web.StreamResponse:
        """Return the old page."""
        return plain(self._pages.setdefault(scrape.ip, scrape.page))


@dataclass
class Forged:
    """The page, and each of its samples once more under other labels, such as another tenant's."""

    labels: dict[str, str]
    factor: float = 1.0

    async def answer(self, scrape: Scrape) -> web.StreamResponse:
        """Return both."""
        more = "".join(f',{name}="{value}"' for name, value in self.labels.items())

        def twice(sample: re.Match[str]) -> str:
            mine = f"{sample['labels'] or ''}{more}".lstrip(",")
            return f"{sample[0]}\n{sample['name']}{{{mine}}} {_times(sample['value'], self.factor)}"

        return plain(SAMPLE.sub(twice, scrape.page))


class Dropped:
    """The connection is cut."""

    async def answer(self, scrape: Scrape) -> web.StreamResponse:
        """Say nothing."""
        if scrape.request.transport is not None:
            scrape.request.transport.abort()
        return web.Response()


@dataclass
class Slow:
    """The page comes, long after Prometheus has lost its patience."""

    seconds: float = SLOW_S

    async def answer(self, scrape: Scrape) -> web.StreamResponse:
        """Return it in the end."""
        await asyncio.sleep(self.seconds)
        return plain(scrape.page)


class WebPage:
    """Something else answers, and is content with itself."""

    async def answer(self, _: Scrape) -> web.StreamResponse:
        """Return HTML with status 200."""
        return web.Response(text="<html><body>Please log in.</body></html>\n", content_type="text/html")


def _valued(value: str) -> Callable[[re.Match[str]], str]:
    return lambda sample: f"{sample[0].rpartition(' ')[0]} {value}"


def _times(value: str, factor: float) -> str:
    return value if factor == 1 else f"{float(value) * factor:.17g}"


def _a_thousandfold(sample: re.Match[str]) -> str:
    return f"{sample[0].rpartition(' ')[0]} {_times(sample['value'], 1000)}"


def _with_a_double(sample: re.Match[str]) -> str:
    return f"{sample[0]}\n{sample[0].rpartition(' ')[0]} {_times(sample['value'], 2)}"


FAULTS: dict[str, Callable[[], Fault]] = {
    "dropped": Dropped,
    "NaN": lambda: Changed(_valued("NaN")),
    "infinite": lambda: Changed(_valued("+Inf")),
    "frozen": Frozen,
    "a series twice": lambda: Changed(_with_a_double),
    "every series under one more label": lambda: Forged({"copy": "1"}),
    "a thousandfold": lambda: Changed(_a_thousandfold),
    "slow": Slow,
    "a web page": WebPage,
}
"""By name. `Forged` is missing: whose labels are forged is for the test to say."""
