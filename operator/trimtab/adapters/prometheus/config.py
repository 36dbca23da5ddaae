"""Which Prometheus is asked, and as whom: what the operator's administrator sets, never a user of a model."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class PrometheusConfig:
    """Where Prometheus is, and the files with what it wants to see of us and we of it; None for none.

    `url` may have a path, as behind a proxy or of one tenant of a shared store. The token is read anew for each
    observation, since it is changed under us.

    Raises:
        ValueError: the URL is none that can be asked; the message says what to write.
    """

    url: str
    bearer_token_file: Path | None = None
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
        except ValueError:
            raise ValueError(_PROBLEM.format("it cannot be read as one")) from None
        if not usable:
            raise ValueError(_PROBLEM.format("it has no host, or another scheme than http and https"))
        if parts.username is not None or parts.password is not None:
            raise ValueError(_PROBLEM.format("it has a user or a password, which would end up in messages"))
        if parts.query or parts.fragment:
            raise ValueError(_PROBLEM.format("it has a query or a fragment"))

    @property
    def address(self) -> str:
        """The URL without a slash at its end, to put the paths of the API behind."""
        return self.url.rstrip("/")


_PROBLEM = "the URL of Prometheus cannot be used: {}; write it as in http://prometheus.monitoring:9090"
