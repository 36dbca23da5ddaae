"""One Prometheus, asked within a deadline, with answers of bounded size, and every failure one of our errors.

The library makes the requests. What it asks for its connection is `_Session`, which adds what it lacks: an end, a
limit, the question in the body (a long one fits no URL), no redirects, and no credentials out of the environment.
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self, cast

import requests
from prometheus_api_client.exceptions import PrometheusApiClientException
from prometheus_api_client.prometheus_connect import PrometheusConnect
from requests.adapters import BaseAdapter
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from trimtab import __version__
from trimtab.adapters.prometheus.config import PrometheusConfig
from trimtab.core.scaling.observation import NoDataReason
from trimtab.units import Seconds

LARGEST_ANSWER = 32 << 20  # bytes: 1,000 models with 30 pods each are 20 MB
LARGEST_REFUSAL = 4 << 10  # bytes of an error's body
LARGEST_TOKEN = 64 << 10
AT_ONCE = 64 << 10
LONGEST_WORDS = 300  # characters of an answer or an error that go into a message
OK = 200


class QueryError(Exception):
    """A question got no usable answer: `reason`, and `str()` says what was asked of whom, and what came."""

    def __init__(self, reason: NoDataReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class _Answer:
    """What the library reads of a response."""

    status_code: int
    content: bytes

    def json(self) -> Any:  # noqa: ANN401 - JSON
        """Return the value that the body is."""
        return json.loads(self.content)


class _TooLargeError(Exception):
    """An answer has more bytes than anything that we asked for."""


class _Session:
    """As much of a `requests.Session` as the library uses."""

    def __init__(self, *, deadline: float, ca_file: str | None) -> None:
        self.verify: str | bool = ca_file or True
        self.cert = None
        self._deadline = deadline
        self._session = requests.Session()
        self._session.trust_env = False  # neither a proxy nor a netrc of the process has a say

    def mount(self, prefix: str, adapter: BaseAdapter) -> None:
        """Use the library's connections."""
        self._session.mount(prefix, adapter)

    def close(self) -> None:
        """Close every connection."""
        self._session.close()

    def request(
        self, *, method: str, url: str, params: Mapping[str, str], headers: Mapping[str, str], **_: object
    ) -> _Answer:
        """Send the question as a form, and return the whole answer, however slowly it comes, before the deadline."""
        with self._session.request(
            method,
            url,
            data=params,
            headers=headers,
            verify=self.verify,
            timeout=self._left(),
            allow_redirects=False,
            stream=True,
        ) as response:
            most = LARGEST_ANSWER if response.status_code == OK else LARGEST_REFUSAL
            body = bytearray()
            while piece := response.raw.read1(AT_ONCE):
                body += piece
                self._left()
                if len(body) > most:
                    if response.status_code == OK:
                        raise _TooLargeError
                    break
            return _Answer(response.status_code, bytes(body[:most]))

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for it is over")
        return left


class Client:
    """Asks questions, until a deadline, on one connection that the end of the block closes. For one thread."""

    def __init__(self, config: PrometheusConfig, within: Seconds) -> None:
        """Prepare to ask; nothing is sent yet.

        Raises:
            QueryError: the token cannot be read.
        """
        self._config = config
        self._token = _token(config)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": f"trimtab/{__version__}"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        ca_file = str(config.ca_file) if config.ca_file else None
        self._params = {
            "timeout": f"{math.ceil(within * 1000)}ms"
        }  # so that Prometheus, too, stops when nobody waits any more
        self._library = PrometheusConnect(
            config.address,
            headers=headers,
            retry=Retry(total=0, redirect=False),
            session=cast(requests.Session, _Session(deadline=time.monotonic() + within, ca_file=ca_file)),
            method="POST",
        )

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._library.close()

    def ask(self, query: str) -> list[Any]:
        """Return the vector that `query` is now.

        Raises:
            QueryError: there is no such answer.
        """
        return self._get(lambda: self._library.custom_query(query, params=self._params))

    def ask_range(self, query: str, *, start: int, end: int, step: int) -> list[Any]:
        """Return what `query` was from `start` to `end`, in seconds since 1970 of Prometheus' clock.

        Raises:
            QueryError: there is no such answer.
        """
        first, last = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)
        return self._get(
            lambda: self._library.custom_query_range(query, first, last, f"{step}s", params=dict(self._params))
        )

    def _get(self, get: Callable[[], Any]) -> list[Any]:
        try:
            result = get()
        except PrometheusApiClientException as error:
            raise self._unreachable(f"it answered with {error}") from None
        except _TooLargeError:
            raise self._malformed(f"it answered with more than {LARGEST_ANSWER >> 20} MiB") from None
        except (requests.RequestException, HTTPError, OSError) as error:
            raise self._unreachable(_cause(error)) from None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self._malformed(f"its answer is not that of a Prometheus ({type(error).__name__}: {error})") from None
        if not isinstance(result, list):
            raise self._malformed(f"its answer is no list of series but {type(result).__name__}")
        return result

    def _unreachable(self, what: str) -> QueryError:
        hint = "see that it runs there, and that the operator may reach and ask it"
        return QueryError(
            NoDataReason.UNREACHABLE, f"Prometheus at {self._config.address}: {self._plain(what)}; {hint}"
        )

    def _malformed(self, what: str) -> QueryError:
        hint = "see that this is the address of Prometheus and of nothing before it"
        return QueryError(NoDataReason.MALFORMED, f"Prometheus at {self._config.address}: {self._plain(what)}; {hint}")

    def _plain(self, text: str) -> str:
        """Return a text of somebody else as one short line without our token."""
        if self._token:
            text = text.replace(self._token, "(token)")
        return " ".join(text.split())[:LONGEST_WORDS]


def _token(config: PrometheusConfig) -> str | None:
    if config.bearer_token_file is None:
        return None
    where = f"the token for Prometheus, {config.bearer_token_file},"
    try:
        with config.bearer_token_file.open("rb") as file:
            token = file.read(LARGEST_TOKEN).decode("ascii").strip()
    except (OSError, ValueError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is no text"
        raise QueryError(
            NoDataReason.UNREACHABLE, f"{where} cannot be read: {problem}; see what is mounted there"
        ) from None
    if not token or not token.isprintable() or " " in token:
        raise QueryError(
            NoDataReason.UNREACHABLE, f"{where} is no token: it is empty, or has spaces or line ends inside"
        )
    return token


def _cause(error: Exception) -> str:
    """Return the words at the bottom of an error, since those above repeat the address and the names of classes."""
    cause: object = error
    with suppress(IndexError):
        while isinstance(cause, Exception):
            deeper = getattr(cause, "reason", None) or cause.args[0]
            if not isinstance(deeper, Exception):
                break
            cause = deeper
    return str(cause) or type(error).__name__
