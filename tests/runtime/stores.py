"""Small servers that speak what object stores and the hub speak, as far as reading goes."""

import hashlib
import json
from dataclasses import dataclass, field
from urllib.parse import unquote

import aiohttp
from aiohttp import web

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class GoogleStorage:
    """The JSON API of Google Cloud Storage: `objects` is `bucket/name` -> body; `sizes` lies about some of them."""

    objects: dict[str, bytes] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    async def __call__(self, request: web.Request) -> web.Response:
        path = request.raw_path.partition("?")[0]
        if path == "/token":
            return web.json_response({"access_token": "google-access", "expires_in": 3600, "token_type": "Bearer"})
        _, _, below = path.partition("/storage/v1/b/")
        bucket, _, name = below.partition("/o")
        name = unquote(name.removeprefix("/"))
        if not name:
            return self._list(request, bucket)
        body = self.objects.get(f"{bucket}/{name}")
        if body is None:
            return web.json_response({"error": {"code": 404, "message": "No such object"}}, status=404)
        if path.startswith("/download/"):
            return web.Response(body=body)
        return web.json_response(self._metadata(bucket, name, body))

    def _list(self, request: web.Request, bucket: str) -> web.Response:
        if not any(key.startswith(f"{bucket}/") for key in self.objects):
            return web.json_response({"error": {"code": 404, "message": "The bucket does not exist."}}, status=404)
        start, end = request.query.get("startOffset", ""), request.query.get("endOffset") or "\U0010ffff"
        names = sorted(key.removeprefix(f"{bucket}/") for key in self.objects if key.startswith(f"{bucket}/"))
        items = [
            self._metadata(bucket, name, self.objects[f"{bucket}/{name}"])
            for name in names
            if name.startswith(request.query.get("prefix", "")) and start <= name < end
        ]
        return web.json_response({"kind": "storage#objects", "items": items})

    def _metadata(self, bucket: str, name: str, body: bytes) -> dict[str, str]:
        size = self.sizes.get(f"{bucket}/{name}", len(body))
        return {
            "kind": "storage#object",
            "name": name,
            "bucket": bucket,
            "size": str(size),
            "generation": "1",
            "etag": hashlib.md5(body, usedforsecurity=False).hexdigest(),
        }


@dataclass
class Hub:
    """A hub: `repositories` is `organisation/name` -> path -> body; large files are kept at `elsewhere`."""

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: dict[str, str] = field(default_factory=dict)
    elsewhere: str | None = None

    async def __call__(self, request: web.Request) -> web.Response:
        path = unquote(request.raw_path.partition("?")[0])
        if path.startswith("/api/models/"):
            repository, _, revision = path.removeprefix("/api/models/").partition("/revision/")
            return self._refusal(request, repository, revision) or self._describe(repository)
        repository, _, rest = path.removeprefix("/").partition("/resolve/")
        revision, _, name = rest.partition("/")
        return self._refusal(request, repository, revision) or self._file(request, repository, name)

    def _refusal(self, request: web.Request, repository: str, revision: str) -> web.Response | None:
        token = self.private.get(repository)
        said = request.headers.get("Authorization")
        if said is not None and said != f"Bearer {token}" and token is not None:
            return web.json_response(
                {"error": "Invalid credentials"}, status=401, headers={"X-Error-Message": "Invalid"}
            )
        if repository not in self.repositories or (token is not None and said is None):
            code = {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}
            return web.json_response(
                {"error": "Repository not found"}, status=401 if said is None else 404, headers=code
            )
        if revision not in {"", "main", COMMIT}:
            return web.json_response(
                {"error": "Invalid rev id"}, status=404, headers={"X-Error-Code": "RevisionNotFound"}
            )
        return None

    def _describe(self, repository: str) -> web.Response:
        siblings = [
            {"rfilename": path, "size": len(body), "blobId": "0"}
            for path, body in self.repositories[repository].items()
        ]
        return web.json_response({"id": repository, "sha": COMMIT, "siblings": siblings, "tags": [], "downloads": 0})

    def _file(self, request: web.Request, repository: str, name: str) -> web.Response:
        body = self.repositories[repository].get(name)
        if body is None:
            return web.json_response({"error": "no"}, status=404, headers={"X-Error-Code": "EntryNotFound"})
        digest = hashlib.sha256(body).hexdigest()
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{digest}"', "Accept-Ranges": "none"}
        if self.elsewhere is not None:
            headers |= {
                "X-Linked-Size": str(len(body)),
                "X-Linked-ETag": f'"{digest}"',
                "Location": f"{self.elsewhere}/{name}?Signature=of-this-url",
            }
            return web.Response(status=302, headers=headers)
        if request.method == "HEAD":
            return web.Response(headers={**headers, "Content-Length": str(len(body))})
        return web.Response(body=body, headers=headers)


@dataclass
class Behind:
    """Hands each request on to another server: what stands between a client and a real S3."""

    port: int

    async def __call__(self, request: web.Request) -> web.Response:
        url = f"http://127.0.0.1:{self.port}{request.raw_path}"
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(request.method, url, headers=headers, data=await request.read()) as answer,
        ):
            kept = {
                name: value
                for name, value in answer.headers.items()
                if name.lower() not in {"transfer-encoding", "content-encoding", "date", "server", "connection"}
            }
            if request.method == "HEAD":
                return web.Response(status=answer.status, headers=kept)
            kept.pop("Content-Length", None)
            return web.Response(status=answer.status, headers=kept, body=await answer.read())


def s3_error(code: str, status: int) -> web.Response:
    """Return an error as S3 spells it."""
    text = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{code} as said by a test</Message></Error>'
    return web.Response(status=status, body=text.encode(), content_type="application/xml")


def google_error(message: str, status: int) -> web.Response:
    """Return an error as Google spells it."""
    return web.Response(
        status=status,
        body=json.dumps({"error": {"code": status, "message": message}}).encode(),
        content_type="application/json",
    )
