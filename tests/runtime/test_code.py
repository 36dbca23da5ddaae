"""Which models are programs: they need the consent of the pool's administrator, and no others do."""

import json
import pickle
from pathlib import Path

import pytest

from runtime.content import ONNX, TENSORS, state_dict, torchscript, write
from trimtab.api.fetch import CodeConsent, FetchFailureReason as Reason, FetchPlan, FetchReport, FetchSource
from trimtab_runtime.fetch.run import fetch

VLLM = b'backend: "vllm"'
WEIGHTS = b'{"model": "/models/fraud/1/weights"}'


def fetched(tmp_path: Path, files: dict[str, bytes], code: CodeConsent) -> FetchReport:
    """Return how a fetch from a mounted volume ends."""
    source = FetchSource(path=str(write(tmp_path / "source", files)))
    return fetch(FetchPlan(model="fraud", source=source, target=str(tmp_path / "models"), code=code), {})


def engine(**arguments: object) -> dict[str, bytes]:
    """Return a model for vLLM."""
    return {"config.pbtxt": VLLM, "1/model.json": json.dumps({"model": "org/name", **arguments}).encode()}


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"1/model.py": b"import os"}, "1/model.py is run by Triton's Python backend"),
        ({"2/model.py": b"-"}, "2/model.py is run by"),
        ({"serve.py": b"import os"}, "1/model.py is run by"),
        (
            {"1/net.txt": b"-", "config.pbtxt": b'backend: "python" default_model_filename: "net.txt"'},
            "1/net.txt is run",
        ),
        (
            {"1/model.pt": b"-", "config.pbtxt": b'backend: "pytorch" runtime: "model.py"' + TENSORS},
            "1/model.pt is run",
        ),
        ({"1/model.onnx": ONNX, "1/libtriton_onnxruntime.so": b"\x7fELF"}, "1/libtriton_onnxruntime.so is a shared"),
        ({"1/model.onnx": ONNX, "libtriton_onnxruntime.so": b"\x7fELF"}, "libtriton_onnxruntime.so is a shared"),
        ({"1/model.onnx": ONNX, "1/deep/libops.so.2": b"\x7fELF"}, "1/deep/libops.so.2 is a shared library"),
        (
            {"1/model.onnx": ONNX, "config.pbtxt": b'model_operations { op_library_filename: "/source/ops" }'},
            "config.pbtxt loads the library '/source/ops'",
        ),
        (
            {
                "1/model.pt": torchscript(),
                "config.pbtxt": b'parameters { key: "MODEL_INIT_LIBRARY" value { string_value: "x" } }' + TENSORS,
            },
            "config.pbtxt has the parameter 'MODEL_INIT_LIBRARY'",
        ),
        (
            {"1/model.onnx": ONNX, "config.pbtxt": b'runtime: "libtriton_python.so"'},
            "has runtime 'libtriton_python.so'",
        ),
        ({"1/engine": b"-", "config.pbtxt": b'backend: "tensorrtllm"'}, "backend 'tensorrtllm', which is not known"),
        ({"model.pt2": b"PK"}, "torch_aoti, whose packages hold machine code"),
        (engine(trust_remote_code=True), "1/model.json has trust_remote_code"),
        (engine(trust_remote_code="false"), "1/model.json has trust_remote_code"),
        (engine(worker_cls="mine.Worker"), "1/model.json has worker_cls"),
        ({**engine(), "1/weights/pytorch_model.bin": state_dict()}, "1/weights/pytorch_model.bin is a pickle"),
        ({**engine(), "1/weights/adapter.PKL": pickle.dumps({"a": 1})}, "1/weights/adapter.PKL is a pickle"),
        (
            {
                "all/config.pbtxt": b'ensemble_scheduling { step [{ model_name: "words" }] }',
                "words/1/model.py": b"-",
            },
            "words/1/model.py is run by",
        ),
    ],
)
def test_a_program_needs_consent(tmp_path: Path, files: dict[str, bytes], told: str) -> None:
    """Refused, with its first sign and both ways out; with consent it is served as it is."""
    report = fetched(tmp_path, files, "Refuse")

    assert report.reason is Reason.CODE_REFUSED, report
    assert told in report.message
    assert "spec.allowedModels.code: Allow" in report.message
    assert report.exit_code == 2
    assert list((tmp_path / "models").iterdir()) == []
    assert fetched(tmp_path, files, "Allow").reason is None


@pytest.mark.parametrize(
    "files",
    [
        {"1/model.onnx": ONNX, "1/train.py": b"import os", "1/vocabulary.pkl": pickle.dumps([1])},
        {"1/model.onnx": ONNX, "config.pbtxt": b'runtime: "libtriton_onnxruntime.so"'},
        {"1/model.pt": torchscript(), "config.pbtxt": TENSORS},
        {
            "1/model.onnx": ONNX,
            "config.pbtxt": b'parameters { key: "intra_op_thread_count" value { string_value: "2" } }',
        },
        {"1/xgboost.json": b"{}", "config.pbtxt": b'backend: "fil"'},
        engine(trust_remote_code=False, worker_cls=None),
        {**engine(), "1/weights/modeling.py": b"import os", "1/weights/model.safetensors": b"w"},
        {**engine(), "1/weights/training_args.bin": b"no pickle"},
    ],
)
def test_data_needs_none(tmp_path: Path, files: dict[str, bytes]) -> None:
    """What no backend would run is a file like another."""
    report = fetched(tmp_path, files, "Refuse")

    assert report.reason is None, report


def test_a_damaged_archive_is_no_way_round(tmp_path: Path) -> None:
    """A file that only looks like a zip is told by its first bytes."""
    broken = b"\x80\x04" + state_dict()[:40]

    report = fetched(tmp_path, {**engine(), "1/weights/model.bin": broken}, "Refuse")

    assert report.reason is Reason.CODE_REFUSED
