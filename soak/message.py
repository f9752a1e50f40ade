"""A message for the transaction queue, with the outcomes that it may have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lambda_src.shared.queue_messages import SEND_BYTES_MAX

POSTED: Final = "posted"
RECEIVED_TOO_OFTEN: Final = "received too often"  # of a dead letter without a reason
_ATTRIBUTES_BYTES_MAX: Final = 1024


@dataclass(frozen=True, kw_only=True)
class Message:
    """Outcomes are `posted`, `refused: <reason>` and `dead: <reason>`."""

    kind: str  # for the report
    body: str = field(repr=False)
    allowed_outcomes: tuple[str, ...]  # each is the beginning of one
    transaction: Mapping[str, Any] | None = None  # None: it holds none that can be posted
    delay_seconds: int = 0
    correlation_id: str = ""  # an attribute, by which its sender knows what becomes of it

    @property
    def has_room(self) -> bool:
        return has_room(self.body)


def has_room(body: str) -> bool:
    """True if SQS takes attributes beside this body."""
    return len(body.encode()) + _ATTRIBUTES_BYTES_MAX <= SEND_BYTES_MAX
