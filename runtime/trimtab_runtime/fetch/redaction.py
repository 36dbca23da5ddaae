"""Keep credentials out of what people read: reports, and the log.

Servers repeat what they were sent in their errors, and client libraries put that, and whole signed addresses, into
exceptions and warnings. So every text passes here on its way out.
"""

import json
import logging
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

SECRET_VARIABLES = (
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "GOOGLE_APPLICATION_CREDENTIALS_JSON",
    "HF_TOKEN",
    "HTTP_BEARER_TOKEN",
    "HTTP_PASSWORD",
)
SECRETS_OF_GOOGLE = ("client_secret", "private_key", "refresh_token")
QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s?'\"<>]*)\?[^\s'\"<>]+")
HIDDEN = "***"


@dataclass(frozen=True, kw_only=True)
class Redaction:
    """Hides secrets in texts, longest first, and the query of every address, where signatures live."""

    secrets: tuple[str, ...]

    def __call__(self, text: str) -> str:
        """Return a text without secrets."""
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        return QUERY.sub(r"\1?" + HIDDEN, text)


def redaction_of(environment: Mapping[str, str]) -> Redaction:
    """Return what hides the credentials of an environment."""
    return Redaction(
        secrets=tuple(sorted({secret for secret in _secrets(environment) if secret}, key=len, reverse=True))
    )


class RedactedFormatter(logging.Formatter):
    """Formats what libraries log, tracebacks too, without secrets."""

    def __init__(self, redact: Redaction) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for a record."""
        return self._redact(super().format(record))


def _secrets(environment: Mapping[str, str]) -> Iterator[str]:
    for name in SECRET_VARIABLES:
        yield environment.get(name, "")
    yield b64encode(f"{environment.get('HTTP_USERNAME', '')}:{environment.get('HTTP_PASSWORD', '')}".encode()).decode()
    try:
        key = json.loads(environment.get("GOOGLE_APPLICATION_CREDENTIALS_JSON", ""))
    except ValueError:
        return
    for name in SECRETS_OF_GOOGLE:
        secret = str(key.get(name, "")) if isinstance(key, dict) else ""
        yield secret
        yield json.dumps(secret)[1:-1]  # as a text of JSON has it, with \n for a line's end
