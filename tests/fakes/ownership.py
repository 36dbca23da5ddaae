"""Server-side apply in small: which fields a manifest mentions, and how two manifests merge. A list is one value."""

from collections.abc import Iterable, Iterator
from typing import Any

Path = tuple[str, ...]


def owned_paths(value: dict[str, Any], at: Path = ()) -> Iterator[Path]:
    """Yield the path of every leaf; what names the object belongs to nobody."""
    for name, inner in value.items():
        path = (*at, name)
        if path in (("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")):
            continue
        if isinstance(inner, dict) and inner:
            yield from owned_paths(inner, path)
        else:
            yield path


def merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return `below` with every field that `above` mentions, and without those that it says are null."""
    merged = dict(below)
    for name, value in above.items():
        inner = merged.get(name)
        merged[name] = merge(inner if isinstance(inner, dict) else {}, value) if isinstance(value, dict) else value
    return {name: value for name, value in merged.items() if value is not None}


def without(manifest: dict[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
    """Return a manifest without some fields, nor the objects that become empty by it; the argument is not changed."""
    for path in paths:
        manifest = _without(manifest, path)
    return manifest


def _without(value: dict[str, Any], path: Path) -> dict[str, Any]:
    head, *rest = path
    if head not in value:
        return value
    others = {name: inner for name, inner in value.items() if name != head}
    inner = value[head]
    if rest and isinstance(inner, dict) and (left := _without(inner, tuple(rest))):
        return {name: left if name == head else inner for name, inner in value.items()}
    return others
