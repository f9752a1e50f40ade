"""Who sent a message: the actor of its transaction.

The queue is one client. Its policy decides who may send, and what is sent may debit any account.

A renewed message was sent by the processor, which has written the first sender into an attribute.
Every sender can write this attribute: it counts only in a message that the processor has sent.
"""

from app_service.ledger.actor import Actor, Path, Role
from lambda_src.shared.messages import Message

CLIENT_ID = "transaction-queue"
FIRST_SENDER_ID = "first_sender_id"  # the attribute
_USER_ID_LENGTH_MAX = 128
_UNKNOWN = "unknown"


def sender_of(message: Message, *, processor_role_id: str) -> Actor:
    """The user is the SenderId that SQS has written: the unique id of an IAM user or role, with the
    name of its session."""
    found = first_sender_id(message, processor_role_id=processor_role_id)
    return Actor(
        client_id=CLIENT_ID,
        user_id=found[:_USER_ID_LENGTH_MAX] or _UNKNOWN,
        path=Path.QUEUE,
        role=Role.OPERATOR,
    )


def first_sender_id(message: Message, *, processor_role_id: str) -> str:
    """Who sent the message before any renewal.

    `processor_role_id` is the unique id of the processor's role: SQS writes it as
    `<role id>:<session>`, and only a session of that role gets it
    (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html).
    """
    if message.sender_id.partition(":")[0] != processor_role_id:
        return message.sender_id
    claimed = message.attributes.get(FIRST_SENDER_ID, {}).get("stringValue")
    return str(claimed) if claimed else message.sender_id
