"""What a fetch makes of strange answers of web servers."""

from collections.abc import Callable

import pytest
from aiohttp import web

from runtime.content import ONNX, tar_of
from runtime.places import Web
from runtime.process import Ask
from runtime.servers import Fault, answer, redirect
from trimtab.api.fetch import FetchFailureReason as Reason

over_http = pytest.mark.parametrize("place", ["http"], indirect=True)


@over_http
def test_redirects_end(place: Web, ask: Ask) -> None:
    """A server that sends a client in circles is left after a few steps."""
    place.server.faults.append(Fault(answer=redirect("model.onnx")))

    ended = ask(place, "model.onnx")

    assert ended.told.reason is Reason.SOURCE_UNREACHABLE
    assert len(place.server.asked) <= 24


@over_http
def test_a_redirect_to_nowhere_is_told(place: Web, ask: Ask) -> None:
    """A redirect without an address is a server's fault."""
    place.server.faults.append(Fault(answer=lambda _: web.Response(status=302)))

    assert "redirects to no address" in ask(place, "model.onnx").told.message


@over_http
@pytest.mark.parametrize(
    ("name", "reply", "reason"),
    [
        (
            "model.onnx",
            answer(b"<html>log in</html>", Content_Type="text/html; charset=utf-8"),
            Reason.SOURCE_NOT_FOUND,
        ),
        ("model.onnx", answer(ONNX, Content_Encoding="gzip"), Reason.UNSUPPORTED_LAYOUT),
        ("model.onnx", lambda _: web.Response(status=410), Reason.SOURCE_NOT_FOUND),
        ("model.onnx", lambda _: web.Response(status=403), Reason.CREDENTIALS_REFUSED),
        ("model.onnx", lambda _: web.Response(status=206, body=ONNX), Reason.SOURCE_UNREACHABLE),
        ("model.onnx", lambda _: web.Response(status=500), Reason.SOURCE_UNREACHABLE),
        ("model.bin", answer(ONNX), Reason.UNSUPPORTED_LAYOUT),
    ],
    ids=["page", "compressed", "gone", "forbidden", "a part", "trouble", "unknown kind"],
)
def test_an_answer_that_is_no_model_is_told_as_what_it_is(
    place: Web, ask: Ask, name: str, reply: Callable[[web.Request], web.Response], reason: Reason
) -> None:
    """A page to log in, served with 200, is the usual one: never serve it as a model."""
    place.server.faults.append(Fault(answer=reply))

    assert ask(place, name).told.reason is reason


@over_http
def test_an_archive_that_the_server_calls_compressed_is_the_archive(place: Web, ask: Ask) -> None:
    """Servers mark a .tar.gz as encoded by gzip; its bytes, and so its digest, are the file's own."""
    place.server.faults.append(Fault(answer=answer(tar_of({"model.onnx": ONNX}), Content_Encoding="x-gzip")))

    ended = ask(place, "model.tar.gz")

    assert ended.exit_code == 0, ended.log


@over_http
@pytest.mark.parametrize("path", ["my%20model.onnx", "folder%2Fmodel.onnx", "model.onnx?versionId=7&sig=a%2Bb"])
def test_an_encoded_address_is_asked_for_as_it_was_written(place: Web, ask: Ask, path: str) -> None:
    """What the user encoded reaches the server unchanged: signatures depend on it."""
    place.server.faults.append(Fault(answer=answer(ONNX)))

    ended = ask(place, path)

    assert ended.exit_code == 0, ended.log
    assert place.server.asked[0].path == f"/{place.root}/{path}"
