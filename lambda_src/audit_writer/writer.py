"""Stores each message of the audit queue, dead-letters it with a reason, or keeps it."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from lambda_src.audit_writer.archive import ArchiveUnavailable, ObjectDiffers
from lambda_src.audit_writer.batch import PostedBatch
from lambda_src.audit_writer.guarded_archive import Archive, Breaker, GuardedArchive
from lambda_src.audit_writer.refusals import ObjectRefused
from lambda_src.shared.dead_letters import not_accepted
from lambda_src.shared.log_messages import BATCH_ARCHIVED
from lambda_src.shared.messages import Message, Unprocessable, keep, received
from lambda_src.shared.queue_protocols import DeadLetters, Redelivery, Renewal

logger = logging.getLogger(__name__)


class _NeverStored(Exception):
    """A retry cannot help this message. The text is the reason of its dead letter."""


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
    letters: list[tuple[Message, str]] = []
    outage: ArchiveUnavailable | None = None
    for message in received(event):
        try:
            amounts += _stored(message, guarded)
        except ArchiveUnavailable as error:
            outage = outage or error
            waiting.append(message)
        except _NeverStored as error:
            letters.append((message, str(error)))
        except ObjectRefused as error:
            if message.receive_count < receives_max:
                kept.append(message)
            else:
                letters.append((message, f"refused_by_s3: {error}"))
    # Log lines, not metrics: clients that open accounts determine the number of currencies.
    for currency, amount in amounts.items():
        logger.info("amount archived", extra={"currency": currency, "amount_minor": amount})
    pause = guarded.finish()
    kept += not_accepted(letters, dead_letters, seconds_left=seconds_left)
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


def _stored(message: Message, archive: GuardedArchive) -> Counter[str]:
    """The amounts of the batch; none if it was stored before.

    Raises ArchiveUnavailable, ObjectRefused or _NeverStored.
    """
    try:
        batch = PostedBatch.parse(message.body)
    except Unprocessable as error:
        raise _NeverStored(str(error)) from error
    try:
        is_new = archive.store(batch)
    except ObjectDiffers as error:
        logger.error(
            "batch differs from its object",
            extra={"batch_id": str(batch.batch_id), "reason": str(error), "altered": 1},
        )
        raise _NeverStored(f"altered: {error}") from error
    except ObjectRefused:
        logger.exception("batch refused by S3", extra={"batch_id": str(batch.batch_id)})
        raise
    logger.info(
        BATCH_ARCHIVED,
        extra={
            "batch_id": str(batch.batch_id),
            "message_id": message.message_id,
            "receives": message.receive_count,
            "key": batch.key,
            "transactions": len(batch.transactions),
            "is_new": is_new,
            **({} if batch.trace_id is None else {"trace_id": batch.trace_id}),
        },
    )
    return batch.amounts_minor if is_new else Counter()
