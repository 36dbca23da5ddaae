"""Recognise how a source is laid out, and say which file goes where in Triton's repository."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from trimtab.api.fetch import FetchFailureReason as Reason
from trimtab_runtime.fetch.errors import FetchError
from trimtab_runtime.fetch.triton_config import CONFIG_FILE, ModelConfigMessage

VERSION = re.compile(r"[1-9][0-9]{0,8}")
FIRST_VERSION = "1"
MAX_WRAPPINGS = 2
SHOWN_NAMES = 8

# What Triton's backends look for in a version's folder, by the ending that tells the kind of a file.
DEFAULT_NAMES = {
    ".onnx": "model.onnx",
    ".plan": "model.plan",
    ".engine": "model.plan",
    ".trt": "model.plan",
    ".pt": "model.pt",
    ".torchscript": "model.pt",
    ".graphdef": "model.graphdef",
    ".py": "model.py",
}
# Found by exactly these names only: another file of the same ending may be anything.
FULL_NAMES = frozenset({*DEFAULT_NAMES.values(), "model.savedmodel", "model.xml", "model.json"})
SAVED_MODEL_FILE = "saved_model.pb"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What goes where: path below the model's folder -> path below the source, a file or a folder ("" is its root).

    `labels` are files that Triton wants beside config.pbtxt, in the same notation.
    """

    places: dict[str, str]
    labels: dict[str, str]


def find_root(paths: Iterable[str]) -> str:
    """Return the folder, "" or with a slash at its end, that holds the model: archives often wrap it in one or two."""
    root = ""
    paths = list(paths)
    for _ in range(MAX_WRAPPINGS):
        tops = _tops(paths, root)
        if len(tops) != 1:
            return root
        ((top, is_folder),) = tops.items()
        if not is_folder or VERSION.fullmatch(top) or top.endswith(".savedmodel"):
            return root
        root = f"{root}{top}/"
    return root


def arrange_file(name: str, config: ModelConfigMessage) -> Layout:
    """Return the layout of a source that is a single file; `config` is what is known of its configuration."""
    wanted = config.default_model_filename or (name if name in FULL_NAMES else DEFAULT_NAMES.get(_ending(name)))
    if not wanted:
        raise FetchError(
            Reason.UNSUPPORTED_LAYOUT,
            f"{name!a} is no kind of model file that Triton is known to serve ({', '.join(sorted(DEFAULT_NAMES))}); "
            f"put it into a folder with a {CONFIG_FILE} and a folder {FIRST_VERSION}/",
        )
    return Layout(places={f"{FIRST_VERSION}/{wanted}": ""}, labels={})


def arrange_folder(paths: Iterable[str], root: str, config: ModelConfigMessage) -> Layout:
    """Return the layout of a source that is a folder: Triton's own layout, or a flat folder with a model in it.

    Raises:
        FetchError: if it is neither; the message names what was found.
    """
    paths = list(paths)
    tops = _tops(paths, root)
    if any(VERSION.fullmatch(top) for top, is_folder in tops.items() if is_folder):
        return Layout(places={top: f"{root}{top}" for top in tops if top != CONFIG_FILE}, labels={})
    labels = {output.label_filename for output in config.output if output.label_filename in tops}
    if SAVED_MODEL_FILE in tops:
        return Layout(places={f"{FIRST_VERSION}/model.savedmodel": root.rstrip("/")}, labels={})
    complete = {config.default_model_filename} if config.default_model_filename else FULL_NAMES
    label_places = {label: f"{root}{label}" for label in labels}
    candidates = [top for top, is_folder in tops.items() if not is_folder and _ending(top) in DEFAULT_NAMES]
    needs_no_file = bool(config.backend or config.platform) and not config.default_model_filename and not candidates
    if complete & set(tops) or needs_no_file:
        return Layout(places={FIRST_VERSION: root.rstrip("/")}, labels=label_places)
    if len(candidates) == 1 and not config.default_model_filename:
        (model,) = candidates
        renamed = {model: DEFAULT_NAMES[_ending(model)]}
        places = {f"{FIRST_VERSION}/{renamed.get(top, top)}": f"{root}{top}" for top in tops if top != CONFIG_FILE}
        return Layout(places=places, labels=label_places)
    raise _unsupported(tops, config.default_model_filename)


def _unsupported(tops: dict[str, bool], wanted: str) -> FetchError:
    found = [f"{top}/" if is_folder else top for top, is_folder in sorted(tops.items())]
    more = f" and {len(found) - SHOWN_NAMES} more" if len(found) > SHOWN_NAMES else ""
    names = ", ".join(ascii(name)[1:-1] for name in found[:SHOWN_NAMES]) or "nothing"
    expected = f"a file {wanted}" if wanted else "one model file (" + ", ".join(sorted(FULL_NAMES)) + ")"
    return FetchError(
        Reason.UNSUPPORTED_LAYOUT,
        f"found {names}{more}; expected version folders ({FIRST_VERSION}/), or {expected}; name the model's own folder",
    )


def _tops(paths: Iterable[str], root: str) -> dict[str, bool]:
    """Return the entries right below a folder, and whether each is a folder itself."""
    tops: dict[str, bool] = {}
    for path in paths:
        if path.startswith(root):
            top, slash, _ = path.removeprefix(root).partition("/")
            tops[top] = tops.get(top, False) or bool(slash)
    return tops


def _ending(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    return f".{ending.lower()}" if dot and stem else ""
