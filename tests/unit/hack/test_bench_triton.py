"""How a real Triton is compared with the simulated world, without one."""

from pathlib import Path

import numpy as np
import pytest

from bench.triton import command
from bench.triton.cases import BATCHED, BEYOND, LOADS, Case, cases
from bench.triton.compare import Figures, as_measured, between, figures, fitted, world
from bench.triton.document import Row, document
from bench.triton.server import configuration
from trimtab.simulate.setting import Discipline, Service, Setting
from trimtab.units import Seconds

BATCHES = Setting(service=BATCHED, target=Seconds(2.0), discipline=Discipline.DELAY)


def test_batch_times_are_fitted_over_all_executions() -> None:
    """10 of one request in 0.2 s each, 30 of four in 0.5 s each: 0.1 s a batch, 0.1 s a request."""
    base, per_item = fitted({1: (10, 2.0), 4: (30, 15.0)})

    assert (base, per_item) == pytest.approx((0.1, 0.1))


def test_of_one_size_no_slope_is_known() -> None:
    """Then the batch takes its mean, and a request adds nothing."""
    assert fitted({8: (5, 2.5)}) == (0.5, 0.0)


def test_nothing_executed_is_an_error_that_says_what_next() -> None:
    """There is nothing to divide by."""
    with pytest.raises(ValueError, match="call the model first"):
        fitted({})


def test_counters_are_read_twice() -> None:
    """What was counted before is taken off; a size that was not executed since is left out."""
    assert between({1: (2, 0.5), 8: (3, 1.0)}, {1: (4, 1.5), 8: (3, 1.0), 2: (1, 0.25)}) == {1: (2, 1.0), 2: (1, 0.25)}


def test_under_a_queue_policy_requests_may_wait_as_long_as_the_server_was_told() -> None:
    """The measured batch is slower than the model says; the target moves with it, the timeout does not."""
    measured = as_measured(BATCHES, {1: (10, 3.0), 8: (10, 6.0)})

    assert measured.slack == pytest.approx(BATCHES.slack)
    assert measured.service.batch_time(8) == pytest.approx(0.6)


def test_figures_are_quantiles_and_who_is_beyond_the_target() -> None:
    """Of 1 to 100, half are within 50.5 and one in ten beyond 90; the farther quantile says how far two are apart."""
    found = figures(np.arange(1.0, 101.0), 90.0)

    assert (found.p50, found.late) == (50.5, 0.1)
    assert found.apart(Figures(p50=found.p50 / 1.02, p95=found.p95 / 0.95, late=0.0)) == pytest.approx(0.05)


def test_the_world_gets_the_requests_as_they_came() -> None:
    """Four at once to two instances of 1 s: two take 1 s, two take 2 s, one replica; on two replicas some take less."""
    service = Service(base=Seconds(1.0), instances=2, variation=0.0)
    setting = Setting(service=service, target=Seconds(1.5), discipline=Discipline.FIFO)

    found = world(np.zeros(4), setting, 1, seed=0)

    assert found == Figures(p50=1.0, p95=2.0, late=0.5)


@pytest.mark.parametrize(
    ("setting", "says", "not_says"),
    [
        (BATCHES, "timeout_action: DELAY default_timeout_microseconds: 1520000", "REJECT"),
        (Setting(service=BATCHED, target=Seconds(2.0), discipline=Discipline.FIFO), "dynamic_batching", "timeout"),
        (
            Setting(service=Service(base=Seconds(0.1)), target=Seconds(2.0), discipline=Discipline.FIFO),
            "max_batch_size: 1",
            "dynamic_batching",
        ),
    ],
)
def test_the_server_is_configured_as_the_setting_says(setting: Setting, says: str, not_says: str) -> None:
    """2 s less a batch of 8, 0.48 s, may be waited; single requests without a policy need no batcher."""
    text = configuration(setting)

    assert says in text
    assert not_says not in text


def test_requests_are_drawn_once_for_both() -> None:
    """The same seed gives the same moments, ascending, at the rate of the load on all replicas."""
    case = Case(name="", setting=BATCHES, replicas=2)
    moments = case.arrivals(0.5, 600.0, 3)

    assert np.array_equal(moments, case.arrivals(0.5, 600.0, 3))
    assert np.all(np.diff(moments) > 0.0)
    assert len(moments) / 600.0 == pytest.approx(0.5 * 2 * BATCHED.capacity, rel=0.05)


def test_a_piece_of_a_trace_comes_faster(tmp_path: Path) -> None:
    """900 requests, one a second, at 30/s: the gaps shrink, their course stays."""
    trace = tmp_path / "trace.csv"
    trace.write_text("t_s\n" + "".join(f"{second}.0\n" for second in range(900)))
    case = Case(name="", setting=BATCHES, trace=trace)

    moments = case.arrivals(30.0 / BATCHED.capacity, 20.0, 0)

    assert np.diff(moments) == pytest.approx(np.full(599, 1.0 / 30.0))


def test_every_load_is_compared_without_and_with_the_policy() -> None:
    """Light, middle and heavy, single and in batches; and beyond capacity where the policy matters."""
    found = list(cases(None))

    assert {each.loads for each in found if each.setting.discipline is Discipline.FIFO} == {LOADS}
    assert any(BEYOND in each.loads for each in found if each.setting.discipline is Discipline.DELAY)


def test_the_page_has_every_figure() -> None:
    """Ratios are the world's over the real one's; how many rows are near enough is counted."""
    real, near = Figures(p50=0.2, p95=0.5, late=0.0), Figures(p50=0.21, p95=0.45, late=0.0)
    far = Figures(p50=0.3, p95=0.5, late=0.01)
    served = {
        name: Case(name=name, setting=Setting(service=BATCHED, target=Seconds(2.0), discipline=each))
        for name, each in (("plain", Discipline.FIFO), ("policy", Discipline.DELAY))
    }
    common = {"load": 0.6, "requests": 77, "busy": 1.5, "real": real}
    rows = [
        Row(case=served["plain"], world=near, **common),  # type: ignore[arg-type]  # of several types
        Row(case=served["plain"], world=far, **common),  # type: ignore[arg-type]  # as above
        Row(case=served["policy"], world=near, **common),  # type: ignore[arg-type]  # as above
    ]

    page = document(rows, 45.0)

    assert "within 10% in 1 of 2 rows" in page
    assert "| plain | 60% | 77 | 0.200, 0.500, 0.0% | 0.210, 0.450, 0.0% | 1.05, 0.90 | 1.5 |" in page
    assert "| 0.300, 0.500, 1.0% | 1.50, 1.00 | 1.5 |" in page
    assert "within 10% in 1 of 1 rows" in page


def test_where_there_is_no_triton_one_line_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On another kind of machine, or without a way to PyPI: it is no failure, and nothing is written."""
    monkeypatch.setattr("platform.machine", lambda: "riscv64")

    assert command.main(["--to", str(tmp_path / "page.md")]) == 0
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "page.md").exists()
