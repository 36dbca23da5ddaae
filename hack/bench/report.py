"""Say what a run showed, beside what was hoped for: a table for people, JSON for machines."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass

from bench.story import Results, Stage

GOAL_P99_S = 5.0
GOAL_WRITES_BESIDE_CHILDREN = 2
GOAL_PEAK_MIB = 200
GOAL_CONVERGED_S = 30.0


@dataclass(frozen=True)
class Goal:
    """One thing that was hoped for, and whether it came true."""

    what: str
    found: str
    hoped: str
    met: bool


def goals(results: Results) -> list[Goal]:
    """Judge a run."""
    models, births = results.scenario.models, results.births
    found = []
    if births:
        per_model, children = _per_model(results.stages["birth"], models), births.children / models
        found += [
            Goal("models with a Deployment", str(models - births.missing), str(models), births.missing == 0),
            Goal("models Ready", str(results.ready), str(models), results.ready == models),
            _at_most("p99 from model to Deployment, s", births.p99_s, GOAL_P99_S),
            _at_most("writes for each model", per_model, children + GOAL_WRITES_BESIDE_CHILDREN),
        ]
    for name, words in (("quiet", "writes while nothing happens"), ("restart", "writes after kill -9 and restart")):
        if stage := results.stages.get(name):
            found.append(_at_most(words, sum(stage.writes.values()), 0))
    if outage := results.outage:
        found += [
            Goal("same process after the outage", _yes(outage.same_process), "yes", outage.same_process),
            _at_most("a change after the outage is served, s", outage.converged_s, GOAL_CONVERGED_S),
        ]
    found.append(_at_most("operator's largest memory, MiB", results.operator_peak_bytes / 2**20, GOAL_PEAK_MIB))
    return found


def table(results: Results) -> str:
    """Return the report for people."""
    return "\n".join(_lines(results))


def as_json(results: Results) -> str:
    """Return all figures."""
    verdicts = [dataclasses.asdict(goal) for goal in goals(results)]
    return json.dumps({"goals": verdicts, **dataclasses.asdict(results)}, indent=2)


def _lines(results: Results) -> Iterator[str]:
    scenario, births = results.scenario, results.births
    pools = "one pool" if scenario.pools == "shared" else "a pool in each"
    yield f"{scenario.models} models at {scenario.per_second:g}/s in {scenario.namespaces} namespaces, {pools}"
    yield ""
    for goal in goals(results):
        yield f"  {'ok  ' if goal.met else 'MISS'} {goal.what:<42} {goal.found:>10}   goal {goal.hoped}"
    if births:
        yield ""
        yield (
            f"from a model's creation to its Deployment's: p50 {_seconds(births.p50_s)}, p99 {_seconds(births.p99_s)},"
            f" max {_seconds(births.max_s)}; models came at {births.per_second:.0f}/s"
        )
        yield (
            f"from the first model on: all {births.children} children there after {_seconds(births.children_s)},"
            f" last status after {_seconds(births.last_status_s)}"
        )
    if results.restart_ready_s is not None:
        yield f"ready {results.restart_ready_s:.1f} s after a kill -9"
    for name, stage in results.stages.items():
        yield from _stage(name, stage, scenario.models)


def _stage(name: str, stage: Stage, models: int) -> Iterator[str]:
    yield ""
    each = f"{_per_model(stage, models):.2f} for each model"
    yield f"{name}, {stage.seconds:.0f} s: {sum(stage.writes.values())} writes, {each}"
    yield from _counted("", stage.writes, models)
    yield from _counted("refused: ", stage.refusals, models)
    spent = sorted(stage.cpu_seconds.items(), key=lambda item: -item[1])
    yield "  cpu seconds: " + ", ".join(f"{component} {seconds:.1f}" for component, seconds in spent)


def _counted(prefix: str, counts: dict[str, int], models: int) -> Iterator[str]:
    for what, count in counts.items():
        yield f"  {prefix + what:<46} {count:>8} {count / models:>8.2f}"


def _per_model(stage: Stage, models: int) -> float:
    return sum(stage.writes.values()) / models


def _at_most(what: str, found: float | None, limit: float) -> Goal:
    if found is None:
        return Goal(what, "never", f"<= {limit:g}", met=False)
    return Goal(what, f"{found:.4g}", f"<= {limit:g}", found <= limit)


def _seconds(found: float | None) -> str:
    return "never" if found is None else f"{found:.2f} s"


def _yes(fact: object) -> str:
    return "yes" if fact else "no"
