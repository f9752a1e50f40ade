"""Reduces the cause of a failed step to one sentence: Step Functions passes whole records."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def in_one_sentence(cause: str) -> str:
    """Return the error and the location of its log, from the cause that Step Functions gives.

    A failed build gives its whole record as JSON, a failed function its error; anything else is
    text, and is returned as it is.
    """
    try:
        record = json.loads(cause)
    except ValueError:
        return cause
    if not isinstance(record, Mapping):
        return cause
    if "BuildStatus" in record:
        return _of_build(record)
    if "errorMessage" in record:
        return f"{record.get('errorType', 'error')}: {record['errorMessage']}"
    return cause


def _of_build(record: Mapping[str, Any]) -> str:
    failed = next(_messages(record), "")
    error = f": {failed}" if failed else ""
    log = str((record.get("Logs") or {}).get("DeepLink") or "")
    where = f" (log: {log})" if log and log not in failed else ""
    return f"build {record.get('Id', '')} {record['BuildStatus']}{error}{where}"


def _messages(record: Mapping[str, Any]) -> Iterator[str]:
    for phase in record.get("Phases") or []:
        for context in phase.get("Contexts") or []:
            if message := context.get("Message"):
                yield str(message)
