"""The trace that all transactions of a batch share, if they came with one request."""

import json
from typing import Final

# A larger batch comes from many requests nearly always, and would take milliseconds to read.
_READ_BYTES_MAX: Final = 16 * 1024


def only_trace(body: str) -> str | None:
    """Of the message `body`; None if its records have several traces, none, or it is large."""
    if len(body) > _READ_BYTES_MAX:
        return None
    traces = {record.get("trace_id") for record in json.loads(body)["transactions"]}
    return traces.pop() if len(traces) == 1 else None
