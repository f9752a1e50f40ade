"""Dead letters: messages that can never succeed, with their unchanged body, the attributes of their
sender and the reason."""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.shared.message_attributes import attributes_of_copy
from lambda_src.shared.messages import Message
from lambda_src.shared.queue_protocols import DeadLetters
from lambda_src.shared.redelivery import CALL_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)

REASON_LENGTH_MAX: Final = 500


def not_accepted(
    letters: Sequence[tuple[Message, str]],
    dead_letters: DeadLetters,
    *,
    seconds_left: Callable[[], float],
) -> list[Message]:
    """Make each of these messages a dead letter, with its reason. Returns those that must stay.

    A call for each: many of them may take too long, and if Lambda ended the function, those that
    are dead letters already would come again.
    """
    kept: list[Message] = []
    for place, (message, reason) in enumerate(letters):
        if seconds_left() < CALL_SECONDS:
            logger.warning("too late for dead letters", extra={"messages": len(letters) - place})
            return [*kept, *(late for late, _ in letters[place:])]
        if not dead_letters.accept(message, reason):
            kept.append(message)
    return kept


class DeadLetterQueue:
    """`sqs` repeats no call: a letter whose answer was lost may be there, and would be there twice.
    `role_id` is the unique id of the role of the function that sends there."""

    def __init__(self, *, sqs: "SQSClient", queue_url: str, role_id: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._role_id = role_id

    def accept(self, message: Message, reason: str) -> bool:
        """Send `message` to the dead-letter queue. True: it may leave its own queue.

        False: it must stay in its queue, or it would be lost. (So must a body that leaves no room
        for the reason within the limit of SQS; the redrive of its queue moves it later.)
        """
        try:
            self._sqs.send_message(
                QueueUrl=self._queue_url,
                MessageBody=message.body,
                MessageAttributes=attributes_of_copy(
                    message, role_id=self._role_id, reason=_attribute_text(reason)
                ),
            )
        except (BotoCoreError, ClientError):
            logger.exception(
                "dead-letter queue did not take a message", extra={"message_id": message.message_id}
            )
            return False
        logger.warning(
            "message dead-lettered", extra={"message_id": message.message_id, "reason": reason}
        )
        return True


def _attribute_text(reason: str) -> str:
    """SQS refuses empty values and control characters, which a message may contain."""
    ascii_only = reason.encode("ascii", "backslashreplace").decode("ascii")
    printable = "".join(c if c.isprintable() else "?" for c in ascii_only)
    return printable[:REASON_LENGTH_MAX] or "unknown"
