"""The header X-Amzn-Trace-Id, as an Application Load Balancer adds or extends it.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html
"""

import time
from typing import Any, Final

_HEADER: Final = "X-Amzn-Trace-Id"
_UUID: Final = "{http.request.uuid}"
# A trace is a version, a time and 24 digits. Caddy can write no time in hexadecimal, so the time is
# that of the load balancer's start; the digits are those of a UUID without its first eight.
_OF_UUID: Final = "[0-9a-f]{8}-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})"


class RequestTraces:
    """Its routes stay the same: another configuration would close connections of clients."""

    def __init__(self) -> None:
        self._time = f"{int(time.time()):08x}"

    def routes(self) -> list[dict[str, Any]]:
        """Of Caddy, to be passed by each request before the others."""
        has_root = {"header_regexp": {_HEADER: {"pattern": r"(^|;)\s*Root="}}}
        return [
            {
                "match": [has_root],
                "handle": [
                    _headers(replace=r"(^|;\s*)Self=[^;]*;?", by="$1"),
                    self._set("Self", before=f";{{http.request.header.{_HEADER}}}"),
                ],
            },
            {"match": [{"not": [has_root]}], "handle": [self._set("Root")]},
        ]

    def _set(self, field: str, *, before: str = "") -> dict[str, Any]:
        handler = _headers(
            replace=f"^{field}=1-{self._time}-{_OF_UUID}", by=f"{field}=1-{self._time}-$1$2$3$4"
        )
        handler["request"]["set"] = {_HEADER: [f"{field}=1-{self._time}-{_UUID}{before}"]}
        return handler


def _headers(*, replace: str, by: str) -> dict[str, Any]:
    replacement = {"search_regexp": replace, "replace": by}
    return {"handler": "headers", "request": {"replace": {_HEADER: [replacement]}}}
