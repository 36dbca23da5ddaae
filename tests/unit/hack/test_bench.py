"""What the benchmark reads out of an audit log, and how it judges."""

import datetime as dt
import json
from pathlib import Path

import pytest

from bench import measure
from bench.__main__ import main
from bench.report import as_json, goals, table
from bench.scenario import Scenario
from bench.story import Outage, Results, Stage
from controlplane.audit import AuditLog, Request

OPERATOR = "system:serviceaccount:trimtab-system:trimtab-operator"
NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


def request(what: str, name: str, *, at: float, code: int = 201, user: str = OPERATOR) -> Request:
    """Return a request, such as `create services`, that the server received `at` seconds after noon."""
    verb, _, target = what.partition(" ")
    resource, _, subresource = target.partition("/")
    moment = NOON + dt.timedelta(seconds=at)
    raw = {"requestURI": "/"}
    return Request(user, "agent", verb, "", resource, subresource, "ns", name, code, moment, moment, raw)


def created(number: int, *, at: float) -> Request:
    """Return the creation of a model by somebody else."""
    return request("create aimodels", f"m{number}", at=at, user="admin")


def test_a_models_wait_is_from_its_own_receipt_to_its_deployments() -> None:
    """Creates and first applies count; later applies, refusals and other people's Deployments do not."""
    log = [
        created(1, at=0.0),
        created(2, at=1.0),
        created(3, at=2.0),
        request("create deployments", "m1-l4", at=0.2, code=409),
        request("create deployments", "m1-l4", at=0.5),
        request("patch deployments", "m1-l4", at=9.0, code=200),
        request("patch deployments", "m2-l4", at=3.0, code=201),
        request("create deployments", "m3-l4", at=2.1, user="admin"),
        request("create services", "m1", at=4.0),
        request("create events", "m1.17", at=8.0),
        request("patch aimodels/status", "m1", at=6.0, code=200),
    ]

    births = measure.births(log, OPERATOR)

    assert (births.models, births.missing) == (3, 1)
    assert births.per_second == 1.0
    assert (births.p50_s, births.p99_s, births.max_s) == (0.5, 2.0, 2.0)
    assert (births.children, births.children_s, births.last_status_s) == (3, 4.0, 6.0)


def test_an_operator_that_does_nothing_has_no_figures_rather_than_good_ones() -> None:
    """Nothing is not zero seconds."""
    births = measure.births([created(1, at=0.0)], OPERATOR)

    assert births.missing == 1
    assert births.p99_s is None
    assert births.children_s is None


def test_a_log_without_models_is_an_error() -> None:
    """A load that was never put on is not measured."""
    with pytest.raises(ValueError, match="no AIModel was created"):
        measure.births([], OPERATOR)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.0, 1.0)])
def test_a_percentile_is_a_value_that_was_seen(share: float, expected: float) -> None:
    """The nearest rank: no interpolation flatters the tail."""
    assert measure.percentile([float(value) for value in range(1, 101)], share) == expected


def test_writes_and_refusals_are_the_operators_by_verb_and_resource() -> None:
    """What others did, and what was only read, is not counted."""
    log = [
        request("patch aimodels/status", "m1", at=1, code=200),
        request("patch aimodels/status", "m2", at=1, code=200),
        request("create services", "m1", at=1),
        request("patch services", "m1", at=1, code=409),
        request("list services", "", at=1, code=403),
        request("list services", "", at=1, code=200),
        created(1, at=0.0),
    ]

    assert measure.writes(log, OPERATOR) == {"patch aimodels/status": 2, "create services": 1}
    assert measure.refusals(log, OPERATOR) == {"409 patch services": 1, "403 list services": 1}


def test_a_tail_tells_each_write_once(tmp_path: Path) -> None:
    """What was there before is not news, and neither is what was told already."""
    log = AuditLog(tmp_path / "audit.jsonl")

    def write(verb: str) -> None:
        event = {
            "verb": verb,
            "user": {"username": OPERATOR},
            "requestURI": "/",
            "objectRef": {"resource": "services"},
            "responseStatus": {"code": 200},
            "requestReceivedTimestamp": "2026-11-24T12:00:00Z",
            "stageTimestamp": "2026-11-24T12:00:00Z",
        }
        with log.path.open("a") as file:
            file.write(json.dumps(event, separators=(",", ":")) + "\n")

    write("create")
    tail = measure.Tail(log, OPERATOR)
    write("patch")

    assert tail.news() == {"patch services": 1}
    assert tail.news() == {}


