"""The rights that each role of an environment needs, and the rights that no role may have.

A role must have the rights that it needs. It must not have the rights of the other roles and of
`NOBODY`: they would matter in a breach. Resources have the names of `Names`
(operations/role_names.py); `{region}` and similar parts of a value are fields of `Names`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from infra.experiment_role import TAG_OF_FIS
from lambda_src.shared.breaker import ARCHIVE, LEDGER
from lambda_src.shared.stack_tags import ENVIRONMENT_TAG
from operations.role_names import Names

Rights = Mapping[str, tuple[str, ...]]  # actions by the name of a resource


@dataclass(frozen=True, kw_only=True)
class Question:
    """May `role` do `action` on `resource`, where the request carries `context` (key, value)?"""

    role: str
    action: str
    resource: str
    expected: bool
    context: tuple[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Conditional:
    """A right that a role has, or has not, where the request's `key` is `value`."""

    action: str
    resource: str
    key: str
    value: str
    expected: bool


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """The rights that one role needs, and those that depend on the request."""

    needs: Rights = field(default_factory=dict)
    conditional: tuple[Conditional, ...] = ()
    is_everywhere: bool = True  # False: only in environments with a setting that needs the role


NOBODY: Final[Rights] = {
    "record": (
        "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectRetention",
    ),
    "beside the records": ("s3:PutObject",),
    "audit bucket": ("s3:PutBucketPolicy", "s3:PutLifecycleConfiguration", "s3:DeleteBucket"),
    "sessions": ("dynamodb:Scan", "dynamodb:UpdateTable", "dynamodb:DeleteTable"),
    "api clients": (
        "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:Scan",
        "dynamodb:DeleteTable",
    ),
    "breaker": ("dynamodb:UpdateItem", "dynamodb:DeleteTable"),
    "outcomes": ("events:DeleteEventBus", "events:PutPermission", "events:PutRule"),
    "transactions": ("sqs:PurgeQueue",),
    "transaction dead letters": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:PurgeQueue"),
    "audit dead letters": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:PurgeQueue"),
    "admin secret": ("secretsmanager:PutSecretValue",),
    "service secret": ("secretsmanager:PutSecretValue",),
    "processor secret": ("secretsmanager:PutSecretValue",),
    "auditor secret": ("secretsmanager:PutSecretValue",),
    "key": ("kms:ScheduleKeyDeletion", "kms:PutKeyPolicy"),
    "database": ("rds:ModifyDBCluster", "rds:DeleteDBCluster"),
    "service": ("ecs:UpdateService",),
    "images": ("ecr:PutImage",),
    "migrator": ("lambda:InvokeFunction", "lambda:UpdateFunctionCode"),
    "migrator role": ("iam:PassRole",),
    "transaction processor": ("lambda:InvokeFunction",),
    "audit verifier": ("lambda:InvokeFunction",),
    "anything": ("lambda:UpdateEventSourceMapping",),
    "a certificate": ("acm:ExportCertificate", "acm:RequestCertificate"),
    "another security group": (
        "ec2:AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress",
    ),
    "a user": ("iam:CreateUser",),
    "a role": ("sts:AssumeRole",),
    "service logs": ("logs:DeleteLogGroup",),
}  # fmt: skip


def _only_through(service: str, action: str) -> Iterator[Conditional]:
    """The key may be used through `service` and through no other service."""
    for by, expected in ((service, True), ("secretsmanager", False)):
        yield Conditional(
            action=action,
            resource="key",
            key="kms:ViaService",
            value=f"{by}.{{region}}.amazonaws.com",
            expected=expected,
        )


def _code_of(function: str) -> Conditional:
    """Lambda creates the function's network interfaces; the function's own code may not."""
    return Conditional(
        action="ec2:CreateNetworkInterface",
        resource="anything",
        key="lambda:SourceFunctionArn",
        value=f"arn:{{partition}}:lambda:{{region}}:{{account}}:function:{function}-{{suffix}}",
        expected=False,
    )


def _certificate_named(name: str, *, expected: bool) -> Iterator[Conditional]:
    for action in ("acm:DeleteCertificate", "acm:ImportCertificate"):
        yield Conditional(
            action=action,
            resource="a certificate",
            key="aws:ResourceTag/Name",
            value=name,
            expected=expected,
        )


def _tagged(resource: str, action: str, tag: str, value: str) -> Iterator[Conditional]:
    """The right on what has this tag, and on nothing that has another value of it."""
    for found, expected in ((value, True), ("of-somebody-else", False)):
        yield Conditional(
            action=action,
            resource=resource,
            key=f"aws:ResourceTag/{tag}",
            value=found,
            expected=expected,
        )


def _own_breaker(*, own: str, other: str) -> Iterator[Conditional]:
    """A function may use the state of its own breaker, and not that of the other one."""
    for action in ("dynamodb:GetItem", "dynamodb:PutItem"):
        for item, expected in ((own, True), (other, False)):
            yield Conditional(
                action=action,
                resource="breaker",
                key="dynamodb:LeadingKeys",
                value=item,
                expected=expected,
            )


_READ: Final = ("secretsmanager:GetSecretValue",)
_OWN_VARIABLES: Final[Rights] = {"key": ("kms:Decrypt",)}  # of a function, encrypted with the key

