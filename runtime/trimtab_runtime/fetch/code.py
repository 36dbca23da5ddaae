"""Find what of a model is a program: what Triton would execute, for which the pool's administrator has to consent.

Everything is looked for where a backend would load it from; a script that nothing loads is a file like another.
"""

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trimtab.api.fetch import FetchFailureReason as Reason
from trimtab_runtime.fetch.archive import DAMAGE
from trimtab_runtime.fetch.errors import FetchError
from trimtab_runtime.fetch.formats import COMPILED_PLATFORM, ENSEMBLE, PYTHON, VLLM
from trimtab_runtime.fetch.found import FoundModel

DATA_BACKENDS = frozenset({"fil", "onnxruntime", "openvino", "pytorch", "tensorrt", ENSEMBLE, VLLM})
"""Those that are known to execute nothing of a model's files by themselves."""
SHARED_LIBRARY = re.compile(r".*\.so(\.[0-9]+)*")
CODE_PARAMETER = re.compile(r"EXECUTION_ENV|LIBRAR(Y|IES)|PLUGIN|WORKER_PATH", re.IGNORECASE)
"""Keys of a configuration's parameters that name what a backend loads or starts, such as MODEL_INIT_LIBRARY."""
ENGINE_FILE = "model.json"
MAX_ENGINE_BYTES = 1 << 20
PICKLES = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")
PICKLE_START = re.compile(rb"\x80[\x02-\x05]")
ENGINE_CODE = (
    "trust_remote_code", "worker_cls", "worker_extension_cls", "scheduler_cls", "logits_processors",
    "kv_transfer_config", "io_processor_plugin", "reasoning_parser_plugin",
)  # fmt: skip
"""Arguments of vLLM that name code to import; the first lets it import what lies beside the weights."""


def refuse_code(model: FoundModel) -> None:
    """Raise FetchError if a model is a program, with the first sign of it."""
    sign = next(_signs(model), None)
    if sign is not None:
        raise FetchError(
            Reason.CODE_REFUSED,
            f"{sign}, and the pool refuses models that are programs; convert it to ONNX, TorchScript, a TensorRT plan "
            "or safetensors, or ask the pool's administrator for spec.allowedModels.code: Allow",
        )


def is_pickle(path: Path) -> bool:
    """Tell whether a file is a Python pickle, as `torch.save` or `pickle.dump` leave it."""
    names = torch_entries(path)
    if names is not None:
        return "data.pkl" in names and "constants.pkl" not in names
    with path.open("rb") as file:
        return PICKLE_START.match(file.read(2)) is not None


def torch_entries(path: Path) -> frozenset[str] | None:
    """Return what lies in a zip file's one folder, as PyTorch packs it; None for a file that is no zip."""
    try:
        with zipfile.ZipFile(path) as packed:
            return frozenset(name.partition("/")[2] or name for name in packed.namelist())
    except DAMAGE:
        return None


def _signs(model: FoundModel) -> Iterator[str]:
    config = model.message
    for path in sorted(model.files):
        if SHARED_LIBRARY.fullmatch(path):
            yield f"{model.shown(path)} is a shared library, which Triton may load"
    if config.model_operations.op_library_filename:
        yield f"{model.shown()} loads the library {config.model_operations.op_library_filename[0]!a}"
    for key in sorted(config.parameters):
        if CODE_PARAMETER.search(key):
            yield f"{model.shown()} has the parameter {key!a}, which names a program"
    if model.backend == PYTHON or config.runtime == "model.py":
        wanted = model.wanted_file or "model.py"
        first = next(iter(model.versions), "1")
        yield f"{model.shown(f'{first}/{wanted}')} is run by Triton's Python backend"
    elif config.runtime not in {"", f"libtriton_{model.backend}.so"}:
        yield f"{model.shown()} has runtime {config.runtime!a}, another than its backend's own"
    elif model.backend not in DATA_BACKENDS:
        yield f"{model.shown()} has backend {model.backend!a}, which is not known to execute nothing of a model's files"
    if config.platform == COMPILED_PLATFORM or model.wanted_file.endswith(".pt2"):
        yield f"{model.shown()} is of platform {COMPILED_PLATFORM}, whose packages hold machine code"
    if model.backend == VLLM:
        yield from _signs_of_vllm(model)


def _signs_of_vllm(model: FoundModel) -> Iterator[str]:
    for path, place in sorted(model.files.items()):
        if path.rpartition("/")[2] == ENGINE_FILE and path.count("/") == 1:
            arguments = engine_arguments(place, model.shown(path))
            for name in ENGINE_CODE:
                if arguments.get(name) not in (None, False, "", [], {}):
                    yield f"{model.shown(path)} has {name}, which lets vLLM import code"
        elif path.lower().endswith(PICKLES) and is_pickle(place):
            yield f"{model.shown(path)} is a pickle, which may run anything when vLLM loads it"


def engine_arguments(path: Path, shown: str) -> dict[str, Any]:
    """Return vLLM's arguments from its file.

    Raises:
        FetchError: if it is no JSON object.
    """
    try:
        if path.stat().st_size > MAX_ENGINE_BYTES:
            raise ValueError(f"it is larger than {MAX_ENGINE_BYTES} bytes")  # noqa: TRY301  # answered like the rest
        arguments = json.loads(path.read_bytes())
        if not isinstance(arguments, dict):
            raise TypeError("it is no object")  # noqa: TRY301  # answered like the rest
    except (ValueError, TypeError, RecursionError) as error:
        raise FetchError(
            Reason.INVALID_MODEL_CONFIG,
            f"{shown} does not hold vLLM's arguments ({error}); write a JSON object such as "
            '{"model": "/models/NAME/1/weights"}',
        ) from error
    return arguments
