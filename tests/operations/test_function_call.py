"""A function of an environment is called again only when that can help."""

import io
import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.response import StreamingBody

from operations.function_call import call


class Lambda:
    """Answers each call with the next of `answers`; an error is raised."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self.answers = list(answers)

    def invoke(self, **_: object) -> dict[str, Any]:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        body = json.dumps(answer).encode()
        return {"Payload": StreamingBody(io.BytesIO(body), len(body))}


def ask(lambda_: Any) -> dict[str, Any]:
    return call(lambda_, function="f", event={}, expected="found", attempts=2)


def test_a_function_that_is_still_at_work_is_not_started_again() -> None:
    """It goes on after its caller has left: a second one would do the same work beside it."""
    slow = Lambda(ReadTimeoutError(endpoint_url="http://x"), {"found": 1})
    with pytest.raises(ReadTimeoutError):
        ask(slow)
    assert slow.answers == [{"found": 1}]


@pytest.mark.parametrize(
    "first", [EndpointConnectionError(endpoint_url="http://x"), {"errorMessage": "no database"}]
)
def test_a_call_that_failed_is_repeated(first: Any) -> None:
    assert ask(Lambda(first, {"found": 1})) == {"found": 1}
