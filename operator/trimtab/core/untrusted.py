"""Read JSON that anybody may have written: what is not there, or is not what it should be, reads as nothing.

A pod's status is written by kubelets and, with the right to do so, by people; a child's by controllers and by people.
None of them may stop the operator, so nothing here raises.
"""

from collections.abc import Mapping
from typing import Any

from trimtab.api.fetch import one_line

MAX_INT32 = 2**31 - 1  # what Kubernetes counts replicas and restarts in
MAX_READ = 8192  # characters: twice what a kubelet keeps of a termination message
MAX_SHOWN = 1024  # characters of a condition's message; `kubectl describe` prints it as one paragraph


def part(value: object, *path: str) -> object:
    """Return what lies in nested objects under `path`, None where the way ends early."""
    for step in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def entries(value: object, *path: str) -> tuple[Mapping[str, Any], ...]:
    """Return the objects in the list under `path`; whatever else is in it is passed over."""
    found = part(value, *path)
    return tuple(entry for entry in found if isinstance(entry, Mapping)) if isinstance(found, list) else ()


def entry(value: object, *path: str, key: str, named: str) -> Mapping[str, Any]:
    """Return the first object in the list under `path` whose `key` is `named`, an empty one if there is none."""
    return next((found for found in entries(value, *path) if found.get(key) == named), {})


def text(value: object, *path: str) -> str:
    """Return the text under `path`, at most 8192 characters of its end, empty if there is none.

    The end, since the last words of a process say why it ended.
    """
    found = part(value, *path)
    return found[-MAX_READ:] if isinstance(found, str) else ""


def count(value: object, *path: str) -> int | None:
    """Return the number under `path` as Kubernetes counts, from 0 to 2**31 - 1, None if there is no such number."""
    found = part(value, *path)
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= MAX_INT32:
        return None
    return found


def shown(message: str) -> str:
    """Return a message as a condition carries it: one line of at most 1024 characters."""
    line = one_line(message[:MAX_READ])
    return line if len(line) <= MAX_SHOWN else f"{line[: MAX_SHOWN - 3]}..."
