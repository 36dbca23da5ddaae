"""Warm-up: what Triton sends to a model itself before it calls it ready."""

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from runtime.content import write
from trimtab.api.fetch import FetchOutcome, FetchPlan, FetchReport, FetchSource, WarmUp
from trimtab_runtime.fetch.run import fetch

TENSORS = """
input [
  { name: "A" data_type: TYPE_FP32 dims: [ -1, 3 ] },
  { name: "B" data_type: TYPE_STRING dims: [ 1 ] },
  { name: "C" data_type: TYPE_INT64 dims: [ 1 ] optional: true }
]
output [ { name: "Y" data_type: TYPE_FP32 dims: [ 2 ] } ]
"""


def fetched(folder: Path, config: str, warm_up: WarmUp = "ZeroData", model: str = "fraud") -> FetchReport:
    """Fetch a model with this config.pbtxt from a volume."""
    volume = write(folder / "volume", {"config.pbtxt": config.encode(), "1/model.onnx": b"onnx"})
    return mounted(folder, volume, warm_up, model)


def mounted(folder: Path, volume: Path, warm_up: WarmUp = "ZeroData", model: str = "fraud") -> FetchReport:
    """Fetch what lies on a volume."""
    source = FetchSource(path=str(volume))
    plan = FetchPlan(model=model, source=source, warm_up=warm_up, target=str(folder / "models"))
    report = fetch(plan, {})
    assert report.outcome is FetchOutcome.SUCCEEDED, report.message
    return report


def read(folder: Path, model: str = "fraud") -> Any:  # noqa: ANN401  # protobuf makes its classes at run time
    """Return the configuration that Triton finds."""
    text = (folder / "models" / model / "config.pbtxt").read_text()
    return text_format.Parse(text, model_config_pb2.ModelConfig())


def test_a_model_is_warmed_up_in_batches_of_one_and_of_the_most(tmp_path: Path) -> None:
    """Zeros for each input that must be there; a size that may be any is one."""
    report = fetched(tmp_path, f"max_batch_size: 8\n{TENSORS}")

    samples = read(tmp_path).model_warmup
    assert [(each.name, each.batch_size, each.count) for each in samples] == [("trimtab-1", 1, 2), ("trimtab-8", 8, 2)]
    for sample in samples:
        assert sorted(sample.inputs) == ["A", "B"]
        assert (sample.inputs["A"].data_type, list(sample.inputs["A"].dims)) == (model_config_pb2.TYPE_FP32, [1, 3])
        assert all(each.zero_data for each in sample.inputs.values())
    assert report.notes == ()


def test_a_model_that_takes_no_batches_is_warmed_up_once(tmp_path: Path) -> None:
    """Triton wants a batch size of one there too."""
    fetched(tmp_path, TENSORS)

    assert [each.batch_size for each in read(tmp_path).model_warmup] == [1]


def test_it_is_not_done_unasked(tmp_path: Path) -> None:
    """Zeros can break a model that serves well."""
    fetched(tmp_path, TENSORS, "None")

    assert not read(tmp_path).model_warmup


def test_a_users_own_warm_up_is_kept(tmp_path: Path) -> None:
    """Their data are better than zeros."""
    own = 'model_warmup [ { name: "own" batch_size: 1 inputs { key: "A" value { input_data_file: "a" } } } ]'
    fetched(tmp_path, f"max_batch_size: 8\n{TENSORS}{own}")

    assert [each.name for each in read(tmp_path).model_warmup] == ["own"]


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (f"max_batch_size: 8\nsequence_batching {{ }}\n{TENSORS}", "sequence_batching"),
        (TENSORS.replace("dims: [ 1 ] }", "dims: [ 1 ] is_shape_tensor: true }"), "shape of another"),
        ("max_batch_size: 8", "no input"),
        (TENSORS.replace("-1, 3 ] }", "-1, 3 ] optional: true }").replace("1 ] }", "1 ] optional: true }"), "no input"),
    ],
)
def test_what_cannot_be_warmed_up_stays_as_it_is_with_a_note(tmp_path: Path, config: str, problem: str) -> None:
    """The model serves as it would without."""
    (note,) = fetched(tmp_path, config).notes

    assert note.startswith("model_warmup left out: ")
    assert problem in note
    assert not read(tmp_path).model_warmup


def test_vllm_warms_up_by_itself(tmp_path: Path) -> None:
    """It captures its graphs for each batch before it is ready."""
    volume = write(tmp_path / "volume", {"model.json": b'{"model": "/models/fraud/1/weights"}'})

    report = mounted(tmp_path, volume)

    assert any("vllm warms up" in note for note in report.notes)


def test_the_steps_of_an_ensemble_are_warmed_up_and_not_itself(tmp_path: Path) -> None:
    """It runs nothing itself."""
    step = 'step [ { model_name: "part" model_version: -1 } ]'
    ensemble = f'platform: "ensemble"\n{TENSORS}\nensemble_scheduling {{ {step} }}'
    files = {
        "fraud/config.pbtxt": ensemble.encode(),
        "part/config.pbtxt": TENSORS.encode(),
        "part/1/model.onnx": b"onnx",
    }
    mounted(tmp_path, write(tmp_path / "volume", files))

    assert not read(tmp_path).model_warmup
    assert len(read(tmp_path, "part").model_warmup) == 1
