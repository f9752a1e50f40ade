"""`python -m scripts.check_roles <suffix>`: asks IAM what each deployed role may do, and may not.

S64, on the roles as they are and not on the template: SimulatePrincipalPolicy for what a role must
do, and for what would matter in a breach. Works against AWS and the local cloud, by the usual
variables of the SDK. Ends with 1 and a list if a role may do too little or too much.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


@dataclass(frozen=True, kw_only=True)
class Question:
    """May `role` do `action` on `resource`, where the request carries `context`?"""

    role: str
    action: str
    resource: str
    expected: bool
    context: tuple[tuple[str, str], ...] = ()


class Names:
    """The ARNs of one environment's things."""

    def __init__(self, suffix: str) -> None:
        self._suffix = suffix
        identity = boto3.client("sts").get_caller_identity()
        self.partition, self.account = identity["Arn"].split(":")[1], identity["Account"]
        self.region = boto3.session.Session().region_name
        self.key = boto3.client("kms").describe_key(KeyId=f"alias/transaction-key-{suffix}")[
            "KeyMetadata"
        ]["Arn"]

    def arn(self, service: str, resource: str) -> str:
        return (
            f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}-{self._suffix}"
        )

    def record(self) -> str:
        bucket = f"transaction-audit-{self.account}-{self._suffix}"
        return f"arn:{self.partition}:s3:::{bucket}/audit/2026/01/01/batch.ndjson.gz"

    def secret(self, base: str) -> str:
        secrets = boto3.client("secretsmanager")
        return secrets.describe_secret(SecretId=f"{base}-{self._suffix}")["ARN"]

    def role_name(self, base: str) -> str:
        return f"{base}-role-{self._suffix}"

    def via(self, service: str) -> tuple[tuple[str, str], ...]:
        return (("kms:ViaService", f"{service}.{self.region}.amazonaws.com"),)


def needed(names: Names) -> Iterator[Question]:
    """What each role must be able to do."""
    table, index = names.arn("dynamodb", "table/transaction-sessions"), "/index/by-user"
    sends, takes, dead = (
        names.arn("sqs", queue)
        for queue in ("audit-queue", "transaction-queue", "transaction-dead-letters")
    )
    breaker = names.arn("dynamodb", "table/transaction-breaker")
    may = (
        ("transaction-service", "dynamodb:GetItem", table, ()),
        ("transaction-service", "dynamodb:PutItem", table, ()),
        ("transaction-service", "dynamodb:DeleteItem", table, ()),
        ("transaction-service", "dynamodb:Query", table + index, ()),
        ("transaction-service", "sqs:SendMessage", sends, ()),
        ("transaction-service", "kms:GenerateDataKey", names.key, names.via("sqs")),
        ("transaction-service", "kms:Decrypt", names.key, names.via("dynamodb")),
        (
            "transaction-service-start",
            "secretsmanager:GetSecretValue",
            names.secret("transaction-db-service"),
            (),
        ),
        ("transaction-processor", "sqs:ReceiveMessage", takes, ()),
        ("transaction-processor", "sqs:DeleteMessage", takes, ()),
        ("transaction-processor", "sqs:ChangeMessageVisibility", takes, ()),
        ("transaction-processor", "sqs:SendMessage", dead, ()),
        ("transaction-processor", "sqs:SendMessage", takes, ()),
        ("transaction-processor", "dynamodb:GetItem", breaker, ()),
        ("transaction-processor", "dynamodb:PutItem", breaker, ()),
        (
            "transaction-processor",
            "secretsmanager:GetSecretValue",
            names.secret("transaction-db-processor"),
            (),
        ),
        ("audit-writer", "s3:PutObject", names.record(), ()),
        ("audit-writer", "sqs:ReceiveMessage", sends, ()),
        (
            "schema-migrator",
            "secretsmanager:GetSecretValue",
            names.secret("transaction-db-admin"),
            (),
        ),
    )
    for base, action, resource, context in may:
        yield Question(
            role=names.role_name(base),
            action=action,
            resource=resource,
            expected=True,
            context=context,
        )


