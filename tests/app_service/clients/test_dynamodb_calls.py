"""What is not a whole answer of DynamoDB is no answer."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app_service.clients.dynamodb_calls import DynamoDbCalls
from app_service.clients.session_table import SessionsUnavailable


async def run(answer: dict[str, Any]) -> dict[str, Any]:
    with ThreadPoolExecutor(1) as executor:
        calls = DynamoDbCalls(
            executor=executor, store="session store", unavailable=SessionsUnavailable
        )
        return await calls.run(lambda: answer)


@pytest.mark.parametrize("headers", [{"server": "S"}, {"content-length": ""}])
async def test_an_answer_that_broke_off_is_not_taken_for_nothing_found(
    headers: dict[str, str],
) -> None:
    """A client with a valid session would be told to log in again."""
    with pytest.raises(SessionsUnavailable):
        await run({"ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": headers}})


async def test_a_whole_answer_without_an_item_is_one() -> None:
    nothing = {"ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {"content-length": "2"}}}
    assert await run(nothing) == nothing
