"""A web server that has models to fetch: packs the model in FOLDER and serves it, whole and cut off.

    files.py FOLDER PORT

/echo.tar.gz is the model, /half.tar.gz ends in the middle of it, and /private/ answers 401.
"""

import http.server
import pathlib
import sys
import tarfile
import tempfile


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files, but nothing private."""

    def do_GET(self) -> None:
        """Answer a GET."""
        if self.path.startswith("/private/"):
            self.send_error(401, "who are you?")
        else:
            super().do_GET()


folder, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
served = pathlib.Path(tempfile.mkdtemp())
with tarfile.open(served / "echo.tar.gz", "w:gz") as archive:
    archive.add(folder, arcname=folder.name)
whole = (served / "echo.tar.gz").read_bytes()
(served / "half.tar.gz").write_bytes(whole[: len(whole) // 2])
http.server.ThreadingHTTPServer(
    ("", port), lambda *arguments: Handler(*arguments, directory=str(served))
).serve_forever()
