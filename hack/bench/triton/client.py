"""Call real Tritons at moments that were fixed before, whatever has become of the calls before: an open loop."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

import aiohttp
import numpy as np
from numpy.typing import NDArray

BODY = b'{"inputs":[{"name":"INPUT","shape":[1,1],"datatype":"FP32","data":[1]}]}'
OK = 200
HEADERS = {"Content-Type": "application/json"}
PATIENCE_S = 120.0
LEAD_S = 0.2  # until the first is due
Floats = NDArray[np.float64]


class FailedError(RuntimeError):
    """A real Triton refused requests, which none of these models should."""


def called(models: Sequence[str], arrivals: Floats, places: Sequence[int]) -> Floats:
    """Return the seconds from each request's moment to its answer; `places` says which model's address each goes to.

    They count from when a request was due: what we are late ourselves is in them.

    Raises:
        FailedError: one was refused, or not answered within two minutes.
    """
    return asyncio.run(_called(models, arrivals, places))


def warmed(models: Sequence[str], calls: int) -> None:
    """Call each model a few times at once, so that all its instances have run before anything is measured."""
    places = [place for place in range(len(models)) for _ in range(calls)]
    called(models, np.zeros(len(places)), places)


async def _called(models: Sequence[str], arrivals: Floats, places: Sequence[int]) -> Floats:
    latencies = np.full(len(arrivals), math.nan)
    loop = asyncio.get_running_loop()
    connections = aiohttp.TCPConnector(limit=0)  # as many as there are requests under way
    async with aiohttp.ClientSession(connector=connections, timeout=aiohttp.ClientTimeout(PATIENCE_S)) as session:
        began = loop.time() + LEAD_S

        async def ask(number: int, due: float) -> None:
            async with session.post(f"{models[places[number]]}/infer", data=BODY, headers=HEADERS) as answer:
                said = await answer.read()
                if answer.status != OK:
                    raise FailedError(f"request {number} was answered {answer.status}: {said[:200]!r}")
            latencies[number] = loop.time() - due

        try:
            async with asyncio.TaskGroup() as group:
                for number, at in enumerate(arrivals.tolist()):
                    due = began + at
                    if (ahead := due - loop.time()) > 0:
                        await asyncio.sleep(ahead)
                    group.create_task(ask(number, due))
        except* (aiohttp.ClientError, TimeoutError, FailedError) as failures:
            raise FailedError(f"{len(failures.exceptions)} requests failed: {failures.exceptions[0]}") from None
    return latencies
