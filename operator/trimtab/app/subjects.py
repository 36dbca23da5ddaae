"""The model that `trimtab simulate` is asked about: from options and files to its spec, its pool and a setting."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from trimtab.api.aimodel import AIModelSpec
from trimtab.api.kinds import Manifest
from trimtab.app.offline import Documents, read_files, resolved
from trimtab.app.traffic import Source
from trimtab.core.prices import PriceList
from trimtab.core.snapshot import PoolFound
from trimtab.simulate.setting import Setting
from trimtab.simulate.subject import BatchTimes, edited, guessed_times, learned_times, parse_times, setting_of
from trimtab.units import Seconds, seconds

WHAT_IF = "trimtab, what if"


class SimulationError(Exception):
    """Nothing can be simulated; `str()` says what is wrong, where, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options of the command, as they were given."""

    files: tuple[Path, ...]
    source: Source
    model: str | None = None
    namespace: str = "default"
    rivals: str = "all"
    cold_start: str = "60s"
    service: str | None = None
    learned: Path | None = None
    world: str = "events"
    seeds: int = 1
    what_if: tuple[str, ...] = ()
    oracles: bool = True
    json: bool = False
    picture: Path | None = None
    page: Path | None = None
    processes: int = 1


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The model: who it is, what it says, and how it is simulated."""

    name: str
    spec: AIModelSpec
    pool: PoolFound
    setting: Setting


def chosen(documents: Documents, name: str | None) -> tuple[str, Manifest]:
    """Return the AIModel that is meant, with where it stands.

    Raises:
        SimulationError: there is none, or it is not clear which.
    """
    known = [manifest["metadata"]["name"] for _, manifest in documents.models]
    if not known:
        raise SimulationError("there is no AIModel in what was given: name a file that holds one, with -f FILE")
    if name is None and len(known) > 1:
        raise SimulationError(f"there are several AIModels ({', '.join(known)}): say which, with --model NAME")
    found = next((each for each in documents.models if name in (None, each[1]["metadata"]["name"])), None)
    if found is None:
        raise SimulationError(f"there is no AIModel {name} in what was given: name one of {', '.join(known)}")
    return found


def present(
    asked: Asked, documents: Documents, found: tuple[str, Manifest], prices: PriceList
) -> tuple[Subject, BatchTimes]:
    """Return the model as it is, and how long its batches take.

    Raises:
        OfflineError, SimulationError, SubjectError: what was given cannot be used.
    """
    spec, pool = resolved(*found, documents, prices)
    about = found[1]["metadata"]
    name = f"{about['namespace']}/{about['name']}"
    times = _times(asked, spec, name)
    return Subject(name=name, spec=_active(spec), pool=pool, setting=_setting(asked, spec, pool, times)), times


def other(
    asked: Asked, documents: Documents, found: tuple[str, Manifest], prices: PriceList, times: BatchTimes
) -> Subject | None:
    """Return the model as `--what-if` would have it, None without one. Its batches take what they take now.

    Raises:
        OfflineError, SimulationError, SubjectError: what was given cannot be used.
    """
    if not asked.what_if:
        return None
    edits: dict[str, str] = {}
    for each in asked.what_if:
        path, equals, value = each.partition("=")
        if not equals or not path:
            raise SimulationError(f"--what-if {each}: write key=value, as in scaling.maxReplicas=20")
        edits[path.removeprefix("spec.")] = value
    where, manifest = found
    spec, pool = resolved(f"{where} with --what-if", edited(manifest, edits), documents, prices)
    for path, value in edits.items():
        if yaml.safe_load(value) is not None and not _has(spec, path):
            raise SimulationError(
                f"--what-if {path}={value}: an AIModel has no spec.{path}; see `kubectl explain aim.spec`"
            )
    return Subject(name=WHAT_IF, spec=_active(spec), pool=pool, setting=_setting(asked, spec, pool, times))


def _has(spec: AIModelSpec, path: str) -> bool:
    """Tell whether a field is known: the API drops what is not, and so does the spec."""
    place: object = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    for name in path.split("."):
        if not isinstance(place, dict) or name not in place:
            return False
        place = place[name]
    return True


def _active(spec: AIModelSpec) -> AIModelSpec:
    """Return a spec whose replicas follow what is decided: what is only advised would never be seen."""
    return spec.model_copy(update={"scaling": spec.scaling.model_copy(update={"mode": "Active"})})


def _times(asked: Asked, spec: AIModelSpec, name: str) -> BatchTimes:
    if asked.service is not None and asked.learned is not None:
        raise SimulationError("--service and --learned both say how long a batch takes: give one of them")
    if asked.service is not None:
        return parse_times(asked.service)
    if asked.learned is None:
        return guessed_times(spec)
    (_, text), *_ = read_files([asked.learned])
    return learned_times(text, name, str(asked.learned))


def _setting(asked: Asked, spec: AIModelSpec, pool: PoolFound, times: BatchTimes) -> Setting:
    return setting_of(spec, pool, times, duration(asked.cold_start, "--cold-start"))


def duration(text: str, option: str) -> Seconds:
    """Return a duration of an option.

    Raises:
        SimulationError: it is none.
    """
    try:
        return seconds(text)
    except ValueError as error:
        raise SimulationError(f"{option}: {error}") from None
