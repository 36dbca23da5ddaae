"""Whom a fetch tells its credentials, and that nobody reads them afterwards."""

import functools
import json
from base64 import b64encode
from collections.abc import Callable

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from runtime.content import ONNX
from runtime.places import S3, Google, HuggingFace, Place, Web
from runtime.process import Ask, Kubelet
from runtime.servers import Fault, Files, Server, redirect
from trimtab.api.fetch import FetchFailureReason as Reason, FetchPlan, FetchSource

REMOTE = ["s3", "gs", "hf", "https"]
PUBLIC_NAME = "models.example.com"
over_http = pytest.mark.parametrize("place", ["http"], indirect=True)
on_the_hub = pytest.mark.parametrize("place", ["hf"], indirect=True)

Plan = Callable[..., FetchPlan]


@over_http
def test_credentials_are_not_told_to_another_origin(place: Web, ask: Ask, elsewhere: Server) -> None:
    """A redirect to a content network is followed, without what was meant for the first server."""
    elsewhere.handler = Files({"/model.onnx": ONNX})
    place.server.faults.append(Fault(answer=redirect(f"{elsewhere.origin}/model.onnx?signature=of-this-url")))

    ended = ask(place, "model.onnx", allowed_endpoints=(place.server.endpoint, elsewhere.endpoint))

    assert ended.exit_code == 0, ended.log
    assert [asked.headers.get("Authorization") for asked in place.server.asked] == ["Bearer web-token-of-the-user"]
    assert [asked.headers.get("Authorization") for asked in elsewhere.asked] == [None]


@over_http
def test_a_relative_redirect_stays_and_keeps_credentials(place: Web, ask: Ask) -> None:
    """The same origin is the same server."""
    place.put({"v7/model.onnx": ONNX})
    place.server.faults.append(Fault(path="*/latest.onnx", answer=redirect("v7/model.onnx")))

    ended = ask(place, "latest.onnx")

    assert ended.exit_code == 0, ended.log
    assert {asked.headers.get("Authorization") for asked in place.server.asked} == {"Bearer web-token-of-the-user"}


@pytest.mark.parametrize(
    ("uri", "credentials"),
    [
        (f"http://{PUBLIC_NAME}/model.onnx", {"HTTP_BEARER_TOKEN": "web-token-of-the-user"}),
        (f"http://{PUBLIC_NAME}/model.onnx", {"HTTP_USERNAME": "ann", "HTTP_PASSWORD": "password-of-ann"}),
        ("hf://acme/fraud", {"HF_ENDPOINT": f"http://{PUBLIC_NAME}", "HF_TOKEN": "hf_token_of_the_user"}),
    ],
)
def test_no_token_goes_over_the_public_internet_in_clear(
    kubelet: Kubelet, plan: Plan, uri: str, credentials: dict[str, str]
) -> None:
    """Plain http with a token is refused before anything is sent; an endpoint allowed by name is another matter."""
    ended = kubelet.start(plan(FetchSource(uri=uri)), credentials).end()

    assert ended.told.reason is Reason.CREDENTIALS_REFUSED
    assert "in clear" in ended.told.message


@on_the_hub
def test_the_hubs_large_files_come_from_elsewhere_without_the_token(
    place: HuggingFace, ask: Ask, elsewhere: Server
) -> None:
    """Large files are on a content network, by signed addresses; neither token nor signature is seen."""
    place.put({"model.onnx": ONNX})
    place.hub.elsewhere, elsewhere.handler = elsewhere.origin, Files({"/model.onnx": ONNX})

    ended = ask(place, "model.onnx", allowed_endpoints=(place.server.endpoint, elsewhere.endpoint))

    assert ended.exit_code == 0, ended.log
    assert {asked.headers.get("authorization") for asked in place.server.asked} == {"Bearer hf_token_of_the_user"}
    assert [asked.headers.get("authorization") for asked in elsewhere.asked if asked.method == "GET"] == [None]
    assert "of-this-url" not in ended.log


@on_the_hub
def test_a_broken_signed_address_is_not_told(place: HuggingFace, ask: Ask, elsewhere: Server) -> None:
    """A signature is a credential: errors name the address without it."""
    place.put({"model.onnx": ONNX})
    place.hub.elsewhere = elsewhere.origin

    ended = ask(place, "model.onnx", allowed_endpoints=(place.server.endpoint, elsewhere.endpoint))

    assert ended.exit_code != 0
    assert "of-this-url" not in ended.log + ended.told.message


@pytest.mark.parametrize("place", REMOTE, indirect=True)
def test_a_server_that_repeats_credentials_is_not_quoted(place: Place, ask: Ask) -> None:
    """Servers put what they were sent into their errors; `Running.end` looks for it in report and log."""
    assert place.server is not None
    secrets = [value for value in place.credentials.values() if not value.startswith("http")]
    said = f"not good enough: {' '.join(secrets)}"
    place.server.faults.append(
        Fault(
            only_bodies=False,
            answer=lambda _: web.Response(
                status=400,
                headers={"X-Error-Message": said},
                body=f"<Error><Code>Bad</Code><Message>{said}</Message></Error>".encode(),
                content_type="application/xml",
            ),
        )
    )

    ended = ask(place, "model.onnx")

    assert ended.exit_code != 0


