"""Ports on loopback: free ones, held ones, and whether somebody answers on one."""

from __future__ import annotations

import contextlib
import random
import socket
import urllib.request

LOOPBACK = "127.0.0.1"
# Below the ephemeral range (32768 and up on Linux), so that no outgoing connection takes a port that we have just
# chosen, nor that of an API server which a test has taken away for a minute.
FIRST, LAST = 20_000, 32_000
TRIES = 200
TIMEOUT_S = 2.0


def hold(port: int, *, after_use: bool = False) -> socket.socket | None:
    """Bind `port` without listening: connections are refused and nobody else gets it. None where it is taken.

    A server that has just ended leaves connections behind that keep its port for a minute: `after_use` goes past them.
    """
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if after_use:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holder.bind((LOOPBACK, port))
    except OSError:
        holder.close()
        return None
    return holder


def free() -> int:
    """Return a port that nobody listens on now; somebody may take it a moment later, so be ready to ask again.

    Raises:
        OSError: two hundred random ports were all taken.
    """
    for _ in range(TRIES):
        port = random.randint(FIRST, LAST)  # noqa: S311 - not a secret; random so that planes side by side part ways
        holder = hold(port)
        if holder is not None:
            with contextlib.closing(holder):
                return port
    message = f"no free port found between {FIRST} and {LAST} on {LOOPBACK}"
    raise OSError(message)


def answers(url: str) -> bool:
    """Tell whether `url`, on loopback, answers a GET with success at once."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S):  # noqa: S310 - a URL of our own
            return True
    except OSError:  # refused, timed out, or an HTTP error
        return False
