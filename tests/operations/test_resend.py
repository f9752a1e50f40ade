"""`make resend`: the schema migrator makes the batches due that are set aside."""

import io
import json
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody

from lambda_src.schema_migrator.settings import RETRIED, RETRY_BATCHES
from operations import resend
from tests.aws_stubs import type_of_aws


def answer(aws: type_of_aws, monkeypatch: pytest.MonkeyPatch, content: Any, **more: str) -> None:
    body = json.dumps(content).encode()
    client, stub = aws("lambda")
    stub.add_response(
        "invoke",
        {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(body), len(body)), **more},
        {"FunctionName": "schema-migrator-dev", "Payload": json.dumps(RETRY_BATCHES)},
    )
    monkeypatch.setattr(boto3.Session, "client", lambda *_, **__: client)


@pytest.mark.parametrize(
    ("count", "said"), [(0, "no batch is set aside\n"), (2, "2 set aside: the relays send them")]
)
def test_the_function_is_asked_and_the_number_is_told(
    aws: type_of_aws,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    count: int,
    said: str,
) -> None:
    answer(aws, monkeypatch, {RETRIED: count})
    assert resend.main(["--suffix", "dev"]) == 0
    assert capsys.readouterr().out.startswith(said)


@pytest.mark.parametrize(
    "case",
    [
        ({"errorMessage": "no database"}, {"FunctionError": "Unhandled"}, "no database"),
        # A version that does not know the event has migrated instead.
        ({"applied": []}, {}, "{'applied': []}"),
    ],
)
def test_a_function_that_fails_or_does_not_know_the_request_is_an_error(
    aws: type_of_aws,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    case: tuple[dict[str, Any], dict[str, str], str],
) -> None:
    content, more, said = case
    answer(aws, monkeypatch, content, **more)
    assert resend.main(["--suffix", "dev"]) == 1
    assert f"error: nothing was changed: {said}. The whole error" in capsys.readouterr().err
