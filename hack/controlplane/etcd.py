"""Ask etcd over its JSON gateway, beside the API server."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

TIMEOUT_S = 5.0


def healthy(url: str) -> bool:
    """Tell whether the etcd at `url` says that it is well.

    Raises:
        OSError: it does not answer.
    """
    return bool(_ask(f"{url}/health").get("health") == "true")


def compact(url: str) -> None:
    """Forget every revision but the present one."""
    now = _ask(f"{url}/v3/kv/range", {"key": "AA=="})["header"]["revision"]
    _ask(f"{url}/v3/kv/compaction", {"revision": now, "physical": True})


def _ask(url: str, body: object = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data)  # noqa: S310 - our own etcd on loopback
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
        value: dict[str, Any] = json.load(answer)
    return value
