"""What each role of an environment must be able to do, and what would matter in a breach.

Resources are named as `Names` (operations/role_names.py) writes them. A right of one role is as a
rule the harm of another, so both stand here, side by side.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from operations.role_names import Names

Right = tuple[str, str]  # action, and the name of a resource in `resources`
Context = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Question:
    """May `role` do `action` on `resource`, where the request carries `context`?"""

    role: str
    action: str
    resource: str
    expected: bool
    context: Context = ()


@dataclass(frozen=True, kw_only=True)
class Conditional:
    """A right that a role has, or has not, in a request that carries `context`."""

    action: str
    resource: str
    context: Context
    expected: bool


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """One role: its rights, what it in particular may not, and what depends on the request."""

    needs: tuple[Right, ...] = ()
    must_not: tuple[Right, ...]
    conditional: tuple[Conditional, ...] = ()
    is_everywhere: bool = True  # or only where a certificate has to be made


# What no role may do, whoever has broken into it, but one that needs it for its own work.
NOBODY: Final[tuple[Right, ...]] = (
    ("s3:DeleteObject", "record"),
    ("s3:DeleteObjectVersion", "record"),
    ("s3:GetObject", "record"),
    ("s3:PutBucketPolicy", "audit bucket"),
    ("dynamodb:Scan", "sessions"),
    ("dynamodb:DeleteTable", "sessions"),
    ("sqs:PurgeQueue", "transactions"),
    ("sqs:SendMessage", "transactions"),
    ("dynamodb:PutItem", "breaker"),
    ("dynamodb:UpdateItem", "breaker"),
    ("dynamodb:DeleteTable", "breaker"),
    ("lambda:UpdateEventSourceMapping", "anything"),
    ("rds:ModifyDBCluster", "database"),
    ("rds:DeleteDBCluster", "database"),
    ("lambda:UpdateFunctionCode", "migrator"),
    ("kms:ScheduleKeyDeletion", "key"),
    ("kms:PutKeyPolicy", "key"),
    ("iam:PassRole", "migrator role"),
    ("iam:CreateUser", "a user"),
    ("sts:AssumeRole", "a role"),
    ("logs:DeleteLogGroup", "service logs"),
)

_SECRETS: Final = ("admin secret", "service secret", "processor secret", "api secret")


def _no_secret_but(*own: str) -> tuple[Right, ...]:
    return tuple(("secretsmanager:GetSecretValue", s) for s in _SECRETS if s not in own)


_FORGERY: Final[tuple[Right, ...]] = (
    ("s3:PutObject", "record"),
    ("sqs:SendMessage", "audit"),
    ("dynamodb:PutItem", "sessions"),
)
_EAVESDROPPING: Final[tuple[Right, ...]] = (
    ("sqs:ReceiveMessage", "transactions"),
    ("sqs:ReceiveMessage", "audit"),
    ("dynamodb:GetItem", "sessions"),
)
# A helper of CDK's or AWS's touches no data at all.
_NO_DATA: Final = (*_no_secret_but(), *_FORGERY, *_EAVESDROPPING)
_NO_KEY: Final = (("kms:Decrypt", "key"),)


def expectations(names: Names) -> Mapping[str, Expectation]:
    """By the base of the role's name, or, where CDK names it, by the start of its logical id."""
    return {
        "transaction-service": Expectation(
            needs=(
                ("dynamodb:GetItem", "sessions"),
                ("dynamodb:PutItem", "sessions"),
                ("dynamodb:DeleteItem", "sessions"),
                ("dynamodb:Query", "sessions by user"),
                ("sqs:SendMessage", "audit"),
            ),
            conditional=(
                *_only_through(names, "kms:GenerateDataKey", "sqs"),
                *_only_through(names, "kms:Decrypt", "dynamodb"),
            ),
            must_not=(
                *_no_secret_but(),  # they are put into the task before it starts
                ("s3:PutObject", "record"),
                ("sqs:ReceiveMessage", "audit"),
                ("sqs:DeleteMessage", "audit"),
                ("sqs:ReceiveMessage", "transactions"),
                ("sqs:DeleteMessage", "transactions"),
                ("dynamodb:UpdateTable", "sessions"),
                ("ecs:UpdateService", "service"),
            ),
        ),
        "transaction-service-start": Expectation(
            needs=(
                ("secretsmanager:GetSecretValue", "service secret"),
                ("secretsmanager:GetSecretValue", "api secret"),
                ("logs:PutLogEvents", "service log stream"),
            ),
            must_not=(
                *_no_secret_but("service secret", "api secret"),
                *_FORGERY,
                *_EAVESDROPPING,
                ("secretsmanager:PutSecretValue", "service secret"),
                ("ecr:PutImage", "images"),
            ),
        ),
        "transaction-processor": Expectation(
            needs=(
                ("sqs:ReceiveMessage", "transactions"),
                ("sqs:DeleteMessage", "transactions"),
                ("sqs:ChangeMessageVisibility", "transactions"),
                ("sqs:SendMessage", "transaction dead letters"),
                # What cannot be posted yet goes back. It may post anyway: that adds nothing.
                ("sqs:SendMessage", "transactions"),
                ("dynamodb:GetItem", "breaker"),
                ("dynamodb:PutItem", "breaker"),
                ("secretsmanager:GetSecretValue", "processor secret"),
            ),
            must_not=(
                *_no_secret_but("processor secret"),
                *_FORGERY,
                ("sqs:ReceiveMessage", "audit"),
                ("sqs:DeleteMessage", "transaction dead letters"),
                ("dynamodb:GetItem", "sessions"),
                ("secretsmanager:PutSecretValue", "processor secret"),
            ),
            conditional=(_from_the_code_of(names, "transaction-processor"),),
        ),
        "audit-writer": Expectation(
            needs=(
                ("s3:PutObject", "record"),
                ("sqs:ReceiveMessage", "audit"),
                ("sqs:DeleteMessage", "audit"),
            ),
            must_not=(
                *_no_secret_but(),
                ("s3:PutObject", "beside the records"),
                ("s3:PutObjectRetention", "record"),
                ("s3:PutLifecycleConfiguration", "audit bucket"),
                ("sqs:SendMessage", "audit"),
                ("sqs:ReceiveMessage", "transactions"),
                ("sqs:DeleteMessage", "transactions"),
                ("dynamodb:GetItem", "sessions"),
            ),
        ),
        "schema-migrator": Expectation(
            needs=tuple(
                ("secretsmanager:GetSecretValue", secret)
                for secret in ("admin secret", "service secret", "processor secret")
            ),
            must_not=(
                ("secretsmanager:GetSecretValue", "api secret"),
                ("secretsmanager:PutSecretValue", "admin secret"),
                *_FORGERY,
                *_EAVESDROPPING,
            ),
            conditional=(_from_the_code_of(names, "schema-migrator"),),
        ),
        "environment-certificate": Expectation(
            is_everywhere=False,
            must_not=(
                *_no_secret_but(),
                *_FORGERY,
                *_EAVESDROPPING,
                ("acm:ExportCertificate", "a certificate"),
                ("acm:RequestCertificate", "a certificate"),
            ),
            conditional=(
                _on_a_certificate(names.tag("transaction-certificate"), expected=True),
                _on_a_certificate("of-somebody-else", expected=False),
            ),
        ),
        "environment-certificate-provider": Expectation(
            is_everywhere=False,
            needs=(
                ("lambda:InvokeFunction", "certificate maker"),
                ("kms:Decrypt", "key"),  # its own variables are encrypted with it
            ),
            must_not=(*_NO_DATA, ("lambda:InvokeFunction", "migrator")),
        ),
        "transaction-flow-log": Expectation(
            needs=(("logs:PutLogEvents", "flow log stream"),),
            must_not=(*_NO_DATA, *_NO_KEY, ("logs:PutLogEvents", "service log stream")),
        ),
        "CustomVpcRestrictDefaultSG": Expectation(
            must_not=(
                *_NO_DATA,
                *_NO_KEY,
                ("ec2:AuthorizeSecurityGroupIngress", "another security group"),
                ("ec2:AuthorizeSecurityGroupEgress", "another security group"),
            ),
        ),
        # Its right to empty the buckets of the stack is in their policies, not in its own.
        "CustomS3AutoDeleteObjects": Expectation(
            must_not=(*_NO_DATA, *_NO_KEY, ("s3:DeleteBucket", "audit bucket")),
        ),
        "AWSCDKTrigger": Expectation(
            needs=(("lambda:InvokeFunction", "migrator version"),),
            must_not=(
                *_NO_DATA,
                *_NO_KEY,
                ("lambda:InvokeFunction", "transaction processor"),
                ("lambda:InvokeFunction", "certificate maker"),
            ),
        ),
    }


