"""Records from SQS, and the envelope `{"type", "version", ...}` in their bodies."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app_service.ledger.json_input import InvalidJson, read_document


class Unprocessable(Exception):
    """A retry cannot help this message. The text becomes the `reason` of its dead letter."""


@dataclass(frozen=True, kw_only=True)
class Message:
    message_id: str
    receipt_handle: str
    body: str
    receive_count: int  # 1 on first delivery
    sent_at_ms: int = 0  # since the epoch
    attributes: dict[str, Any] = field(default_factory=dict)  # as Lambda spells it
    sender_id: str = ""  # who sent it, written by SQS


def received(event: Mapping[str, Any]) -> list[Message]:
    """The records of a Lambda event from an SQS queue, in order."""
    return [
        Message(
            message_id=record["messageId"],
            receipt_handle=record["receiptHandle"],
            body=record["body"],
            receive_count=int(record["attributes"]["ApproximateReceiveCount"]),
            sent_at_ms=int(record["attributes"]["SentTimestamp"]),
            attributes=record.get("messageAttributes") or {},
            sender_id=record["attributes"].get("SenderId", ""),
        )
        for record in event["Records"]
    ]


def keep(messages: Iterable[Message]) -> dict[str, Any]:
    """The partial batch response: these messages stay in their queue, all others are done."""
    return {"batchItemFailures": [{"itemIdentifier": m.message_id} for m in messages]}


def open_envelope(body: str, *, message_type: str, version: int) -> dict[str, Any]:
    """The JSON object in `body`, checked to have this type and version.

    Raises Unprocessable: `bad_json`, `unknown_type` or `unknown_version`, each with what was found.
    """
    try:
        # Half a surrogate pair passes here, and the reader refuses it.
        envelope = read_document(body.encode("utf-8", "surrogatepass"))
    except InvalidJson as error:
        raise Unprocessable(f"bad_json: {error}") from error
    if not isinstance(envelope, dict):
        raise Unprocessable(f"bad_json: found {_shape(envelope)}, an object is needed")
    if envelope.get("type") != message_type:
        raise Unprocessable(
            f"unknown_type: found {_shape(envelope.get('type'))}, {message_type!r} is needed"
        )
    found = envelope.get("version")
    if type(found) is not int or found != version:  # in Python, True and 1.0 equal 1
        raise Unprocessable(f"unknown_version: found {_shape(found)}, {version} is needed")
    return envelope


def _shape(value: Any) -> str:
    """A short description of a value, without large or private content."""
    if isinstance(value, str):
        return repr(value) if len(value) <= 40 else f"a string of {len(value)} characters"
    if value is None or isinstance(value, (bool, int, float)):
        text = json.dumps(value)
        return text if len(text) <= 40 else f"a number of {len(text)} digits"
    return "an array" if isinstance(value, list) else "an object"
