"""S43: a dead letter has the unchanged body, the sender's attributes and the reason."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from lambda_src.shared.dead_letters import DeadLetterQueue
from lambda_src.shared.messages import Message
from tests.aws_stubs import type_of_aws, unreachable

URL = "https://sqs.us-east-1.amazonaws.com/111111111111/transaction-dead-letters-dev"
MESSAGE = Message(
    message_id="m1",
    receipt_handle="h",
    body='{"a" :  1}',
    receive_count=1,
    sent_at_ms=1_794_000_000_000,
    sender_id="AROASENDER:payroll",
)


def letters(sqs: Any) -> DeadLetterQueue:
    return DeadLetterQueue(sqs=sqs, queue_url=URL, role_id="AROAFUNCTION")


def text(value: str, kind: str = "String") -> dict[str, str]:
    return {"DataType": kind, "StringValue": value}


def sent(reason: str, **attributes: dict[str, str]) -> dict[str, Any]:
    return {
        "QueueUrl": URL,
        "MessageBody": '{"a" :  1}',
        "MessageAttributes": {
            **attributes,
            "first_sent_at": text("1794000000000", "Number"),
            "first_sender_id": text("AROASENDER:payroll"),
            "first_message_id": text("m1"),
            "reason": text(reason),
        },
    }


def test_the_body_is_untouched_and_the_reason_attached(aws: type_of_aws) -> None:
    sqs, stub = aws("sqs")
    stub.add_response("send_message", {"MessageId": "d1"}, sent("bad_json: no"))
    assert letters(sqs).accept(MESSAGE, "bad_json: no")


def test_s43_a_letter_has_the_attributes_of_the_sender(aws: type_of_aws) -> None:
    sqs, stub = aws("sqs")
    stub.add_response("send_message", {"MessageId": "d1"}, sent("conflict", trace=text("abc")))
    traced = replace(MESSAGE, attributes={"trace": {"dataType": "String", "stringValue": "abc"}})
    assert letters(sqs).accept(traced, "conflict")


@pytest.mark.parametrize(
    ("reason", "as_sent"),
    [
        ("a\x00b\nc", "a?b?c"),
        ("\ud800 ü", "\\ud800 \\xfc"),
        ("", "unknown"),
        ("x" * 501, "x" * 500),
    ],
)
def test_a_reason_that_sqs_would_refuse_is_converted(
    aws: type_of_aws, reason: str, as_sent: str
) -> None:
    sqs, stub = aws("sqs")
    stub.add_response("send_message", {"MessageId": "d1"}, sent(as_sent))
    assert letters(sqs).accept(MESSAGE, reason)


def test_when_the_queue_refuses_the_message_is_not_accepted(
    aws: type_of_aws, caplog: pytest.LogCaptureFixture
) -> None:
    sqs, stub = aws("sqs")
    stub.add_client_error("send_message", "RequestThrottled")
    assert not letters(sqs).accept(MESSAGE, "conflict")
    [line] = caplog.records
    assert (line.levelno, vars(line)["message_id"]) == (logging.ERROR, "m1")


def test_when_the_queue_cannot_be_reached_the_message_is_not_accepted() -> None:
    assert not letters(unreachable).accept(MESSAGE, "conflict")
