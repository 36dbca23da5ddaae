"""The operator in a world whose pods are played: their addresses lead nowhere, so its readings go through a proxy.

    OperatorProcess(plane, settings={"PYTHONPATH": PATH, ...}, command=command(world.proxy_url))

Beside that it is `trimtab run`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path

HACK = Path(__file__).parents[1]


def path(operator: Path = HACK.parent / "operator") -> str:
    """Return the PYTHONPATH of the operator in a folder."""
    return os.pathsep.join((str(operator.absolute()), str(HACK)))


PATH = path()


def command(proxy: str) -> tuple[str, ...]:
    """Return what runs the operator; whoever starts it puts `PATH` into its environment."""
    return (sys.executable, "-m", "demo.operator", proxy)


def main(proxy: str) -> None:
    """Run until SIGTERM."""
    import kopf  # noqa: PLC0415 - whoever asks for the command needs none of these

    from trimtab.adapters.triton.reader import PodReader  # noqa: PLC0415
    from trimtab.app import wiring  # noqa: PLC0415
    from trimtab.app.settings import from_environment  # noqa: PLC0415

    settings = from_environment(os.environ)
    kopf.configure(log_format=kopf.LogFormat.JSON if settings.log_format == "json" else kopf.LogFormat.FULL)
    logging.getLogger("kopf").setLevel(logging.WARNING)
    asyncio.run(wiring.run(settings, PodReader(proxy=proxy)))


if __name__ == "__main__":
    main(*sys.argv[1:])
