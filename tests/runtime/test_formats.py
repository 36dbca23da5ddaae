"""From what users upload to what Triton finds: every format, an ensemble, and what is wrong with one."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from runtime.content import ONNX, TENSORS, content, state_dict, torchscript, write
from trimtab.api.fetch import FetchFailureReason as Reason, FetchPlan, FetchReport, FetchSource
from trimtab_runtime.fetch.run import fetch

Fetch = Callable[..., FetchReport]
BATCHING = {"max_batch_size": 8, "dynamic_batching": {"max_queue_delay_microseconds": 1000}}
PIPELINE = (
    b'platform: "ensemble"\n'
    b"ensemble_scheduling { step [\n"
    b'{ model_name: "tokens" model_version: -1 }, { model_name: "scores" model_version: -1 } ] }\n' + TENSORS
)
ENSEMBLE = {
    "pipeline/config.pbtxt": PIPELINE,
    "tokens/config.pbtxt": b"max_batch_size: 8\n",
    "tokens/1/model.onnx": ONNX,
    "scores/1/model.plan": b"plan",
    "other/1/model.onnx": ONNX,
    "README.md": b"how to",
}


@pytest.fixture
def fetched(tmp_path: Path, models: Path) -> Fetch:
    """Return what fetches files from a mounted volume: `fetched(files, path="model.onnx", code="Allow")`."""

    def run(files: Mapping[str, bytes], path: str | None = None, **fields: Any) -> FetchReport:  # noqa: ANN401  # of a plan
        source = FetchSource(path=str(write(tmp_path / "source", files)), sub_path=path)
        return fetch(FetchPlan(model="fraud", source=source, target=str(models), **fields), {})

    return run


def config_of(models: Path, name: str = "fraud") -> Any:  # noqa: ANN401  # protobuf makes its classes at run time
    """Return a model's configuration as Triton reads it."""
    return text_format.Parse((models / name / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())


def refused(report: FetchReport, reason: Reason, *told: str) -> None:
    """Assert that a fetch ended for a reason, in words that name the place and the next step."""
    assert report.reason is reason, report
    assert [each for each in told if each not in report.message] == [], report.message


@pytest.mark.parametrize(
    ("files", "path", "placed", "backend", "code"),
    [
        ({"v7.onnx": ONNX}, "v7.onnx", "1/model.onnx", "onnxruntime", "Refuse"),
        ({"v7.engine": b"plan"}, "v7.engine", "1/model.plan", "tensorrt", "Refuse"),
        ({"v7.pt": torchscript(), "config.pbtxt": TENSORS}, None, "1/model.pt", "pytorch", "Refuse"),
        ({"model.xml": b"<net/>", "model.bin": b"w"}, None, "1/model.xml", "openvino", "Refuse"),
        ({"model.json": b'{"model": "/models/fraud/1/weights"}'}, "model.json", "1/model.json", "vllm", "Refuse"),
        ({"1/model.onnx": ONNX}, None, "1/model.onnx", "onnxruntime", "Refuse"),
        ({"serve.py": b"pass"}, "serve.py", "1/model.py", "python", "Allow"),
        ({"v7.pt2": b"PK"}, "v7.pt2", "1/model.pt2", "pytorch", "Allow"),
    ],
)
def test_a_format_gets_its_layout_and_its_backend(  # noqa: PLR0913, PLR0917  # each is one column
    fetched: Fetch, models: Path, files: dict[str, bytes], path: str | None, placed: str, backend: str, code: str
) -> None:
    """Whatever was uploaded: the file stands where the backend looks, and the configuration names the backend."""
    report = fetched(files, path, code=code, config=BATCHING)

    assert report.reason is None, report
    assert placed in content(models / "fraud")
    assert config_of(models).backend == backend
    assert config_of(models).platform == ("torch_aoti" if placed.endswith("pt2") else "")
    assert config_of(models).max_batch_size == (0 if backend == "vllm" else 8)


def test_a_user_says_more_than_the_files(fetched: Fetch, models: Path) -> None:
    """A version's file may have any name, once the configuration names it."""
    config = b'backend: "onnxruntime" default_model_filename: "net.bin"'

    report = fetched({"config.pbtxt": config, "1/net.bin": ONNX})

    assert report.reason is None, report
    assert config_of(models).default_model_filename == "net.bin"


@pytest.mark.parametrize(
    ("files", "reason", "told"),
    [
        (
            {"v7.pt": torchscript()},
            Reason.INVALID_MODEL_CONFIG,
            ("config.pbtxt has no input", "does not say what it takes", "TYPE_FP32"),
        ),
        (
            {"v7.pt": torchscript(), "config.pbtxt": TENSORS.split(b"\n")[0]},
            Reason.INVALID_MODEL_CONFIG,
            ("config.pbtxt has no output",),
        ),
        (
            {"model.pt": state_dict(), "config.pbtxt": TENSORS},
            Reason.UNSUPPORTED_LAYOUT,
            ("1/model.pt is a pickle of torch.save", "torch.jit.save"),
        ),
        (
            {"model.pt": b"\x80\x02}q\x00.", "config.pbtxt": TENSORS},
            Reason.UNSUPPORTED_LAYOUT,
            ("1/model.pt is a pickle of torch.save",),
        ),
        (
            {"model.pt": b"weights", "config.pbtxt": TENSORS},
            Reason.UNSUPPORTED_LAYOUT,
            ("1/model.pt is no TorchScript archive",),
        ),
        (
            {"1/net.onnx": ONNX, "config.pbtxt": b'backend: "onnxruntime"'},
            Reason.UNSUPPORTED_LAYOUT,
            ("1/ has net.onnx", "onnxruntime opens model.onnx", "default_model_filename"),
        ),
        (
            {"model.onnx": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"},
            Reason.UNSUPPORTED_LAYOUT,
            ("1/model.onnx is a pointer of Git LFS", "git lfs pull"),
        ),
        (
            {"1/weights.bin": b"w"},
            Reason.INVALID_MODEL_CONFIG,
            ("neither backend nor platform", "weights.bin", "set backend", "onnxruntime"),
        ),
        (
            {"1/model.onnx": ONNX, "config.pbtxt": b'platform: "onnx"'},
            Reason.INVALID_MODEL_CONFIG,
            ("platform 'onnx'", "onnxruntime_onnx"),
        ),
        (
            {"1/model.onnx": ONNX, "config.pbtxt": b'platform: "onnxruntime_onnx" backend: "pytorch"'},
            Reason.INVALID_MODEL_CONFIG,
            ("do not go together", "or set 'pytorch_libtorch'"),
        ),
        (
            {"1/saved_model.pb": b"-", "config.pbtxt": b'platform: "tensorflow_graphdef"'},
            Reason.INVALID_MODEL_CONFIG,
            ("platform 'tensorflow_graphdef'; allowed are",),
        ),
        (
            {"1/model.onnx": ONNX, "config.pbtxt": b"version_policy { specific { versions: [ 2 ] } }"},
            Reason.INVALID_MODEL_CONFIG,
            ("version 2 is not in the source, which has 1",),
        ),
        (
            {"1/model.onnx": ONNX, "config.pbtxt": b"input [{ data_type: TYPE_FP32 dims: [ 1 ] }]"},
            Reason.INVALID_MODEL_CONFIG,
            ("config.pbtxt, input 1 has no name",),
        ),
        (
            {"1/model.onnx": ONNX, "config.pbtxt": TENSORS + TENSORS},
            Reason.INVALID_MODEL_CONFIG,
            ("input 2: the name 'INPUT__0' is there twice",),
        ),
        (
            {"1/model.onnx": ONNX, "config.pbtxt": b'output [{ name: "y" dims: [ 1 ] }]'},
            Reason.INVALID_MODEL_CONFIG,
            ("output 1 ('y') has no data_type", "TYPE_FP32"),
        ),
        (
            {"1/model.onnx": ONNX, "config.pbtxt": b'output [{ name: "y" data_type: TYPE_FP32 }]'},
            Reason.INVALID_MODEL_CONFIG,
            ("output 1 ('y') has no dims", "dims: [ 3, -1 ]"),
        ),
        (
            {"1/model.onnx": ONNX, "config.pbtxt": b'output [{ name: "y" data_type: TYPE_FP32 dims: [ -2 ] }]'},
            Reason.INVALID_MODEL_CONFIG,
            ("has -2 in dims", "at least 1, or -1"),
        ),
        (
            {
                "1/model.onnx": ONNX,
                "config.pbtxt": b'output [{ name: "y" data_type: TYPE_FP32 dims: [ 2 ] label_filename: "l.txt" }]',
            },
            Reason.INVALID_MODEL_CONFIG,
            ("output 'y': label_filename 'l.txt' is not in the source",),
        ),
        (
            {"1/model.json": b"{}", "config.pbtxt": b'backend: "vllm"'},
            Reason.INVALID_MODEL_CONFIG,
            ("1/model.json has no model", "/models/fraud/1/"),
        ),
        ({"1/model.json": b"[]", "config.pbtxt": b'backend: "vllm"'}, Reason.INVALID_MODEL_CONFIG, ("no object",)),
        ({"1/model.json": b"{", "config.pbtxt": b'backend: "vllm"'}, Reason.INVALID_MODEL_CONFIG, ("1/model.json",)),
        (
            {"1/model.json": b" " * (2 << 20), "config.pbtxt": b'backend: "vllm"'},
            Reason.INVALID_MODEL_CONFIG,
            ("larger than",),
        ),
        (
            {"config.pbtxt": PIPELINE},
            Reason.INVALID_MODEL_CONFIG,
            ("step 1: model_name 'tokens' is not in the source", "no other model"),
        ),
        ({"config.pbtxt": b'platform: "ensemble"'}, Reason.INVALID_MODEL_CONFIG, ("no step", "ensemble_scheduling")),
        (
            {"config.pbtxt": PIPELINE.partition(b"\n")[2] + b'backend: "onnxruntime"'},
            Reason.INVALID_MODEL_CONFIG,
            ("ensemble with backend 'onnxruntime'",),
        ),
    ],
)
def test_what_triton_would_crash_over_is_told_before(
    fetched: Fetch, models: Path, files: dict[str, bytes], reason: Reason, told: tuple[str, ...]
) -> None:
    """Which file and field, what is allowed, what next; and nothing is left in the repository."""
    report = fetched(files)

    refused(report, reason, *told)
    assert list(models.iterdir()) == []
    assert report.exit_code == 2


def test_an_old_version_that_is_not_served_may_be_incomplete(fetched: Fetch) -> None:
    """Triton loads the newest alone, unless a policy says otherwise."""
    files = {"1/notes.txt": b"-", "10/model.onnx": ONNX, "9/notes.txt": b"-"}

    assert fetched(files).reason is None
    refused(
        fetched({**files, "config.pbtxt": b"version_policy { latest { num_versions: 2 } }"}),
        Reason.UNSUPPORTED_LAYOUT,
        "9/ has notes.txt",
    )
    refused(fetched({**files, "config.pbtxt": b"version_policy { all {} }"}), Reason.UNSUPPORTED_LAYOUT, "1/ has")


def test_a_model_of_no_dimension_is_reshaped(fetched: Fetch) -> None:
    """Triton takes a 0 in dims where it is reshaped, and nowhere else."""
    tensor = b'input [{ name: "x" data_type: TYPE_FP32 dims: [ 0 ] reshape { shape: [] } }]'

    assert fetched({"1/model.onnx": ONNX, "config.pbtxt": tensor}).reason is None


def test_an_ensemble_brings_its_models_and_no_others(fetched: Fetch, models: Path) -> None:
    """It is served by the AIModel's name, its steps keep theirs; what no step names stays where it is."""
    report = fetched(ENSEMBLE, config=BATCHING)

    assert report.reason is None, report
    assert sorted(path.name for path in models.iterdir()) == ["fraud", "scores", "tokens"]
    assert (models / "fraud" / "1").is_dir()
    assert config_of(models).name == "fraud"
    assert not config_of(models).HasField("dynamic_batching")
    assert config_of(models, "tokens").backend == "onnxruntime"
    assert not config_of(models, "tokens").HasField("dynamic_batching")
    assert config_of(models, "scores").backend == "tensorrt"


def test_an_ensemble_may_hand_on_to_another(fetched: Fetch, models: Path) -> None:
    """The outer one is served, and what the inner one needs comes too."""
    outer = b'platform: "ensemble" ensemble_scheduling { step [{ model_name: "pipeline" model_version: -1 }] }'

    report = fetched({**ENSEMBLE, "whole/config.pbtxt": outer})

    assert report.reason is None, report
    assert sorted(path.name for path in models.iterdir()) == ["fraud", "pipeline", "scores", "tokens"]


def test_the_ensemble_of_the_models_name_is_served(fetched: Fetch, models: Path) -> None:
    """Of several that are nobody's step."""
    own = b'platform: "ensemble" ensemble_scheduling { step [{ model_name: "other" model_version: -1 }] }'

    report = fetched({**ENSEMBLE, "fraud/config.pbtxt": own})

    assert report.reason is None, report
    assert sorted(path.name for path in models.iterdir()) == ["fraud", "other"]


@pytest.mark.parametrize(
    ("files", "reason", "told"),
    [
        (
            {key: body for key, body in ENSEMBLE.items() if not key.startswith("pipeline")},
            Reason.UNSUPPORTED_LAYOUT,
            ("found the models other, scores, tokens and no ensemble", "name the folder of one model"),
        ),
        ({**ENSEMBLE, "second/config.pbtxt": PIPELINE}, Reason.UNSUPPORTED_LAYOUT, ("and 2 ensemble",)),
        ({**ENSEMBLE, "fraud/1/model.onnx": ONNX}, Reason.UNSUPPORTED_LAYOUT, ("another model of that name",)),
        (
            {key: body for key, body in ENSEMBLE.items() if not key.startswith("scores")},
            Reason.INVALID_MODEL_CONFIG,
            ("pipeline/config.pbtxt, step 2: model_name 'scores'", "which has tokens"),
        ),
        (
            {**ENSEMBLE, "tokens/config.pbtxt": b"max_batch_size: 4"},
            Reason.INVALID_MODEL_CONFIG,
            ("step 1: model_name 'tokens' has max_batch_size 4, the ensemble 8", "serving.triton.maxBatchSize"),
        ),
        (
            {**ENSEMBLE, "tokens/config.pbtxt": b"max_batch: 4"},
            Reason.INVALID_MODEL_CONFIG,
            ("tokens/config.pbtxt of the source, line 1", "did you mean max_batch_size"),
        ),
        ({**ENSEMBLE, "tokens/config.pbtxt": b'name: "words"'}, Reason.INVALID_MODEL_CONFIG, ("'words'", "'tokens'")),
    ],
)
def test_an_ensemble_that_cannot_work_is_refused(
    fetched: Fetch, models: Path, files: dict[str, bytes], reason: Reason, told: tuple[str, ...]
) -> None:
    """Which model of the source, and what of it."""
    refused(fetched(files, config=BATCHING), reason, *told)
    assert list(models.iterdir()) == []


def test_the_repository_holds_one_fetch_alone(fetched: Fetch, models: Path) -> None:
    """A node that rebooted runs the container again: what the source no longer has must not be loaded."""
    assert fetched(ENSEMBLE).reason is None

    assert fetched({"v7.onnx": ONNX}, "v7.onnx").reason is None

    assert sorted(content(models)) == ["fraud/1/model.onnx", "fraud/config.pbtxt"]
