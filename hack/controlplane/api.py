"""A small client for tests: plain dicts in and out, over the standard library, as any of the plane's users."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from controlplane.nodes import Manifest

T = TypeVar("T")
AGENT = "controlplane-tests"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON = "application/json"
TIMEOUT_S = 30.0
LOOK_S = 0.1
IDLE_S = 30.0  # of a connection that is not used again: the server closes one that was idle for 90 s, without a word
NOT_FOUND = 404
FIRST_ERROR = 400


class ApiError(Exception):
    """The server refused: `code` is the HTTP status, `reason` and the message are its own words."""

    def __init__(self, code: int, status: Manifest) -> None:
        """Keep what the server said."""
        super().__init__(status.get("message") or status)
        self.code = code
        self.reason = str(status.get("reason", ""))
        self.status = status


@dataclass
class Api:
    """A connection to `host`:`port` as the bearer of `token`, safe to use from several threads.

    Objects are named by `kind` as `kubectl` would print them with their version: `v1/Pod`, `apps/v1/Deployment`.
    """

    host: str
    port: int
    certificate_authority: Path
    token: str = field(repr=False)
    agent: str = AGENT
    _local: threading.local = field(default_factory=threading.local, init=False, repr=False)
    _era: int = field(default=0, init=False, repr=False)
    _connections: list[http.client.HTTPSConnection] = field(default_factory=list, init=False, repr=False)
    _resources: dict[str, tuple[str, bool]] = field(default_factory=dict, init=False, repr=False)

    def request(self, method: str, path: str, body: object = None, content_type: str = JSON) -> Any:  # noqa: ANN401 - JSON
        """Send one request and return the decoded answer (text where it is not JSON).

        Raises:
            ApiError: the server answered 4xx or 5xx.
            OSError: the server cannot be reached.
        """
        data = None if body is None else json.dumps(body)
        headers = {"Authorization": f"Bearer {self.token}", "User-Agent": self.agent, "Accept": JSON}
        if data is not None:
            headers["Content-Type"] = content_type
        try:
            answer, text = self._exchange(method, path, data, headers)
        except (ConnectionError, ssl.SSLEOFError):  # an idle connection that the server has closed meanwhile
            if method != "GET":
                raise
            answer, text = self._exchange(method, path, data, headers)
        is_json = answer.headers.get_content_type() == JSON
        value = json.loads(text) if is_json else text
        if answer.status >= FIRST_ERROR:
            raise ApiError(answer.status, value if isinstance(value, dict) else {"message": text})
        return value

    def path(self, kind: str, namespace: str | None = None, name: str | None = None) -> str:
        """Return the URL path of an object or, without `name`, of a collection; all namespaces without `namespace`.

        Raises:
            ApiError: the server does not know the group and version.
            KeyError: they have no such kind.
        """
        version, _, short = kind.rpartition("/")
        root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
        if kind not in self._resources:
            for resource in self.request("GET", root)["resources"]:
                if "/" not in resource["name"]:
                    self._resources[f"{version}/{resource['kind']}"] = (resource["name"], resource["namespaced"])
        plural, namespaced = self._resources[kind]
        within = f"/namespaces/{namespace}" if namespaced and namespace else ""
        if namespaced and name and not namespace:
            raise ValueError(f"{short} {name}: which namespace? it is a namespaced kind")
        return f"{root}{within}/{plural}" + (f"/{name}" if name else "")

    def get(self, kind: str, name: str, namespace: str | None = None) -> Manifest | None:
        """Return one object, or None where there is none."""
        try:
            found: Manifest = self.request("GET", self.path(kind, namespace, name))
        except ApiError as error:
            if error.code == NOT_FOUND:
                return None
            raise
        return found

    def list(self, kind: str, namespace: str | None = None, selector: str = "") -> list[Manifest]:
        """Return the objects of a kind, in one namespace or in all, that match a label selector."""
        query = "?" + urllib.parse.urlencode({"labelSelector": selector}) if selector else ""
        items: list[Manifest] = self.request("GET", self.path(kind, namespace) + query)["items"]
        return items

    def create(self, manifest: Manifest) -> Manifest:
        """Create the object and return what the server made of it."""
        made: Manifest = self.request("POST", self.path(_kind(manifest), *_place(manifest)[:1]), manifest)
        return made

    def apply(self, manifest: Manifest, manager: str = AGENT) -> Manifest:
        """Apply the manifest on the server side, by force, and return the object."""
        query = urllib.parse.urlencode({"fieldManager": manager, "force": "true"})
        path = self.path(_kind(manifest), *_place(manifest))
        made: Manifest = self.request("PATCH", f"{path}?{query}", manifest, APPLY)
        return made

    def patch(
        self, kind: str, name: str, change: Manifest, *, namespace: str | None = None, part: str = ""
    ) -> Manifest:
        """Merge `change` into an object, or into its subresource `part`, such as `status` or `scale`."""
        path = self.path(kind, namespace, name) + (f"/{part}" if part else "")
        made: Manifest = self.request("PATCH", path, change, MERGE)
        return made

    def delete(self, kind: str, name: str, namespace: str | None = None) -> None:
        """Delete an object in the background; it is fine if it is not there."""
        try:
            self.request("DELETE", self.path(kind, namespace, name), {"propagationPolicy": "Background"})
        except ApiError as error:
            if error.code != NOT_FOUND:
                raise

    def restarted(self) -> None:
        """Let every thread connect anew: the server at the other end is another one than before."""
        self._era += 1

    def close(self) -> None:
        """Close the connections of every thread."""
        for connection in self._connections:
            connection.close()

    def _exchange(
        self, method: str, path: str, data: str | None, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, str]:
        connection = self._connection()
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            return answer, answer.read().decode()
        except OSError:
            connection.close()  # it opens again by itself
            raise
        except http.client.HTTPException as error:
            connection.close()
            raise ConnectionError(f"{method} {path}: {error!r}") from error

    def _connection(self) -> http.client.HTTPSConnection:
        if not hasattr(self._local, "connection"):
            context = ssl.create_default_context(cafile=str(self.certificate_authority))
            self._local.connection = http.client.HTTPSConnection(
                self.host, self.port, timeout=TIMEOUT_S, context=context
            )
            self._connections.append(self._local.connection)
        connection: http.client.HTTPSConnection = self._local.connection
        now, era = time.monotonic(), self._era
        if now - getattr(self._local, "used", now) > IDLE_S or getattr(self._local, "era", era) != era:
            connection.close()  # it opens again by itself
        self._local.used, self._local.era = now, era
        return connection


def _kind(manifest: Manifest) -> str:
    return f"{manifest['apiVersion']}/{manifest['kind']}"


def _place(manifest: Manifest) -> tuple[str | None, str | None]:
    return manifest["metadata"].get("namespace"), manifest["metadata"].get("name")


def until(look: Callable[[], T | None], *, what: str, seconds: float = 30.0) -> T:
    """Call `look` until it returns something true, and return that.

    Raises:
        TimeoutError: it did not within `seconds`; the message says `what` was waited for and what was seen last.
    """
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}; last seen: {seen!r}")
        time.sleep(LOOK_S)
