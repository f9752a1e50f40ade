"""A situation whose AWS answers what a test says."""

from collections.abc import Callable
from typing import Any

import pytest

from operations.preflight.findings import Check, Situation, carry_out
from pipeline.delivery_settings import DeliverySettings
from tests.aws_stubs import type_of_aws
from tests.infra.context import CDK_JSON

ACCOUNT = "111111111111"
GITHUB = {
    "kind": "github",
    "repository": "acme/ledger",
    "connectionArn": f"arn:aws:codeconnections:us-east-1:{ACCOUNT}:connection/0a1b",
}
Ask = Callable[..., list[str]]


@pytest.fixture
def ask(aws: type_of_aws) -> Ask:
    """Carry out a check and return its lines. `answers` holds an answer, or the code of an error,
    by `service.operation`; context values are given by name."""

    def ask(check: Check, answers: dict[str, Any], **context: object) -> list[str]:
        for name, answer in answers.items():
            service, _, operation = name.partition(".")
            stub = aws(service)[1]
            if isinstance(answer, str):
                stub.add_client_error(operation, answer)
            else:
                stub.add_response(operation, answer)
        values = {**CDK_JSON, "account": ACCOUNT, **context}
        situation = Situation(
            settings=DeliverySettings.from_context(values.get, defaults=CDK_JSON),
            account=ACCOUNT,
            client=lambda service: aws(service)[0],
        )
        return [str(finding) for finding in carry_out("check", check, situation)]

    return ask
