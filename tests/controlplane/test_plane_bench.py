"""The benchmark, tried on a stand-in whose figures are known beforehand."""

import sys
from pathlib import Path

import pytest

from bench.__main__ import measure
from bench.report import goals
from bench.scenario import Scenario

TESTS = Path(__file__).parents[1]
STUB = (sys.executable, str(TESTS / "fakes" / "operator_stub.py"))
SETTINGS = {"PYTHONPATH": str(TESTS.parent / "hack")}
SHORT = Scenario(models=12, per_second=50, namespaces=2, pools="each", quiet_s=1, outage_s=1, settled_s=1)


def test_a_faultless_operator_is_measured_as_it_is() -> None:
    """Two writes for each model, none in quiet or after a restart, one for the change after the outage."""
    results = measure(SHORT, command=STUB, settings=SETTINGS)

    assert results.births is not None
    assert results.outage is not None
    assert (results.births.models, results.births.missing, results.births.children, results.ready) == (12, 0, 12, 12)
    assert {name: stage.writes for name, stage in results.stages.items()} == {
        "birth": {"create deployments": 12, "patch aimodels/status": 12},
        "quiet": {},
        "restart": {},
        "outage": {"patch aimodels/status": 1},
    }
    assert [goal for goal in goals(results) if not goal.met] == []
    for stage in results.stages.values():
        assert {"etcd", "kube-apiserver", "kwok", "operator", "this benchmark"} <= set(stage.cpu_seconds)
        assert all(seconds >= 0 for seconds in stage.cpu_seconds.values())
    assert results.stages["birth"].cpu_seconds["kube-apiserver"] > 0


def test_an_operator_that_ends_with_the_api_server_is_found_out(capfd: pytest.CaptureFixture[str]) -> None:
    """The run goes on to its report, which says so; its last words are shown."""
    results = measure(SHORT, command=STUB, settings=SETTINGS | {"STUB_FAULT": "fragile"})

    missed = {goal.what for goal in goals(results) if not goal.met}
    assert missed == {"same process after the outage", "a change after the outage is served, s"}
    assert "Connection refused" in capfd.readouterr().err