# By the base of the role's name, or, where CDK names it, by the start of its logical id.
ROLES: Final[Mapping[str, Expectation]] = {
    "transaction-service": Expectation(
        needs={
            "sessions": ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"),
            "sessions by user": ("dynamodb:Query",),
            "api clients": ("dynamodb:Query",),  # a broken service makes no credential
            "audit": ("sqs:SendMessage",),
        },
        conditional=(
            *_only_through("sqs", "kms:GenerateDataKey"),
            *_only_through("dynamodb", "kms:Decrypt"),
        ),
    ),
    # Puts the secrets into the task before it starts: the service itself may not read them.
    "transaction-service-start": Expectation(
        needs={
            "service secret": _READ,
            "api secret": _READ,
            "service log stream": ("logs:PutLogEvents",),
        },
    ),
    "transaction-processor": Expectation(
        needs={
            **_OWN_VARIABLES,
            "transactions": (
                "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility",
                # It re-sends messages that cannot be posted yet. No added risk: it may post anyway.
                "sqs:SendMessage",
            ),
            "transaction dead letters": ("sqs:SendMessage",),
            "breaker": ("dynamodb:GetItem", "dynamodb:PutItem"),
            "outcomes": ("events:PutEvents",),
            "processor secret": _READ,
        },
        conditional=(
            _code_of("transaction-processor"),
            *_own_breaker(own=LEDGER, other=ARCHIVE),
        ),
    ),
    "audit-writer": Expectation(
        needs={
            **_OWN_VARIABLES,
            "record": ("s3:PutObject", "s3:GetObject"),  # it compares what is stored already
            "audit": (
                "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility",
                # It re-sends batches that cannot be stored yet. It could store any batch anyway.
                "sqs:SendMessage",
            ),
            "audit dead letters": ("sqs:SendMessage",),
            "breaker": ("dynamodb:GetItem", "dynamodb:PutItem"),
        },
        conditional=(*_own_breaker(own=ARCHIVE, other=LEDGER),),
    ),
    "audit-verifier": Expectation(
        needs={
            **_OWN_VARIABLES,
            "auditor secret": _READ,
            "record": ("s3:GetObject", "s3:GetObjectVersion"),
            "audit bucket": ("s3:ListBucket", "s3:ListBucketVersions"),
        },
        conditional=(_code_of("audit-verifier"),),
    ),
    "schema-migrator": Expectation(
        needs={
            **_OWN_VARIABLES,
            "admin secret": _READ,
            "service secret": _READ,
            "processor secret": _READ,
            "auditor secret": _READ,
        },
        conditional=(_code_of("schema-migrator"),),
    ),
    "environment-certificate": Expectation(
        is_everywhere=False,
        needs={
            **_OWN_VARIABLES,
            "authority secret": (*_READ, "secretsmanager:PutSecretValue"),
        },
        conditional=(
            *_certificate_named("transaction-certificate-{suffix}", expected=True),
            *_certificate_named("of-somebody-else", expected=False),
        ),
    ),
    "environment-certificate-provider": Expectation(
        is_everywhere=False,
        needs={**_OWN_VARIABLES, "certificate maker": ("lambda:InvokeFunction",)},
    ),
    "transaction-db-metrics": Expectation(
        is_everywhere=False,
        needs={"database metrics": ("logs:PutLogEvents",)},
    ),
    "transaction-faults": Expectation(
        is_everywhere=False,
        needs={"a task": ("ecs:StopTask",), "database": ("rds:FailoverDBCluster",)},
        conditional=(
            *_tagged("a subnet", "ec2:ReplaceNetworkAclAssociation", ENVIRONMENT_TAG, "{suffix}"),
            *_tagged("a network acl", "ec2:CreateNetworkAclEntry", TAG_OF_FIS, "true"),
        ),
    ),
    "transaction-flow-log": Expectation(needs={"flow log stream": ("logs:PutLogEvents",)}),
    "CustomVpcRestrictDefaultSG": Expectation(),
    # It may empty the stack's buckets by their policies, not by its own.
    "CustomS3AutoDeleteObjects": Expectation(),
    "AWSCDKTrigger": Expectation(needs={"migrator version": ("lambda:InvokeFunction",)}),
}  # fmt: skip

_MATTERING: Final = (*(role.needs for role in ROLES.values()), NOBODY)


def questions(names: Names, role: str, expected: Expectation) -> Iterator[Question]:
    """All questions about `role`: each right that matters, then the conditional ones."""
    needed = set(_pairs(expected.needs))
    mattering = (right for rights in _MATTERING for right in _pairs(rights))
    for action, resource in dict.fromkeys(mattering):
        yield Question(
            role=role,
            action=action,
            resource=names.resources[resource],
            expected=(action, resource) in needed,
        )
    for right in expected.conditional:
        yield Question(
            role=role,
            action=right.action,
            resource=names.resources[right.resource],
            expected=right.expected,
            context=(right.key, right.value.format_map(vars(names))),
        )


def _pairs(rights: Rights) -> Iterator[tuple[str, str]]:
    for resource, actions in rights.items():
        for action in actions:
            yield action, resource
