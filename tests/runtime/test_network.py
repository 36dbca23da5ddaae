"""What a fetch may connect to, in whatever notation, by whatever name, behind whatever redirect."""

import asyncio
import socket
from collections.abc import Callable

import pytest

from runtime.content import ONNX
from runtime.places import Elsewhere, HuggingFace, Place, Web
from runtime.process import Ask
from runtime.servers import Fault, Server, redirect
from trimtab.api.addresses import NetworkRules
from trimtab.api.fetch import FetchFailureReason as Reason, FetchPlan
from trimtab_runtime.fetch.errors import FetchError
from trimtab_runtime.fetch.guard import AddressRefusedError, CheckedResolver, ConnectionGuard, check_endpoint

REMOTE = ["s3", "gs", "hf", "https"]
PUBLIC_NAME = "models.example.com"
over_http = pytest.mark.parametrize("place", ["http"], indirect=True)
over_https = pytest.mark.parametrize("place", ["https"], indirect=True)
on_the_hub = pytest.mark.parametrize("place", ["hf"], indirect=True)

Plan = Callable[..., FetchPlan]


@over_http
@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/model.onnx",
        "http://2130706433:{port}/model.onnx",
        "http://0x7f.1:{port}/model.onnx",
        "http://0:{port}/model.onnx",
        "http://localhost:{port}/model.onnx",
        "http://[::1]:{port}/model.onnx",
        "http://[::ffff:127.0.0.1]:{port}/model.onnx",
        "//127.0.0.1:{port}/model.onnx",
        "http://169.254.169.254/latest/meta-data/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://10.0.0.1/model.onnx",
        "http://kubernetes.default.svc/api",
        "http://user:password@example.com/model.onnx",
        "file:///etc/passwd",
        "ftp://example.com/model.onnx",
        "gopher://127.0.0.1:{port}/_x",
    ],
)
def test_a_redirect_leads_only_where_a_model_may_come_from(
    place: Web, ask: Ask, elsewhere: Server, target: str
) -> None:
    """Each step is judged like the first address, in whatever notation it is written."""
    place.server.faults.append(Fault(answer=redirect(target.format(port=elsewhere.port))))

    ended = ask(place, "model.onnx")

    assert ended.exit_code == 2
    assert ended.told.reason is Reason.ADDRESS_REFUSED
    assert elsewhere.asked == []
    assert len(place.server.asked) == 1


@over_https
def test_a_redirect_does_not_lead_from_https_to_http(place: Web, ask: Ask, elsewhere: Server, plan: Plan) -> None:
    """Also not to an endpoint that is allowed: nobody asked for the model in clear."""
    del plan
    place.server.faults.append(Fault(answer=redirect(f"{elsewhere.origin}/model.onnx")))

    ended = ask(place, "model.onnx", allowed_endpoints=(place.server.endpoint, elsewhere.endpoint))

    assert ended.told.reason is Reason.ADDRESS_REFUSED
    assert "from https to http" in ended.told.message
    assert elsewhere.asked == []


@over_https
def test_a_name_in_a_redirect_is_judged_by_its_address(place: Web, ask: Ask, elsewhere: Server) -> None:
    """A public name may be anybody's, and mean any address."""
    place.server.faults.append(Fault(answer=redirect(f"https://{PUBLIC_NAME}:{elsewhere.port}/model.onnx")))

    ended = ask(place, "model.onnx", hosts={PUBLIC_NAME: "127.0.0.1"})

    assert ended.told.reason is Reason.ADDRESS_REFUSED
    assert elsewhere.asked == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "100.64.0.1"])
@pytest.mark.parametrize("place", REMOTE, indirect=True)
def test_a_public_name_with_a_private_address_is_refused(place: Place, ask: Ask, address: str) -> None:
    """Whoever owns a name's zone chooses its address: it is checked when it is used, for every client library."""
    assert place.server is not None
    origin = f"https://{PUBLIC_NAME}:{place.server.port}"
    source = place.source("model.onnx")
    uri = f"{origin}/model.onnx" if place.name == "https" else source.uri or ""
    credentials = {name: origin for name, value in place.credentials.items() if value.startswith("http")}

    ended = ask(Elsewhere(place, uri, Server()), credentials=credentials, hosts={PUBLIC_NAME: address})

    assert ended.exit_code == 2
    assert ended.told.reason is Reason.ADDRESS_REFUSED, ended.told.message
    assert address in ended.told.message
    assert place.server.asked == []


