"""A reflector before a server that answers as a test has it: what a real one does too rarely to wait for."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from fakes.httpserver import Handler, connected
from fakes.worlds import eventually
from trimtab.adapters.cluster.reflector import PAGE, Reflector, Timings
from trimtab.adapters.cluster.shape import Source
from trimtab.adapters.cluster.store import Store
from trimtab.api.kinds import POD_MONITOR, SERVICE

QUICK = Timings(first_retry=0.01, longest_retry=0.02, absent=0.05)


def service(name: str, version: int = 1) -> dict[str, Any]:
    """Return a Service as a list has it."""
    return {"metadata": {"name": name, "namespace": "shop", "uid": name, "resourceVersion": str(version)}}


def page(*names: str, version: int = 10, more: str | None = None) -> web.Response:
    """Return one page of a list."""
    about = {"resourceVersion": str(version)} | ({} if more is None else {"continue": more})
    return web.json_response({"metadata": about, "items": [service(name) for name in names]})


async def silence(request: web.Request) -> web.StreamResponse:
    """Answer a watch, and say nothing."""
    await web.StreamResponse().prepare(request)
    await asyncio.Event().wait()
    raise AssertionError


def lists(answer: Callable[[web.Request], web.Response]) -> Handler:
    """Return a handler that answers lists, and is silent for watches."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return await silence(request) if "watch" in request.query else answer(request)

    return handler


@asynccontextmanager
async def reflecting(
    handler: Handler, folder: Path, *, source: Source | None = None, timings: Timings = QUICK
) -> AsyncIterator[tuple[Reflector, Store]]:
    """Run a reflector of Services before a handler."""
    async with connected(handler, folder) as connection:
        store = Store(lambda _: None)
        reflector = Reflector(source or Source(SERVICE, "a=b"), store, connection, timings)
        task = asyncio.create_task(reflector.run())
        try:
            yield reflector, store
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def names(store: Store) -> set[str]:
    """Return what the store has."""
    return {found["metadata"]["name"] for found in store.list(SERVICE)}


async def test_a_long_list_comes_in_pages(tmp_path: Path) -> None:
    """Every page is asked for with the limit, the selector and the place where the last one ended."""
    asked: list[dict[str, str]] = []

    def answer(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        return page("one", more="a+b/c=") if "continue" not in request.query else page("two", version=10)

    async with reflecting(lists(answer), tmp_path) as (reflector, store):
        await eventually(lambda: reflector.synced, what="the list")

        assert names(store) == {"one", "two"}
    limited = {"labelSelector": "a=b", "limit": str(PAGE)}
    assert asked == [limited, {**limited, "continue": "a+b/c="}]


async def test_a_list_whose_second_page_has_expired_is_read_at_once(tmp_path: Path) -> None:
    """410 for a page: the list starts over, whole, and nothing of the first try is left."""

    def answer(request: web.Request) -> web.Response:
        if "continue" in request.query:
            return web.json_response({"reason": "Expired", "message": "too old"}, status=410)
        return page("old", more="x") if "limit" in request.query else page("new")

    async with reflecting(lists(answer), tmp_path) as (reflector, store):
        await eventually(lambda: reflector.synced, what="the list")

        assert names(store) == {"new"}


async def test_nothing_is_shown_of_a_list_that_broke_off(tmp_path: Path) -> None:
    """A page that fails leaves the store as it was: half a list would look like deletions."""
    answers = iter([page("one", "two"), page("one", more="x"), web.Response(status=503), page("one", "two", "three")])
    seen: list[set[str]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(names(stores[0]))
        return web.Response() if "watch" in request.query else next(answers)

    stores: list[Store] = [Store(lambda _: None)]
    async with reflecting(handler, tmp_path) as (_, store):
        stores[0] = store
        await eventually(lambda: names(store) == {"one", "two", "three"}, what="the third list")

    assert {"one"} not in seen


async def test_a_server_that_asks_for_time_gets_it(tmp_path: Path) -> None:
    """Retry-After is longer than our own pause, and is kept to."""
    times: list[float] = []

    def answer(_: web.Request) -> web.Response:
        times.append(asyncio.get_running_loop().time())
        return page("one") if len(times) > 1 else web.Response(status=429, headers={"Retry-After": "1"})

    async with reflecting(lists(answer), tmp_path) as (reflector, _):
        await eventually(lambda: reflector.synced, what="the list")

    assert times[1] - times[0] >= 1.0


async def test_the_store_is_compared_with_the_server_from_time_to_time(tmp_path: Path) -> None:
    """A watch that the server keeps open for ever is no reason not to look again."""
    asked = 0

    def answer(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return page("one") if asked == 1 else page("two")

    timings = Timings(relist=0.1, silence=0.3, first_retry=0.01, longest_retry=0.02)
    async with reflecting(lists(answer), tmp_path, timings=timings) as (_, store):
        await eventually(lambda: names(store) == {"two"}, what="the second list")


async def test_pauses_double_up_to_the_longest() -> None:
    """Half of a pause is chance, so that ten kinds do not ask in step."""
    reflector = Reflector(
        Source(SERVICE),
        Store(lambda _: None),
        None,  # type: ignore[arg-type]  # no request is made here
        Timings(first_retry=0.2, longest_retry=5.0),
        spread=lambda low, high: (low + high) / 2,
    )

    pauses = []
    for failures in (1, 2, 3, 4, 5, 6, 7, 5000):
        reflector._failures = failures
        pauses.append(round(reflector._pause(None), 3))

    assert pauses == [0.15, 0.3, 0.6, 1.2, 2.4, 3.75, 3.75, 3.75]


async def test_an_optional_kind_that_is_absent_is_looked_for_again(tmp_path: Path) -> None:
    """A cluster without the kind is in order; once the kind is there, it is known."""
    there = False

    def answer(_: web.Request) -> web.Response:
        return page() if there else web.Response(status=404, text="404 page not found")

    async with reflecting(lists(answer), tmp_path, source=Source(POD_MONITOR, optional=True)) as (reflector, _):
        await eventually(lambda: reflector.synced, what="the first look")
        assert reflector.present is False

        there = True
        await eventually(lambda: reflector.present, what="the kind")


async def test_a_kind_that_must_be_there_is_waited_for(tmp_path: Path) -> None:
    """Without our own definitions nothing is synced, and nothing ends."""
    there = False

    def answer(_: web.Request) -> web.Response:
        return page("one") if there else web.Response(status=404, text="404 page not found")

    async with reflecting(lists(answer), tmp_path) as (reflector, _):
        await asyncio.sleep(0.1)
        assert reflector.synced is False

        there = True
        await eventually(lambda: reflector.synced, what="the kind")


async def test_the_first_failure_is_told_and_those_after_it_are_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage is one line for each kind, not one for each try."""
    caplog.set_level(logging.WARNING)
    tries = 0

    def answer(_: web.Request) -> web.Response:
        nonlocal tries
        tries += 1
        return web.Response(status=503)

    async with reflecting(lists(answer), tmp_path):
        await eventually(lambda: tries > 5, what="some tries")

    assert len([record for record in caplog.records if "Watching services failed" in record.message]) == 1


async def test_a_bug_is_told_with_its_traceback_and_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Brackets beyond any depth break the parser in a way that nobody expects."""
    deep = "[" * 100_000
    answers = iter([web.Response(text=deep), page("one")])

    async with reflecting(lists(lambda _: next(answers)), tmp_path) as (_, store):
        await eventually(lambda: names(store) == {"one"}, what="the next list")

    assert "this is a bug" in caplog.text
    assert "RecursionError" in caplog.text
