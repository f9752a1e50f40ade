"""Why GitHub did not answer a request, and what to do."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

# Other servers have no limit by default:
# https://docs.github.com/enterprise-server@latest/rest/using-the-rest-api/rate-limits-for-the-rest-api
PUBLIC_API: Final = "api.github.com"
_SET_TOKEN: Final = (
    "put a token into the field `token` of the hub's secret, for a public repository, too "
    "(docs/aws.md, Connect the git host)"
)
# https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
NO_TOKEN: Final = (
    "because the hub has no token. Without one GitHub allows 60 requests an hour for each address, "
    f"and functions share their addresses with other customers of AWS: {_SET_TOKEN}"
)
_ADVICE: Final = {
    301: "the repository has moved: set source.repository to its new name",
    401: "the token is not valid: put another one into the hub's secret",
    403: "the token may not read this: it needs Contents: read for this repository",
    404: "the repository does not exist, or the token may not read it",
    429: "too many requests",
}


def refusal_advice(status: int, headers: Mapping[str, str], *, has_token: bool) -> str:
    """Return the reason in parentheses; empty if the status says nothing."""
    reason = _rate_limit(status, headers) or _ADVICE.get(status)
    if reason is None:
        return ""
    return f" ({reason})" if has_token or status not in (403, 429) else f" ({reason}; {_SET_TOKEN})"


def _rate_limit(status: int, headers: Mapping[str, str]) -> str | None:
    if status not in (403, 429):
        return None
    if headers.get("x-ratelimit-remaining") == "0":
        limit = headers.get("x-ratelimit-limit", "its number of")
        return f"the rate limit of {limit} requests an hour is reached{_until(headers)}"
    if "retry-after" in headers:
        return f"too many requests at once: wait {headers['retry-after']} seconds"
    return None


def _until(headers: Mapping[str, str]) -> str:
    try:
        reset = datetime.fromtimestamp(int(headers["x-ratelimit-reset"]), UTC)
    except (KeyError, ValueError, OverflowError, OSError):
        return ""
    return f", until {reset:%H:%M} UTC"
