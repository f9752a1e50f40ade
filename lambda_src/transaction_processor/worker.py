"""Posts the messages of a batch; each is done, dead-lettered with a reason, or kept for later."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from app_service.ledger.origin import origin_of_message
from app_service.ledger.submission import Submission
from app_service.ledger.transaction import InvalidTransaction, Transaction
from app_service.ledger.verdict import REFUSALS, Verdict, count_verdicts
from lambda_src.shared.dead_letters import not_accepted
from lambda_src.shared.first_send import first_message_id, first_sent_at
from lambda_src.shared.log_messages import BATCH_POSTED
from lambda_src.shared.messages import Message, Unprocessable, keep, open_envelope, received
from lambda_src.shared.queue_protocols import DeadLetters, Redelivery, Renewal
from lambda_src.transaction_processor.outcomes import (
    Outcome,
    dead_lettered,
    posted,
    refused,
    rfc3339,
)
from lambda_src.transaction_processor.posting import COMES_AGAIN, LedgerUnavailable
from lambda_src.transaction_processor.sender import sender_of

logger = logging.getLogger(__name__)

MESSAGES_NAMED_MAX: Final = 10  # in the line of a batch
_DONE = frozenset({Verdict.POSTED, Verdict.REPLAYED})
# The ledger recorded nothing: a person must look at the message, which waits as a dead letter.
_WRONG = frozenset({Verdict.CONFLICT, Verdict.INVALID, Verdict.FORBIDDEN})


class Ledger(Protocol):
    def post(self, submissions: Sequence[Submission]) -> list[str]: ...


class OutcomeBus(Protocol):
    def send(
        self, outcomes: Sequence[Outcome], *, seconds_left: Callable[[], float]
    ) -> list[Message]: ...


class OutcomeRetries(Protocol):
    def retry(
        self, messages: Sequence[Message], *, seconds_left: Callable[[], float]
    ) -> list[Message]: ...


def process(
    event: Mapping[str, Any],
    *,
    ledger: Ledger,
    dead_letters: DeadLetters,
    redelivery: Redelivery,
    renewal: Renewal,
    outcome_bus: OutcomeBus,
    outcome_retries: OutcomeRetries,
    processor_role_id: str,
    receives_max: int,
    seconds_left: Callable[[], float],
) -> dict[str, Any]:
    """Post every valid transaction of the batch in one call; invalid messages do not block it.

    Starts no call to AWS for which `seconds_left` are too few.

    Returns the partial batch response. A message leaves the queue only if its outcome was sent:
    it was posted (now or before), refused by the ledger, or accepted by the dead-letter queue. Or
    it was sent again as a new one, because the ledger was unavailable or the bus did not take the
    outcome: such receives must not count. A message whose account is locked stays. At the last of
    `receives_max` receives it is a dead letter, before SQS makes it one without a reason.
    """
    valid: list[tuple[Message, Submission]] = []
    rejected: list[Outcome] = []
    for message in received(event):
        try:
            submission = Submission(
                transaction=parse_transaction(message.body),
                actor=sender_of(message, processor_role_id=processor_role_id),
                origin_id=origin_of_message(first_message_id(message, role_id=processor_role_id)),
            )
            valid.append((message, submission))
        except Unprocessable as error:
            rejected.append(dead_lettered(message, None, reason=str(error)))

    done: list[Outcome] = []
    kept: list[Message] = []
    outage: LedgerUnavailable | None = None
    waiting: list[Message] = []
    try:
        verdicts = _post(valid, ledger, processor_role_id)
    except LedgerUnavailable as error:
        logger.warning("batch not posted", extra={"transactions": len(valid), "reason": str(error)})
        outage, waiting = error, [message for message, _ in valid]
        valid, verdicts = [], []
    for (message, submission), verdict in zip(valid, verdicts, strict=True):
        transaction = submission.transaction
        if verdict in _DONE:
            done.append(posted(message, transaction, verdict=verdict))
        elif verdict in REFUSALS:  # a result: the ledger recorded it and answers it to who asks
            logger.info(
                "transaction refused",
                extra=_names(message, submission, verdict, processor_role_id),
            )
            done.append(refused(message, transaction, reason=verdict))
        elif verdict in _WRONG:
            rejected.append(dead_lettered(message, transaction, reason=verdict))
        elif message.receive_count >= receives_max:
            reason = f"{verdict}: not posted in {message.receive_count} receives"
            rejected.append(dead_lettered(message, transaction, reason=reason))
        else:  # one of COMES_AGAIN, or this version does not know the verdict
            logger.warning(
                "message kept", extra=_names(message, submission, verdict, processor_role_id)
            )
            kept.append(message)

    # Before the dead letters: a message whose outcome is not sent comes again, and would be a dead
    # letter each time.
    untold = outcome_bus.send([*done, *rejected], seconds_left=seconds_left)
    comes_again = {message.receipt_handle for message in untold}
    letters = [
        (each.message, each.reason)
        for each in rejected
        if each.message.receipt_handle not in comes_again
    ]
    kept += not_accepted(letters, dead_letters, seconds_left=seconds_left)
    # Last: a renewed message exists twice until the function has answered.
    kept += outcome_retries.retry(untold, seconds_left=seconds_left)
    if outage is not None:
        kept += renewal.renew(
            waiting,
            wait_seconds=outage.wait_seconds,
            spread_seconds=outage.spread_seconds,
            seconds_left=seconds_left,
        )
    if kept:
        redelivery.postpone(kept, seconds_left=seconds_left)
    return keep(kept)


def parse_transaction(body: str) -> Transaction:
    """The transaction of a `transaction.submitted` message. Raises Unprocessable."""
    envelope = open_envelope(body, message_type="transaction.submitted", version=1)
    try:
        transaction = Transaction.parse(envelope.get("transaction"))
    except InvalidTransaction as error:
        raise Unprocessable(f"invalid_transaction: {error}") from error
    if transaction.linked:
        raise Unprocessable("invalid_transaction: linked: a message holds only one transaction")
    return transaction


def _post(
    valid: Sequence[tuple[Message, Submission]], ledger: Ledger, processor_role_id: str
) -> list[str]:
    """One verdict each. Raises LedgerUnavailable."""
    if not valid:
        return []
    verdicts = ledger.post([submission for _, submission in valid])
    results = [verdict for verdict in verdicts if verdict not in COMES_AGAIN]
    # One line for a batch. It names some of its messages: the unusual ones, then the first.
    each = [*zip(valid, verdicts, strict=True)]
    each.sort(key=lambda one: one[1] == Verdict.POSTED)
    named = [
        _names(message, submission, verdict, processor_role_id)
        for (message, submission), verdict in each[:MESSAGES_NAMED_MAX]
    ]
    logger.info(
        BATCH_POSTED,
        extra={
            "verdicts": dict(Counter(verdicts)),
            "messages": named,
            **count_verdicts(results),
        },
    )
    return verdicts


def _names(
    message: Message, submission: Submission, verdict: str, processor_role_id: str
) -> dict[str, str | int]:
    """Of a message in a log line; the id is that of its first send."""
    return {
        "message_id": first_message_id(message, role_id=processor_role_id),
        "transaction_id": str(submission.transaction.transaction_id),
        "status": verdict,
        "first_sent_at": rfc3339(first_sent_at(message, role_id=processor_role_id)),
        "receives": message.receive_count,
    }
