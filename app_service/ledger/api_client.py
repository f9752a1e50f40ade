"""The credential of the environment's API client."""

import hashlib
import hmac
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ApiClient:
    """The one API client of this environment."""

    client_id: str
    secret: str = field(repr=False)

    def matches(self, client_id: bytes, secret: bytes) -> bool:
        """Compares in constant time: the duration does not show which part is wrong."""
        same_id = _same(client_id, self.client_id.encode())
        same_secret = _same(secret, self.secret.encode())
        return same_id & same_secret


def _same(left: bytes, right: bytes) -> bool:
    # Digests, because compare_digest takes a time that depends on the length.
    return hmac.compare_digest(hashlib.sha256(left).digest(), hashlib.sha256(right).digest())