def stage(**writes: int) -> Stage:
    """Return a stage with these writes."""
    return Stage(seconds=60.0, writes=writes, refusals={}, cpu_seconds={"operator": 1.5})


def results(*, quiet: int = 0, peak_mebibytes: int = 100, converged_s: float | None = 3.0) -> Results:
    """Return what a faultless run of two models brings, but for what is given."""
    log = [created(1, at=0.0), created(2, at=0.1)]
    log += [request("create deployments", f"m{number}-l4", at=0.5) for number in (1, 2)]
    return Results(
        Scenario(models=2),
        births=measure.births(log, OPERATOR),
        ready=2,
        restart_ready_s=1.0,
        outage=Outage(60.0, same_process=True, converged_s=converged_s),
        operator_peak_bytes=peak_mebibytes << 20,
        stages={"birth": stage(create=2, patch=4), "quiet": stage(patch=quiet), "restart": stage(), "outage": stage()},
    )


def test_a_faultless_run_meets_every_goal() -> None:
    """One child and two writes more for each model is exactly what is hoped for."""
    assert [goal for goal in goals(results()) if not goal.met] == []


@pytest.mark.parametrize(
    ("run", "missed", "found"),
    [
        (results(quiet=1), "writes while nothing happens", "1"),
        (results(peak_mebibytes=201), "operator's largest memory, MiB", "201"),
        (results(converged_s=30.5), "a change after the outage is served, s", "30.5"),
        (results(converged_s=None), "a change after the outage is served, s", "never"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_fault_misses_its_goal_alone(run: Results, missed: str, found: str) -> None:
    """The table points at what went wrong."""
    assert [(goal.what, goal.found) for goal in goals(run) if not goal.met] == [(missed, found)]
    assert f"MISS {missed}" in table(run)


def test_the_figures_are_json_that_everybody_reads() -> None:
    """No NaN, no lost counts: what was measured comes back."""
    read = json.loads(as_json(results(converged_s=None)), parse_constant=pytest.fail)

    assert read["stages"]["birth"]["writes"] == {"create": 2, "patch": 4}
    assert read["outage"]["converged_s"] is None
    assert read["births"]["p99_s"] == 0.5
    assert {goal["what"]: goal["met"] for goal in read["goals"]}["models Ready"] is True


@pytest.mark.parametrize("pools", ["shared", "each"])
def test_every_model_names_a_pool_that_is_there_and_admits_it(pools: str) -> None:
    """The scenario asks for nothing that the operator would have to refuse."""
    scenario = Scenario(models=40, namespaces=3, pools=pools)
    there = list(scenario.surroundings())
    admits = {
        manifest["metadata"]["namespace"]: manifest["spec"]["allowedModels"]["namespaces"]["from"]
        for manifest in there
        if manifest["kind"] == "InferencePool"
    }
    models = [scenario.model(number) for number in range(scenario.models)]

    assert {model["metadata"]["namespace"] for model in models} == {"bench-0", "bench-1", "bench-2"}
    assert len({model["metadata"]["name"] for model in models}) == 40
    for model in models:
        own = model["metadata"]["namespace"]
        asked = model["spec"]["poolRef"].get("namespace", own)
        assert admits[asked] == "All" or asked == own


def test_there_is_room_for_every_pod() -> None:
    """A node takes 1,000 pods and has 2,000 accelerators."""
    assert [len(Scenario(models=models).nodes()) for models in (100, 900, 1000, 5000)] == [1, 2, 2, 6]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--json", "/nowhere/at/all.json"], "--json /nowhere/at/all.json: there is no such folder"),
        (["--folder", "/usr"], "--folder /usr is not empty"),
    ],
)
def test_what_would_spoil_a_run_is_found_before_it(
    capfd: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    """Nobody waits ten minutes for a file that cannot be written."""
    assert main(arguments) == 1
    assert words in capfd.readouterr().err
