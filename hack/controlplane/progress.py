"""Lines that tell a waiting person what is going on: what, how long it usually takes, how long it has taken."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEARTBEAT_S = 15.0  # long enough not to flood a CI log, short enough that nobody thinks it hangs


def say(line: str) -> None:
    """Print one line on standard error, at once."""
    print(f"trimtab: {line}", file=sys.stderr, flush=True)


def _nothing() -> str:
    return ""


@contextlib.contextmanager
def step(what: str, *, usually: str, detail: Callable[[], str] = _nothing) -> Iterator[None]:
    """Say that `what` begins, repeat every 15 s that it goes on (with `detail()`), and say when it ended.

    `usually` is the usual duration, in words.
    """
    say(f"{what} (usually {usually})")
    started, over = time.monotonic(), threading.Event()

    def beat() -> None:
        while not over.wait(HEARTBEAT_S):
            say(f"  still {what}: {time.monotonic() - started:.0f} s {detail()}".rstrip())

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    except BaseException:
        say(f"  stopped {what} after {time.monotonic() - started:.1f} s")
        raise
    else:
        say(f"  done {what}: {time.monotonic() - started:.1f} s")
    finally:
        over.set()
        thread.join()
