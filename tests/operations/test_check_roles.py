"""S64: the roles of an environment, as they are deployed, may do what they need and no more.

IAM evaluates the synthesized policies in the emulator: a grant that is missing or too wide in
`infra/` fails here, before a deployment.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.naming import EnvironmentSuffix
from operations import check_roles
from operations.role_expectations import ROLES, Question
from tests.account import Account
from tests.aws_stubs import type_of_aws
from tests.infra.configurations import PRODUCTION_ELSEWHERE
from tests.infra.templates import Synthesized, text
from tests.operations.conftest import set_account
from tests.operations.test_role_expectations import NAMES

SUFFIX = "roles"
# What the policies name, and nothing that starts a process.
KINDS = (
    "AWS::DynamoDB::Table", "AWS::EC2::VPC", "AWS::Events::EventBus", "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::KMS::Alias", "AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::S3::Bucket", "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
)  # fmt: skip
CODE = {
    "Runtime": "python3.12",
    "Handler": "index.handler",
    "Role": "arn:aws:iam::000000000000:role/none",
    "Code": {"ZipFile": "def handler(event, context): pass"},
}
BUCKET = f"arn:aws:s3:::transaction-audit-000000000000-{SUFFIX}"


def resources() -> dict[str, Any]:
    template = Synthesized.environment(PRODUCTION_ELSEWHERE, suffix=EnvironmentSuffix(SUFFIX))
    (attachment, attached) = template.only("AWS::SecretsManager::SecretTargetAttachment")
    found = {
        logical_id: {"Type": resource["Type"], "Properties": resource["Properties"]}
        for logical_id, resource in template.resources.items()
        if resource["Type"] in KINDS
    }
    for logical_id, function in template.all("AWS::Lambda::Function").items():
        name = function["Properties"].get("FunctionName", logical_id)
        found[logical_id] = {"Type": function["Type"], "Properties": {"FunctionName": name} | CODE}
    # The attachment's Ref is that of its secret.
    every = text(found).replace(text({"Ref": attachment}), text(attached["SecretId"]))
    # As the roles of a branch have.
    return with_path(dict(json.loads(every)))


def drills() -> dict[str, Any]:
    """The role of the environment's drills."""
    template = Synthesized.drills(EnvironmentSuffix(SUFFIX))
    return with_path(
        {
            logical_id: {"Type": resource["Type"], "Properties": dict(resource["Properties"])}
            for logical_id, resource in template.resources.items()
            if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::Role")
        }
    )


def with_path(resources: dict[str, Any]) -> dict[str, Any]:
    for resource in resources.values():
        if resource["Type"] == "AWS::IAM::Role":
            resource["Properties"]["Path"] = "/branch-roles-hub-fedge4/"
    return resources


@pytest.fixture(scope="module")
def environment(account: Account) -> Iterator[Account]:
    """The environment of SUFFIX: its roles, and the resources that their policies name."""
    with pytest.MonkeyPatch.context() as patch:
        set_account(patch, account.endpoint_url)
        stacks = {f"transaction-{SUFFIX}": resources(), f"FaultInjection-{SUFFIX}": drills()}
        for name, its_resources in stacks.items():
            account.deploy(name, tags={}, resources=its_resources)
        yield account
        for name in stacks:
            account.client("cloudformation").delete_stack(StackName=name)
            account.wait_for(name, "GONE")


def check(capsys: pytest.CaptureFixture[str], *, suffix: str = SUFFIX) -> tuple[int, str]:
    return check_roles.main(["--suffix", suffix]), capsys.readouterr().out


