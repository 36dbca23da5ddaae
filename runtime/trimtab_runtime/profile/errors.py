"""How measuring fails."""

from trimtab.api.profile import ProfileFailureReason as Reason


class ProfileError(Exception):
    """A profile that ended without a measurement; the message says what, where and what next."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