@pytest.mark.parametrize("place", REMOTE, indirect=True)
def test_a_line_end_behind_a_token_does_no_harm(place: Place, ask: Ask) -> None:
    """`echo token | kubectl create secret --from-file` adds one; everybody does it once."""
    place.put({"model.onnx": ONNX})

    ended = ask(place, "model.onnx", credentials={name: f"{value}\n" for name, value in place.credentials.items()})

    assert ended.exit_code == 0, ended.log


@over_http
def test_a_name_and_a_password_are_sent_as_basic_credentials(place: Web, ask: Ask) -> None:
    """The other pair of keys that a Secret may have."""
    place.put({"model.onnx": ONNX})
    place.credentials = {"HTTP_USERNAME": "ann", "HTTP_PASSWORD": "password-of-ann"}

    ended = ask(place, "model.onnx")

    assert ended.exit_code == 0, ended.log
    assert place.server.asked[0].headers["Authorization"] == f"Basic {b64encode(b'ann:password-of-ann').decode()}"


@over_http
@pytest.mark.parametrize("token", ["two words\nInjected: header", "snow☃man"])
def test_a_token_that_no_header_can_carry_is_refused(place: Web, ask: Ask, token: str) -> None:
    """It is the Secret that has to change, and no header slips in."""
    ended = ask(place, "model.onnx", credentials={"HTTP_BEARER_TOKEN": token})

    assert ended.exit_code == 2
    assert ended.told.reason is Reason.CREDENTIALS_REFUSED
    assert place.server.asked == []


@functools.cache
def private_key() -> str:
    """Return a key as Google's files have it."""
    key = rsa.generate_private_key(65537, 2048)
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*pem).decode()


def google_key(token_uri: str) -> str:
    """Return a service account's key file."""
    return json.dumps(
        {
            "type": "service_account",
            "client_email": "fraud@acme.iam.gserviceaccount.com",
            "private_key": private_key(),
            "token_uri": token_uri,
        }
    )


@pytest.mark.parametrize("place", ["gs"], indirect=True)
def test_a_google_key_is_exchanged_for_a_token(place: Google, ask: Ask) -> None:
    """The key stays here; what goes to the store is a token for it."""
    place.put({"model.onnx": ONNX})
    key = google_key(f"{place.server.origin}/token")

    ended = ask(place, "model.onnx", credentials={"GOOGLE_APPLICATION_CREDENTIALS_JSON": key})

    assert ended.exit_code == 0, ended.log
    used = {asked.headers.get("Authorization") for asked in place.server.asked if "/storage/" in asked.path}
    assert used == {"Bearer google-access"}


@pytest.mark.parametrize("place", ["gs"], indirect=True)
@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("no json", Reason.CREDENTIALS_REFUSED),
        ('["no", "key"]', Reason.CREDENTIALS_REFUSED),
        ('{"type": "service_account"}', Reason.CREDENTIALS_REFUSED),
        (
            '{"type": "external_account", "credential_source": {"executable": {"command": "id"}}}',
            Reason.CREDENTIALS_REFUSED,
        ),
        (google_key("http://169.254.169.254/token"), Reason.ADDRESS_REFUSED),
        (google_key("http://127.0.0.1:1/token"), Reason.ADDRESS_REFUSED),
    ],
    ids=["text", "list", "incomplete", "command", "metadata", "loopback"],
)
def test_a_google_key_that_is_none_or_leads_inside_is_refused(
    place: Google, ask: Ask, key: str, reason: Reason
) -> None:
    """Kinds of keys that name commands are no keys here, and a key's own address is judged like any other."""
    ended = ask(place, "model.onnx", credentials={"GOOGLE_APPLICATION_CREDENTIALS_JSON": key})

    assert ended.told.reason is reason, ended.told.message


@pytest.mark.parametrize("place", ["s3"], indirect=True)
def test_without_keys_s3_is_asked_anonymously(place: S3, ask: Ask) -> None:
    """A public bucket needs no key, and nobody's metadata service is asked for one."""
    place.put({"model.onnx": ONNX})
    place.credentials = {"AWS_ENDPOINT_URL": place.server.origin}

    ended = ask(place, "model.onnx")

    assert ended.exit_code == 0, ended.log
    assert {asked.headers.get("Authorization") for asked in place.server.asked} == {None}


@pytest.mark.parametrize("place", ["s3"], indirect=True)
def test_half_a_pair_of_keys_is_refused(place: S3, ask: Ask) -> None:
    """One key of two is a mistake in the Secret, and told at once."""
    place.credentials.pop("AWS_SECRET_ACCESS_KEY")

    assert ask(place, "model.onnx").told.reason is Reason.CREDENTIALS_REFUSED
    assert place.server.asked == []
