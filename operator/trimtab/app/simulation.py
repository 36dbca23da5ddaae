"""What `trimtab simulate` does: from files and options to runs, and from runs to a table, JSON, a picture, a page."""

import datetime as dt
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trimtab.app.offline import OfflineError, read_documents, read_files
from trimtab.app.provided import provided_by
from trimtab.app.settings import SettingsError, offline_settings
from trimtab.app.subjects import WHAT_IF, Asked, SimulationError, Subject, chosen, other, present
from trimtab.app.traffic import TrafficError, traffic
from trimtab.core.prices import price_of
from trimtab.simulate.experiment import OURS, Case, Contender, Task, World, first_replicas, play_all, spread
from trimtab.simulate.judge import Tally, tally
from trimtab.simulate.outcome import Outcome
from trimtab.simulate.report import Course, Kind, Report, Row, as_json, table, title
from trimtab.simulate.rivals import RIVALS
from trimtab.simulate.setting import Discipline, Setting
from trimtab.simulate.subject import BatchTimes, SubjectError
from trimtab.simulate.yardsticks import BOUND, CAUSAL, bound_of, causal_of

WIDTH = 120
SEARCHED = 1_800
"""Seconds of the traffic, the busiest ones, on which the causal oracle chooses its knobs: it tries a hundred."""
LEARNING, LEARNING_SHARE = 900, 4
"""The first quarter of an hour, at most a quarter of the traffic, is only to learn from."""


def carry_out(asked: Asked) -> None:
    """Simulate, and print or write what was asked for.

    Raises:
        SimulationError: see the class.
    """
    try:
        _check_places(asked)
        report = simulated(asked)
        _write(asked, report)
    except (OfflineError, SettingsError, SubjectError, TrafficError, OSError) as error:
        raise SimulationError(str(error)) from None
    if asked.json:
        print(as_json(report))  # noqa: T201 - that is what --json asks for
        return
    width = None if sys.stdout.isatty() else WIDTH
    console = Console(highlight=False, markup=False, soft_wrap=True, width=width)
    console.print(title(report))
    console.print(table(report))
    for note in report.notes:
        console.print(f"- {note}", style="dim")


