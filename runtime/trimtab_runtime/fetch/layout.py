"""Recognise how a source is laid out, and say which file goes where in Triton's repository."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from trimtab.api.fetch import FetchFailureReason as Reason
from trimtab_runtime.fetch.errors import FetchError
from trimtab_runtime.fetch.formats import ENDINGS, FILE_BY_ENDING, FILES, ending_of, is_gone, refuse_gone
from trimtab_runtime.fetch.triton_config import CONFIG_FILE, ModelConfigMessage

VERSION = re.compile(r"[1-9][0-9]{0,8}")
ZERO_VERSION = re.compile(r"0[0-9]{0,8}")
FIRST_VERSION = "1"
MAX_WRAPPINGS = 2
SHOWN_NAMES = 8
PAPERS = re.compile(r"\..*|(README|LICENSE|CHANGELOG|NOTICE)(\.[A-Za-z]+)?")
"""What lies beside a model in many repositories, and is no part of it."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What goes where: path below the model's folder -> path below the source, a file or a folder ("" is its root).

    `labels` are files that Triton wants beside config.pbtxt, in the same notation.
    """

    places: dict[str, str]
    labels: dict[str, str]

    def placed(self, paths: Iterable[str]) -> dict[str, str]:
        """Return where each of a source's files will be: path below the model's folder -> path below the source.

        For a source that is a single file, its one path is "".
        """
        found = {}
        for path in paths:
            for target, below in self.places.items():
                inside = below == "" or path.startswith(f"{below}/")
                if path == below:
                    found[target] = path
                elif inside:
                    found[f"{target}/{path.removeprefix(f'{below}/' if below else '')}"] = path
        return found | self.labels


def find_root(paths: Iterable[str]) -> str:
    """Return the folder, "" or with a slash at its end, that holds the model: archives often wrap it in one or two."""
    root = ""
    paths = list(paths)
    for _ in range(MAX_WRAPPINGS):
        tops = {top: is_folder for top, is_folder in _tops(paths, root).items() if not PAPERS.fullmatch(top)}
        if len(tops) != 1:
            return root
        ((top, is_folder),) = tops.items()
        if not is_folder or VERSION.fullmatch(top) or is_gone(top):
            return root
        root = f"{root}{top}/"
    return root


def find_models(paths: Iterable[str], root: str) -> tuple[str, ...]:
    """Return the names of the folders right below the root that have Triton's layout each, if the root has none itself.

    Fewer than two are no repository of models: then the root is one model.
    """
    paths = list(paths)
    if _is_model(paths, root):
        return ()
    found = tuple(
        top for top, is_folder in sorted(_tops(paths, root).items()) if is_folder and _is_model(paths, f"{root}{top}/")
    )
    return found if len(found) > 1 else ()


def arrange_file(name: str, config: ModelConfigMessage) -> Layout:
    """Return the layout of a source that is a single file; `config` is what is known of its configuration."""
    wanted = config.default_model_filename or (name if name in FILES else FILE_BY_ENDING.get(ending_of(name)))
    if not wanted:
        if is_gone(name):
            raise refuse_gone(name)
        raise FetchError(
            Reason.UNSUPPORTED_LAYOUT,
            f"{name!a} is no kind of model file that Triton is known to serve ({ENDINGS}); "
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
    gone = next((top for top in sorted(tops) if is_gone(top)), None)
    if gone is not None and not config.backend:
        raise refuse_gone(gone)
    labels = {output.label_filename for output in config.output if output.label_filename in tops}
    label_places = {label: f"{root}{label}" for label in labels}
    complete = {config.default_model_filename} if config.default_model_filename else set(FILES)
    candidates = [top for top, is_folder in tops.items() if not is_folder and ending_of(top) in FILE_BY_ENDING]
    says_kind = bool(config.backend or config.platform) or config.HasField("ensemble_scheduling")
    needs_no_file = says_kind and not config.default_model_filename and not candidates
    if complete & set(tops) or needs_no_file:
        return Layout(places={FIRST_VERSION: root.rstrip("/")}, labels=label_places)
    if len(candidates) == 1 and not config.default_model_filename:
        (model,) = candidates
        renamed = {model: FILE_BY_ENDING[ending_of(model)]}
        places = {f"{FIRST_VERSION}/{renamed.get(top, top)}": f"{root}{top}" for top in tops if top != CONFIG_FILE}
        return Layout(places=places, labels=label_places)
    raise _unsupported(tops, config.default_model_filename)


def _is_model(paths: Iterable[str], root: str) -> bool:
    """Tell whether a folder has a configuration, a version or a file by a name that Triton knows."""
    tops = _tops(paths, root)
    return any(
        VERSION.fullmatch(top) if is_folder else top == CONFIG_FILE or top in FILES for top, is_folder in tops.items()
    )


def _unsupported(tops: dict[str, bool], wanted: str) -> FetchError:
    found = [f"{top}/" if is_folder else top for top, is_folder in sorted(tops.items())]
    more = f" and {len(found) - SHOWN_NAMES} more" if len(found) > SHOWN_NAMES else ""
    names = ", ".join(ascii(name)[1:-1] for name in found[:SHOWN_NAMES]) or "nothing"
    expected = f"a file {wanted}" if wanted else "one model file (" + ", ".join(sorted(FILES)) + ")"
    zero = next((top for top, is_folder in sorted(tops.items()) if is_folder and ZERO_VERSION.fullmatch(top)), None)
    next_step = (
        "name the model's own folder"
        if zero is None
        else f"Triton passes over {zero}/, since versions begin at 1: rename it"
    )
    return FetchError(
        Reason.UNSUPPORTED_LAYOUT,
        f"found {names}{more}; expected version folders ({FIRST_VERSION}/), or {expected}; {next_step}",
    )


def _tops(paths: Iterable[str], root: str) -> dict[str, bool]:
    """Return the entries right below a folder, and whether each is a folder itself."""
    tops: dict[str, bool] = {}
    for path in paths:
        if path.startswith(root):
            top, slash, _ = path.removeprefix(root).partition("/")
            tops[top] = tops.get(top, False) or bool(slash)
    return tops
