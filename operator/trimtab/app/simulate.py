"""`trimtab simulate`: the command, its options, and what it needs to be installed. The work is in `simulation`."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

USAGE_ERROR = 2
NEEDED = ("numpy", "rich")
DRAWN = ("matplotlib",)


def simulate(  # noqa: PLR0913 - one for each option
    *,
    files: Annotated[
        list[Path], typer.Option("--file", "-f", help="A YAML file with the AIModel and its InferencePool; repeatable.")
    ],
    model: Annotated[str | None, typer.Option(help="Which AIModel, where the files hold several: its name.")] = None,
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="For objects that say none.")] = "default",
    trace: Annotated[
        Path | None,
        typer.Option(help="Traffic from a file: columns t_s,requests (or t_s alone, a row a request); csv or csv.gz."),
    ] = None,
    family: Annotated[str | None, typer.Option(help="Generated traffic: its name; a wrong one lists them.")] = None,
    prometheus: Annotated[str | None, typer.Option(help="The model's own past, out of this Prometheus: a URL.")] = None,
    prometheus_token_file: Annotated[Path | None, typer.Option(help="A file with its bearer token.")] = None,
    since: Annotated[str, typer.Option(help="How far back that past goes: 30m, 6h, 1d, at most 14d.")] = "1d",
    scale: Annotated[float, typer.Option(help="So many times the traffic.")] = 1.0,
    rivals: Annotated[str, typer.Option(help="Whom to compare with: all, none, or names with commas.")] = "all",
    cold_start: Annotated[str, typer.Option(help="How long a replica takes to answer, on average.")] = "60s",
    service: Annotated[
        str | None,
        typer.Option(help="How long a batch of b requests takes: 200ms+10ms*b. Absent: a guess from the objective."),
    ] = None,
    learned: Annotated[
        Path | None,
        typer.Option(help="... or what the operator has learned: its ConfigMaps as JSON (docs/simulate.md)."),
    ] = None,
    world: Annotated[str, typer.Option(help="events: each request by itself; fluid: faster.")] = "events",
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="How often, each time with other chances.")] = 1,
    what_if: Annotated[
        list[str] | None,
        typer.Option(help="Compare with a changed field of the spec, as in scaling.maxReplicas=20; repeatable."),
    ] = None,
    oracles: Annotated[bool, typer.Option(help="Tell how cheap it could have been; it takes the most time.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Print JSON; docs/simulate.md describes it.")] = False,
    picture: Annotated[Path | None, typer.Option(help="Write a picture: a PNG file.")] = None,
    page: Annotated[Path | None, typer.Option(help="Write a page: an HTML file that is whole in itself.")] = None,
    processes: Annotated[int, typer.Option(min=1, help="Runs side by side.")] = os.cpu_count() or 1,
) -> None:
    """Replay traffic against a model's spec: what Trimtab would do, what it costs, and what other autoscalers would.

    No cluster is needed. The numbers come from the operator's own decisions, taken in a simulated one.
    """
    _need(NEEDED + (DRAWN if picture or page else ()))
    from trimtab.app.simulation import carry_out  # noqa: PLC0415 - numpy and rich are extras
    from trimtab.app.subjects import Asked, SimulationError  # noqa: PLC0415 - as above
    from trimtab.app.traffic import Source  # noqa: PLC0415 - as above

    asked = Asked(
        files=tuple(files),
        model=model,
        namespace=namespace,
        source=Source(
            trace=trace,
            family=family,
            prometheus=prometheus,
            token_file=prometheus_token_file,
            since=since,
            scale=scale,
        ),
        rivals=rivals,
        cold_start=cold_start,
        service=service,
        learned=learned,
        world=world,
        seeds=seeds,
        what_if=tuple(what_if or ()),
        oracles=oracles,
        json=json,
        picture=picture,
        page=page,
        processes=processes,
    )
    try:
        carry_out(asked)
    except SimulationError as error:
        typer.echo(f"trimtab: {error}", err=True)
        raise typer.Exit(USAGE_ERROR) from None


def _need(packages: tuple[str, ...]) -> None:
    missing = [each for each in packages if find_spec(each) is None]
    if missing:
        them = "it" if len(missing) == 1 else "them"
        typer.echo(
            f"trimtab: simulate needs {' and '.join(missing)}, which the operator itself does not; install {them} "
            "with: pip install 'trimtab[simulate]'",
            err=True,
        )
        raise typer.Exit(USAGE_ERROR)