def simulated(asked: Asked) -> Report:
    """Return what comes of it.

    Raises:
        OfflineError, SettingsError, SubjectError, SimulationError, TrafficError: what was given cannot be used.
    """
    settings = offline_settings(os.environ)
    prices = provided_by(settings, dt.datetime.now(dt.UTC).date()).prices
    documents = read_documents(read_files(asked.files), asked.namespace)
    found = chosen(documents, asked.model)
    subject, times = present(asked, documents, found, prices)
    edited = other(asked, documents, found, prices, times)
    contenders = _contenders(asked, subject)
    world = _world(asked.world)
    coming = traffic(asked.source, subject.name, subject.setting, asked.seeds)
    seconds = len(coming.traces[0].counts)
    case = Case(
        name=subject.name,
        traces=coming.traces,
        setting=subject.setting,
        first=first_replicas(coming.traces[0].counts, subject.setting),
        since=min(LEARNING, seconds // LEARNING_SHARE),
        world=world,
    )
    tasks = [Task(case=case, contender=each, seed=seed) for each in contenders for seed in range(asked.seeds)]
    if edited is not None:
        changed = replace(case, setting=edited.setting)
        contender = Contender(name=OURS, model=(edited.spec, edited.pool))
        tasks += [Task(case=changed, contender=contender, seed=seed) for seed in range(asked.seeds)]
    runs = list(_with_progress(tasks, asked))
    groups = [runs[start : start + asked.seeds] for start in range(0, len(runs), asked.seeds)]
    rows, courses = _rows(contenders, edited, groups)
    oracle_rows, oracle_courses = _oracles(case, asked.processes) if asked.oracles else ([], [])
    price = price_of(subject.pool.variant)
    return Report(
        model=subject.name,
        traffic=coming.name,
        setting=subject.setting,
        world=str(world),
        service=str(times),
        price=price,
        currency=subject.pool.spec.currency,
        since=case.since,
        counts=coming.traces[0].counts,
        rows=(*rows, *oracle_rows),
        courses=(*_drawn(rows, courses, subject.setting), *oracle_courses),
        notes=(*_notes(asked, subject, times, case), *coming.notes),
    )


def _contenders(asked: Asked, subject: Subject) -> list[Contender]:
    ours = Contender(name=OURS, model=(subject.spec, subject.pool))
    if asked.rivals == "none":
        return [ours]
    given = [each.strip() for each in asked.rivals.split(",") if each.strip()]
    names = list(RIVALS) if asked.rivals == "all" else given
    unknown = [name for name in names if name not in RIVALS]
    if unknown or not names:
        known = ", ".join(RIVALS)
        raise SimulationError(f"--rivals {asked.rivals}: there is no {', '.join(unknown) or 'name'}; there are {known}")
    return [ours, *(Contender(name=name) for name in dict.fromkeys(names))]


def _world(name: str) -> World:
    try:
        return World(name)
    except ValueError:
        raise SimulationError(f"--world {name}: there is no such world; write {' or '.join(World)}") from None


def _with_progress(tasks: list[Task], asked: Asked) -> Iterator[tuple[Tally, Outcome]]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    hidden = asked.json or not sys.stderr.isatty()
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        bar = progress.add_task("simulating", total=len(tasks))
        for task, run in zip(tasks, play_all(tasks, judged, processes=asked.processes), strict=True):
            progress.update(bar, advance=1, description=task.contender.name)
            yield run


def judged(_: Task, outcome: Outcome) -> tuple[Tally, Outcome]:
    """Return a run's figures, and the run: its course is drawn."""
    return tally(outcome), outcome


def _rows(
    contenders: list[Contender], other: Subject | None, groups: list[list[tuple[Tally, Outcome]]]
) -> tuple[list[Row], list[Course]]:
    rows, courses = [], []
    named = [(each.name, Kind.OURS if each.name == OURS else Kind.RIVAL) for each in contenders]
    named += [] if other is None else [(WHAT_IF, Kind.WHAT_IF)]
    for (name, kind), runs in zip(named, groups, strict=True):
        rival = RIVALS.get(name)
        knob = "" if rival is None else f"{rival.knob}: {rival.default:g}"
        tallies = tuple(each for each, _ in runs)
        rows.append(Row(name=name, kind=kind, tallies=tallies, knob=knob, source="" if rival is None else rival.source))
        courses.append(Course(name=name, kind=kind, ready=runs[0][1].ready, late=runs[0][1].late))
    return rows, courses


def _oracles(case: Case, processes: int) -> tuple[list[Row], list[Course]]:
    """Return both oracles at the objective; the bound of the first seed is drawn."""
    seeds = range(len(case.traces))
    bounds = list(spread(partial(bound_of, case, attainment=case.setting.percentile), seeds, processes=processes))
    told = spread(
        partial(causal_of, case, attainment=case.setting.percentile, searched=SEARCHED), seeds, processes=processes
    )
    rows = [
        Row(name=BOUND, kind=Kind.ORACLE, tallies=tuple(each.tally for each in bounds)),
        Row(name=CAUSAL, kind=Kind.ORACLE, tallies=tuple(tally(each) for each in told)),
    ]
    plan = (*(0,) * case.since, *bounds[0].plan)
    return rows, [Course(name=BOUND, kind=Kind.ORACLE, ready=plan, late=())]


def _drawn(rows: list[Row], courses: list[Course], setting: Setting) -> Iterator[Course]:
    """Yield the courses that are drawn: ours, the edited spec's, and the best rival's; all would be a thicket."""
    rivals = [(row, course) for row, course in zip(rows, courses, strict=True) if row.kind is Kind.RIVAL]
    yield from (course for course in courses if course.kind is not Kind.RIVAL)
    reached = [(row.gpu_hours, course) for row, course in rivals if row.attainment >= setting.percentile]
    if reached:
        yield min(reached, key=lambda each: each[0])[1]
    elif rivals:
        yield max(rivals, key=lambda each: each[0].attainment)[1]


def _notes(asked: Asked, subject: Subject, times: BatchTimes, case: Case) -> Iterator[str]:
    triton, spec, variant = subject.spec.serving.triton, subject.spec, subject.pool.variant
    yield f"a batch of b requests takes {times}: {times.source}"
    if triton.max_batch_size is None:
        yield "serving.triton.maxBatchSize is left to the model: requests are executed one by one here"
    if subject.setting.discipline is Discipline.FIFO:
        yield "so may its queue policy be: requests are served first come, first served"
    if case.since:
        yield f"the first {case.since / 60.0:.0f} minutes are only to learn from"
    if price_of(variant) is None:
        yield f"variant {variant.name} has no pricePerHour, so costs are unknown"
    if variant.resource_name is None:
        yield "by processor use an autoscaler may go above what is decided: that is not simulated"
    if spec.replicas is not None:
        yield f"spec.replicas pins Trimtab to {spec.replicas}; --what-if replicas=null lets go of it"
    if spec.scaling.schedules:
        yield "the simulated time begins at 2026-01-01T00:00Z, a Thursday: windows of schedules open by that clock"
    if asked.rivals != "none":
        yield "rivals have their documented defaults, and the model's own queue policy; make bench tunes their knobs"


def _check_places(asked: Asked) -> None:
    """Refuse a file that cannot be written before minutes are spent."""
    for place in (asked.picture, asked.page):
        if place is not None and not place.absolute().parent.is_dir():
            raise SimulationError(f"{place}: there is no folder {place.parent}; make it first")


def _write(asked: Asked, report: Report) -> None:
    if asked.picture is None and asked.page is None:
        return
    from trimtab.simulate.page import page  # noqa: PLC0415 - matplotlib is needed for these two alone
    from trimtab.simulate.picture import draw, png  # noqa: PLC0415

    if asked.picture is not None:
        asked.picture.write_bytes(png(draw(report)))
    if asked.page is not None:
        asked.page.write_text(page(report), encoding="utf-8")
