"""A drill fails if the environment's own verification finds a discrepancy."""

import datetime as dt
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY

from integration_tests.audit_verification import VerificationFailed, discrepancies_since
from operations.drills.audited import audit_problems, verification_problems
from tests.aws_stubs import type_of_aws

SINCE = dt.datetime(2026, 11, 26, 8, tzinfo=dt.UTC)
MISSING = {"kind": "missing", "subject": "batch", "id": "b1", "detail": "no object has it"}


class Verifier:
    """The function's answers, one for each call; an error ends the call as Lambda tells it."""

    def __init__(self, *answers: Mapping[str, Any]) -> None:
        self._answers = list(answers)
        self.events: list[dict[str, Any]] = []

    def invoke(self, **request: str) -> dict[str, Any]:
        self.events.append(json.loads(request["Payload"]))
        answer = self._answers.pop(0)
        body = io.BytesIO(json.dumps(answer).encode())
        failed = {"FunctionError": "Unhandled"} if "errorMessage" in answer else {}
        return {"Payload": body, **failed}


def answer(*found: Mapping[str, Any], cursor: Any = None) -> dict[str, Any]:
    return {
        "checked": {"transactions": 10, "batches": 1, "objects": 1},
        "discrepancies": found,
        "discrepancy_count": len(found),
        "cursor": cursor,
    }


def problems(*answers: Mapping[str, Any]) -> Sequence[str]:
    verifier: Any = Verifier(*answers)
    return verification_problems(verifier, "audit-verifier-dev", SINCE)


def test_b10_a_consistent_trail_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert problems(answer()) == []
    assert "consistent, 10 transactions" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([answer(MISSING)], "missing batch b1: no object has it"),
        ([answer(cursor={"at": 1}), answer(MISSING)], "missing batch b1"),
        ([{"errorMessage": "no database"}], "could not be verified"),
    ],
)
def test_b10_a_discrepancy_or_a_failed_verification_fails_the_drill(
    answers: list[dict[str, Any]], said: str
) -> None:
    (problem,) = problems(*answers)

    assert said in problem


def test_b10_the_audit_bucket_and_the_verifier_are_both_asked(aws: type_of_aws) -> None:
    """The bucket holds a transaction twice, and the verifier finds a batch that is missing."""
    s3, stub = aws("s3")
    verifier: Any = Verifier(answer(MISSING))
    since = dt.datetime.now(dt.UTC)
    body = gzip.compress(b'{"transaction_id": "a"}\n' * 2)
    stub.add_response(
        "list_objects_v2",
        {"Contents": [{"Key": "one", "LastModified": since}]},
        {"Bucket": "audit-dev", "Prefix": ANY},
    )
    stub.add_response(
        "get_object",
        {"Body": StreamingBody(io.BytesIO(body), len(body))},
        {"Bucket": "audit-dev", "Key": "one"},
    )

    doubled, missing = audit_problems(
        ["a"], s3=s3, lambda_=verifier, bucket="audit-dev", verifier="verifier-dev", since=since
    )

    assert "more than once: ['a']" in doubled
    assert "missing batch b1" in missing


def test_b10_the_range_stays_the_same_until_all_of_it_is_verified() -> None:
    verifier: Any = Verifier(answer(cursor={"at": 1}), answer())

    assert discrepancies_since(verifier, "audit-verifier-dev", SINCE) == ([], 20)
    first, second = verifier.events
    assert first["from"] == SINCE.isoformat()
    assert second == {**first, "cursor": {"at": 1}}


def test_b10_an_error_of_the_function_is_no_result() -> None:
    verifier: Any = Verifier({"errorMessage": "no database"})

    with pytest.raises(VerificationFailed, match="no database"):
        discrepancies_since(verifier, "audit-verifier-dev", SINCE)
