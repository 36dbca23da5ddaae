"""Write the locks for training: torch itself, what every build of it needs, and what only one of them needs.

    python hack/train_lock.py COMMAND...    # COMMAND is `uv pip compile ...` without an output file

PyPI's torch for Linux depends on CUDA's libraries, 2 GB of them, whether there is a GPU or not; the CPU build of the
same version does not, and `torch==X` accepts it, since its version is X+cpu. So torch.txt has the hashes of both. Two
ways to install; in the second torch goes first and alone, as pip prefers an index that tells hashes to a folder that
tells none:

    pip install --require-hashes -r requirements/torch.txt -r requirements/train.txt -r requirements/train-cuda.txt

    pip install --require-hashes --no-deps --no-index --find-links FOLDER-OF-CPU-WHEEL -r requirements/torch.txt
    pip install --require-hashes -r requirements/train.txt

No index knows the builds of another one: TORCH_CPU_WHEELS names a folder with CPU wheels whose hashes are added. uv
keeps the hashes that a lock has already for as long as torch's version stays.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements"
PREFIXES = {"torch.txt": ("torch==",), "train-cuda.txt": ("cuda-", "nvidia-", "triton==")}
REST = "train.txt"
HASH = re.compile(r"sha256:[0-9a-f]{64}")

Lock = dict[str, set[str]]
"""A pin (`torch==2.13.0`) and its hashes."""


def main(command: list[str]) -> None:
    """Resolve, starting from the versions that are locked now, and write the locks."""
    before = {name: read(REQUIREMENTS / name) for name in (*PREFIXES, REST)}
    with tempfile.TemporaryDirectory() as folder:
        resolved = Path(folder) / "resolved.txt"
        write(resolved, {pin: hashes for lock in before.values() for pin, hashes in lock.items()})
        subprocess.run([*command, "--output-file", str(resolved)], check=True, stdout=subprocess.DEVNULL)
        everything = read(resolved)
    (torch,) = (pin for pin in everything if pin.startswith("torch=="))
    cpu = hashes_of_cpu_wheels(torch.removeprefix("torch=="))
    if not cpu and torch not in before["torch.txt"]:
        print(f"{torch} is new, and only its builds on the index are locked; TORCH_CPU_WHEELS=FOLDER adds CPU wheels")
    everything[torch] |= cpu
    for name, prefixes in PREFIXES.items():
        write(REQUIREMENTS / name, {pin: everything.pop(pin) for pin in list(everything) if pin.startswith(prefixes)})
    write(REQUIREMENTS / REST, everything)


def hashes_of_cpu_wheels(version: str) -> set[str]:
    """Return the hashes of torch's CPU wheels of a version in the folder that the environment names."""
    folder = os.environ.get("TORCH_CPU_WHEELS")
    wheels = Path(folder).glob(f"torch-{version}+cpu-*.whl") if folder else ()
    return {f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}" for wheel in wheels}


def read(path: Path) -> Lock:
    """Return a lock's pins and their hashes; nothing of a file that is not there."""
    lock: Lock = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        if not line.startswith((" ", "#")):
            lock[line.removesuffix(" \\")] = set()
        else:
            lock[next(reversed(lock))].update(HASH.findall(line))
    return lock


def write(path: Path, lock: Lock) -> None:
    """Write a lock as `uv pip compile` does."""
    rows = (" \\\n    ".join([pin, *(f"--hash={found}" for found in sorted(lock[pin]))]) for pin in sorted(lock))
    path.write_text("".join(f"{row}\n" for row in rows))


if __name__ == "__main__":
    main(sys.argv[1:])
