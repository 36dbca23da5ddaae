"""The adapter while the API server is away, frozen, or has forgotten its past."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane import ControlPlane, Options
from fakes.manifests import model
from fakes.worlds import eventually, running
from trimtab.adapters.cluster.cluster import Cluster
from trimtab.adapters.cluster.reflector import Timings
from trimtab.api.kinds import AIMODEL, NAMESPACE, Manifest
from trimtab.api.objects import Change, ObjectKey, UnreachableError

CRDS = Path(__file__).parents[2] / "crds"
NAMESPACE_NAME = "default"
BACK_WITHIN_SECONDS = 10.0


@pytest.fixture(scope="module")
def lonely() -> Iterator[ControlPlane]:
    """Run an API server that this module may take away."""
    with ControlPlane(Options(controller_manager=False, scheduler=False, kwok=False, crds=CRDS)) as plane:
        yield plane


async def _add(plane: ControlPlane, name: str) -> Manifest:
    return await asyncio.to_thread(plane.admin.create, model(NAMESPACE_NAME, name))


async def _knows(cluster: Cluster, name: str, seconds: float = 20.0) -> None:
    key = ObjectKey(NAMESPACE_NAME, name)
    await eventually(lambda: cluster.get(AIMODEL, key), what=f"the model {name}", seconds=seconds)


async def test_an_api_server_that_was_away_is_found_again(lonely: ControlPlane) -> None:
    """Reads go on, writes are unreachable; 10 s after its return everything new is known, with production's timings."""
    changes: list[Change] = []
    async with running(lonely.kubeconfig, changes.append) as cluster:
        before = await _add(lonely, "before")
        await _knows(cluster, "before")

        await asyncio.to_thread(lonely.take_apiserver_away)
        try:
            await asyncio.sleep(12)  # long enough for the longest pause to be reached
            with pytest.raises(UnreachableError):
                await cluster.write_status(
                    AIMODEL, ObjectKey(NAMESPACE_NAME, "before"), {}, uid=before["metadata"]["uid"]
                )
            assert cluster.get(AIMODEL, ObjectKey(NAMESPACE_NAME, "before")) is not None
            assert cluster.list(NAMESPACE)
        finally:
            await asyncio.to_thread(lonely.bring_apiserver_back)
        await _add(lonely, "after")
        await _knows(cluster, "after", seconds=BACK_WITHIN_SECONDS)

        assert [change for change in changes if change.new is None] == []


async def test_an_api_server_that_froze_and_forgot_its_past_is_followed(lonely: ControlPlane) -> None:
    """A server that says nothing is asked again, and a past that was compacted away is not needed."""
    changes: list[Change] = []
    timings = Timings(answer=1.0, silence=1.0, longest_retry=1.0)
    async with running(lonely.kubeconfig, changes.append, timings) as cluster:
        await asyncio.to_thread(lonely.freeze, "kube-apiserver")
        try:
            await asyncio.sleep(3)
        finally:
            await asyncio.to_thread(lonely.thaw, "kube-apiserver")
        await asyncio.to_thread(lonely.compact)
        await _add(lonely, "thawed")

        await _knows(cluster, "thawed")
