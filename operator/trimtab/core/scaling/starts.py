"""How long replicas took to start, read from what the kubelet says of their pods."""

import datetime as dt
from collections.abc import Iterable, Iterator

from trimtab.api.annotations import FETCH_CONTAINER, VARIANT_LABEL
from trimtab.api.kinds import Manifest
from trimtab.core.scaling.memory import ColdStart
from trimtab.core.untrusted import entries, part, text
from trimtab.units import Seconds


def cold_starts(pods: Iterable[Manifest], variant: str, longest: Seconds) -> Iterator[ColdStart]:
    """Yield the start of each pod of a variant that is Ready, by phase in whole seconds.

    A pod that was restarted, or whose times are missing or run backwards, tells nothing; nor does one that loaded for
    more than `longest`, which its startup probe would not have let it: it was Ready before, and is again.
    """
    for pod in pods:
        if text(pod, "metadata", "labels", VARIANT_LABEL) == variant and not _was_restarted(pod):
            start = _start_of(pod)
            if start is not None and start.loaded <= longest:
                yield start


def _start_of(pod: Manifest) -> ColdStart | None:
    fetch = next((each for each in entries(pod, "status", "initContainerStatuses") if _fetches(each)), {})
    ended = part(fetch, "state", "terminated")
    times = (
        _time(text(pod, "metadata", "creationTimestamp")),
        _since(pod, "PodScheduled"),
        _time(text(ended, "startedAt")),
        _time(text(ended, "finishedAt")),
        _since(pod, "Ready"),
    )
    known = [time for time in times if time is not None]
    if len(known) < len(times) or known != sorted(known):
        return None
    asked, scheduled, pulled, fetched, ready = known
    return ColdStart(
        at=ready,
        scheduled=scheduled - asked,
        pulled=pulled - scheduled,
        fetched=fetched - pulled,
        loaded=ready - fetched,
        warm=0,  # the readiness probe asks for the model itself; a slow first answer after it is not told apart
    )


def _was_restarted(pod: Manifest) -> bool:
    return any(part(each, "restartCount") not in (None, 0) for each in entries(pod, "status", "containerStatuses"))


def _fetches(container: object) -> bool:
    return part(container, "name") == FETCH_CONTAINER


def _since(pod: Manifest, condition: str) -> int | None:
    """Return since when a condition is True, in seconds since the epoch."""
    for each in entries(pod, "status", "conditions"):
        if text(each, "type") == condition and text(each, "status") == "True":
            return _time(text(each, "lastTransitionTime"))
    return None


def _time(written: str) -> int | None:
    try:
        return int(dt.datetime.fromisoformat(written).timestamp())
    except (ValueError, OverflowError):
        return None
