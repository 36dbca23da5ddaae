"""How a fetch fails."""

import errno

from trimtab.api.fetch import FetchFailureReason as Reason

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})  # EFBIG: larger than a file may be there


class FetchError(Exception):
    """A fetch that ended without a model; the message says what, where and what next."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def full_disk(error: OSError) -> FetchError | None:
    """Return the failure that a write error stands for if it is a full disk or quota, else None."""
    if error.errno not in NO_SPACE:
        return None
    return FetchError(
        Reason.DISK_FULL,
        f"the volume is full ({error.filename or error.strerror}); give the pod more ephemeral storage",
    )
