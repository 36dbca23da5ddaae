"""Models in Google Cloud Storage."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import ClientTimeout

from trimtab.api.addresses import NetworkRules
from trimtab.api.fetch import FetchFailureReason as Reason, ModelUri
from trimtab_runtime.fetch.errors import FetchError
from trimtab_runtime.fetch.guard import check_endpoint
from trimtab_runtime.fetch.object_store import ObjectStore

# The kinds of key that are just keys. The others name an address or a command to get a token from.
KEY_TYPES = ("authorized_user", "service_account")

ANONYMOUS = "anon"

CONNECT_SECONDS = 10
SILENCE_SECONDS = 60  # and no limit to the whole, which is 5 min by default: less than a large model takes


def gs_store(uri: ModelUri, rules: NetworkRules, environment: Mapping[str, str]) -> ObjectStore:
    """Return a source in Google's store; anonymous without a key. Metadata services are never asked.

    Its client makes six attempts of its own, over half a minute, at a body even six times six: so we make one.
    """
    from gcsfs.core import GCSFileSystem  # noqa: PLC0415  # 1.5 s of imports that only this source needs

    token = _google_token(environment)
    address = environment.get("STORAGE_EMULATOR_HOST") or None
    if address is not None:
        check_endpoint(address, rules, with_token=token != ANONYMOUS)
    try:
        filesystem = GCSFileSystem(
            project="unused",  # only creating and listing buckets need one
            access="read_only",
            token=token,
            endpoint_url=address,
            requests_timeout=ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS),
            use_listings_cache=False,
            skip_instance_cache=True,
        )
    except (KeyError, ValueError) as error:  # of Google's errors, those about keys are ValueErrors
        raise FetchError(
            Reason.CREDENTIALS_REFUSED,
            f"Google's credentials are incomplete or damaged ({error}); put a key file there",
        ) from error
    return ObjectStore(uri=uri, filesystem=filesystem, translate=_reason_of_gs, attempts=1)


def _google_token(environment: Mapping[str, str]) -> dict[str, Any] | str:
    text = environment.get("GOOGLE_APPLICATION_CREDENTIALS_JSON")
    path = environment.get("GOOGLE_APPLICATION_CREDENTIALS")
    if not text and not path:
        return ANONYMOUS
    try:
        token = json.loads(text or Path(path or "").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FetchError(
            Reason.CREDENTIALS_REFUSED,
            f"Google's credentials are no readable JSON ({error}); put a key file there",
        ) from error
    if not isinstance(token, dict) or token.get("type") not in KEY_TYPES:
        raise FetchError(
            Reason.CREDENTIALS_REFUSED,
            f"Google's credentials must be of type {' or '.join(KEY_TYPES)}; put such a key there",
        )
    return token


def _reason_of_gs(error: Exception) -> Reason:
    code = str(getattr(error, "code", ""))
    if code in {"401", "403"} or str(error).startswith("Forbidden") or type(error).__module__.startswith("google.auth"):
        return Reason.CREDENTIALS_REFUSED
    if isinstance(error, FileNotFoundError):
        return Reason.SOURCE_NOT_FOUND
    return Reason.SOURCE_UNREACHABLE
