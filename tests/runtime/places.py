"""The places that a model can come from, behind one small interface: put files there, say where they are."""

import itertools
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from aiohttp import web

from runtime.servers import Files, Server
from runtime.stores import GoogleStorage, Hub, google_error, s3_error
from trimtab.api.fetch import FetchSource

_numbers = itertools.count(1)

Answer = Callable[[web.Request], web.Response]


class Place(Protocol):
    """A place with one fresh folder for one test.

    `refusal` is how it answers to credentials that it does not accept, `bodies` matches the URLs of files themselves; a
    mounted volume has no server and asks for no credentials.
    """

    name: str
    credentials: dict[str, str]
    bodies: str

    @property
    def server(self) -> Server | None: ...

    @property
    def refusal(self) -> Answer | None: ...

    def put(self, files: Mapping[str, bytes]) -> None: ...

    def source(self, path: str = "") -> FetchSource: ...


@dataclass
class S3:
    """A bucket of a moto server, seen through a server that misbehaves."""

    server: Server
    moto_port: int
    name: str = "s3"
    credentials: dict[str, str] = field(default_factory=dict)
    root: str = ""
    bodies: str = "*.onnx"

    def __post_init__(self) -> None:
        self.root = f"fraud-{next(_numbers)}"
        self.credentials = {
            "AWS_ENDPOINT_URL": self.server.origin,
            "AWS_ACCESS_KEY_ID": "AKIA0123456789",
            "AWS_SECRET_ACCESS_KEY": "s3-secret-of-the-user",
        }

    @property
    def refusal(self) -> Answer:
        return lambda _: s3_error("InvalidAccessKeyId", 403)

    def put(self, files: Mapping[str, bytes]) -> None:
        for path, body in files.items():
            put_to_s3(self.moto_port, f"models/{self.root}/{path}", body)

    def source(self, path: str = "") -> FetchSource:
        return FetchSource(uri=f"s3://models/{self.root}/{path}".rstrip("/"))


def put_to_s3(port: int, path: str, body: bytes = b"") -> None:
    """Make a bucket, or an object in one."""
    url, kind = (
        f"http://127.0.0.1:{port}/{quote(path)}",
        {"Content-Type": "application/octet-stream", "x-amz-acl": "public-read"},
    )
    request = urllib.request.Request(url, data=body, headers=kind, method="PUT")  # loopback
    urllib.request.urlopen(request).close()  # noqa: S310  # loopback


@dataclass
class Google:
    """A bucket of a fake of Google's store; a key file's token comes from the same server."""

    server: Server
    storage: GoogleStorage
    name: str = "gs"
    credentials: dict[str, str] = field(default_factory=dict)
    root: str = ""
    bodies: str = "/download/*"

    def __post_init__(self) -> None:
        self.root = f"fraud-{next(_numbers)}"
        self.credentials = {"STORAGE_EMULATOR_HOST": self.server.origin}

    @property
    def refusal(self) -> Answer:
        return lambda _: google_error("The caller does not have storage.objects.list access", 403)

    def put(self, files: Mapping[str, bytes]) -> None:
        self.storage.objects.update({f"models/{self.root}/{path}": body for path, body in files.items()})

    def source(self, path: str = "") -> FetchSource:
        return FetchSource(uri=f"gs://models/{self.root}/{path}".rstrip("/"))


@dataclass
class HuggingFace:
    """A private repository of a fake hub."""

    server: Server
    hub: Hub
    name: str = "hf"
    credentials: dict[str, str] = field(default_factory=dict)
    root: str = ""
    bodies: str = "*.onnx"

    def __post_init__(self) -> None:
        self.root = f"acme/fraud-{next(_numbers)}"
        self.credentials = {"HF_ENDPOINT": self.server.origin, "HF_TOKEN": "hf_token_of_the_user"}
        self.hub.private[self.root] = self.credentials["HF_TOKEN"]

    @property
    def refusal(self) -> Answer:
        return lambda _: web.json_response({"error": "Invalid credentials in Authorization header"}, status=401)

    def put(self, files: Mapping[str, bytes]) -> None:
        self.hub.repositories.setdefault(self.root, {}).update(files)

    def source(self, path: str = "") -> FetchSource:
        return FetchSource(uri=f"hf://{self.root}/{path}".rstrip("/"))


@dataclass
class Web:
    """A plain web server, over http or https."""

    server: Server
    files: Files
    name: str = "http"
    credentials: dict[str, str] = field(default_factory=lambda: {"HTTP_BEARER_TOKEN": "web-token-of-the-user"})
    root: str = ""
    bodies: str = "*.onnx"

    def __post_init__(self) -> None:
        self.root = f"fraud-{next(_numbers)}"

    @property
    def refusal(self) -> Answer:
        return lambda _: web.Response(status=401, text="who are you?")

    def put(self, files: Mapping[str, bytes]) -> None:
        self.files.bodies.update({f"/{self.root}/{quote(path)}": body for path, body in files.items()})

    def source(self, path: str = "") -> FetchSource:
        return FetchSource(uri=f"{self.server.origin}/{self.root}/{path}")


@dataclass
class Volume:
    """A mounted volume."""

    root: Path
    name: str = "volume"
    credentials: dict[str, str] = field(default_factory=dict)
    bodies: str = ""
    server: None = None
    refusal: None = None

    def put(self, files: Mapping[str, bytes]) -> None:
        for path, body in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_bytes(body)

    def source(self, path: str = "") -> FetchSource:
        return FetchSource(path=str(self.root), sub_path=path or None)


@dataclass
class Elsewhere:
    """A place as another address has it."""

    place: Place
    uri: str
    server: Server

    @property
    def name(self) -> str:
        return self.place.name

    @property
    def credentials(self) -> dict[str, str]:
        return self.place.credentials

    def source(self, path: str = "") -> FetchSource:
        return FetchSource(uri=self.uri + path)
