"""A short name for the content of a rendered value."""

import hashlib
import json

DIGITS = 32  # 128 bits: no two manifests share one, by chance or on purpose


def content_hash(value: object) -> str:
    """Return the hash of JSON values: the same values, the same text, whatever the order of keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
