"""Files of models: written, packed, read again."""

import io
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

ONNX = b"an onnx model of a few bytes" * 10
FOLDER = {
    "config.pbtxt": b'backend: "onnxruntime"\nmax_batch_size: 8\n',
    "1/model.onnx": ONNX,
    "3/model.onnx": ONNX * 2,
    "labels.txt": b"good\nbad\n",
}


TENSORS = (
    b'input [{ name: "INPUT__0" data_type: TYPE_FP32 dims: [ 3 ] }]\n'
    b'output [{ name: "OUTPUT__0" data_type: TYPE_FP32 dims: [ -1, 2 ] }]\n'
)


def shell(command: str, folder: Path) -> str:
    """Return what a command prints first, as a user would type it in a folder."""
    done = subprocess.run(["/bin/bash", "-c", command], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.split()[0]


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Return a folder with these files."""
    for path, body in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(body)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder, seen through links."""
    return {
        str((Path(parent) / name).relative_to(folder)): (Path(parent) / name).read_bytes()
        for parent, _, names in os.walk(folder, followlinks=True)
        for name in names
    }


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """Return a .tar.gz of files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, body in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
    return buffer.getvalue()


def torchscript() -> bytes:
    """Return what `torch.jit.save` packs, by its names."""
    names = ("version", "data.pkl", "constants.pkl", "code/__torch__.py")
    return zip_of({f"archive/{name}": b"x" for name in names})


def state_dict() -> bytes:
    """Return what `torch.save` packs, by its names."""
    return zip_of({f"archive/{name}": b"x" for name in ("version", "data.pkl", "data/0")})


def zip_of(files: Mapping[str, bytes]) -> bytes:
    """Return a .zip of files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, body in files.items():
            archive.writestr(path, body)
    return buffer.getvalue()
