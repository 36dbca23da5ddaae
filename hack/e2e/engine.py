"""Ask the Docker engine for images, through its command line."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LAST_LINES = 15
ANSWER_S = 30.0  # a question to an engine that is busy building; idle it answers within 0.1 s
KEPT = 3  # tags of one name, so that two checkouts beside each other do not build in turns


class ImagesError(RuntimeError):
    """An image cannot be had; the message says which, why, and what to do about it."""


def docker(*arguments: str, seconds: float | None = None) -> str:
    """Run one command of the client and return what it printed.

    Raises:
        ImagesError: there is no client, or the command failed or took longer than `seconds`.
    """
    what = f"`docker {arguments[0]}`"
    try:
        ended = subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, check=False, timeout=seconds, errors="replace"
        )
    except FileNotFoundError:
        raise ImagesError("there is no `docker` on the PATH; install Docker, or put its client there") from None
    except subprocess.TimeoutExpired:
        raise ImagesError(f"{what} did not end within {seconds:g} s; does the engine answer `docker info`?") from None
    if ended.returncode:
        raise ImagesError(f"{what} failed: {last_lines(ended.stdout + ended.stderr)}")
    return ended.stdout.strip()


def last_lines(output: str) -> str:
    """Return the end of what a program printed, where the cause of a failure stands."""
    return "\n".join(output.strip().splitlines()[-LAST_LINES:])


def identity(tag: str) -> str | None:
    """Return the content address of an image, None where the engine has no such image.

    Raises:
        ImagesError: the engine does not answer.
    """
    try:
        return docker("image", "inspect", "--format", "{{.Id}}", tag, seconds=ANSWER_S)
    except ImagesError as error:
        if "No such image" in str(error):
            return None
        raise


def size(tag: str) -> int:
    """Return the bytes of an image, layers that it shares with others among them."""
    return int(docker("image", "inspect", "--format", "{{.Size}}", tag, seconds=ANSWER_S))


def build_arguments(tag: str, context: Path, *, target: str | None, base: str | None) -> list[str]:
    """Return the client's arguments that build `context`, up to its stage `target`, on `base`.

    The network is the machine's own: where packages are reached by its routes or names, containers' bridges fail.
    """
    until = ["--target", target] if target else []
    on = ["--build-arg", f"BASE_IMAGE={base}"] if base else []
    return ["build", "--network", "host", "--tag", tag, *until, *on, str(context)]


def forget_older(tag: str) -> None:
    """Remove the older tags of an image's name but for the last few, and keep those that a container runs."""
    name = tag.rpartition(":")[0]
    tags = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", name, seconds=ANSWER_S).splitlines()
    for older in [each for each in tags if each != tag][KEPT - 1 :]:  # they come youngest first
        try:
            docker("image", "rm", older)
        except ImagesError:
            continue  # in use, or another process was faster: it costs disk and nothing else
