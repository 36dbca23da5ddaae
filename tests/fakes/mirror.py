"""A mirror of the official downloads on loopback, in their layout."""

import contextlib
import functools
import hashlib
import http.server
import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from controlplane import download
from controlplane.ports import LOOPBACK
from controlplane.versions import ETCD, KUBERNETES, KWOK, PROMETHEUS, target


def sha256(content: bytes) -> str:
    """Return the SHA-256 of `content` in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


@dataclass
class Mirror:
    """A mirror of the official downloads, served from `folder`; `asked` are the paths that were asked for."""

    folder: Path
    asked: list[str] = field(default_factory=list)

    def put(self, path: str, content: bytes) -> None:
        """Publish `content` at `path`."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def publish(self, name: str, content: bytes, *, checksum: Callable[[bytes], str] = sha256) -> None:
        """Publish a program as its project does, and say that its file has `checksum`."""
        system, machine = target()
        if name in KUBERNETES.packages:
            path = f"release/v{KUBERNETES.version}/bin/{system}/{machine}/{name}"
            self.put(path, content)
            self.put(f"{path}.sha256", checksum(content).encode())
        elif name == "kwok":
            file = f"kwok-{system}-{machine}"
            self.put(f"github/kubernetes-sigs/kwok/releases/download/v{KWOK.version}/{file}", content)
            release = {"assets": [{"name": "other"}, {"name": file, "digest": f"sha256:{checksum(content)}"}]}
            self.put(f"api/repos/kubernetes-sigs/kwok/releases/tags/v{KWOK.version}", json.dumps(release).encode())
        else:
            at, folder, listing = {
                "etcd": (
                    f"github/etcd-io/etcd/releases/download/v{ETCD.version}",
                    f"etcd-v{ETCD.version}-{system}-{machine}",
                    "SHA256SUMS",
                ),
                "prometheus": (
                    f"github/prometheus/prometheus/releases/download/v{PROMETHEUS.version}",
                    f"prometheus-{PROMETHEUS.version}.{system}-{machine}",
                    "sha256sums.txt",
                ),
            }[name]
            archive = archive_of(f"{folder}/{name}", content)
            self.put(f"{at}/{folder}.tar.gz", archive)
            self.put(f"{at}/{listing}", f"{'0' * 64}  other.tar.gz\n{checksum(archive)}  {folder}.tar.gz\n".encode())


def archive_of(member: str, content: bytes) -> bytes:
    """Return a compressed archive with one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo(member)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@contextlib.contextmanager
def mirror_in(folder: Path) -> Iterator[tuple[Mirror, dict[str, str]]]:
    """Serve an empty mirror from `folder`, and lend it with the environment variables that send downloads there."""
    mirror = Mirror(folder)
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            mirror.asked.append(self.path)
            super().do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer((LOOPBACK, 0), handler) as server:
        url = f"http://{LOOPBACK}:{server.server_address[1]}"
        parts = {download.KUBERNETES_URL: "release", download.GITHUB_URL: "github", download.GITHUB_API_URL: "api"}
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield mirror, {name: f"{url}/{part}" for name, part in parts.items()}
        finally:
            server.shutdown()
            thread.join()
