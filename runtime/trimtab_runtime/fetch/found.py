"""One model of a source, as Triton will see it once it is in place."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from trimtab_runtime.fetch.formats import ENSEMBLE, Format
from trimtab_runtime.fetch.layout import VERSION, Layout
from trimtab_runtime.fetch.triton_config import CONFIG_FILE, MergedConfig, ModelConfigMessage


@dataclass(frozen=True, kw_only=True)
class FoundModel:
    """A model by its `name` in Triton.

    `where` is the name that its folder has in a source of several models, empty in any other. `format` is None for a
    kind that Trimtab knows nothing of. `files` say where each file lies now, by its path below the model's folder.
    """

    name: str
    where: str
    config: MergedConfig
    format: Format | None
    layout: Layout
    files: Mapping[str, Path]

    @property
    def message(self) -> ModelConfigMessage:
        """The configuration as Triton will read it."""
        return self.config.message

    @property
    def backend(self) -> str:
        """The backend that runs it: `ensemble` for none, empty where nothing says."""
        if self.is_ensemble:
            return ENSEMBLE
        known = "" if self.format is None else self.format.backend
        return str(self.message.backend) or known

    @property
    def is_ensemble(self) -> bool:
        """Whether it only hands requests on to other models."""
        return str(self.message.platform) == ENSEMBLE or bool(self.message.HasField("ensemble_scheduling"))

    @property
    def wanted_file(self) -> str:
        """What its backend looks for in each version's folder; empty for one that looks for nothing that we know of."""
        return str(self.message.default_model_filename) or ("" if self.format is None else self.format.file)

    @cached_property
    def versions(self) -> dict[str, frozenset[str]]:
        """The entries right below each version's folder."""
        found: dict[str, set[str]] = {}
        for path in self.files:
            version, slash, rest = path.partition("/")
            if slash and VERSION.fullmatch(version):
                found.setdefault(version, set()).add(rest.partition("/")[0])
        return {version: frozenset(found[version]) for version in sorted(found, key=int)}

    @property
    def served_versions(self) -> tuple[str, ...]:
        """The versions that Triton loads: the newest, unless the configuration says otherwise."""
        policy = self.message.version_policy
        if policy.HasField("all"):
            return tuple(self.versions)
        if policy.HasField("specific"):
            return tuple(version for version in self.versions if int(version) in policy.specific.versions)
        return tuple(self.versions)[-max(policy.latest.num_versions, 1) :]

    def shown(self, path: str = CONFIG_FILE) -> str:
        """Return how a message calls one of its files."""
        return f"{self.where}/{path}" if self.where else path
