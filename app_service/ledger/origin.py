"""Where a transaction came from: the load balancer's trace of its request, or a message.

Both are 128 bits, which the ledger stores as a UUID; here they are its 32 digits, in lower case. So
whatever a client writes in a header, nothing else gets into the ledger, a log line or a message.

Standard library only: the transaction processor bundles it.
"""

import re
from typing import Final

TRACE_HEADER: Final = "x-amzn-trace-id"

_ONE = "1-([0-9a-f]{8})-([0-9a-f]{24})(?:;|$)"
# As a load balancer writes it; a search, for what clients may write, takes four times as long.
_AS_ADDED = re.compile(rf"(?:Self=[^;]*;)?Root={_ONE}", re.ASCII)
_ROOT = re.compile(rf"(?:^|;)\s*Root={_ONE}", re.ASCII)
_SELF = re.compile(rf"(?:^|;)\s*Self={_ONE}", re.ASCII)
_MESSAGE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_TRACE = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}", re.ASCII)


def origin_of_trace(header: str) -> str | None:
    """Of a request with this header X-Amzn-Trace-Id; None if it names no trace as AWS writes it.

    The load balancer adds `Root` if the client has sent none, and else keeps what it has sent and
    adds `Self`. So `Root` is the client's, and may be anything; `Self` is the load balancer's
    (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html).
    """
    found = _AS_ADDED.match(header) or _ROOT.search(header) or _SELF.search(header)
    return None if found is None else found[1] + found[2]


def origin_of_message(message_id: str) -> str | None:
    """Of a message to which SQS has given this id; None if it is no UUID."""
    return message_id.replace("-", "") if _MESSAGE.fullmatch(message_id) else None


def trace_of(origin_id: str) -> str:
    """The trace as AWS writes it."""
    return f"1-{origin_id[:8]}-{origin_id[8:]}"


def is_trace(text: str) -> bool:
    return _TRACE.fullmatch(text) is not None


def is_message_id(text: str) -> bool:
    return _MESSAGE.fullmatch(text) is not None
