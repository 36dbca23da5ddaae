"""What the benchmark of the live loop reads out of an audit log, and how it tells it."""

import datetime as dt
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.live import LiveResults, table
from bench.live_load import Load
from bench.live_steady import Steady, told
from bench.live_steps import Spread, Steps, rises
from controlplane.audit import Request

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


def scaled(name: str, replicas: int, *, at: float, code: int = 200) -> Request:
    """Return a call to a Deployment's scale, `at` seconds after noon."""
    moment = NOON + dt.timedelta(seconds=at)
    raw = {"requestURI": "/", "requestObject": {"spec": {"replicas": replicas}}}
    target = ("apps", "deployments", "scale", "ns", name)
    return Request("operator", "agent", "patch", *target, code, moment, moment, raw)


def test_a_rise_is_a_call_for_more_than_the_call_before() -> None:
    """A fall is none, nor what was refused, nor a rise of another model; a model begins with one replica."""
    calls = [
        scaled("m1-l4", 3, at=9),
        scaled("m1-l4", 2, at=1),
        scaled("m1-l4", 1, at=5),
        scaled("m1-l4", 9, at=6, code=409),
        scaled("m2-l4", 1, at=7),
    ]

    found = {model: [(each.began - NOON).seconds for each in calls] for model, calls in rises(calls).items()}

    assert found == {"ns/m1": [1, 9]}


def test_the_table_has_every_figure_and_the_rates_are_for_each_model_and_minute() -> None:
    """60 writes for 10 models in two minutes are three for each model and minute."""
    spread = Spread(p50=13.25, p99=19.06, most=21.0)
    load = Load(
        operator="/src/operator",
        models=10,
        seconds=120.0,
        period=240,
        requests_per_s=30.0,
        ticks=24,
        tick_mean_s=0.4211,
        tick_most_s=None,
        questions_per_tick=2.166,
        measured=10,
        blind_share=0.125,
        looks=480,
        replicas=(12, 31),
        cpu_s=1.5,
        peak_bytes=104 << 20,
        writes={"patch aimodels/status": 60},
        cpu_seconds={"operator": 1.5},
    )

    still = Steady(rate=2.0, models=7, seconds=300.0, statuses=0.43, most=2, moves=0.14)

    said = table(LiveResults(Steps(50, 4.0, 5.0, 49, spread, spread, spread), (load,), (still,)))

    for words in (
        "a rise: 49",
        "p50   13.2 s",
        "0.421 s",
        "one above 10 s",
        "waves of 240 s; operator of /src/operator",
        "2.17 questions to Prometheus, 20 whole looks",
        "12.5%",
        "3.000 for each",
        "7 models at 2 requests/s: 0.43 statuses written, 2 at most; 0.14 moves",
    ):
        assert words in said


def test_what_is_written_for_steady_models_is_counted_by_model_and_kind() -> None:
    """In ten minutes: a status and a move are two things; refused writes and other models are none."""
    target = ("", "aimodels", "status", "ns", "m1")
    status = Request("operator", "agent", "patch", *target, 200, NOON, NOON, {"requestURI": "/"})
    moves = [scaled("m1-l4", 2, at=1), scaled("m2-l4", 2, at=1, code=409), scaled("m9-l4", 2, at=1)]

    found = told([status, status, *moves], ["ns/m1", "ns/m2"], rate=2.0, seconds=600.0)

    assert found == Steady(rate=2.0, models=2, seconds=600.0, statuses=0.5, most=2, moves=0.25)


def test_the_folder_of_another_operator_must_have_one(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Found before anything is started."""
    assert main(["live", "--against", str(tmp_path)]) == 1
    assert f"--against {tmp_path}: there is no trimtab in it" in capfd.readouterr().err


def test_a_file_that_cannot_be_written_is_found_before_the_run(capfd: pytest.CaptureFixture[str]) -> None:
    """`bench live` has options of its own, and the manners of `bench`."""
    assert main(["live", "--json", "/nowhere/at/all.json"]) == 1
    assert "--json /nowhere/at/all.json: there is no such folder" in capfd.readouterr().err
