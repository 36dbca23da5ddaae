"""How a trace that was played on a control plane is compared with the simulated worlds, without a plane."""

from pathlib import Path

import pytest

from bench import trace
from bench.trace import Compared, table
from bench.trace_play import _started
from bench.trace_worlds import SERVED, TARGET, Part, Played, Simulated, Total, simulated
from demo.traffic import Traffic, steady
from demo.world import World
from trimtab.units import Seconds


def total(replica_seconds: float, attainment: float = 0.99, moves: float = 4.0) -> Total:
    """Return a total."""
    return Total(replica_seconds=replica_seconds, attainment=attainment, moves=moves)


def test_the_worlds_and_the_operator_decide_about_the_same_spec() -> None:
    """What is applied is what the simulated decision reads: objective, bounds, batching."""
    part = Part("m", steady(1.0, 60))

    assert part.spec.objectives.latency.target == "800ms"
    assert (part.spec.scaling.min_replicas, part.spec.scaling.max_replicas) == (1, part.setting.max_replicas)
    assert part.service.max_batch_size == part.setting.service.max_batch
    assert part.pool.variant.name == "gpu"


def test_what_may_wait_in_the_world_is_what_the_operator_lets_wait() -> None:
    """The target less a full batch is three quarters of the target, 0.6 s: both play one queue policy."""
    assert Part("m", steady(1.0, 60)).setting.slack == pytest.approx(0.75 * TARGET)
    assert SERVED.batch_time(8) == pytest.approx(0.25 * TARGET)


def test_a_quiet_model_is_the_same_in_both_worlds() -> None:
    """1 request/s for two minutes keeps one replica: 120 replica-seconds, everything in time, no moves."""
    found = simulated(Part("m", steady(1.0, 120), warm_s=30), Seconds(20.0), 2)

    assert [each.replica_seconds for each in (found.events, found.fluid, *found.each)] == [120.0] * 4
    assert found.events.attainment == 1.0
    assert found.events.moves == 0.0


def test_cold_starts_take_what_they_were_seen_to_take() -> None:
    """A step from 5 to 100 requests/s: who starts in 40 s serves it later than who starts in 10 s."""
    part = Part("m", Traffic([5.0] * 60 + [100.0] * 120), warm_s=60)
    soon, late = (simulated(part, Seconds(start), 1).events for start in (10.0, 40.0))

    assert soon.attainment > late.attainment


def test_requests_come_at_the_moments_at_which_they_came_on_the_plane() -> None:
    """The played world draws them with its seed and the model's name; so do we."""
    part = Part("m", steady(20.0, 10))

    assert part.arrivals() == list(part.played.arrivals("0/traces/m/traffic"))
    assert World.__init__.__kwdefaults__ == {"seed": 0}


def test_the_table_has_replica_seconds_over_those_that_were_played() -> None:
    """950 over 1,000 is x 0.950; each chance has its row."""
    simulations = Simulated(events=total(950.0), fluid=total(1_020.0, 0.98), each=(total(940.0), total(960.0)))
    played = Played(model="trace-0", total=total(1_000.0), requests=500, cold_start_s=21.25)

    lines = list(table([Compared("a trace", played, simulations)]))

    assert lines[0] == "trace-0: a trace, 500 requests"
    assert lines[1].endswith("21.2 s to start")
    assert [line.split("x")[1].split()[0] for line in lines if " x " in line] == ["0.950", "0.940", "0.960", "1.020"]


def test_a_start_is_from_creation_to_ready() -> None:
    """By the API server's clock."""
    pod = {
        "metadata": {"creationTimestamp": "2026-11-24T12:00:01Z"},
        "status": {"conditions": [{"type": "Ready", "lastTransitionTime": "2026-11-24T12:00:22Z"}]},
    }

    assert _started(pod) == 21.0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--seconds", "9"], "write a whole number from 60"), (["--json", "/nowhere/file"], "there is no such folder")],
)
def test_what_cannot_be_done_is_said_before_anything_starts(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error in the arguments costs no plane."""
    try:
        assert trace.main(arguments)
    except SystemExit as ended:
        assert ended.code == 2  # noqa: PT017 - argparse ends the program
    assert says in capsys.readouterr().err


def test_a_file_that_is_no_trace_is_said_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where, and what to do."""
    assert trace.main(["--trace", str(tmp_path / "none.csv")]) == 1
    assert "none.csv" in capsys.readouterr().err
