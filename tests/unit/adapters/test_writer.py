"""What the writer does when the server's answers cross with others' changes."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from fakes.httpserver import connected
from trimtab.adapters.cluster.store import Store
from trimtab.adapters.cluster.writer import HANDOVER_TRIES, Writer
from trimtab.api.kinds import DEPLOYMENT, SERVICE, Manifest
from trimtab.api.objects import ConflictError, ObjectKey

KEY = ObjectKey("shop", "fraud")


def live(version: int, *, born: bool = True, **spec: Any) -> Manifest:  # noqa: ANN401 - JSON
    """Return an object as the server has it, with fields that its birth still owns, or without."""
    birth = {"manager": "trimtab-birth", "operation": "Update", "fieldsV1": {"f:spec": {"f:x": {}}}}
    metadata = {"name": "fraud", "namespace": "shop", "uid": "one", "resourceVersion": str(version)}
    return {"metadata": metadata | {"managedFields": [birth] if born else []}, "spec": spec}


def conflict() -> web.Response:
    """Return the answer to a write that somebody else's came before."""
    return web.json_response({"reason": "Conflict", "message": "the object has been modified"}, status=409)


class Server:
    """Answers from a script, and remembers what was asked: method and content type's first word."""

    def __init__(self, *answers: web.Response) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.bodies: list[Any] = []

    async def answer(self, request: web.Request) -> web.Response:
        """Give the next answer of the script."""
        kind = request.headers["Content-Type"].removeprefix("application/").partition("+")[0]
        self.asked.append(f"{request.method} {kind}" if request.method == "PATCH" else request.method)
        self.bodies.append(await request.json() if request.can_read_body else None)
        return self.answers.pop(0)


async def test_a_hand_over_that_somebody_disturbs_is_tried_with_what_is_there_now(tmp_path: Path) -> None:
    """The patch carries the version that was read; after a conflict the object is read again."""
    server = Server(
        web.json_response(live(5)),
        conflict(),
        web.json_response(live(6)),
        web.json_response(live(7, born=False)),
        web.json_response(live(8, born=False)),
    )

    async with connected(server.answer, tmp_path) as connection:
        applied = await Writer(connection, Store(lambda _: None)).apply(SERVICE, live(1), uid="one")

    assert server.asked == ["GET", "PATCH json-patch", "GET", "PATCH json-patch", "PATCH apply-patch"]
    assert [body[1]["value"] for body in (server.bodies[1], server.bodies[3])] == ["5", "6"]
    assert applied["metadata"]["resourceVersion"] == "8"


async def test_a_hand_over_that_is_always_disturbed_gives_up(tmp_path: Path) -> None:
    """A few tries, then the shell looks again; nothing was applied beside the birth."""
    server = Server(*(answer for _ in range(HANDOVER_TRIES) for answer in (web.json_response(live(5)), conflict())))

    async with connected(server.answer, tmp_path) as connection:
        with pytest.raises(ConflictError, match="faster than its fields"):
            await Writer(connection, Store(lambda _: None)).apply(SERVICE, live(1), uid="one")

    assert "PATCH apply-patch" not in server.asked


async def test_an_apply_after_the_hand_over_is_one_write(tmp_path: Path) -> None:
    """What was handed over once is read and applied."""
    server = Server(web.json_response(live(5, born=False)), web.json_response(live(6, born=False)))

    async with connected(server.answer, tmp_path) as connection:
        await Writer(connection, Store(lambda _: None)).apply(SERVICE, live(1), uid="one")

    assert server.asked == ["GET", "PATCH apply-patch"]


async def test_a_conflict_that_is_not_about_the_uid_is_told(tmp_path: Path) -> None:
    """A deletion that the server could not do for another reason has not been done."""
    server = Server(conflict(), web.json_response(live(5)))

    async with connected(server.answer, tmp_path) as connection:
        with pytest.raises(ConflictError, match="has been modified"):
            await Writer(connection, Store(lambda _: None)).delete(SERVICE, KEY, uid="one")


async def test_a_scale_shows_at_once_and_hides_nothing_newer(tmp_path: Path) -> None:
    """The scale tells a version and a number: they are put upon what is known, unless something newer is."""
    store = Store(lambda _: None)
    store.put(DEPLOYMENT, live(5, replicas=1, x="known"))
    scaled = {"metadata": {"resourceVersion": "7"}, "spec": {"replicas": 4}}
    late = {"metadata": {"resourceVersion": "6"}, "spec": {"replicas": 9}}
    server = Server(web.json_response(scaled), web.json_response(late))

    async with connected(server.answer, tmp_path) as connection:
        writer = Writer(connection, store)
        await writer.scale(DEPLOYMENT, KEY, 4, uid="one")
        await writer.scale(DEPLOYMENT, KEY, 9, uid="one")

    found = store.get(DEPLOYMENT, KEY)
    assert found is not None
    assert found["spec"] == {"replicas": 4, "x": "known"}
    assert found["metadata"]["resourceVersion"] == "7"
