"""Stores each message of the audit queue, dead-letters it with a reason, or keeps it."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from lambda_src.audit_writer.archive import ArchiveUnavailable, ObjectDiffers
from lambda_src.audit_writer.batch import PostedBatch
from lambda_src.audit_writer.guarded_archive import Archive, Breaker, GuardedArchive
from lambda_src.audit_writer.refusals import ObjectRefused
from lambda_src.shared.messages import Message, Unprocessable, keep, received

logger = logging.getLogger(__name__)


class DeadLetters(Protocol):
    def accept(self, message: Message, reason: str) -> bool: ...


class Redelivery(Protocol):
    def postpone(
        self, messages: Sequence[Message], *, seconds_left: Callable[[], float]
    ) -> None: ...


class Renewal(Protocol):
    def renew(
        self,
        messages: Sequence[Message],
        *,
        wait_seconds: int,
        spread_seconds: int,
        seconds_left: Callable[[], float],
    ) -> list[Message]: ...


def write(
    event: Mapping[str, Any],
    *,
    archive: Archive,
    breaker: Breaker,
    dead_letters: DeadLetters,
    redelivery: Redelivery,
    renewal: Renewal,
    receives_max: int,
    seconds_left: Callable[[], float],
) -> dict[str, Any]:
    """Store each posted batch as one object, once, even if it is delivered several times.

    Returns the partial batch response. A message leaves the queue only if its object is in the
    archive, the dead-letter queue has accepted it, or it was sent again as a new one because the
    archive was unavailable: such receives must not count. A message that S3 refuses stays, and is a
    dead letter at the last of `receives_max` receives.
    """
    guarded = GuardedArchive(archive=archive, breaker=breaker, seconds_left=seconds_left)
    amounts: Counter[str] = Counter()
    kept: list[Message] = []
    waiting: list[Message] = []
    outage: ArchiveUnavailable | None = None
    for message in received(event):
        try:
            if not _is_done(message, guarded, dead_letters, amounts, receives_max):
                kept.append(message)
        except ArchiveUnavailable as error:
            outage = outage or error
            waiting.append(message)
    # Log lines, not metrics: clients that open accounts determine the number of currencies.
    for currency, amount in amounts.items():
        logger.info("amount archived", extra={"currency": currency, "amount_minor": amount})
    pause = guarded.finish()
    if waiting:  # last: a renewed message exists twice until the function has answered
        logger.warning(
            "batches not archived", extra={"batches": len(waiting), "reason": str(outage)}
        )
        kept += renewal.renew(
            waiting,
            wait_seconds=pause.wait_seconds,
            spread_seconds=pause.spread_seconds,
            seconds_left=seconds_left,
        )
    if kept:
        redelivery.postpone(kept, seconds_left=seconds_left)
    return keep(kept)


def _is_done(
    message: Message,
    archive: GuardedArchive,
    dead_letters: DeadLetters,
    amounts: Counter[str],
    receives_max: int,
) -> bool:
    """True if the message may leave the queue. Adds newly stored amounts to `amounts`.

    Raises ArchiveUnavailable.
    """
    try:
        batch = PostedBatch.parse(message.body)
    except Unprocessable as error:
        return dead_letters.accept(message, str(error))
    try:
        is_new = archive.store(batch)
    except ObjectDiffers as error:
        logger.error(
            "batch differs from its object",
            extra={"batch_id": str(batch.batch_id), "reason": str(error), "altered": 1},
        )
        return dead_letters.accept(message, f"altered: {error}")
    except ObjectRefused as error:
        logger.exception("batch refused by S3", extra={"batch_id": str(batch.batch_id)})
        is_last = message.receive_count >= receives_max
        return is_last and dead_letters.accept(message, f"refused_by_s3: {error}")
    logger.info(
        "batch archived",
        extra={
            "batch_id": str(batch.batch_id),
            "transactions": len(batch.transactions),
            "is_new": is_new,
        },
    )
    if is_new:
        amounts += batch.amounts_minor
    return True