def questions(names: Names, role: str, expected: Expectation) -> Iterator[Question]:
    """Everything that is asked about `role`."""
    for rights, answer in (
        (expected.needs, True),
        (expected.must_not, False),
        ([right for right in NOBODY if right not in expected.needs], False),
    ):
        for action, resource in rights:
            yield Question(
                role=role, action=action, resource=names.resources[resource], expected=answer
            )
    for right in expected.conditional:
        yield Question(
            role=role,
            action=right.action,
            resource=names.resources[right.resource],
            expected=right.expected,
            context=right.context,
        )


def _only_through(names: Names, action: str, service: str) -> Iterator[Conditional]:
    """The key is used by way of `service`, and not by way of another."""
    for by, expected in ((service, True), ("secretsmanager", False)):
        context = (("kms:ViaService", f"{by}.{names.region}.amazonaws.com"),)
        yield Conditional(action=action, resource="key", context=context, expected=expected)


def _from_the_code_of(names: Names, function: str) -> Conditional:
    """Lambda makes the function's network interfaces; the code inside may not."""
    return Conditional(
        action="ec2:CreateNetworkInterface",
        resource="anything",
        context=(("lambda:SourceFunctionArn", names.arn("lambda", f"function:{function}")),),
        expected=False,
    )


def _on_a_certificate(tag: str, *, expected: bool) -> Conditional:
    return Conditional(
        action="acm:DeleteCertificate",
        resource="a certificate",
        context=(("aws:ResourceTag/Name", tag),),
        expected=expected,
    )
