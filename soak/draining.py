"""Waits until nothing is on its way any more."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pg8000.exceptions import DatabaseError
from pg8000.native import Connection

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_LOOK_SECONDS: Final = 0.5
_QUIET_LOOKS: Final = 4  # in a row: between two places it is in neither
_COUNTS: Final = {
    "ApproximateNumberOfMessages": "visible",
    "ApproximateNumberOfMessagesNotVisible": "in flight",
    "ApproximateNumberOfMessagesDelayed": "delayed",
}
_WAITING_SQL: Final = "SELECT batches, set_aside FROM ledger.waiting_batches(100000)"
_UNSENT_SQL: Final = (
    "SELECT count(*), max(refusals), max(last_error), max(due_at - clock_timestamp())::text"
    " FROM ledger.unsent_batches"
)
_HOLDS_SQL: Final = (
    "SELECT count(*) FROM ledger.holds"
    " WHERE state = 'pending' AND expires_at < clock_timestamp() + interval '5 seconds'"
)
# As `make resend`: what the queue refused ten times during the faults is due again.
_RETRY_SQL: Final = "SELECT ledger.retry_batches()"


class Stuck(Exception):
    """Something did not arrive in time; the message names what waits, and where."""


def in_queue(sqs: "SQSClient", queue_url: str) -> dict[str, int]:
    """How many messages are where; without zeros."""
    answer = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])
    found = {str(name): value for name, value in answer["Attributes"].items()}
    counts = {where: int(found.get(name, "0")) for name, where in _COUNTS.items()}
    return {where: count for where, count in counts.items() if count}


def waiting_in_ledger(connection: Connection) -> list[str]:
    """What waits in the database, in words. Batches that are set aside are due again."""
    found = []
    [[batches, set_aside]] = connection.run(_WAITING_SQL)
    if set_aside:
        with suppress(DatabaseError):
            connection.run(_RETRY_SQL)
    if batches or set_aside:
        [[unsent, refusals, error, due]] = connection.run(_UNSENT_SQL)
        found.append(
            f"{batches} posted and not sent, {set_aside} set aside; {unsent} sealed batches,"
            f" refused {refusals} times at most ({error}), the last one due in {due}"
        )
    [[holds]] = connection.run(_HOLDS_SQL)
    if holds:
        found.append(f"{holds} holds that expire now")
    return found


def wait_until_empty(look: Callable[[], Sequence[str]], *, seconds: float) -> None:
    """`look` says what waits. Raises Stuck with what it said last."""
    deadline = time.monotonic() + seconds
    quiet = 0
    while quiet < _QUIET_LOOKS:
        found = look()
        quiet = 0 if found else quiet + 1
        if time.monotonic() > deadline:
            raise Stuck(f"{seconds:.0f} s after the last fault: {'; '.join(found) or 'too late'}")
        time.sleep(_LOOK_SECONDS)
