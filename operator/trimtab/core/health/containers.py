"""Read from the status of one container why it does not work."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trimtab.api.annotations import FETCH_CONTAINER
from trimtab.api.conditions import Reason
from trimtab.api.fetch import FetchFailureReason, FetchReport, parse_fetch_report
from trimtab.core.health.words import last_words
from trimtab.core.untrusted import count, part, shown, text

RESTARTS_UNTIL_HOPELESS = 3
"""The same files give the same end: three are within a minute and a half, and leave room for an accident."""
FIRST_SIGNAL = 128  # exit codes above it are 128 and the signal that ended the process

_WAITING_IS_NORMAL = frozenset({"", "ContainerCreating", "PodInitializing"})
_CRASHED = "CrashLoopBackOff"
_IMAGE_FAILS = frozenset(
    {
        "ErrImageNeverPull", "ErrImagePull", "ImageInspectError", "ImagePullBackOff", "InvalidImageName",
        "RegistryUnavailable", "SignatureValidationFailed",
    }
)  # fmt: skip
_HOPELESS = frozenset({"CreateContainerConfigError", "ErrImageNeverPull", "InvalidImageName"})
"""What no second attempt mends: the manifest, or an object that it names, has to change."""
_BACKING_OFF = "Back-off pulling image"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a replica does not start. `hopeless` tells that somebody has to change something first."""

    reason: Reason
    message: str
    hopeless: bool

    @property
    def rank(self) -> tuple[bool, str, str]:
        """The order in which several failures are told: the hopeless first, then the same one every time."""
        return (not self.hopeless, self.reason, self.message)


def failure_of(container: Mapping[str, Any]) -> Failure | None:
    """Return why a container that is not ready, or not done, does not work; None if it may be on its way.

    One that crashed and was started again counts as failed until it is ready: else the answer would change with every
    attempt.
    """
    waiting = text(container, "state", "waiting", "reason")
    if waiting in _IMAGE_FAILS:
        return _image(container, waiting)
    if waiting not in _WAITING_IS_NORMAL and waiting != _CRASHED:
        said = text(container, "state", "waiting", "message") or "no reason given"
        return _failure(container, f"cannot be started ({waiting}): {said}", hopeless=waiting in _HOPELESS)
    ended = part(container, "state", "terminated") or part(container, "lastState", "terminated")
    code = count(ended, "exitCode")
    if not isinstance(ended, Mapping) or (code == 0 and waiting != _CRASHED):
        return None
    report = parse_fetch_report(text(ended, "message")) if _fetches(container) else None
    if report is not None and report.reason is not None:
        return _fetch(report)
    hopeless = (count(container, "restartCount") or 0) >= RESTARTS_UNTIL_HOPELESS
    return _failure(container, _end(container, ended, code), hopeless=hopeless)


def _fetches(container: Mapping[str, Any]) -> bool:
    return part(container, "name") == FETCH_CONTAINER


def _failure(container: Mapping[str, Any], what: str, *, hopeless: bool) -> Failure:
    reason = Reason.MODEL_FETCH_FAILED if _fetches(container) else Reason.MODEL_LOAD_FAILED
    return Failure(reason=reason, message=shown(f"container {_name(container)} {what}"), hopeless=hopeless)


def _image(container: Mapping[str, Any], waiting: str) -> Failure:
    """Return the failure to pull an image; the kubelet's two states of it alternate, so what both say is told."""
    said = text(container, "state", "waiting", "message")
    if said.startswith(_BACKING_OFF):
        said = said.partition(f"{waiting}: ")[2] or said.partition("ErrImagePull: ")[2]
    image = text(container, "image") or "of the container"
    message = f"image {image} of container {_name(container)} cannot be had: {said or waiting}"
    return Failure(reason=Reason.IMAGE_PULL_FAILED, message=shown(message), hopeless=waiting in _HOPELESS)


def _fetch(report: FetchReport) -> Failure:
    retried = report.reason is not None and report.reason.retryable
    message = f"the model cannot be fetched ({report.reason}): {report.message}"
    is_code = report.reason is FetchFailureReason.CODE_REFUSED
    return Failure(
        reason=Reason.POOL_REFUSES_CODE if is_code else Reason.MODEL_FETCH_FAILED,
        message=shown(f"{message}; it is tried again" if retried else message),
        hopeless=not retried,
    )


def _end(container: Mapping[str, Any], ended: Mapping[str, Any], code: int | None) -> str:
    if text(ended, "reason") == "OOMKilled":
        remedy = "the operator's settings for fetching" if _fetches(container) else "serving.resources.limits.memory"
        return f"was killed for using more memory than it may (OOMKilled): raise {remedy}"
    signal = f" (signal {code - FIRST_SIGNAL})" if code is not None and code > FIRST_SIGNAL else ""
    words = last_words(text(ended, "message"))
    said = f": {words}" if words else ", and said nothing: see its log"
    return f"ended with exit code {'unknown' if code is None else code}{signal}{said}"


def _name(container: Mapping[str, Any]) -> str:
    return text(container, "name") or "without a name"
