"""GitHub's signature of a webhook: HMAC-SHA-256 over the body as it came."""

import hashlib
import hmac


def is_signed(body: bytes, *, signature: str, secret: bytes) -> bool:
    """Takes the same time for every wrong signature of one length."""
    digest = hmac.new(secret, body, hashlib.sha256).hexdigest()
    # As bytes: a text that is not ASCII would be an error instead of a wrong signature.
    return hmac.compare_digest(f"sha256={digest}".encode(), signature.encode("utf-8", "replace"))
