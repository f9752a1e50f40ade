"""Asks the environment itself whether its ledger and its audit trail agree."""

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class VerificationFailed(Exception):
    """The function ended with an error."""


def trace_of(lambda_: "LambdaClient", function: str, transaction_id: str) -> dict[str, Any]:
    """How far the transaction has come. Raises VerificationFailed."""
    return dict(_answer(lambda_, function, {"trace": transaction_id})["trace"])


def discrepancies_since(
    lambda_: "LambdaClient",
    function: str,
    since: dt.datetime,
    *,
    until: dt.datetime | None = None,
) -> tuple[list[str], int]:
    """A line for each discrepancy from `since` until `until` (default: now), and the number of
    transactions compared.

    Raises VerificationFailed.
    """
    event: dict[str, Any] = {
        "from": since.isoformat(),
        "to": (until or dt.datetime.now(dt.UTC)).isoformat(),
        "cursor": None,
    }
    found: list[str] = []
    compared = 0
    while True:
        answer = _answer(lambda_, function, event)
        found += ["{kind} {subject} {id}: {detail}".format_map(d) for d in answer["discrepancies"]]
        compared += answer["checked"]["transactions"]
        if answer["cursor"] is None:
            return found, compared
        event["cursor"] = answer["cursor"]


def _answer(lambda_: "LambdaClient", function: str, event: dict[str, Any]) -> dict[str, Any]:
    invoked = lambda_.invoke(FunctionName=function, Payload=json.dumps(event))
    answer = json.loads(invoked["Payload"].read())
    if "FunctionError" in invoked:
        raise VerificationFailed(f"{function}: {answer}")
    return dict(answer)
