"""Carry out a fetch plan: list, download, verify, assemble; then report."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from trimtab.api.addresses import NetworkRules
from trimtab.api.fetch import (
    FetchFailureReason as Reason,
    FetchOutcome,
    FetchPlan,
    FetchReport,
    FetchSeconds,
    ModelUri,
    UriScheme,
    parse_model_uri,
)
from trimtab_runtime.fetch.archive import is_archive, unpack
from trimtab_runtime.fetch.assemble import Content, assemble
from trimtab_runtime.fetch.digest import digest_of_file, digest_of_folder, verify
from trimtab_runtime.fetch.errors import FetchError, full_disk
from trimtab_runtime.fetch.gs import gs_store
from trimtab_runtime.fetch.hub import hub_repository
from trimtab_runtime.fetch.s3 import s3_store
from trimtab_runtime.fetch.source import Source, check_listing, check_space
from trimtab_runtime.fetch.tree import resolve_inside, walk
from trimtab_runtime.fetch.web import WebSource

OpenSource = Callable[[ModelUri, NetworkRules, Mapping[str, str]], Source]


def _web_source(uri: ModelUri, rules: NetworkRules, environment: Mapping[str, str]) -> Source:
    return WebSource(uri=uri, rules=rules, environment=environment)


SOURCES: dict[UriScheme, OpenSource] = {
    UriScheme.S3: s3_store,
    UriScheme.GS: gs_store,
    UriScheme.HTTP: _web_source,
    UriScheme.HTTPS: _web_source,
    UriScheme.HF: hub_repository,
}


@dataclass(kw_only=True)
class _Run:
    """What is known so far: enough for a report at any moment."""

    plan: FetchPlan
    digest: str | None = None
    size: int = 0
    files: int = 0
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the time that the body takes to a phase's seconds."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - start, 3)

    def report(self, failure: FetchError | None = None) -> FetchReport:
        """Return how it went."""
        return FetchReport(
            outcome=FetchOutcome.SUCCEEDED if failure is None else FetchOutcome.FAILED,
            reason=None if failure is None else failure.reason,
            message="" if failure is None else str(failure),
            digest=self.digest,
            bytes=self.size,
            files=self.files,
            seconds=FetchSeconds(**self.seconds),
            notes=self.notes,
        )


def fetch(plan: FetchPlan, environment: Mapping[str, str]) -> FetchReport:
    """Make a repository at `target` hold the model that a plan asks for, and return how it went.

    Its folder appears in one rename at the end, after those of an ensemble's other models: an interrupted run leaves
    none, and the next one starts afresh.
    """
    run = _Run(plan=plan)
    target = Path(plan.target)
    staging = target / f".fetch-{plan.model}"
    try:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        content = _mounted(run) if plan.source.path else _downloaded(run, staging, environment)
        with run.phase("assemble"):
            repository = staging / "repository"
            repository.mkdir()
            models = assemble(plan, _walked(run, content, staging / "unpacked"), repository)
            run.notes = models[0].config.notes
            _put_in_place([repository / each.name for each in models], target, staging)
    except FetchError as error:
        return run.report(error)
    except OSError as error:
        return run.report(full_disk(error) or FetchError(Reason.INTERNAL_ERROR, f"{error}; see the log"))
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return run.report()


def _downloaded(run: _Run, staging: Path, environment: Mapping[str, str]) -> Content:
    plan = run.plan
    try:
        uri = parse_model_uri(plan.source.uri or "", plan.network_rules)
    except ValueError as error:
        refused = any(word in str(error) for word in ("is not public", "public internet"))
        raise FetchError(Reason.ADDRESS_REFUSED if refused else Reason.INVALID_PLAN, str(error)) from error
    with run.phase("listing"):
        source = SOURCES[uri.scheme](uri, plan.network_rules, environment)
        listing = source.list_files()
        check_listing(listing, plan.limits)
        check_space(staging, listing.known_bytes)
    folder = staging / "download"
    folder.mkdir()
    with run.phase("download"):
        source.download(listing, folder, plan.limits)
    paths = [file.path for file in listing.files]
    with run.phase("verify"):
        run.files = len(paths)
        run.size = sum((folder / path).stat().st_size for path in paths)
        run.digest = digest_of_file(folder / paths[0]) if listing.is_single else digest_of_folder(folder, paths)
        verify(run.digest, plan.digest, uri.shown)
    return Content(path=folder / paths[0] if listing.is_single else folder, paths=None, is_mounted=False)


def _mounted(run: _Run) -> Content:
    source = run.plan.source
    volume = Path(source.path or "/")
    with run.phase("listing"):
        root = resolve_inside(volume / (source.sub_path or ""), volume)
        if root.is_dir():
            tree = walk(root, volume)
            paths, run.size = list(tree.paths), tree.size
        else:
            paths, run.size = [], root.stat().st_size
        run.files = len(paths) or 1
    if run.plan.digest is not None:
        with run.phase("verify"):
            run.digest = digest_of_folder(root, paths) if root.is_dir() else digest_of_file(root)
            verify(run.digest, run.plan.digest, str(root))
    return Content(path=root, paths=None, is_mounted=True)


def _walked(run: _Run, content: Content, unpacked: Path) -> Content:
    """Return what was fetched with its files listed; an archive is unpacked first."""
    path, is_mounted = content.path, content.is_mounted
    if path.is_file() and is_archive(path.name):
        unpack(path, unpacked, run.plan.limits)
        if not is_mounted:
            path.unlink()
        path, is_mounted = unpacked, False
    if not path.is_dir():
        return Content(path=path, paths=None, is_mounted=is_mounted)
    boundary = Path(run.plan.source.path or path) if is_mounted else path
    return Content(path=path, paths=walk(path, boundary).paths, is_mounted=is_mounted)


def _put_in_place(models: list[Path], target: Path, staging: Path) -> None:
    """Move models into Triton's repository, the first of them last, and clear it of all others before."""
    for old in target.iterdir():
        if old != staging and old.is_dir():
            shutil.rmtree(old)  # of an earlier run of this pod: a node that rebooted runs init containers again
    for model in reversed(models):
        model.rename(target / model.name)


def write_report(report: FetchReport, path: Path) -> None:
    """Write a report where the kubelet picks it up as the termination message."""
    path.write_text(report.to_termination_message(), encoding="utf-8")


def failed(reason: Reason, message: str) -> FetchReport:
    """Return the report of a run that did not come as far as a plan."""
    return FetchReport(outcome=FetchOutcome.FAILED, reason=reason, message=message)