def test_s64_every_role_may_do_what_it_needs_and_is_denied_all_else_that_matters(
    environment: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    result, said = check(capsys)

    assert (result, said.splitlines()[-1]) == (
        0,
        f"roles checked: {len(ROLES)}; answers that are wrong: 0",
    )
    assert f"audit-writer-role-{SUFFIX}: rights checked: " in said


def test_a_refused_question_is_not_taken_for_an_environment_without_drills(
    aws: type_of_aws,
) -> None:
    client, stub = aws("cloudformation")
    stub.add_client_error("describe_stacks", "AccessDenied")

    with stub, pytest.raises(ClientError, match="AccessDenied"):
        list(check_roles.drills_of(client, SUFFIX))


@pytest.mark.parametrize(
    ("statement", "decision"),
    [
        ({"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": f"{BUCKET}/*"}, "allowed"),
        ({"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}, "explicitDeny"),
    ],
)
def test_s64_a_role_that_may_too_much_or_too_little_is_named_with_the_right(
    environment: Account,
    capsys: pytest.CaptureFixture[str],
    statement: dict[str, str],
    decision: str,
) -> None:
    iam, role = environment.client("iam"), f"audit-writer-role-{SUFFIX}"
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=role, PolicyName="changed", PolicyDocument=document)
    try:
        result, said = check(capsys)
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="changed")

    assert result == 1
    record = f"{BUCKET}/audit/2026/01/01/batch.ndjson.gz"
    assert f"{role}: {statement['Action']} on {record}: {decision}" in said.splitlines()
    assert "1 WRONG" in said


def test_s64_roles_that_are_unknown_and_roles_that_are_missing_are_named(
    environment: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {
        logical_id: resource
        for logical_id, resource in resources().items()
        if resource["Type"].startswith(("AWS::KMS", "AWS::SecretsManager"))
        or resource["Properties"].get("RoleName") == f"audit-writer-role-{SUFFIX}"
    }
    nobody = {"Version": "2012-10-17", "Statement": []}
    other["New"] = {
        "Type": "AWS::IAM::Role",
        "Properties": {"RoleName": f"new-role-{SUFFIX}", "AssumeRolePolicyDocument": nobody},
    }
    renamed = json.loads(text(other).replace(f'-{SUFFIX}"', '-other"'))
    environment.deploy("transaction-other", tags={}, resources=renamed)

    result, said = check(capsys, suffix="other")
    environment.client("cloudformation").delete_stack(StackName="transaction-other")

    assert result == 1
    assert "new-role-other (New) is missing in operations/role_expectations.py" in said
    assert "no role of the stack is schema-migrator\n" in said
    assert "no role of the stack is audit-writer" not in said
    assert "no role of the stack is environment-certificate" not in said, "not everywhere"


def test_s64_conditional_rights_are_left_out_only_where_iam_evaluates_no_conditions(
    environment: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The emulator knows no context: asked all the same, it denies such a right."""
    assert "skipped: questions about conditions" in check(capsys)[1]

    monkeypatch.setattr(check_roles, "honours_context", lambda _: True)
    result, said = check(capsys)

    assert result == 1
    assert f"transaction-service-role-{SUFFIX}: kms:Decrypt on arn:aws:kms:" in said
    assert "left out" not in said


def test_s64_a_question_carries_its_context(aws: type_of_aws) -> None:
    iam, stub = aws("iam")
    key = {
        "ContextKeyName": "kms:ViaService",
        "ContextKeyValues": ["v"],
        "ContextKeyType": "string",
    }
    stub.add_response(
        "simulate_principal_policy",
        evaluated("implicitDeny"),
        {
            "PolicySourceArn": NAMES.role_arn("r"),
            "ActionNames": ["kms:Decrypt"],
            "ResourceArns": ["arn:key"],
            "ContextEntries": [key],
        },
    )
    asked = Question(
        role="r",
        action="kms:Decrypt",
        resource="arn:key",
        expected=True,
        context=("kms:ViaService", "v"),
    )

    assert list(check_roles.wrong_answers(iam, NAMES, [asked])) == [
        "r: kms:Decrypt on arn:key: implicitDeny"
    ]


@pytest.mark.parametrize(("decision", "honours"), [("allowed", True), ("implicitDeny", False)])
def test_s64_whether_iam_evaluates_conditions_is_seen_by_a_known_policy(
    aws: type_of_aws, decision: str, honours: bool
) -> None:
    iam, stub = aws("iam")
    stub.add_response("simulate_custom_policy", evaluated(decision))

    assert check_roles.honours_context(iam) is honours


def test_s64_where_no_policy_can_be_tried_conditions_are_left_out(aws: type_of_aws) -> None:
    iam, stub = aws("iam")
    stub.add_client_error("simulate_custom_policy", "AccessDenied")

    assert check_roles.honours_context(iam) is False


def evaluated(decision: str) -> dict[str, Any]:
    return {"EvaluationResults": [{"EvalActionName": "any", "EvalDecision": decision}]}
