"""Check a model against what Triton would find wrong with it later, in a loop of crashes and fewer words.

Only what is certain: what depends on the model's inside, or on the server's version, is left to Triton.
"""

from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from trimtab.api.fetch import FetchFailureReason as Reason
from trimtab_runtime.fetch.code import ENGINE_FILE, engine_arguments, is_pickle, torch_entries
from trimtab_runtime.fetch.errors import FetchError
from trimtab_runtime.fetch.formats import BACKENDS, FORMATS, PYTORCH, VLLM
from trimtab_runtime.fetch.found import FoundModel

POINTER = b"version https://git-lfs.github.com/spec/"
EXAMPLE = 'input [{ name: "INPUT__0" data_type: TYPE_FP32 dims: [ 3 ] }] and output [{ name: "OUTPUT__0" ... }]'
SHOWN_NAMES = 8


def check_model(model: FoundModel) -> None:
    """Raise FetchError for the first thing that keeps a model from being loaded."""
    _check_kind(model)
    _check_tensors(model)
    _check_labels(model)
    if model.is_ensemble:
        return
    _check_versions(model)
    if model.message.runtime:
        return  # another program opens the files than the one that we know
    _check_files(model)
    if model.backend == PYTORCH and model.wanted_file.endswith(".pt"):
        _check_torchscript(model)
    if model.backend == VLLM:
        _check_engine(model)


def check_steps(ensemble: FoundModel, others: Mapping[str, FoundModel]) -> None:
    """Raise FetchError if an ensemble has no steps, or one that the source's other models cannot be."""
    steps = ensemble.message.ensemble_scheduling.step
    if not steps:
        raise _invalid(f"{ensemble.shown()} has platform ensemble and no step; add ensemble_scheduling with its steps")
    for number, step in enumerate(steps, start=1):
        which = f"{ensemble.shown()}, step {number}: model_name {step.model_name!a}"
        model = others.get(step.model_name)
        if model is None:
            raise _invalid(
                f"{which} is not in the source, which has {_listed(sorted(others)) if others else 'no other model'}; "
                "put that model's folder beside the ensemble's, or correct the name"
            )
        stated, largest = model.message.HasField("max_batch_size"), ensemble.message.max_batch_size
        if stated and model.message.max_batch_size < largest:
            raise _invalid(
                f"{which} has max_batch_size {model.message.max_batch_size}, the ensemble {largest}; "
                "lower the ensemble's (in its config.pbtxt, or serving.triton.maxBatchSize), or raise the step's"
            )


def _check_kind(model: FoundModel) -> None:
    config = model.message
    if model.is_ensemble and config.backend:
        raise _invalid(f"{model.shown()} is an ensemble with backend {config.backend!a}; remove backend")
    if model.backend:
        return
    if config.platform:
        platforms = sorted(platform for each in FORMATS for platform in each.platforms)
        raise _invalid(
            f"{model.shown()} has platform {config.platform!a}; allowed are {', '.join(platforms)}, ensemble, "
            "or backend instead"
        )
    found = sorted(frozenset().union(*model.versions.values()))
    raise _invalid(
        f"{model.shown()} has neither backend nor platform, and the files ({_listed(found)}) do not tell; "
        f"set backend, such as {', '.join(sorted(BACKENDS))}"
    )


def _check_tensors(model: FoundModel) -> None:
    config = model.message
    for kind, tensors in (("input", config.input), ("output", config.output)):
        names: set[str] = set()
        for number, tensor in enumerate(tensors, start=1):
            which = f"{model.shown()}, {kind} {number}"
            if not tensor.name:
                raise _invalid(f"{which} has no name; give it the one that the model calls it by")
            if tensor.name in names:
                raise _invalid(f"{which}: the name {tensor.name!a} is there twice; remove one")
            names.add(tensor.name)
            _check_shape(tensor, f"{which} ({tensor.name!a})")