@over_https
def test_an_endpoint_that_is_allowed_by_name_may_be_private(place: Web, ask: Ask) -> None:
    """The administrator's word is about the name, and stands for the address that it has now."""
    place.put({"model.onnx": ONNX})
    uri = f"https://{PUBLIC_NAME}:{place.server.port}/{place.root}/model.onnx"
    allowed = (f"{PUBLIC_NAME}:{place.server.port}",)

    ended = ask(Elsewhere(place, uri, Server()), allowed_endpoints=allowed, hosts={PUBLIC_NAME: "127.0.0.1"})

    assert ended.exit_code == 0, ended.log


@over_https
def test_a_certificate_of_another_name_is_not_accepted(place: Web, ask: Ask) -> None:
    """TLS is checked as anywhere."""
    uri = f"https://other.example.com:{place.server.port}/model.onnx"
    allowed = (f"other.example.com:{place.server.port}",)

    ended = ask(Elsewhere(place, uri, Server()), allowed_endpoints=allowed, hosts={"other.example.com": "127.0.0.1"})

    assert ended.exit_code == 1
    assert place.server.asked == []


@pytest.mark.parametrize("place", ["s3", "gs", "hf"], indirect=True)
@pytest.mark.parametrize(
    "address", ["http://169.254.169.254", "http://127.0.0.1:1", "https://user@example.com", "ftp://x"]
)
def test_an_endpoint_in_a_secret_is_judged_like_an_address(place: Place, ask: Ask, address: str) -> None:
    """The Secret is the user's, so the endpoint in it is too."""
    variable = next(name for name, value in place.credentials.items() if value.startswith("http"))

    ended = ask(place, credentials={variable: address})

    assert ended.told.reason is Reason.ADDRESS_REFUSED


@on_the_hub
def test_the_hub_cannot_send_a_fetch_inside(place: HuggingFace, ask: Ask, elsewhere: Server) -> None:
    """The hub's client follows redirects by itself; the guard at the socket does not."""
    place.put({"model.onnx": ONNX})
    place.hub.elsewhere = elsewhere.origin

    ended = ask(place, "model.onnx")

    assert ended.told.reason is Reason.ADDRESS_REFUSED
    assert elsewhere.asked == []


def test_a_name_with_one_refused_address_among_good_ones_is_refused() -> None:
    """A client would try the addresses in any order."""
    loop = asyncio.new_event_loop()

    async def resolve() -> None:
        lookup = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("93.184.216.34", "10.0.0.1")
        ]

        async def answer(*_: object, **__: object) -> list[tuple[object, ...]]:
            return list(lookup)

        await CheckedResolver(rules=NetworkRules(), lookup=answer).resolve(PUBLIC_NAME, 443)

    with pytest.raises(AddressRefusedError, match=r"10\.0\.0\.1"):
        loop.run_until_complete(resolve())
    loop.close()


@pytest.mark.parametrize("address", [("localhost", 80), (b"127.0.0.1", 80), ("127.0.0.1",)])
def test_the_guard_refuses_what_it_cannot_read(address: tuple[object, ...]) -> None:
    """An address in another notation is no way past it."""
    guard = ConnectionGuard(rules=NetworkRules())
    with socket.socket() as unused, pytest.raises((AddressRefusedError, ValueError)):
        guard._on_audit_event("socket.connect", (unused, address))


def test_the_guard_lets_local_sockets_pass() -> None:
    """A Unix socket leads nowhere outside the container."""
    with socket.socket(socket.AF_UNIX) as unused:
        ConnectionGuard(rules=NetworkRules())._on_audit_event("socket.connect", (unused, "/run/x"))


@pytest.mark.parametrize("address", ["example.com", "http://", "http://host:port", "http://a b", "http://[::1]:80"])
def test_an_endpoint_that_is_no_address_is_refused(address: str) -> None:
    """Only http(s)://host[:port]."""
    with pytest.raises(FetchError) as caught:
        check_endpoint(address, NetworkRules())

    assert caught.value.reason is Reason.ADDRESS_REFUSED
