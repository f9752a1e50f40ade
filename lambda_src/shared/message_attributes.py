"""The attributes of a copy or a dead letter: those of the sender, and our own beside them.

SQS allows ten (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html).
If there are more together, or if the sender uses a name of ours, those of the sender become one:
`sender_attributes`, a JSON object of the attributes by name, as SQS writes them, with binary values
in base64. `sender_attributes_of` restores them.

Attributes are in the spelling of SQS (`DataType`, `StringValue`, `BinaryValue`).
"""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from lambda_src.shared.first_send import (
    FIRST_MESSAGE_ID,
    FIRST_SENDER_ID,
    FIRST_SENT_AT,
    first_message_id,
    first_sender_id,
    first_sent_at,
    is_sent_by,
)
from lambda_src.shared.messages import Message

Attribute = Any  # of mypy_boto3_sqs, a type for each direction

ATTRIBUTES_MAX: Final = 10
REASON: Final = "reason"  # of a dead letter
SENDER_ATTRIBUTES: Final = "sender_attributes"
_DATA_TYPE: Final = re.compile(r"(String|Number|Binary)(\.[\w.-]{1,200})?", re.ASCII)
OWN_BYTES_MAX: Final = 1024  # of our attributes; a larger message cannot be sent again
_FIRST_SEND: Final = frozenset({FIRST_SENT_AT, FIRST_SENDER_ID, FIRST_MESSAGE_ID})


def attributes_of_copy(
    message: Message, *, role_id: str, reason: str | None = None
) -> dict[str, Attribute]:
    """For a copy that a function sends: the sender's attributes, and when, by whom and as
    which message `message` was first sent.

    `role_id` is the unique id of the role of this function. `reason` makes the copy a dead letter.
    """
    own = {
        FIRST_SENT_AT: _text(str(first_sent_at(message, role_id=role_id)), data_type="Number"),
        FIRST_MESSAGE_ID: _text(first_message_id(message, role_id=role_id)),
    }
    sender_id = first_sender_id(message, role_id=role_id)
    if sender_id:
        own[FIRST_SENDER_ID] = _text(sender_id)
    if reason is not None:
        own[REASON] = _text(reason)
    found = {name: _from_lambda(value) for name, value in message.attributes.items()}
    # Every sender may use the names: the content counts only if this function has written it.
    if is_sent_by(message, role_id=role_id):
        found = sender_attributes_of(found)
    found = {name: value for name, value in found.items() if name not in _FIRST_SEND}
    is_clear = found.keys().isdisjoint({*own, SENDER_ATTRIBUTES})
    if is_clear and len(found) + len(own) <= ATTRIBUTES_MAX:
        return {**found, **own}
    return {SENDER_ATTRIBUTES: _text(_folded(found)), **own}


def sender_attributes_of(
    attributes: Mapping[str, Attribute], *, is_dead_letter: bool = False
) -> dict[str, Attribute]:
    """What the first sender of a received copy or dead letter has set: send it back with these.

    Raises nothing: what is in `sender_attributes` and was not written by us is left out.
    """
    own = {*_FIRST_SEND, SENDER_ATTRIBUTES, *([REASON] if is_dead_letter else [])}
    found = {name: _plain(value) for name, value in attributes.items() if name not in own}
    return found | _unfolded(str(attributes.get(SENDER_ATTRIBUTES, {}).get("StringValue", "{}")))


def text_of_sender(message: Message, name: str, *, role_id: str) -> str:
    """The text in the attribute `name` that the first sender has set; "" if there is none."""
    found = message.attributes.get(name)
    if found is not None:
        return str(found.get("stringValue") or "")
    folded = message.attributes.get(SENDER_ATTRIBUTES)
    if folded is None or not is_sent_by(message, role_id=role_id):
        return ""
    unfolded = _unfolded(str(folded.get("stringValue")))
    return str(unfolded.get(name, {}).get("StringValue", ""))


def size_in_bytes(body: str, attributes: Mapping[str, Attribute]) -> int:
    """What SQS counts: the body, and the name, type and value of each attribute."""
    return len(body.encode()) + sum(
        len(name.encode()) + sum(len(_bytes(part)) for part in value.values())
        for name, value in attributes.items()
    )


def _text(value: str, *, data_type: str = "String") -> Attribute:
    return {"DataType": data_type, "StringValue": value}


def _from_lambda(value: Mapping[str, Any]) -> Attribute:
    """From the spelling of an event, in which names begin with a small letter."""
    if value.get("binaryValue") is not None:
        content = base64.b64decode(value["binaryValue"])
        return {"DataType": value["dataType"], "BinaryValue": content}
    return _text(value["stringValue"], data_type=value["dataType"])


def _plain(value: Mapping[str, Any]) -> Attribute:
    """Without the fields that SQS returns and does not accept."""
    return {k: v for k, v in value.items() if k in ("DataType", "StringValue", "BinaryValue")}


def _folded(attributes: Mapping[str, Attribute]) -> str:
    as_text = {
        name: {k: base64.b64encode(v).decode() if k == "BinaryValue" else v for k, v in a.items()}
        for name, a in attributes.items()
    }
    return json.dumps(as_text, ensure_ascii=False, separators=(",", ":"))


def _unfolded(text: str) -> dict[str, Attribute]:
    try:
        found = {name: _unfolded_one(value) for name, value in json.loads(text).items()}
        _folded(found).encode()  # a lone surrogate would be no text for SQS
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return {}
    return found if len(found) <= ATTRIBUTES_MAX else {}


def _unfolded_one(value: Mapping[str, str]) -> Attribute:
    """Raises ValueError for what SQS would not take: one such attribute refuses a whole call."""
    if not _DATA_TYPE.fullmatch(value["DataType"]):
        raise ValueError("no type of an attribute")
    if "BinaryValue" in value:
        content = base64.b64decode(value["BinaryValue"], validate=True)
        return {"DataType": value["DataType"], "BinaryValue": content}
    if not value["StringValue"]:
        raise ValueError("an attribute is empty")
    return _text(value["StringValue"] + "", data_type=value["DataType"])


def _bytes(part: str | bytes) -> bytes:
    return part if isinstance(part, bytes) else part.encode()
