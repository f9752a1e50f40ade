"""S41: retries with exponential backoff and full jitter, per message."""

from typing import Any

import pytest

from lambda_src.shared.messages import Message
from lambda_src.shared.redelivery import Redelivery, delay_seconds
from tests.aws_stubs import type_of_aws, unreachable

URL = "https://sqs.us-east-1.amazonaws.com/111111111111/transaction-queue-dev"


def message(number: int, receive_count: int = 1) -> Message:
    return Message(
        message_id=f"m{number}",
        receipt_handle=f"handle of m{number}",
        body="",
        receive_count=receive_count,
    )


def asked(*delays: tuple[int, int]) -> dict[str, Any]:
    return {
        "QueueUrl": URL,
        "Entries": [
            {
                "Id": str(index),
                "ReceiptHandle": f"handle of m{number}",
                "VisibilityTimeout": seconds,
            }
            for index, (number, seconds) in enumerate(delays)
        ],
    }


@pytest.mark.parametrize(
    ("receive_count", "ceiling"),
    [(1, 5), (2, 10), (3, 20), (8, 640), (9, 900), (10, 900), (11, 900), (12, 900), (5000, 900)],
)
def test_s41_the_ceiling_doubles_with_each_delivery_up_to_a_quarter_hour(
    receive_count: int, ceiling: int
) -> None:
    assert delay_seconds(receive_count, lambda: 0.9999999) == ceiling


def test_s41_jitter_is_full() -> None:
    draws = iter([0.0, 0.25, 0.5, 0.75])
    assert [delay_seconds(4, lambda: next(draws)) for _ in range(4)] == [0, 10, 20, 30]


def test_s41_each_message_gets_its_own_delay(aws: type_of_aws) -> None:
    sqs, stub = aws("sqs")
    stub.add_response(
        "change_message_visibility_batch",
        {"Successful": [{"Id": "0"}, {"Id": "1"}], "Failed": []},
        asked((1, 4), (2, 10)),
    )
    draws = iter([0.8, 0.5])
    redelivery = Redelivery(sqs=sqs, queue_url=URL, random=lambda: next(draws))
    redelivery.postpone([message(1), message(2, receive_count=3)], seconds_left=lambda: 30)


def test_more_than_ten_messages_take_several_calls(aws: type_of_aws) -> None:
    sqs, stub = aws("sqs")
    for numbers in (range(1, 11), range(11, 13)):
        stub.add_response(
            "change_message_visibility_batch",
            {"Successful": [], "Failed": []},
            asked(*((number, 0) for number in numbers)),
        )
    redelivery = Redelivery(sqs=sqs, queue_url=URL, random=lambda: 0.0)
    redelivery.postpone([message(number) for number in range(1, 13)], seconds_left=lambda: 30)


def test_a_refused_entry_is_logged_by_its_message(
    aws: type_of_aws, caplog: pytest.LogCaptureFixture
) -> None:
    sqs, stub = aws("sqs")
    failed = [{"Id": "1", "Code": "ReceiptHandleIsInvalid", "SenderFault": True}]
    stub.add_response("change_message_visibility_batch", {"Successful": [], "Failed": failed})
    redelivery = Redelivery(sqs=sqs, queue_url=URL, random=lambda: 0.0)
    redelivery.postpone([message(1), message(2)], seconds_left=lambda: 30)
    [line] = caplog.records
    assert (vars(line)["message_id"], vars(line)["code"]) == ("m2", "ReceiptHandleIsInvalid")


def test_a_refused_call_does_not_stop_the_next(aws: type_of_aws) -> None:
    sqs, stub = aws("sqs")
    stub.add_client_error("change_message_visibility_batch", "RequestThrottled")
    stub.add_response("change_message_visibility_batch", {"Successful": [], "Failed": []})
    redelivery = Redelivery(sqs=sqs, queue_url=URL, random=lambda: 0.0)
    redelivery.postpone([message(number) for number in range(1, 12)], seconds_left=lambda: 30)


def test_an_unreachable_queue_raises_no_error(caplog: pytest.LogCaptureFixture) -> None:
    redelivery = Redelivery(sqs=unreachable, queue_url=URL, random=lambda: 0.0)
    redelivery.postpone([message(1)], seconds_left=lambda: 30)
    assert [line.message for line in caplog.records] == ["messages not postponed"]


def test_s41_without_time_for_a_call_the_rest_is_left_to_the_queue(aws: type_of_aws) -> None:
    """If Lambda stopped the function, it would have answered for no message."""
    sqs, stub = aws("sqs")
    stub.add_response(
        "change_message_visibility_batch",
        {"Successful": [], "Failed": []},
        asked(*((number, 0) for number in range(10))),
    )
    left = iter([10.0, 9.9])
    redelivery = Redelivery(sqs=sqs, queue_url=URL, random=lambda: 0.0)
    redelivery.postpone([message(number) for number in range(25)], seconds_left=lambda: next(left))
