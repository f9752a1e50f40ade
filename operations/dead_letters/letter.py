"""One dead letter: why it is there, what it is about, and the message that it was."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID

from app_service.ledger.json_input import InvalidJson, read_document
from lambda_src.shared.first_send import FIRST_MESSAGE_ID
from lambda_src.shared.message_attributes import REASON, sender_attributes_of

# Our functions give every letter a reason. SQS moves a message without one.
RECEIVED_TOO_OFTEN: Final = "received_too_often"
# Only what SQS has moved has this one. AWS does not describe it; an answer of SQS that has it:
# https://github.com/softwaremill/elasticmq/issues/921
_MOVED_FROM: Final = "DeadLetterQueueSourceArn"
# Of SQS, not of a sender: what `Letter.of` needs.
SYSTEM_ATTRIBUTES: Final[tuple[Literal["SentTimestamp", "DeadLetterQueueSourceArn"], ...]] = (
    "SentTimestamp",
    _MOVED_FROM,
)
_REASON_LENGTH_MAX: Final = 40
_LENGTH_MAX: Final = 500


@dataclass(frozen=True, kw_only=True)
class Letter:
    message_id: str
    receipt_handle: str
    body: str
    # To this queue; or to its first queue, if SQS has moved it. Its age counts from then:
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html
    sent_at: datetime
    is_moved_by_sqs: bool
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> "Letter":
        """The letter in an answer to ReceiveMessage with all attributes and SYSTEM_ATTRIBUTES."""
        system = message["Attributes"]
        return cls(
            message_id=message["MessageId"],
            receipt_handle=message["ReceiptHandle"],
            body=message["Body"],
            sent_at=datetime.fromtimestamp(int(system["SentTimestamp"]) / 1000, UTC),
            is_moved_by_sqs=_MOVED_FROM in system,
            attributes=message.get("MessageAttributes", {}),
        )

    @property
    def reason(self) -> str:
        """The first word of the explanation, such as `bad_json`: the rest is about this letter."""
        return self.explanation.partition(":")[0][:_REASON_LENGTH_MAX]

    @property
    def explanation(self) -> str:
        """What our function wrote, in printable ASCII: not only ours can send to this queue."""
        if self.is_moved_by_sqs:  # `reason` is the sender's own attribute, if there is one
            return RECEIVED_TOO_OFTEN
        text: str = self.attributes.get(REASON, {}).get("StringValue", RECEIVED_TOO_OFTEN)
        return "".join(c if c.isascii() and c.isprintable() else "?" for c in text[:_LENGTH_MAX])

    @property
    def subject(self) -> str:
        """What it is about, such as `transaction 0193...`; empty if its body does not say it."""
        kind, found = next(_ids(self.body), ("", None))
        return f"{kind} {found}" if found else ""

    @property
    def first_message_id(self) -> UUID | None:
        """The message id that its sender knows, if a function has copied the message."""
        return _uuid(self.attributes.get(FIRST_MESSAGE_ID, {}).get("StringValue"))

    def is_about(self, wanted: UUID) -> bool:
        """True for the id of the message, of its transaction or batch, or one of that batch."""
        return wanted in (_uuid(self.message_id), self.first_message_id) or any(
            wanted == found for _, found in _ids(self.body)
        )

    @property
    def original_attributes(self) -> dict[str, Any]:
        """The sender's attributes, as `send_message` takes them.

        Not when and by whom it was first sent: its time counts from the redrive on, and only what
        the processor itself has sent can name another sender.
        """
        return sender_attributes_of(self.attributes, is_dead_letter=not self.is_moved_by_sqs)


def described(letter: Letter) -> str:
    """One line about one letter."""
    first = f"first sent as {letter.first_message_id}" if letter.first_message_id else ""
    size = f"{len(letter.body.encode()):,} bytes"
    parts = (f"message {letter.message_id}", first, letter.subject, size, letter.explanation)
    return ", ".join(part for part in parts if part)


def _ids(body: str) -> Iterator[tuple[str, UUID]]:
    """The ids in a body with what each names. A body may hold anything."""
    try:
        document = read_document(body.encode("utf-8", "surrogatepass"))
    except InvalidJson:
        return
    envelope = document if isinstance(document, dict) else {}
    batch = envelope.get("transactions")
    named = [
        ("transaction", "transaction_id", envelope.get("transaction")),
        ("batch", "batch_id", envelope),
        *(("transaction", "transaction_id", x) for x in (batch if isinstance(batch, list) else ())),
    ]
    for kind, name, holder in named:
        found = _uuid(holder.get(name)) if isinstance(holder, dict) else None
        if found is not None:
            yield kind, found


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
