"""The guard: ends a plane's processes and removes its folder when the process that made them dies, however it dies.

    python guard.py [FOLDER]

A plane starts one guard and puts every child into the guard's process group. The guard reads standard input, a pipe
from the plane: end of file means that the plane is gone, with or without a farewell. This file runs alone, so that
nothing but the standard library can fail.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path

PATIENCE_S = 5.0


def members(group: int) -> list[int]:
    """Return the process ids in process group `group` that still run, without the guard's own."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            state, _, its_group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue  # it ended while we looked
        if int(its_group) == group and state not in "ZX":
            found.append(int(entry.name))
    return found


def end(group: int) -> None:
    """Kill every other member of `group` and wait until they are gone, at most `PATIENCE_S` seconds."""
    deadline = time.monotonic() + PATIENCE_S
    while (left := members(group)) and time.monotonic() < deadline:
        for process in left:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)


def main() -> None:
    """Wait for the plane to go away, then clear up after it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # Ctrl-C is for the plane; the guard only watches it
    sys.stdin.read()
    end(os.getpgrp())
    for folder in sys.argv[1:]:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
