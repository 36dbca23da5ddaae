"""Models in S3, and in stores that speak its protocol."""

from collections.abc import Mapping
from typing import Any

from trimtab.api.addresses import NetworkRules
from trimtab.api.fetch import FetchFailureReason as Reason, ModelUri
from trimtab_runtime.fetch.errors import FetchError
from trimtab_runtime.fetch.guard import CheckedResolver, check_endpoint
from trimtab_runtime.fetch.object_store import ObjectStore
from trimtab_runtime.fetch.source import ATTEMPTS

CONNECT_SECONDS = 10
SILENCE_SECONDS = 60
REFUSED_CODES = frozenset({"401", "403", "AuthorizationHeaderMalformed", "ExpiredToken"})


def s3_store(uri: ModelUri, rules: NetworkRules, environment: Mapping[str, str]) -> ObjectStore:
    """Return a source in S3 or a store that speaks it, at AWS_ENDPOINT_URL; anonymous without AWS_ACCESS_KEY_ID."""
    from s3fs import S3FileSystem  # noqa: PLC0415  # 0.9 s of imports that only this source needs

    address = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or None
    if address is not None:
        check_endpoint(address, rules)
    key, secret = environment.get("AWS_ACCESS_KEY_ID") or None, environment.get("AWS_SECRET_ACCESS_KEY") or None
    if (key is None) != (secret is None):
        raise FetchError(
            Reason.CREDENTIALS_REFUSED,
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together; put both into the credentials Secret, or neither",
        )
    config: dict[str, Any] = {
        "connector_args": {"resolver": CheckedResolver(rules=rules), "use_dns_cache": False},
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": SILENCE_SECONDS,
        "retries": {"total_max_attempts": 1},  # s3fs and we try again: 3 x 5 x 4 times would be 10 min of silence
        "proxies": {},
    }
    if address is not None:
        config["s3"] = {"addressing_style": "path"}  # a store of one's own rarely has a name per bucket
    filesystem = S3FileSystem(
        anon=key is None,
        key=key,
        secret=secret,
        token=environment.get("AWS_SESSION_TOKEN") or None,
        endpoint_url=address,
        client_kwargs={
            "region_name": environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
        },
        config_kwargs=config,
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    return ObjectStore(uri=uri, filesystem=filesystem, translate=_reason_of_s3, attempts=ATTEMPTS)


def _reason_of_s3(error: Exception) -> Reason:
    response = getattr(error.__cause__, "response", None) or {}
    code = str(response.get("Error", {}).get("Code", ""))
    if isinstance(error, PermissionError) or code in REFUSED_CODES:
        return Reason.CREDENTIALS_REFUSED
    if isinstance(error, FileNotFoundError):
        return Reason.SOURCE_NOT_FOUND
    return Reason.SOURCE_UNREACHABLE
