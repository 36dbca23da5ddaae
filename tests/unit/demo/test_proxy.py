"""The proxy before played pods, asked as Prometheus asks, well and with each fault."""

import asyncio
import math
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest

from demo.faults import FAULTS, Fault, Forged, Slow
from demo.proxy import Page, Proxy

POD = "10.0.0.1"
LINES = ("# TYPE nv_inference_count counter", 'nv_inference_count{model="m",version="1"} %d', "nv_cpu_utilization 0.5")


class World:
    """One pod, whose counter is one higher at each look."""

    def __init__(self) -> None:
        self.looks = 0
        self.proxy = Proxy(self.look)
        self.url = ""
        self.session: aiohttp.ClientSession

    def look(self, ip: str) -> Page | None:
        if ip != POD:
            return None
        self.looks += 1
        return Page("shop/m", "\n".join(LINES) % self.looks + "\n")

    async def scrape(self, url: str = f"http://{POD}:8002/metrics") -> tuple[int, str, str]:
        """Return status, type and text."""
        async with self.session.get(url, proxy=self.url) as answer:
            return answer.status, answer.content_type, await answer.text()

    async def values(self) -> dict[str, list[float]]:
        """Return the values by series, each as often as it comes."""
        found: dict[str, list[float]] = {}
        for series, value in re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", (await self.scrape())[2], re.MULTILINE):
            found.setdefault(series, []).append(float(value))
        return found


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Run a proxy before one pod."""
    made = World()
    async with made.proxy.listen() as made.url, aiohttp.ClientSession() as made.session:
        yield made


COUNT, IDLE = 'nv_inference_count{model="m",version="1"}', "nv_cpu_utilization"


async def test_a_pod_is_found_by_its_address(world: World) -> None:
    """The text is the pod's, and its type is Triton's."""
    status, kind, text = await world.scrape()

    assert (status, kind) == (200, "text/plain")
    assert text == "\n".join(LINES) % 1 + "\n"


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("http://10.0.0.2:8002/metrics", 503),
        (f"http://{POD}:8000/metrics", 404),
        (f"http://{POD}:8002/v2/health/ready", 404),
        ("http://nowhere.invalid/", 404),
    ],
)
async def test_nothing_else_is_found(world: World, url: str, status: int) -> None:
    """No other pod, port or path; it is a proxy to nowhere else."""
    assert (await world.scrape(url))[0] == status


async def test_a_question_to_the_proxy_itself_says_what_it_is(world: World) -> None:
    """Somebody opened it in a browser."""
    async with world.session.get(world.url) as answer:
        assert answer.status == 404
        assert "this is a proxy for GET http://POD_IP:8002/metrics" in await answer.text()


async def broken(world: World, fault: Fault | str) -> dict[str, list[float]]:
    """Break the model, and return the values that a scrape gets."""
    world.proxy.faults["shop/m"] = FAULTS[fault]() if isinstance(fault, str) else fault
    return await world.values()


async def test_values_can_be_no_numbers_or_far_too_large(world: World) -> None:
    """All of them; the names stay."""
    for fault, check in {"NaN": math.isnan, "infinite": math.isinf}.items():
        values = await broken(world, fault)
        assert set(values) == {COUNT, IDLE}
        assert all(check(value) for (value,) in values.values())

    assert await broken(world, "a thousandfold") == {COUNT: [3000], IDLE: [500]}


async def test_a_frozen_page_stays_as_it_was_when_the_fault_began(world: World) -> None:
    """The pod works on; what it says afterwards is of that moment."""
    await world.scrape()
    first = await broken(world, "frozen")
    assert first == await world.values() == await world.values() == {COUNT: [2], IDLE: [0.5]}

    world.proxy.faults.clear()
    assert (await world.values())[COUNT] == [5]


async def test_a_series_can_come_twice(world: World) -> None:
    """Once more under the same labels with another value, or under one more label with the same."""
    assert await broken(world, "a series twice") == {COUNT: [1, 2], IDLE: [0.5, 1]}

    once_more = 'nv_inference_count{model="m",version="1",copy="1"}'
    values = await broken(world, "every series under one more label")
    assert values == {COUNT: [2], once_more: [2], IDLE: [0.5], 'nv_cpu_utilization{copy="1"}': [0.5]}


async def test_a_pod_can_forge_anothers_labels(world: World) -> None:
    """Whose they are is for the test to say."""
    values = await broken(world, Forged({"namespace": "bank", "trimtab_model": "fraud"}, factor=1000))

    assert values[COUNT] == [1]
    assert values['nv_inference_count{model="m",version="1",namespace="bank",trimtab_model="fraud"}'] == [1000]


async def test_a_scrape_can_be_cut_slow_or_a_web_page(world: World) -> None:
    """What is not an exposition at all."""
    world.proxy.faults["shop/m"] = FAULTS["dropped"]()
    with pytest.raises(aiohttp.ClientError):
        await world.scrape()

    world.proxy.faults["shop/m"] = FAULTS["slow"]()
    with pytest.raises(TimeoutError):
        async with world.session.get(
            f"http://{POD}:8002/metrics", proxy=world.url, timeout=aiohttp.ClientTimeout(total=0.2)
        ):
            pass
    world.proxy.faults["shop/m"] = Slow(seconds=0.01)
    assert (await world.scrape())[0] == 200

    world.proxy.faults["shop/m"] = FAULTS["a web page"]()
    status, kind, text = await world.scrape()
    assert (status, kind) == (200, "text/html")
    assert "<html>" in text


async def test_a_fault_is_one_models_alone(world: World) -> None:
    """The others are answered as usual."""
    world.proxy.faults["shop/other"] = FAULTS["NaN"]()

    assert await world.values() == {COUNT: [1], IDLE: [0.5]}


async def test_an_answer_that_nobody_waits_for_is_given_up(world: World) -> None:
    """Prometheus loses patience after 4 s; what is slower would be at work for long after the world has ended."""
    world.proxy.faults["shop/m"] = Slow(60.0)
    before = len(asyncio.all_tasks())

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(world.scrape(), 0.2)

    async with asyncio.timeout(10.0):
        while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110 - the end of a task of the library's is nobody's event
            await asyncio.sleep(0.01)
