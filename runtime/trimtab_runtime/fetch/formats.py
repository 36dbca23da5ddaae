"""The kinds of model that Triton serves: one line each, after what its own backends look for."""

from collections.abc import Iterable
from dataclasses import dataclass

from trimtab.api.fetch import FetchFailureReason as Reason
from trimtab_runtime.fetch.errors import FetchError
from trimtab_runtime.fetch.triton_config import CONFIG_FILE, ModelConfigMessage

ENSEMBLE = "ensemble"
PYTHON = "python"
PYTORCH = "pytorch"
VLLM = "vllm"
COMPILED_PLATFORM = "torch_aoti"  # of PyTorch: a package with machine code in it


@dataclass(frozen=True, kw_only=True)
class Format:
    """One kind of model.

    `file` is what the backend looks for in a version's folder, `platforms` are the names that config.pbtxt may give
    instead of `backend`. A file with one of `endings` gets that name; one without any is found by its full name only,
    since another file of the same ending may be anything.
    """

    backend: str
    file: str
    platforms: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()


FORMATS = (
    Format(backend="tensorrt", file="model.plan", platforms=("tensorrt_plan",), endings=(".plan", ".engine", ".trt")),
    Format(backend="onnxruntime", file="model.onnx", platforms=("onnxruntime_onnx",), endings=(".onnx",)),
    Format(backend="openvino", file="model.xml"),
    Format(
        backend=PYTORCH, file="model.pt", platforms=("pytorch_libtorch", "libtorch"), endings=(".pt", ".torchscript")
    ),
    Format(backend=PYTORCH, file="model.pt2", platforms=(COMPILED_PLATFORM,), endings=(".pt2",)),
    Format(backend=PYTHON, file="model.py", endings=(".py",)),
    Format(backend=VLLM, file="model.json"),
)
"""In the order in which Triton guesses; vLLM it does not guess at all."""

BACKENDS = frozenset(each.backend for each in FORMATS)
FILE_BY_ENDING = {ending: each.file for each in FORMATS for ending in each.endings}
FILES = tuple(each.file for each in FORMATS)
ENDINGS = ", ".join(sorted(FILE_BY_ENDING))
GONE = {".graphdef": "model.graphdef", ".savedmodel": "model.savedmodel", ".pb": "saved_model.pb"}
"""TensorFlow's files, by their endings."""


def is_gone(name: str) -> bool:
    """Tell whether a file is one of TensorFlow's."""
    ending = ending_of(name)
    return ending in GONE and (ending != ".pb" or name == GONE[ending])


def refuse_gone(name: str) -> FetchError:
    """Return what is said of TensorFlow's files."""
    return FetchError(
        Reason.UNSUPPORTED_LAYOUT,
        f"{name!a} is a TensorFlow model, and Triton has given that backend up; convert it to ONNX (tf2onnx)",
    )


def format_of(config: ModelConfigMessage, names: Iterable[str]) -> Format | None:
    """Return the format of a model with a configuration and these files in its version's folder, None for another.

    The configuration goes first, as in Triton: `backend` and `platform`, then `default_model_filename`, then the files.

    Raises:
        FetchError: if `backend` and `platform` contradict each other.
    """
    found = [
        each
        for each in FORMATS
        if config.backend in {"", each.backend} and (not config.platform or config.platform in each.platforms)
    ]
    if config.backend in BACKENDS and config.platform and not found:
        allowed = [platform for each in FORMATS if each.backend == config.backend for platform in each.platforms]
        raise FetchError(
            Reason.INVALID_MODEL_CONFIG,
            f"{CONFIG_FILE} has backend {config.backend!a} and platform {config.platform!a}, which do not go together; "
            f"leave platform out{''.join(f', or set {name!a}' for name in allowed[:1])}",
        )
    wanted = {config.default_model_filename} if config.default_model_filename else set(names)
    by_file = next((each for each in found if each.file in wanted), None)
    if by_file is not None:
        return by_file
    return found[0] if found and (config.backend or config.platform) else None


def ending_of(name: str) -> str:
    """Return a name's ending in small letters, with its dot; a name that begins with its only dot has none."""
    stem, dot, ending = name.rpartition(".")
    return f".{ending.lower()}" if dot and stem else ""