def _check_shape(tensor: Any, which: str) -> None:  # noqa: ANN401  # protobuf makes its classes at run time
    if not tensor.data_type:
        raise _invalid(f"{which} has no data_type; set one, such as TYPE_FP32 or TYPE_STRING")
    if not tensor.dims:
        raise _invalid(f"{which} has no dims; set its shape without the batch, such as dims: [ 3, -1 ], -1 for any")
    wrong = next((size for size in tensor.dims if size < 1 and size != -1), None)
    if wrong is not None and not (wrong == 0 and tensor.HasField("reshape")):
        raise _invalid(f"{which} has {wrong} in dims; each must be at least 1, or -1 for any size")


def _check_labels(model: FoundModel) -> None:
    for output in model.message.output:
        label = output.label_filename
        if label and label not in model.files:
            raise _invalid(
                f"{model.shown()}, output {output.name!a}: label_filename {label!a} is not in the source; "
                "put the file beside config.pbtxt, or remove the field"
            )


def _check_versions(model: FoundModel) -> None:
    policy = model.message.version_policy
    missing = [version for version in policy.specific.versions if str(version) not in model.versions]
    if missing and model.versions:
        raise _invalid(
            f"{model.shown()}, version_policy: version {missing[0]} is not in the source, which has "
            f"{', '.join(model.versions)}; add it, or correct the list"
        )


def _check_files(model: FoundModel) -> None:
    """Check that each version has the file that its backend opens, and that it is no pointer to somewhere else."""
    wanted = model.wanted_file
    for version in model.served_versions:
        names = model.versions[version]
        if wanted and wanted.partition("/")[0] not in names and not model.message.cc_model_filenames:
            raise FetchError(
                Reason.UNSUPPORTED_LAYOUT,
                f"{model.shown(version)}/ has {_listed(sorted(names))}, and the backend {model.backend} opens "
                f"{wanted}; rename the file, or set default_model_filename in config.pbtxt",
            )
        path = model.files.get(f"{version}/{wanted}")
        if path is not None and _begins_with(path, POINTER):
            raise FetchError(
                Reason.UNSUPPORTED_LAYOUT,
                f"{model.shown(f'{version}/{wanted}')} is a pointer of Git LFS, not the file; upload the file itself "
                "(git lfs pull)",
            )


def _check_torchscript(model: FoundModel) -> None:
    """Check what the backend cannot find out: tensors, which it completes for no model, and that it is TorchScript."""
    for kind, tensors in (("input", model.message.input), ("output", model.message.output)):
        if not tensors:
            raise _invalid(
                f"{model.shown()} has no {kind}, and a TorchScript file does not say what it takes and gives; "
                f"put a config.pbtxt beside it with {EXAMPLE}"
            )
    for version in model.served_versions:
        path = model.files.get(f"{version}/{model.wanted_file}")
        if path is None:
            continue
        entries = torch_entries(path)
        if entries is None or "constants.pkl" not in entries:
            what = "a pickle of torch.save" if is_pickle(path) else "no TorchScript archive"
            raise FetchError(
                Reason.UNSUPPORTED_LAYOUT,
                f"{model.shown(f'{version}/{model.wanted_file}')} is {what}, which the backend pytorch cannot load; "
                "save the model with torch.jit.trace or torch.jit.script and torch.jit.save",
            )


def _check_engine(model: FoundModel) -> None:
    for version in model.served_versions:
        path = model.files.get(f"{version}/{ENGINE_FILE}")
        if path is not None and not engine_arguments(path, model.shown(f"{version}/{ENGINE_FILE}")).get("model"):
            raise _invalid(
                f"{model.shown(f'{version}/{ENGINE_FILE}')} has no model; set it to the weights' folder, "
                f"/models/{model.name}/{version}/..., or to a name on the hub"
            )


def _begins_with(path: Path, start: bytes) -> bool:
    if path.is_dir():
        return False
    with path.open("rb") as file:
        return file.read(len(start)) == start


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = [f"{len(every) - SHOWN_NAMES} more"] if len(every) > SHOWN_NAMES else []
    return ", ".join(chain((ascii(name)[1:-1] for name in every[:SHOWN_NAMES]), more)) or "nothing"


def _invalid(message: str) -> FetchError:
    return FetchError(Reason.INVALID_MODEL_CONFIG, message)
