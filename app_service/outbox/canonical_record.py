"""The hash of an audit record: everybody can compute it again from the record alone.

The canonical text is the record as PostgreSQL writes `jsonb`: keys sorted by their length in UTF-8,
then by their bytes; `, ` and `: ` between; every number an integer. The hash is its SHA-256.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

HASH: Final = "hash"  # the field that holds it, which is no part of the text


def canonical_text(record: Mapping[str, Any]) -> str:
    """Without `hash`."""
    fields = {name: value for name, value in record.items() if name != HASH}
    return json.dumps(_sorted(fields), ensure_ascii=False, separators=(", ", ": "))


def record_hash(record: Mapping[str, Any]) -> str:
    """64 lower-case hex digits."""
    return sha256(canonical_text(record).encode()).hexdigest()


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
        return {key: _sorted(value[key]) for key in keys}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value
