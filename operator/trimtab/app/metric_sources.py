"""Metric sources by name: `TRIMTAB_PROMETHEUS_SOURCES`, a YAML file or its text."""

import re
from pathlib import Path
from typing import Any

import yaml

from trimtab.adapters.prometheus.config import PrometheusConfig

FIELDS = ("url", "tokenFile", "caFile")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_FORM = "write NAME: {url: https://..., tokenFile: /path, caFile: /path} for each, the last two where they are needed"


class _NoDoubles(yaml.SafeLoader):
    """YAML in which no key stands twice: of two addresses nobody would know which is asked."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        names = [str(key.value) for key, _ in node.value]
        doubles = {name for name in names if names.count(name) > 1}
        if doubles:
            raise ValueError(f"{', '.join(sorted(doubles))} stands there twice: leave one")
        return super().construct_mapping(node, deep=deep)


def read_sources(setting: str) -> dict[str, PrometheusConfig]:
    """Return the sources that a setting names: the path of a file, or the text itself, which begins with a brace.

    Raises:
        ValueError: they cannot be used; the message says which, why, and what to write.
    """
    if not setting:
        return {}
    try:
        text = setting if setting.startswith("{") else Path(setting).read_text(encoding="utf-8")
        found = yaml.load(text, Loader=_NoDoubles)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise ValueError(f"{setting} cannot be read: {error.strerror}; see what is mounted there") from None
    except yaml.YAMLError as error:
        raise ValueError(f"it is no YAML: {' '.join(str(error).split())}; {_FORM}") from None
    if not isinstance(found, dict):
        raise ValueError(f"it holds no names; {_FORM}")  # noqa: TRY004 - what was written is bad, not what was passed
    return {str(name): _source(name, about) for name, about in found.items()}


def _source(name: object, about: object) -> PrometheusConfig:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name: write lower-case letters, digits and dashes, at most 63")
    if not isinstance(about, dict) or not isinstance(about.get("url"), str) or set(about) - set(FIELDS):
        raise ValueError(f"{name}: there must be a url, and nothing beside {', '.join(FIELDS)}; {_FORM}")
    files = {field: about.get(field) for field in FIELDS[1:]}
    for field, path in files.items():
        if path is not None and (not isinstance(path, str) or not path.startswith("/")):
            raise ValueError(f"{name}: {field} must be the path of a file, such as /etc/trimtab/sources/{name}")
    try:
        token, authority = (None if path is None else Path(path) for path in files.values())
        return PrometheusConfig(url=about["url"], bearer_token_file=token, ca_file=authority)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
