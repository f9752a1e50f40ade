"""S42: the breaker's state in DynamoDB; a write replaces only the state that was read."""

from typing import Any

import pytest

from lambda_src.shared.breaker import State, StateUnavailable
from lambda_src.shared.breaker_table import BreakerTable
from tests.aws_stubs import type_of_aws, unreachable

OPEN = State(revision=7, failures=4, pause_seconds=10, retry_at=1_794_000_010)
KEY = {"breaker": {"S": "ledger"}}


def table(dynamodb: Any) -> BreakerTable:
    return BreakerTable(
        dynamodb=dynamodb, table_name="breaker", breaker="ledger", now=lambda: 1_794_000_000.5
    )


def numbers(**values: int) -> dict[str, dict[str, str]]:
    return {name: {"N": str(value)} for name, value in values.items()}


def test_s42_without_an_item_the_breaker_is_closed(aws: type_of_aws) -> None:
    dynamodb, stub = aws("dynamodb")
    stub.add_response("get_item", {}, {"TableName": "breaker", "Key": KEY, "ConsistentRead": True})
    assert table(dynamodb).read() == State()


def test_s42_a_written_state_is_read_with_the_next_revision(aws: type_of_aws) -> None:
    dynamodb, stub = aws("dynamodb")
    item = KEY | numbers(
        revision=8,
        failures=4,
        pause_seconds=10,
        retry_at=1_794_000_010,
        expires_at=1_794_000_000 + 86_400,
    )
    stub.add_response(
        "put_item",
        {},
        {
            "TableName": "breaker",
            "Item": item,
            "ConditionExpression": "attribute_not_exists(breaker) OR revision = :seen",
            "ExpressionAttributeValues": {":seen": {"N": "7"}},
        },
    )
    stub.add_response("get_item", {"Item": item})
    assert table(dynamodb).write(OPEN)
    assert table(dynamodb).read() == State(
        revision=8, failures=4, pause_seconds=10, retry_at=1_794_000_010
    )


def test_s42_a_state_that_another_writer_changed_is_not_replaced(aws: type_of_aws) -> None:
    dynamodb, stub = aws("dynamodb")
    stub.add_client_error("put_item", "ConditionalCheckFailedException")
    assert not table(dynamodb).write(OPEN)


def test_s42_an_error_of_the_table_means_unavailable(aws: type_of_aws) -> None:
    dynamodb, stub = aws("dynamodb")
    stub.add_client_error("put_item", "ThrottlingException")
    stub.add_client_error("get_item", "ResourceNotFoundException")
    with pytest.raises(StateUnavailable, match=r"table breaker: .*ThrottlingException"):
        table(dynamodb).write(OPEN)
    with pytest.raises(StateUnavailable, match=r"table breaker: .*ResourceNotFoundException"):
        table(dynamodb).read()


def test_s42_a_table_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(StateUnavailable):
        table(unreachable).read()
    with pytest.raises(StateUnavailable):
        table(unreachable).write(OPEN)