def harmful(names: Names, role: str) -> Iterator[Question]:
    """What no role of an environment may do, whoever has broken into it."""
    cluster = names.arn("rds", "cluster:transaction-db")
    migrator = names.arn("lambda", "function:schema-migrator")
    acts = (
        ("s3:DeleteObject", names.record()),
        ("s3:DeleteObjectVersion", names.record()),
        ("s3:GetObject", names.record()),
        ("dynamodb:Scan", names.arn("dynamodb", "table/transaction-sessions")),
        ("dynamodb:DeleteTable", names.arn("dynamodb", "table/transaction-sessions")),
        ("sqs:PurgeQueue", names.arn("sqs", "transaction-queue")),
        ("dynamodb:DeleteTable", names.arn("dynamodb", "table/transaction-breaker")),
        ("dynamodb:UpdateItem", names.arn("dynamodb", "table/transaction-breaker")),
        ("lambda:UpdateEventSourceMapping", "*"),
        ("rds:ModifyDBCluster", cluster),
        ("rds:DeleteDBCluster", cluster),
        ("lambda:UpdateFunctionCode", migrator),
        ("kms:ScheduleKeyDeletion", names.key),
        ("kms:PutKeyPolicy", names.key),
        ("iam:PassRole", names.arn("iam", "role/schema-migrator-role")),
        ("iam:CreateUser", f"arn:{names.partition}:iam::{names.account}:user/anyone"),
        ("sts:AssumeRole", f"arn:{names.partition}:iam::{names.account}:role/anyone"),
        ("logs:DeleteLogGroup", names.arn("logs", "log-group:/ecs/transaction-service")),
    )
    for action, resource in acts:
        yield Question(role=role, action=action, resource=resource, expected=False)
    if role != names.role_name("transaction-processor"):
        # The processor puts back what it cannot post yet. It may post anyway, so that adds nothing.
        queue = names.arn("sqs", "transaction-queue")
        yield Question(role=role, action="sqs:SendMessage", resource=queue, expected=False)
        breaker = names.arn("dynamodb", "table/transaction-breaker")
        yield Question(role=role, action="dynamodb:PutItem", resource=breaker, expected=False)
    if role != names.role_name("schema-migrator"):
        secret = names.secret("transaction-db-admin")
        yield Question(
            role=role, action="secretsmanager:GetSecretValue", resource=secret, expected=False
        )
    for base in ("transaction-processor", "schema-migrator"):
        if role == names.role_name(base):
            code = (("lambda:SourceFunctionArn", names.arn("lambda", f"function:{base}")),)
            yield Question(
                role=role,
                action="ec2:CreateNetworkInterface",
                resource="*",
                expected=False,
                context=code,
            )


def answer(iam: "IAMClient", names: Names, question: Question) -> str:
    result = iam.simulate_principal_policy(
        PolicySourceArn=f"arn:{names.partition}:iam::{names.account}:role/{question.role}",
        ActionNames=[question.action],
        ResourceArns=[question.resource],
        ContextEntries=[
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in question.context
        ],
    )
    return result["EvaluationResults"][0]["EvalDecision"]


def honours_context(iam: "IAMClient") -> bool:
    """Asked of a policy whose answer is known: the local cloud looks at no context."""
    policy = {
        "Effect": "Allow",
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:ViaService": "known"}},
    }
    try:
        result = iam.simulate_custom_policy(
            PolicyInputList=[json.dumps({"Version": "2012-10-17", "Statement": [policy]})],
            ActionNames=["sqs:SendMessage"],
            ContextEntries=[
                {
                    "ContextKeyName": "kms:ViaService",
                    "ContextKeyValues": ["known"],
                    "ContextKeyType": "string",
                }
            ],
        )
    except ClientError:
        return False
    return result["EvaluationResults"][0]["EvalDecision"] == "allowed"


def main() -> int:
    (suffix,) = sys.argv[1:]
    names, iam = Names(suffix), boto3.client("iam")
    pages = boto3.client("cloudformation").get_paginator("list_stack_resources")
    roles = [
        resource["PhysicalResourceId"]
        for page in pages.paginate(StackName=f"transaction-{suffix}")
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::IAM::Role"
    ]
    questions = [*needed(names), *(q for role in roles for q in harmful(names, role))]
    if not honours_context(iam):
        left_out = sum(bool(q.context) for q in questions)
        print(f"{left_out} questions about conditions are left out: nobody here looks at them")
        questions = [q for q in questions if not q.context]
    wrong = []
    for question in questions:
        decision = answer(iam, names, question)
        if (decision == "allowed") != question.expected:
            wrong.append(f"{question.role}: {question.action} on {question.resource}: {decision}")
    for line in wrong:
        print(line)
    allowed = sum(q.expected for q in questions)
    print(
        f"{len(roles)} roles: {allowed} rights that are needed, "
        f"{len(questions) - allowed} that nobody may have; {len(wrong)} answers are wrong"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
