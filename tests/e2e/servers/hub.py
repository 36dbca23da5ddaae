"""A hub as Hugging Face's is, as far as reading goes, that knows whoever has the token.

    hub.py FOLDER PORT TOKEN

acme/NAME has the model in FOLDER; acme/vast says that it has it too, and a file larger than any disk here.
"""

import hashlib
import http.server
import json
import pathlib
import sys
import urllib.parse

COMMIT = "0" * 40
TOO_MUCH = 500 << 30
"""Bytes. The fetch refuses more than 512 GiB before it looks at the disk."""


class Handler(http.server.BaseHTTPRequestHandler):
    """Tells what a repository has, and gives its files."""

    def do_HEAD(self) -> None:
        """Answer a HEAD."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer a GET."""
        path = urllib.parse.unquote(self.path.partition("?")[0])
        name, _, file = path.removeprefix("/").partition("/resolve/")
        if self.headers.get("Authorization") != f"Bearer {token}":
            self._answer(401, b"who are you?", {"X-Error-Message": "Invalid credentials"})
        elif path.startswith("/api/models/"):
            self._describe(path.removeprefix("/api/models/").partition("/revision/")[0])
        else:
            self._file(name, file.partition("/")[2])

    def _describe(self, name: str) -> None:
        if name not in repositories:
            self._answer(404, b"", {"X-Error-Code": "RepoNotFound"})
            return
        siblings = [{"rfilename": path, "size": size, "blobId": "0"} for path, size in repositories[name].items()]
        told = {"id": name, "sha": COMMIT, "siblings": siblings, "tags": [], "downloads": 0}
        self._answer(200, json.dumps(told).encode(), {"Content-Type": "application/json"})

    def _file(self, name: str, file: str) -> None:
        if file not in files or file not in repositories.get(name, {}):
            self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        about = {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha256(files[file]).hexdigest()}"'}
        self._answer(200, files[file], about)

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for header, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(header, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


folder, port, token = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
files = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
sizes = {path: len(body) for path, body in files.items()}
repositories = {f"acme/{folder.name}": sizes, "acme/vast": {**sizes, "1/weights.bin": TOO_MUCH}}
http.server.ThreadingHTTPServer(("", port), Handler).serve_forever()
