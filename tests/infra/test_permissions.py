"""S64: every policy of every role, those of CDK's helpers included.

Wildcards need an entry in checks/suppressions/environment.py; operations/role_expectations.py says
what each role needs.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from unittest.mock import Mock

import pytest

from lambda_src.environment_certificate.lifecycle import on_event
from tests.infra.templates import Resource, Synthesized, as_list, text
from tests.lambda_src.environment_certificate.account import Acm, Secrets, authority_secret


def role_statements(stack: Synthesized) -> Iterator[tuple[str, dict[str, Any]]]:
    """(role, statement) of every inline and attached policy in the template."""
    for role, resource in stack.all("AWS::IAM::Role").items():
        for policy in resource["Properties"].get("Policies", []):
            yield from ((role, s) for s in policy["PolicyDocument"]["Statement"])
    for policy in stack.properties("AWS::IAM::Policy"):
        for role in policy["Roles"]:
            yield from ((role["Ref"], s) for s in policy["PolicyDocument"]["Statement"])


def allowed(stack: Synthesized) -> list[tuple[str, dict[str, Any]]]:
    found = [(role, s) for role, s in role_statements(stack) if s["Effect"] == "Allow"]
    assert {role for role, _ in found} == set(stack.all("AWS::IAM::Role"))
    return found


def test_s64_no_role_has_a_wildcard_action(every: Synthesized) -> None:
    wildcards = [
        (role, action)
        for role, statement in allowed(every)
        for action in as_list(statement["Action"])
        if "*" in action
    ]

    assert wildcards == []
    assert not any("NotAction" in s or "NotResource" in s for _, s in role_statements(every))


def test_s64_no_role_has_a_policy_of_aws(every: Synthesized) -> None:
    """Those are written for every account: the one for logs is for all log groups."""
    assert [r for r in every.properties("AWS::IAM::Role") if "ManagedPolicyArns" in r] == []


def test_s64_a_role_is_taken_by_one_service(every: Synthesized) -> None:
    for role in every.properties("AWS::IAM::Role"):
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Action"] == "sts:AssumeRole"
        assert text(statement["Principal"]["Service"]).endswith('.amazonaws.com"')


@pytest.mark.parametrize("role", ["transaction-service-role-dev", "transaction-processor-role-dev"])
def test_s64_a_role_uses_the_key_only_through_the_services_it_calls(
    ephemeral: Synthesized, role: str
) -> None:
    """The exception is a function's own variables, which it decrypts by itself."""
    direct = [
        s["Action"]
        for s in ephemeral.statements_of(role)
        if "kms:" in text(s["Action"]) and "kms:ViaService" not in text(s.get("Condition"))
    ]

    assert direct in ([], ["kms:Decrypt"])


def test_s64_the_service_queries_sessions_by_the_one_index_and_clients_by_their_id(
    ephemeral: Synthesized,
) -> None:
    queried = [
        resource
        for s in ephemeral.statements_of("transaction-service-role-dev")
        if "dynamodb:Query" in as_list(s["Action"])
        for resource in as_list(s["Resource"])
    ]
    clients, _ = ephemeral.only("AWS::DynamoDB::Table", TableName="transaction-api-clients-dev")
    (sessions,) = (r for r in queried if r != {"Fn::GetAtt": [clients, "Arn"]})

    assert len(queried) == 2
    assert text(sessions).endswith('"/index/by-user"]]}')


def test_s64_no_role_of_an_environment_writes_credentials(every: Synthesized) -> None:
    """A broken service must not be able to make itself a client."""
    clients, _ = every.only("AWS::DynamoDB::Table", TableName="transaction-api-clients-dev")
    allowed = {
        action
        for policy in every.properties("AWS::IAM::Policy")
        for s in policy["PolicyDocument"]["Statement"]
        if f'"{clients}"' in text(s["Resource"])
        for action in as_list(s["Action"])
    }

    assert allowed == {"dynamodb:Query"}


def certificate_conditions(stack: Synthesized) -> list[Resource]:
    return [
        s["Condition"]
        for s in stack.statements_of("environment-certificate-role-dev")
        if "acm:" in text(s["Action"])
    ]


def test_s64_the_certificate_maker_may_touch_what_it_tags_itself(ephemeral: Synthesized) -> None:
    acm = Acm()
    created = on_event(
        {
            "RequestType": "Create",
            "RequestId": "0" * 32,
            "ResourceProperties": {
                "Names": ["api.example.com"],
                "ValidityDays": "1",
                "Authority": "1",
            },
        },
        acm=acm,  # type: ignore[arg-type]
        authority_secret=authority_secret(Secrets()),
        now=lambda: datetime.now(UTC),
        pause=Mock(),
        seconds_left=Mock(),
    )
    (tag,) = acm.certificates[created["PhysicalResourceId"]]["Tags"]

    assert certificate_conditions(ephemeral) == [
        {"StringEquals": {f"aws:RequestTag/{tag['Key']}": tag["Value"]}},
        {"StringEquals": {f"aws:ResourceTag/{tag['Key']}": tag["Value"]}},
    ]


def test_s64_only_the_certificate_maker_may_read_the_authoritys_key(ephemeral: Synthesized) -> None:
    (secret,) = (
        logical_id
        for logical_id, resource in ephemeral.all("AWS::SecretsManager::Secret").items()
        if resource["Properties"]["Name"] == "transaction-certificate-authority-dev"
    )
    readers = {
        role for role, statement in allowed(ephemeral) if secret in text(statement["Resource"])
    }
    assert {ephemeral.resources[role]["Properties"].get("RoleName") for role in readers} == {
        "environment-certificate-role-dev"
    }
