"""Make Triton's repository from what was fetched: one model, or an ensemble with those that it hands requests on to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trimtab.api.fetch import FetchFailureReason as Reason, FetchPlan
from trimtab_runtime.fetch.checks import check_model, check_steps
from trimtab_runtime.fetch.code import refuse_code
from trimtab_runtime.fetch.errors import FetchError
from trimtab_runtime.fetch.formats import COMPILED_PLATFORM, ENSEMBLE, Format, format_of
from trimtab_runtime.fetch.found import FoundModel
from trimtab_runtime.fetch.layout import SHOWN_NAMES, VERSION, arrange_file, arrange_folder, find_models, find_root
from trimtab_runtime.fetch.tree import place
from trimtab_runtime.fetch.triton_config import (
    CONFIG_FILE,
    UNSAID,
    Kind,
    ModelConfigMessage,
    empty_config,
    merge_config,
    read_config,
)
from trimtab_runtime.fetch.warm_up import with_warm_up


@dataclass(frozen=True, kw_only=True)
class Content:
    """What was fetched: a file, or a folder with the `paths` of its files; a mounted one stays where it is."""

    path: Path
    paths: tuple[str, ...] | None
    is_mounted: bool


def assemble(plan: FetchPlan, content: Content, repository: Path) -> tuple[FoundModel, ...]:
    """Fill a repository and return its models, the served one first.

    Raises:
        FetchError: if the source is no model that Triton would load, or one that the plan does not consent to.
    """
    models = find(plan, content)
    for model in models:
        check_model(model)
        if model.is_ensemble:
            check_steps(model, {each.where: each for each in models[1:] if each is not model})
    if plan.code != "Allow":
        for model in models:
            refuse_code(model)
    for model in models:
        folder = repository / model.name
        place(model.layout, content.path, folder, by_link=content.is_mounted)
        (folder / CONFIG_FILE).write_text(model.config.text, encoding="utf-8")
    return models


def find(plan: FetchPlan, content: Content) -> tuple[FoundModel, ...]:
    """Return the models to place, the served one first."""
    root = find_root(content.paths or ())
    names = find_models(content.paths or (), root)
    if not names:
        return (_read(plan, content, root, "", is_served=True),)
    served = _read(plan, content, root, _served(plan, content, root, names), is_served=True)
    found, waiting = {served.where: served}, _steps(served)
    while waiting:
        name = waiting.pop()
        if name in names and name not in found:
            found[name] = _read(plan, content, root, name, is_served=False)
            waiting += _steps(found[name])
    return tuple(found.values())


def _served(plan: FetchPlan, content: Content, root: str, names: tuple[str, ...]) -> str:
    """Return the ensemble that is no other's step; it is served as the AIModel is called, whatever its folder is."""
    configs = (_config(content, root, name) for name in names)
    steps = {
        name: {step.model_name for step in config.ensemble_scheduling.step}
        for name, config in zip(names, configs, strict=True)
        if config is not None and config.HasField("ensemble_scheduling")
    }
    outer = sorted(steps.keys() - set().union(*steps.values()))
    chosen = plan.model if plan.model in outer else outer[0] if len(outer) == 1 else None
    if chosen is None:
        raise FetchError(
            Reason.UNSUPPORTED_LAYOUT,
            f"found the models {', '.join(names[:SHOWN_NAMES])} and {len(outer) or 'no'} ensemble over them; name the "
            "folder of one model in spec.model.source, or give one ensemble the name of the AIModel",
        )
    if plan.model in names and plan.model != chosen:
        raise FetchError(
            Reason.UNSUPPORTED_LAYOUT,
            f"the ensemble {chosen}/ is to be served as {plan.model!a}, and the source has another model of that name; "
            "give the AIModel another one in spec.model.name",
        )
    return chosen


def _steps(model: FoundModel) -> list[str]:
    return [step.model_name for step in model.message.ensemble_scheduling.step]


def _config(content: Content, root: str, where: str) -> ModelConfigMessage | None:
    """Return the configuration that the user wrote for a model, None where there is none."""
    shown = f"{where}/{CONFIG_FILE}" if where else CONFIG_FILE
    if f"{root}{shown}" not in (content.paths or ()):
        return None
    return read_config(content.path / root / shown, shown)


def _read(plan: FetchPlan, content: Content, root: str, where: str, *, is_served: bool) -> FoundModel:
    """Return one model; what the operator wants is meant for the served one."""
    user = _config(content, root, where)
    stated = empty_config() if user is None else user
    paths = content.paths or ("",)
    if content.paths is None:
        layout = arrange_file(content.path.name, stated)
    else:
        layout = arrange_folder(paths, f"{root}{where}/" if where else root, stated)
    files = {target: content.path / below for target, below in layout.placed(paths).items()}
    kind = format_of(stated, _names(files))
    name = plan.model if is_served else where
    said = Kind(platform=ENSEMBLE) if stated.HasField("ensemble_scheduling") else _kind(kind)
    merged = merge_config(user, plan.config if is_served else {}, name, said)
    if plan.warm_up == "ZeroData":
        merged = with_warm_up(merged)
    return FoundModel(name=name, where=where, config=merged, format=kind, layout=layout, files=files)


def _names(files: Mapping[str, Path]) -> set[str]:
    """Return what lies right below the versions' folders."""
    parts = (path.split("/") for path in files)
    return {each[1] for each in parts if len(each) > 1 and VERSION.fullmatch(each[0])}


def _kind(found: Format | None) -> Kind:
    """Return what a configuration that names no kind is completed with; the platform only where it is no default."""
    if found is None:
        return UNSAID
    return Kind(backend=found.backend, platform=COMPILED_PLATFORM if COMPILED_PLATFORM in found.platforms else "")
