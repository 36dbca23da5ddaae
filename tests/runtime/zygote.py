"""Start `python -m trimtab_runtime.fetch` a hundred times without importing its libraries a hundred times.

The zygote imports them once, then forks for each request line and runs the module as `__main__` in the child: its own
process, environment, umask, signals, exit code. What a test may change about the child's world is in `World`.
"""

import asyncio
import dataclasses
import json
import os
import resource
import runpy
import signal
import socket
import sys
import time
from typing import Any, TypeVar

MODULE = "trimtab_runtime.fetch"
HURRY = 100  # waits between attempts take a hundredth of their time
LONGEST_RUN_SECONDS = 60
READY = "ready"

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True, kw_only=True)
class World:
    """The machine that a fetch finds itself on."""

    environment: dict[str, str]
    log: str
    hosts: dict[str, str] = dataclasses.field(default_factory=dict)
    largest_file_bytes: int | None = None
    user: int | None = None


def main() -> None:
    """Fork for each line of the input; tell the process id at once and the exit status at the end."""
    import s3fs  # noqa: F401, PLC0415  # for the children
    from gcsfs.core import GCSFileSystem  # noqa: F401, PLC0415  # for the children

    import trimtab_runtime.fetch.run  # noqa: F401, PLC0415  # for the children

    _tell(READY)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(World(**json.loads(line)))
        _tell(child)
        _, status = os.waitpid(child, 0)
        _tell(os.waitstatus_to_exitcode(status))


def _tell(answer: object) -> None:
    sys.stdout.write(f"{answer}\n")
    sys.stdout.flush()


def _become(world: World) -> None:
    signal.alarm(LONGEST_RUN_SECONDS)
    log = os.open(world.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(world.environment)
    if world.largest_file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (world.largest_file_bytes, world.largest_file_bytes))
    if world.user is not None:
        os.setgroups([])
        os.setgid(world.user)
        os.setuid(world.user)
    _hurry()
    _resolve(world.hosts)
    sys.argv = [MODULE]
    runpy.run_module(MODULE, run_name="__main__", alter_sys=True)
    os._exit(99)  # the module ends its process itself


def _hurry() -> None:
    from trimtab_runtime.fetch import source  # noqa: PLC0415  # a test's process imports this file without the runtime

    sleep, sleep_in_loop = time.sleep, asyncio.sleep

    async def short_sleep(delay: float, result: Result | None = None) -> Result | None:
        return await sleep_in_loop(delay / HURRY, result)

    time.sleep = lambda seconds: sleep(float(seconds) / HURRY)
    asyncio.sleep = short_sleep  # type: ignore[assignment]  # the real one is overloaded to say the same
    source.FIRST_WAIT_SECONDS /= HURRY


def _resolve(hosts: dict[str, str]) -> None:
    """Let names of this table, and no others, be known to this process."""
    lookup = socket.getaddrinfo

    def answer(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  # as the real one
        name = host.decode() if isinstance(host, bytes) else host
        if name in hosts:
            return lookup(hosts[name], port, *arguments, **options)
        options["flags"] = options.get("flags", 0) | socket.AI_NUMERICHOST
        return lookup(host, port, *arguments[:3], **options)

    socket.getaddrinfo = answer


if __name__ == "__main__":
    main()
