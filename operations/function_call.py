"""Calls a function of an environment and waits for its answer."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from infra.component_names import VERIFIER_TIMEOUT_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

# Longer than any function may run. Keep-alive packets tell firewalls that the connection is in use
# while it waits (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html).
PATIENCE: Final = Config(
    read_timeout=VERIFIER_TIMEOUT_SECONDS + 10,
    tcp_keepalive=True,
    retries={"total_max_attempts": 1},
)


class CallFailed(Exception):
    """The function failed, or is of a version that does not know the request."""


def call(
    lambda_: "LambdaClient",
    *,
    function: str,
    event: Mapping[str, Any],
    expected: str,
    attempts: int = 1,
) -> dict[str, Any]:
    """The function's answer, which has the field `expected`. Raises CallFailed.

    `attempts`: more than one only for a function that may run twice. A function that has not
    answered in time is not called again: it is still at work, and a second call adds to its load.
    """
    for _ in range(attempts - 1):
        try:
            return _call(lambda_, function=function, event=event, expected=expected)
        except ReadTimeoutError:
            raise
        except (CallFailed, BotoCoreError, ClientError):
            continue
    return _call(lambda_, function=function, event=event, expected=expected)


def _call(
    lambda_: "LambdaClient", *, function: str, event: Mapping[str, Any], expected: str
) -> dict[str, Any]:
    answer = lambda_.invoke(FunctionName=function, Payload=json.dumps(event))
    content = json.loads(answer["Payload"].read())
    if "FunctionError" in answer or expected not in content:
        raise CallFailed(
            f"{content.get('errorMessage', content)}. "
            f"The whole error is in the log group /aws/lambda/{function}"
        )
    return dict(content)
