"""Who sent a message: the actor of its transaction.

The queue is one client. Its policy decides who may send, and what is sent may debit any account.

A renewed message was sent by the processor, which has written the first sender into an attribute.
"""

from app_service.ledger.actor import Actor, Path, Role
from lambda_src.shared.first_send import first_sender_id
from lambda_src.shared.messages import Message

CLIENT_ID = "transaction-queue"
_USER_ID_LENGTH_MAX = 128
_UNKNOWN = "unknown"


def sender_of(message: Message, *, processor_role_id: str) -> Actor:
    """The user is the SenderId that SQS has written: the unique id of an IAM user or role, with the
    name of its session."""
    return Actor(
        client_id=CLIENT_ID,
        user_id=user_of(message, processor_role_id=processor_role_id),
        path=Path.QUEUE,
        role=Role.OPERATOR,
    )


def user_of(message: Message, *, processor_role_id: str) -> str:
    """As the ledger records it."""
    found = first_sender_id(message, role_id=processor_role_id)
    return found[:_USER_ID_LENGTH_MAX] or _UNKNOWN
