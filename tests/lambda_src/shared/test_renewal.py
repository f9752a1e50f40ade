"""S42: a message that waits is sent again as a new one, so that SQS counts receives from zero."""

import base64
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest

from lambda_src.shared.first_send import FIRST_MESSAGE_ID, FIRST_SENDER_ID, FIRST_SENT_AT
from lambda_src.shared.messages import Message
from lambda_src.shared.renewal import WAIT_MAX_SECONDS, Renewal
from tests.aws_stubs import type_of_aws, unreachable

URL = "https://sqs.us-east-1.amazonaws.com/111111111111/transaction-queue-dev"
NOW = 1_794_000_000
SENT_AT_MS = (NOW - 60) * 1000
SENDER = "AROASENDER:payroll"
PROCESSOR = "AROAPROCESSOR"  # the id of its role


def message(number: int, body: str = "{}", **attributes: dict[str, Any]) -> Message:
    return Message(
        message_id=f"m{number}",
        receipt_handle=f"handle of m{number}",
        body=body,
        receive_count=9,
        sent_at_ms=SENT_AT_MS,
        attributes=attributes,
        sender_id=SENDER,
    )


def text(value: str, kind: str = "String") -> dict[str, str]:
    """An attribute in the spelling of Lambda."""
    return {"stringValue": value, "dataType": kind}


def sent(value: str, kind: str = "String") -> dict[str, str]:
    """An attribute in the spelling of SQS."""
    return {"StringValue": value, "DataType": kind}


FIRST = {FIRST_SENT_AT: sent(str(SENT_AT_MS), "Number"), FIRST_SENDER_ID: sent(SENDER)}


def first(number: int) -> dict[str, Any]:
    return {**FIRST, FIRST_MESSAGE_ID: sent(f"m{number}")}


class Queue:
    """Accepts everything except the bodies in `refused`, and records each call."""

    def __init__(self, *refused: str) -> None:
        self.calls: list[list[dict[str, Any]]] = []
        self._refused = refused

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> Any:  # noqa: N803
        assert QueueUrl == URL
        self.calls.append(Entries)
        return {
            "Successful": [
                {"Id": e["Id"]} for e in Entries if e["MessageBody"] not in self._refused
            ],
            "Failed": [
                {"Id": e["Id"], "Code": "InternalError"}
                for e in Entries
                if e["MessageBody"] in self._refused
            ],
        }


def renew(
    sqs: Any,
    *messages: Message,
    wait: int = 0,
    spread: int = 0,
    draws: tuple[float, ...] = (0.5,),
    seconds_left: Callable[[], float] = lambda: 30,
    now: float = NOW,
) -> list[str]:
    """The ids of the messages that stay."""
    endless = cycle(draws)
    renewal = Renewal(
        sqs=sqs,
        queue_url=URL,
        role_id=PROCESSOR,
        random=lambda: next(endless),
        now=lambda: now,
    )
    left = renewal.renew(
        messages, wait_seconds=wait, spread_seconds=spread, seconds_left=seconds_left
    )
    return [m.message_id for m in left]


def test_s42_the_copy_is_unchanged_and_has_the_time_and_the_sender_of_the_first_send(
    aws: type_of_aws,
) -> None:
    sqs, stub = aws("sqs")
    binary = base64.b64encode(b"\x00\xff").decode()
    entry = {
        "Id": "0",
        "MessageBody": '{"a" :  "ü"}',
        "DelaySeconds": 12,
        "MessageAttributes": {
            "trace": sent("abc"),
            "blob": {"BinaryValue": b"\x00\xff", "DataType": "Binary"},
            **first(1),
        },
    }
    stub.add_response(
        "send_message_batch",
        {
            "Successful": [{"Id": "0", "MessageId": "n1", "MD5OfMessageBody": "-"}],
            "Failed": [],
        },
        {"QueueUrl": URL, "Entries": [entry]},
    )
    came = message(
        1,
        '{"a" :  "ü"}',
        trace=text("abc"),
        blob={"binaryValue": binary, "dataType": "Binary"},
    )
    assert renew(sqs, came, wait=7, spread=10) == []


def test_s42_copies_are_delayed_by_different_times() -> None:
    queue = Queue()
    renew(queue, *map(message, range(4)), wait=10, spread=20, draws=(0, 0.26, 0.5, 0.999))
    assert [e["DelaySeconds"] for e in queue.calls[0]] == [10, 16, 20, 30]


def test_s42_the_delay_is_limited_to_that_of_sqs() -> None:
    queue = Queue()
    renew(queue, message(1), wait=5000)
    assert queue.calls[0][0]["DelaySeconds"] == 900


def of_function(copy: Message) -> Message:
    """As the function has sent it."""
    return replace(copy, sender_id=f"{PROCESSOR}:transaction-processor")


def test_s42_a_second_renewal_keeps_the_time_of_the_first_send() -> None:
    queue = Queue()
    first = (NOW - 3600) * 1000
    renew(queue, of_function(message(1, first_sent_at=text(str(first), "Number"))))
    assert queue.calls[0][0]["MessageAttributes"][FIRST_SENT_AT]["StringValue"] == str(first)


