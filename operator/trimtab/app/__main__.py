"""The command line: `trimtab`, which is `kubectl trimtab` as well."""

import asyncio
import datetime as dt
import logging
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

import trimtab
from trimtab.api.crd import render_crds
from trimtab.app.simulate import simulate

cli = typer.Typer(
    name="trimtab",
    help="Keeps each model inside its latency objective for the least money.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
CRDS = Path("crds")
USAGE_ERROR = 2


class Format(StrEnum):
    """How a command prints."""

    TEXT = "text"
    JSON = "json"


cli.command()(simulate)


def fail(message: str, code: int = 1) -> NoReturn:
    """End with a message on standard error."""
    typer.echo(f"trimtab: {message}", err=True)
    raise typer.Exit(code)


@cli.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,  # noqa: FBT002 - typer's way
) -> None:
    if version:
        typer.echo(f"trimtab {trimtab.__version__}")
        raise typer.Exit


@cli.command()
def run() -> None:
    """Run the operator, in a pod or against the cluster of your kubectl context. Settings: TRIMTAB_* variables."""
    import kopf  # noqa: PLC0415 - with it the command line takes a second to say --help

    from trimtab.api.objects import ClusterError  # noqa: PLC0415
    from trimtab.app import wiring  # noqa: PLC0415 - brings the client along
    from trimtab.app.settings import SettingsError, from_environment  # noqa: PLC0415

    try:
        settings = from_environment(os.environ)
    except SettingsError as error:
        fail(str(error), USAGE_ERROR)
    kopf.configure(log_format=kopf.LogFormat.JSON if settings.log_format == "json" else kopf.LogFormat.FULL)
    logging.getLogger("kopf").setLevel(logging.WARNING)
    try:
        asyncio.run(wiring.run(settings))
    except* (ClusterError, OSError) as errors:
        fail("; ".join(str(error) for error in errors.exceptions))


@cli.command()
def crds(
    check: Annotated[  # noqa: FBT002 - typer's way
        bool, typer.Option("--check", help="Write nothing; fail if a file is not what would be written.")
    ] = False,
    folder: Annotated[Path, typer.Option(help="Where the CustomResourceDefinitions lie.")] = CRDS,
) -> None:
    """Write the CustomResourceDefinitions of this version."""
    wanted = render_crds()
    stale = [name for name, text in wanted.items() if not _holds(folder / name, text)]
    if check:
        if stale:
            fail(f"{', '.join(str(folder / name) for name in stale)}: not what trimtab.api says; run `make crds`")
        typer.echo(f"{folder}: {len(wanted)} definitions are what trimtab.api says")
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name in stale:
        (folder / name).write_text(wanted[name], encoding="utf-8")
        typer.echo(f"wrote {folder / name}")


@cli.command()
def render(
    files: Annotated[
        list[Path], typer.Option("--file", "-f", help="A YAML file with AIModels and InferencePools; may be repeated.")
    ],
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="For objects that say none.")] = "default",
) -> None:
    """Print what would be applied for each AIModel, without a cluster.

    Rules about several fields (min above max, say) are the API server's: try `kubectl apply --dry-run=server -f FILE`.
    """
    from trimtab.app.offline import OfflineError, dump_manifests, read_files, render_files  # noqa: PLC0415 - as above
    from trimtab.app.settings import SettingsError, pod_settings  # noqa: PLC0415

    try:
        now = dt.datetime.now(dt.UTC)
        manifests = list(render_files(read_files(files), pod_settings(os.environ), namespace, now))
    except (OfflineError, SettingsError) as error:
        fail(str(error))
    typer.echo(dump_manifests(manifests), nl=False)


@cli.command()
def unpin(
    name: Annotated[str, typer.Argument(help="Name of the AIModel.")],
    namespace: Annotated[str | None, typer.Option("--namespace", "-n", help="Absent: that of your context.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubectl context; absent: the current one.")] = None,
) -> None:
    """Give the replicas of an AIModel back to the operator: the opposite of `kubectl scale`."""
    from trimtab.api.objects import ClusterError  # noqa: PLC0415 - as above
    from trimtab.app.pin import remove_pin  # noqa: PLC0415

    try:
        said = asyncio.run(remove_pin(name, namespace, context))
    except ClusterError as error:
        fail(str(error))
    typer.echo(said)


@cli.command()
def explain(
    name: Annotated[str, typer.Argument(help="Name of the AIModel.")],
    namespace: Annotated[str | None, typer.Option("--namespace", "-n", help="Absent: that of your context.")] = None,
    output: Annotated[Format, typer.Option("--output", "-o", help="How to print it.")] = Format.TEXT,
    context: Annotated[str | None, typer.Option(help="The kubectl context; absent: the current one.")] = None,
) -> None:
    """Say how many replicas an AIModel has and why: the last decision, what each policy wanted, what would help."""
    from trimtab.api.objects import ClusterError  # noqa: PLC0415 - as above
    from trimtab.app.explain import ExplainError, as_json, as_text, explained  # noqa: PLC0415
    from trimtab.app.reading import read_model  # noqa: PLC0415

    try:
        about = explained(asyncio.run(read_model(name, namespace, context)))
    except (ClusterError, ExplainError) as error:
        fail(str(error))
    typer.echo(as_json(about) if output is Format.JSON else as_text(about))


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def main() -> None:
    """Run the command line; as `kubectl trimtab ...` it says so in its help."""
    cli(prog_name="kubectl trimtab" if Path(sys.argv[0]).name.startswith("kubectl") else "trimtab")


if __name__ == "__main__":
    main()
