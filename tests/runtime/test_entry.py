"""The container itself: how it starts, ends and reports."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.content import ONNX
from runtime.places import Volume
from runtime.process import PYTHONPATH, Ask, Kubelet
from trimtab.api.fetch import (
    FETCH_PLAN_VARIABLE,
    MAX_REPORT_BYTES,
    TERMINATION_LOG_VARIABLE,
    FetchFailureReason as Reason,
    FetchPlan,
    parse_fetch_report,
)
from trimtab_runtime.fetch.__main__ import main


def container(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the container's command as it is, in a process without anything of the tests."""
    return subprocess.run(
        [sys.executable, "-m", "trimtab_runtime.fetch"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": PYTHONPATH, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    """Return a volume with a model in it."""
    made = Volume(tmp_path / "volume")
    made.put({"model.onnx": ONNX})
    return made


def test_the_command_fetches_and_reports(
    tmp_path: Path, volume: Volume, plan: Callable[..., FetchPlan], models: Path
) -> None:
    """`python -m trimtab_runtime.fetch` is what the pod runs: exit code 0, a report, a model."""
    ended = container(
        {
            FETCH_PLAN_VARIABLE: plan(volume.source()).to_environment(),
            TERMINATION_LOG_VARIABLE: str(tmp_path / "report"),
        }
    )

    report = parse_fetch_report((tmp_path / "report").read_text())
    assert ended.returncode == 0, ended.stderr
    assert report is not None
    assert report.bytes == len(ONNX)
    assert (models / "fraud/1/model.onnx").read_bytes() == ONNX


@pytest.mark.parametrize(
    ("plan_text", "told"),
    [
        ("", "TRIMTAB_FETCH_PLAN"),
        ("{", "TRIMTAB_FETCH_PLAN"),
        ("{}", "model"),
        ('{"model": "../x", "source": {"uri": "s3://models/x"}}', "model"),
        ('{"model": "x", "source": {"uri": "s3://models/x", "path": "/source"}}', "source"),
        ('{"model": "x", "source": {"uri": "s3://models/x"}, "limits": {"maxBytes": 0}}', "limits.maxBytes"),
    ],
)
def test_a_bad_plan_ends_with_two_and_the_field(kubelet: Kubelet, plan_text: str, told: str) -> None:
    """The operator made it, so the user is told whose fault it is."""
    ended = kubelet.start(plan_text).end()

    assert ended.exit_code == 2
    assert ended.told.reason is Reason.INVALID_PLAN
    assert ended.told.message.startswith(told)
    assert "fault of the operator" in ended.told.message


def test_main_reports_a_bad_plan_as_a_value() -> None:
    """The entry point never raises."""
    assert main({}).exit_code == 2


@pytest.mark.parametrize("uri", ["s3://models/../x", "ftp://example.com/x", "http://127.0.0.1/model.onnx"])
def test_an_address_that_the_api_would_refuse_is_refused_here_too(kubelet: Kubelet, uri: str) -> None:
    """A plan may come from an older operator: the container judges for itself."""
    ended = kubelet.start('{"model": "x", "target": "/tmp/never", "source": {"uri": "%s"}}' % uri).end()  # noqa: UP031  # JSON has braces

    assert ended.exit_code == 2
    assert ended.told.reason in {Reason.INVALID_PLAN, Reason.ADDRESS_REFUSED}


def test_a_report_that_cannot_be_written_changes_no_exit_code(
    tmp_path: Path, volume: Volume, plan: Callable[..., FetchPlan]
) -> None:
    """A model that is there is served, whether or not anybody can read about it."""
    ended = container(
        {
            FETCH_PLAN_VARIABLE: plan(volume.source()).to_environment(),
            TERMINATION_LOG_VARIABLE: str(tmp_path / "no/where"),
        }
    )

    assert ended.returncode == 0
    assert "could not be written" in ended.stderr


def test_a_report_fits_a_termination_message_whatever_it_has_to_tell(volume: Volume, ask: Ask) -> None:
    """The kubelet keeps 4096 bytes: names of four bytes a letter, and many of them, are cut and stay one JSON."""
    volume.put({f"{number}-{'🦀' * 60}.bin": b"" for number in range(30)})
    (volume.root / "model.onnx").unlink()

    ended = ask(volume, config={"dynamic_batching": {}})

    assert ended.told.reason is Reason.UNSUPPORTED_LAYOUT
    assert len(ended.told.to_termination_message().encode()) <= MAX_REPORT_BYTES


def test_a_volume_that_cannot_be_written_is_told(
    volume: Volume, kubelet: Kubelet, plan: Callable[..., FetchPlan], models: Path
) -> None:
    """Something else stands where the models' folder should be: a report, no traceback."""
    models.write_text("a file")

    ended = kubelet.start(plan(volume.source())).end()

    assert ended.exit_code == 1
    assert ended.told.reason is Reason.INTERNAL_ERROR


@pytest.mark.parametrize("place", ["s3", "gs", "hf", "http"], indirect=True)
def test_another_user_may_read_the_model(place: Volume, ask: Ask, models: Path) -> None:
    """Triton may run as somebody else than this container."""
    place.put({"model.onnx": ONNX})

    ended = ask(place, "model.onnx")

    assert ended.exit_code == 0, ended.log
    modes = {path.stat().st_mode & 0o777 for path in (models / "fraud").rglob("*")}
    assert modes == {0o755, 0o644}


def test_what_was_left_out_is_noted_in_the_report(volume: Volume, ask: Ask) -> None:
    """A wish of the operator's that the model cannot have is no failure, but said."""
    volume.put({"config.pbtxt": b"max_batch_size: 0", "1/model.onnx": ONNX})

    ended = ask(volume, config={"dynamic_batching": {"max_queue_delay_microseconds": 5000}})

    assert ended.exit_code == 0, ended.log
    assert ended.told.notes == ("dynamic_batching and its queue policy left out: max_batch_size is not at least 1",)


def test_a_mistake_in_config_pbtxt_is_told_with_its_place(volume: Volume, ask: Ask) -> None:
    """Before Triton starts, with line and column."""
    volume.put({"config.pbtxt": b"max_batch_size: 4\nbackendd: 'x'", "1/model.onnx": ONNX})

    ended = ask(volume)

    assert ended.exit_code == 2
    assert ended.told.reason is Reason.INVALID_MODEL_CONFIG
    assert "line 2, column 1" in ended.told.message
