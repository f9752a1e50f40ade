"""Decides for each message of a batch: done, dead-lettered with its reason, or kept for later."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from app_service.ledger.domain import Verdict, count_verdicts
from app_service.ledger.transaction import InvalidTransaction, Transaction
from lambda_src.shared.messages import Message, Unprocessable, keep, open_envelope, received
from lambda_src.transaction_processor.posting import BatchFailed, LedgerUnavailable

logger = logging.getLogger(__name__)

_DONE = frozenset({Verdict.POSTED, Verdict.REPLAYED})
# The ledger's answer to a sound request. It is a result, to be logged; asking again could turn
# yesterday's refusal into a payment that nobody expects any more. The ledger does not remember it:
# another copy of the message (its sender's, SQS's, or of a renewal) is judged anew when it comes.
_RESULTS = frozenset({Verdict.INSUFFICIENT_FUNDS, Verdict.BALANCE_LIMIT})
# The request itself is wrong. Opening the account would cure `account_not_found`, but only a person
# knows whether that will happen: it waits with its reason where it can be redriven from.
_WRONG = frozenset(
    {Verdict.CONFLICT, Verdict.INVALID, Verdict.ACCOUNT_NOT_FOUND, Verdict.CURRENCY_MISMATCH}
)


class Ledger(Protocol):
    def post(self, transactions: Sequence[Transaction]) -> list[str]: ...


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


def process(
    event: Mapping[str, Any],
    *,
    ledger: Ledger,
    dead_letters: DeadLetters,
    redelivery: Redelivery,
    renewal: Renewal,
    seconds_left: Callable[[], float],
) -> dict[str, Any]:
    """Post every sound transaction of the batch in one call; one bad message holds back no other.

    Answers within `seconds_left`, as far as what it calls lets it.

    Returns the partial batch response. A message leaves the queue only when it was posted (now or
    before), refused for good by the ledger, taken by the dead-letter queue, or sent again as a new
    one because the ledger could not be asked: that is not the message's fault and must not count.
    """
    sound: list[tuple[Message, Transaction]] = []
    hopeless: list[tuple[Message, str]] = []
    for message in received(event):
        try:
            sound.append((message, parse_submission(message.body)))
        except Unprocessable as error:
            hopeless.append((message, str(error)))

    kept: list[Message] = []
    outage: LedgerUnavailable | None = None
    waiting: list[Message] = []
    try:
        verdicts = _post(sound, ledger)
    except LedgerUnavailable as error:
        logger.warning("batch not posted", extra={"transactions": len(sound), "reason": str(error)})
        outage, waiting = error, [message for message, _ in sound]
        sound, verdicts = [], []
    for (message, transaction), verdict in zip(sound, verdicts, strict=True):
        if verdict in _DONE:
            continue
        if verdict in _RESULTS:
            logger.info(
                "transaction refused",
                extra={"transaction_id": str(transaction.transaction_id), "status": verdict},
            )
        elif verdict in _WRONG:
            hopeless.append((message, verdict))
        else:  # the batch failed, or the ledger answers with a word that we do not know yet
            logger.warning(
                "message kept", extra={"message_id": message.message_id, "status": verdict}
            )
            kept.append(message)

    kept += [message for message, reason in hopeless if not dead_letters.accept(message, reason)]
    if outage is not None:  # last: what was sent anew is there twice until we have answered
        kept += renewal.renew(
            waiting,
            wait_seconds=outage.wait_seconds,
            spread_seconds=outage.spread_seconds,
            seconds_left=seconds_left,
        )
    if kept:
        redelivery.postpone(kept, seconds_left=seconds_left)
    return keep(kept)


def parse_submission(body: str) -> Transaction:
    """The transaction of a `transaction.submitted` message. Raises Unprocessable."""
    envelope = open_envelope(body, message_type="transaction.submitted", version=1)
    try:
        return Transaction.parse(envelope.get("transaction"))
    except InvalidTransaction as error:
        raise Unprocessable(f"invalid_transaction: {error}") from error


def _post(sound: Sequence[tuple[Message, Transaction]], ledger: Ledger) -> list[str]:
    """One verdict each; `batch_failed` for all where that is so. Raises LedgerUnavailable."""
    if not sound:
        return []
    try:
        verdicts = ledger.post([transaction for _, transaction in sound])
    except BatchFailed:
        logger.exception("batch failed", extra={"transactions": len(sound)})
        return ["batch_failed"] * len(sound)
    logger.info(
        "batch posted", extra={"verdicts": dict(Counter(verdicts)), **count_verdicts(verdicts)}
    )
    return verdicts
