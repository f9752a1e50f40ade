"""Stores each message of the audit queue, dead-letters it with a reason, or keeps it."""

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

from lambda_src.audit_writer.archive import ArchiveUnavailable, ObjectDiffers
from lambda_src.audit_writer.batch import PostedBatch
from lambda_src.shared.messages import Message, Unprocessable, keep, received

logger = logging.getLogger(__name__)


class Archive(Protocol):
    def store(self, key: str, content: bytes, metadata: Mapping[str, str]) -> bool: ...


class DeadLetters(Protocol):
    def accept(self, message: Message, reason: str) -> bool: ...


def write(
    event: Mapping[str, Any], *, archive: Archive, dead_letters: DeadLetters
) -> dict[str, Any]:
    """Store each posted batch as one object, once, even if it is delivered several times.

    Returns the partial batch response. A message leaves the queue only when its object is in the
    archive or the dead-letter queue has accepted it.
    """
    amounts: Counter[str] = Counter()
    kept = [m for m in received(event) if not _is_done(m, archive, dead_letters, amounts)]
    # Log lines, not metrics: clients that open accounts determine the number of currencies.
    for currency, amount in amounts.items():
        logger.info("amount archived", extra={"currency": currency, "amount_minor": amount})
    return keep(kept)


def _is_done(
    message: Message, archive: Archive, dead_letters: DeadLetters, amounts: Counter[str]
) -> bool:
    """True if the message may leave the queue. Adds newly stored amounts to `amounts`."""
    try:
        batch = PostedBatch.parse(message.body)
    except Unprocessable as error:
        return dead_letters.accept(message, str(error))
    try:
        is_new = archive.store(batch.key, batch.content, batch.metadata)
    except ObjectDiffers as error:
        logger.error(
            "batch differs from its object",
            extra={"batch_id": str(batch.batch_id), "reason": str(error), "altered": 1},
        )
        return dead_letters.accept(message, f"altered: {error}")
    except ArchiveUnavailable:
        logger.exception("batch not archived", extra={"batch_id": str(batch.batch_id)})
        return False
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
