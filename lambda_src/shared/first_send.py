"""When a message was first sent, by whom and as which message, before any renewal.

A renewal writes them into attributes of the copy. Every sender can write these attributes, too:
they count only in a message that the function has sent.
"""

import re

from lambda_src.shared.messages import Message

FIRST_SENT_AT = "first_sent_at"  # milliseconds since the epoch, as in SQS
FIRST_SENDER_ID = "first_sender_id"
FIRST_MESSAGE_ID = "first_message_id"
_MILLISECONDS = re.compile(r"[0-9]{1,13}")  # up to the year 2286


def first_sent_at(message: Message, *, role_id: str) -> int:
    """In milliseconds since the epoch, by the clock of SQS."""
    text = _claimed(message, FIRST_SENT_AT, role_id=role_id)
    claimed = int(text) if _MILLISECONDS.fullmatch(text) else 0
    return claimed if 0 < claimed <= message.sent_at_ms else message.sent_at_ms


def is_sent_by(message: Message, *, role_id: str) -> bool:
    """Whether the message is a copy that the function with this role has sent.

    `role_id` is the unique id of the role: SQS writes the sender as `<role id>:<session>`, and only
    a session of that role gets this
    (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html).
    """
    return message.sender_id.partition(":")[0] == role_id


def first_sender_id(message: Message, *, role_id: str) -> str:
    """The SenderId that SQS wrote when the message was first sent."""
    return _claimed(message, FIRST_SENDER_ID, role_id=role_id) or message.sender_id


def first_message_id(message: Message, *, role_id: str) -> str:
    """The id that SQS answered to the first sender."""
    return _claimed(message, FIRST_MESSAGE_ID, role_id=role_id) or message.message_id


def _claimed(message: Message, name: str, *, role_id: str) -> str:
    if not is_sent_by(message, role_id=role_id):
        return ""
    return str(message.attributes.get(name, {}).get("stringValue") or "")