def test_a_sender_cannot_make_its_message_older_than_it_is() -> None:
    """It would not be renewed, and an outage would make it a dead letter."""
    queue = Queue()
    assert renew(queue, message(1, first_sent_at=text("1", "Number"))) == []
    assert queue.calls[0][0]["MessageAttributes"][FIRST_SENT_AT]["StringValue"] == str(SENT_AT_MS)


@pytest.mark.parametrize(
    "value",
    ["", "soon", "-1", "\u0665", "0", str(SENT_AT_MS + 1), f"0{SENT_AT_MS - 1}", "9" * 5000],
    ids=["none", "word", "negative", "other digits", "zero", "later", "14 digits", "5000 digits"],
)
def test_s42_an_impossible_time_of_the_first_send_is_replaced(value: str) -> None:
    """Every sender can set this attribute to any value."""
    queue = Queue()
    copy = of_function(message(1, first_sent_at=text(value)))
    renew(queue, copy)
    found = queue.calls[0][0]["MessageAttributes"][FIRST_SENT_AT]
    assert found["StringValue"] == str(SENT_AT_MS)


def test_s42_after_two_weeks_a_message_is_not_renewed() -> None:
    """It stays: from now on its receives count, until SQS moves it to the dead letters."""
    queue = Queue()
    limit = (NOW - WAIT_MAX_SECONDS) * 1000
    old = of_function(message(1, first_sent_at=text(str(limit - 1), "Number")))
    young = of_function(message(2, first_sent_at=text(str(limit), "Number")))
    assert renew(queue, old, young) == ["m1"]
    assert [len(call) for call in queue.calls] == [1]
    assert renew(queue, old) == ["m1"]
    assert len(queue.calls) == 1


def test_s42_a_message_with_ten_attributes_expires_like_any_other() -> None:
    """Its copy has its first age, so that its renewals end."""
    queue = Queue()
    full = {f"a{number}": text("x") for number in range(10)}
    assert renew(queue, replace(message(1), attributes=full)) == []
    found = queue.calls[0][0]["MessageAttributes"]
    assert found.keys() == {"sender_attributes", *first(1)}
    lambdas = {n: text(v["StringValue"], v["DataType"]) for n, v in found.items()}
    later = replace(message(1), attributes=lambdas, sender_id=f"{PROCESSOR}:f")
    two_weeks = (SENT_AT_MS + 1000 * WAIT_MAX_SECONDS) / 1000
    assert renew(queue, later, now=two_weeks) == []
    assert renew(queue, later, now=two_weeks + 1) == ["m1"]


def test_a_second_renewal_keeps_the_first_sender() -> None:
    queue = Queue()
    copy = replace(
        message(1, first_sender_id=text(SENDER)), sender_id=f"{PROCESSOR}:transaction-processor"
    )
    renew(queue, copy)
    assert queue.calls[0][0]["MessageAttributes"][FIRST_SENDER_ID] == sent(SENDER)


def test_a_sender_that_claims_to_be_another_one_is_named_in_the_copy() -> None:
    queue = Queue()
    renew(queue, message(1, first_sender_id=text("AROAVICTIM:payroll")))
    assert queue.calls[0][0]["MessageAttributes"][FIRST_SENDER_ID] == sent(SENDER)


def test_a_message_without_a_sender_is_renewed_without_one() -> None:
    """SQS accepts no empty attribute."""
    queue = Queue()
    renew(queue, replace(message(1), sender_id=""))
    assert queue.calls[0][0]["MessageAttributes"].keys() == {FIRST_SENT_AT, FIRST_MESSAGE_ID}


def test_s42_an_entry_that_the_queue_refuses_stays(caplog: pytest.LogCaptureFixture) -> None:
    queue = Queue("bad")
    assert renew(queue, message(1), message(2, "bad"), message(3)) == ["m2"]
    assert [vars(r)["code"] for r in caplog.records if "code" in vars(r)] == ["InternalError"]


def test_s42_one_call_that_fails_does_not_stop_the_next(aws: type_of_aws) -> None:
    sqs, stub = aws("sqs")
    stub.add_client_error("send_message_batch", "RequestThrottled")
    stub.add_response(
        "send_message_batch",
        {"Successful": [{"Id": "10", "MessageId": "n", "MD5OfMessageBody": "-"}], "Failed": []},
    )
    assert renew(sqs, *map(message, range(11))) == [f"m{n}" for n in range(10)]


def test_s42_with_an_unreachable_queue_all_messages_stay() -> None:
    assert renew(unreachable, message(1), message(2)) == ["m1", "m2"]


def test_s42_no_call_is_larger_than_sqs_accepts() -> None:
    queue = Queue()
    large = {"note": text("n" * 1000)}
    assert renew(queue, *(message(n, "x" * 348_900, **large) for n in range(4))) == []
    assert [len(call) for call in queue.calls] == [2, 2]
    assert renew(queue, *(message(n, "x" * 348_900) for n in range(4))) == []
    assert [len(call) for call in queue.calls[2:]] == [3, 1]


def test_s42_without_time_for_the_answer_nothing_is_sent() -> None:
    """If Lambda stopped the function, originals and copies would both be received."""
    queue = Queue()
    left = iter([30.0, 10.0, 9.9])
    stays = renew(queue, *map(message, range(25)), seconds_left=lambda: next(left))
    assert [len(call) for call in queue.calls] == [10, 10]
    assert stays == [f"m{number}" for number in range(20, 25)]
