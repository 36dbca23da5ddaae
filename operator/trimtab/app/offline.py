"""`trimtab render`: what would be applied for the AIModels in some files, with no cluster at hand."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from trimtab.api.aimodel import AIModelSpec, parse_spec
from trimtab.api.identity import ModelIdentity
from trimtab.api.kinds import AIMODEL, API_VERSION, INFERENCEPOOL, Manifest
from trimtab.core.pools import NO_LIST, resolve_pool
from trimtab.core.prices import PriceList
from trimtab.core.scaling.decide import decide
from trimtab.core.snapshot import ModelSnapshot, PoolFound, PoolUnusable
from trimtab.reconcile.model import serving_of
from trimtab.render.children import render_children
from trimtab.render.deployment import birth
from trimtab.render.profile import render_profile
from trimtab.render.settings import RenderSettings, UnrenderableError

NO_UID = "00000000-0000-0000-0000-000000000000"
"""Stands for the uid that the API server gives."""


class OfflineError(Exception):
    """A file cannot be rendered; `str()` says which, what is wrong, and what to do."""


@dataclass(frozen=True)
class Documents:
    """The objects of our kinds that some files hold, each with where it stands."""

    models: list[tuple[str, Manifest]] = field(default_factory=list)
    pools: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    namespaces: dict[str, dict[str, str]] = field(default_factory=dict)


def render_files(
    texts: Iterable[tuple[str, str]], settings: RenderSettings, namespace: str, now: dt.datetime
) -> Iterator[Manifest]:
    """Yield the children of every AIModel in some YAML texts, each text with its name; `namespace` where none is said.

    `now` decides which windows of schedules are open.

    Raises:
        OfflineError: see the class.
    """
    documents = read_documents(texts, namespace)
    if not documents.models:
        raise OfflineError("there is no AIModel in what was given: name a file that holds one, with -f FILE")
    for where, manifest in documents.models:
        yield from _render(where, manifest, documents, settings, now)


def read_documents(texts: Iterable[tuple[str, str]], namespace: str) -> Documents:
    """Return the objects of our kinds, and the labels of Namespaces, in some YAML texts.

    Raises:
        OfflineError: a text is no YAML, or an object has no name.
    """
    documents = Documents()
    for name, text in texts:
        try:
            loaded = list(yaml.safe_load_all(text))
        except yaml.YAMLError as error:
            raise OfflineError(f"{name} is no YAML: {' '.join(str(error).split())}") from None
        for number, document in enumerate(loaded, 1):
            if isinstance(document, dict):
                _sort_in(documents, f"{name}, document {number}", document, namespace)
    return documents


def dump_manifests(manifests: Iterable[Manifest]) -> str:
    """Return manifests as YAML documents, without anchors."""

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the base class asks of each value
            return True

    return yaml.dump_all(manifests, Dumper=Plain, sort_keys=False, width=120, allow_unicode=True)


def read_files(paths: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Yield the name and text of files; `-` is standard input.

    Raises:
        OfflineError: a file cannot be read.
    """
    for path in paths:
        try:
            yield str(path), path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise OfflineError(f"{path} cannot be read: {error}") from None


def _sort_in(documents: Documents, where: str, manifest: dict[str, Any], namespace: str) -> None:
    about = manifest.get("metadata")
    kind = manifest.get("kind")
    if kind not in {AIMODEL.kind, INFERENCEPOOL.kind, "Namespace"} or not _is_ours(kind, manifest.get("apiVersion")):
        return
    if not isinstance(about, dict) or not isinstance(about.get("name"), str):
        raise OfflineError(f"{where}: {kind} has no metadata.name: give it one")
    if kind == "Namespace":
        documents.namespaces[about["name"]] = about.get("labels") or {}
        return
    placed = {**manifest, "metadata": {"namespace": namespace, **about}}
    if kind == AIMODEL.kind:
        documents.models.append((where, placed))
    else:
        documents.pools[placed["metadata"]["namespace"], about["name"]] = placed


def _is_ours(kind: str, version: object) -> bool:
    return version == ("v1" if kind == "Namespace" else API_VERSION)


def resolved(where: str, manifest: Manifest, documents: Documents, prices: PriceList) -> tuple[AIModelSpec, PoolFound]:
    """Return the spec of an AIModel that was found at `where`, and the pool that it names, from the same documents.

    Raises:
        OfflineError: either is missing or cannot be used.
    """
    about = manifest["metadata"]
    who = f"{where}: AIModel {about['namespace']}/{about['name']}"
    try:
        spec = parse_spec(manifest)
    except ValidationError as error:
        raise OfflineError(f"{who}:\n{_faults(error)}") from None
    pool_key = (spec.pool_ref.namespace or about["namespace"], spec.pool_ref.name)
    pool = documents.pools.get(pool_key)
    if pool is None:
        raise OfflineError(
            f"{who}: spec.poolRef names InferencePool {'/'.join(pool_key)}, which is in none of the files: "
            "add the file that holds it with another -f FILE"
        )
    labels = documents.namespaces.get(about["namespace"])
    found = resolve_pool(spec, about["namespace"], pool, labels, prices)
    if isinstance(found, PoolUnusable):
        hint = (
            "" if labels is not None else f". If its consent is by labels, add the Namespace {about['namespace']} too"
        )
        raise OfflineError(f"{who}: {found.message}{hint}")
    return spec, found


def _render(
    where: str, manifest: Manifest, documents: Documents, settings: RenderSettings, now: dt.datetime
) -> tuple[Manifest, ...]:
    about = manifest["metadata"]
    spec, found = resolved(where, manifest, documents, NO_LIST)  # no price moves what a model is born with
    snapshot = ModelSnapshot(
        now=now,
        model=ModelIdentity(about["namespace"], about["name"], NO_UID, 1),
        spec=spec,
        annotations={},
        written_status={},
        pool=found,
        children={},
    )
    serving = serving_of(snapshot, found, decide(snapshot))
    try:
        children = render_children(serving, settings)
        if spec.profile is not None:
            children += render_profile(serving, settings, spec.profile)
    except UnrenderableError as error:
        raise OfflineError(f"{where}: AIModel {about['namespace']}/{about['name']}: {error}") from None
    return tuple(birth(child, serving.replicas) for child in children)


def _faults(error: ValidationError) -> str:
    lines = []
    for fault in error.errors(include_url=False):
        value = "" if fault["type"] == "missing" else f" (it is {fault['input']!r:.80})"
        lines.append(f"  spec.{'.'.join(map(str, fault['loc']))}: {fault['msg']}{value}")
    return "\n".join([*lines, "  `kubectl explain aimodel.spec --recursive` describes each field"])
