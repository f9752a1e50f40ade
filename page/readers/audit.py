"""The last verification of an environment's audit trail, from the verifier's log."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from lambda_src.audit_verifier.settings import DISCREPANCY, VERIFIED
from page.account import Account
from page.cards import NotThere, Subject
from page.readers.stacks import environment_stack

_STREAMS_MAX: Final = 3
_LINES_MAX: Final = 200
_OUTPUT: Final = "AuditVerifierName"


@dataclass(frozen=True, kw_only=True)
class Verification:
    """`moment` is None if the log has none: it runs every hour."""

    moment: datetime | None = None
    discrepancies: int = 0
    checked: Mapping[str, int] = field(default_factory=dict)


def verification(account: Account, subject: Subject) -> Verification:
    """Raises NotThere if there is no such environment, or its version has no verifier."""
    stack = environment_stack(account, subject["suffix"])
    if _OUTPUT not in stack.outputs:
        raise NotThere(f"The stack {stack.name} has no verifier yet.")
    group = f"/aws/lambda/{stack.outputs[_OUTPUT]}"
    found = Verification()
    discrepancies = 0
    for moment, line in sorted(_lines(account, group), key=lambda pair: pair[0]):
        message = line.get("message")
        if message == DISCREPANCY:  # written before the line of the same verification's end
            discrepancies = int(line["discrepancies"])
            found = Verification(moment=moment, discrepancies=discrepancies)
        elif message == VERIFIED:
            checked = {k: v for k, v in line.items() if isinstance(v, int)}
            found = Verification(moment=moment, discrepancies=discrepancies, checked=checked)
            discrepancies = 0
    return found


def _lines(account: Account, group: str) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """The JSON lines of the newest streams."""
    streams = account.logs.describe_log_streams(
        logGroupName=group, orderBy="LastEventTime", descending=True, limit=_STREAMS_MAX
    )["logStreams"]
    for stream in streams:
        events = account.logs.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"], limit=_LINES_MAX
        )["events"]
        for event in events:
            try:
                line = json.loads(event["message"])
            except ValueError:
                continue  # a line of the platform
            if isinstance(line, dict):
                yield datetime.fromtimestamp(event["timestamp"] / 1000, UTC), line
