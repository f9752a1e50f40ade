"""B3: a deleted resource that the tagging API still lists does not count as remaining."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from branch_hub.functions.teardown.gone import LISTED, QUESTIONS, is_gone
from branch_hub.functions.teardown.listings import LISTINGS
from tests.aws_stubs import type_of_aws
from tests.branch_hub.functions.teardown.arns import ARNS

# The error of each service for a missing resource: code and message.
_MISSING = {
    ("acm", "certificate"): ("ResourceNotFoundException", "Could not find certificate"),
    ("cloudformation", "stack"): ("ValidationError", "Stack with id transaction-x does not exist"),
    ("codepipeline", ""): ("PipelineNotFoundException", ""),
    ("codestar-notifications", "notificationrule"): ("ResourceNotFoundException", ""),
    ("dynamodb", "table"): ("ResourceNotFoundException", "Requested resource not found"),
    ("ec2", "elastic-ip"): ("InvalidAllocationID.NotFound", ""),
    ("ec2", "internet-gateway"): ("InvalidInternetGatewayID.NotFound", ""),
    ("ec2", "natgateway"): ("NatGatewayNotFound", ""),
    ("ec2", "network-interface"): ("InvalidNetworkInterfaceID.NotFound", ""),
    ("ec2", "route-table"): ("InvalidRouteTableID.NotFound", ""),
    ("ec2", "security-group"): ("InvalidGroup.NotFound", ""),
    ("ec2", "security-group-rule"): ("InvalidSecurityGroupRuleId.NotFound", ""),
    ("ec2", "subnet"): ("InvalidSubnetID.NotFound", ""),
    ("ec2", "vpc"): ("InvalidVpcID.NotFound", ""),
    ("ec2", "vpc-endpoint"): ("InvalidVpcEndpointId.NotFound", ""),
    ("ecs", "service"): ("ClusterNotFoundException", "Cluster not found."),
    ("ecs", "task-definition"): ("ClientException", "Unable to describe task definition."),
    ("elasticloadbalancing", "listener"): ("ListenerNotFound", ""),
    ("elasticloadbalancing", "listener-rule"): ("RuleNotFound", ""),
    ("events", "rule"): ("ResourceNotFoundException", ""),
    ("kms", "key"): ("NotFoundException", ""),
    ("lambda", "event-source-mapping"): ("ResourceNotFoundException", ""),
    ("rds", "cluster-pg"): ("DBParameterGroupNotFound", ""),
    ("rds", "cluster-snapshot"): ("DBClusterSnapshotNotFoundFault", ""),
    ("rds", "db"): ("DBInstanceNotFound", ""),
    ("rds", "subgrp"): ("DBSubnetGroupNotFoundFault", ""),
    ("secretsmanager", "secret"): ("ResourceNotFoundException", ""),
}
# Services that answer for a while after the deletion: the answers before and after it.
_ANSWERS: dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]] = {
    ("cloudformation", "stack"): (
        {"Stacks": [{"StackName": "s", "CreationTime": 0, "StackStatus": "DELETE_FAILED"}]},
        {"Stacks": [{"StackName": "s", "CreationTime": 0, "StackStatus": "DELETE_COMPLETE"}]},
    ),
    ("codebuild", "report-group"): (
        {"reportGroups": [{"name": "reports"}]},
        {"reportGroupsNotFound": ["arn"]},
    ),
    ("dynamodb", "table"): (
        {"Table": {"TableStatus": "ACTIVE"}},
        {"Table": {"TableStatus": "DELETING"}},
    ),
    ("ec2", "natgateway"): (
        {"NatGateways": [{"State": "available"}]},
        {"NatGateways": [{"State": "deleted"}]},
    ),
    ("ec2", "vpc-endpoint"): (
        {"VpcEndpoints": [{"State": "available"}]},
        {"VpcEndpoints": [{"State": "deleted"}]},
    ),
    ("ec2", "vpc-flow-log"): ({"FlowLogs": [{"FlowLogId": "fl-1"}]}, {"FlowLogs": []}),
    ("ecs", "cluster"): (
        {"clusters": [{"status": "ACTIVE"}]},
        {"clusters": [{"status": "INACTIVE"}]},
    ),
    ("ecs", "service"): (
        {"services": [{"status": "DRAINING"}]},
        {"services": [{"status": "INACTIVE"}]},
    ),
    ("ecs", "task-definition"): (
        {"taskDefinition": {"status": "INACTIVE"}},
        {"taskDefinition": {"status": "DELETE_IN_PROGRESS"}},
    ),
    ("kms", "key"): (
        {"KeyMetadata": {"KeyId": "1", "KeyState": "Enabled"}},
        {"KeyMetadata": {"KeyId": "1", "KeyState": "PendingDeletion"}},
    ),
    ("secretsmanager", "secret"): ({"Name": "db"}, {"Name": "db", "DeletedDate": 0}),
    ("ec2", "subnet"): ({"Subnets": [{"SubnetId": "subnet-1"}]}, {"Subnets": []}),
}
Kind = tuple[str, str]


class Owner:
    """The service that owns the resource `arn` of one kind; answers are checked by its model."""

    def __init__(self, aws: type_of_aws, kind: Kind) -> None:
        self.question = QUESTIONS[kind]
        self.arn = ARNS[kind].format(suffix="x-0a1b2c")
        self.client, self.stub = aws(self.question.client or kind[0])

    def says_gone(self) -> bool:
        return is_gone(self.arn, clients=lambda _: self.client, listed={})


def test_b3_the_error_or_the_answer_for_every_deleted_kind_is_known() -> None:
    assert {*_MISSING, *_ANSWERS} == {*QUESTIONS}


@pytest.mark.parametrize("kind", _MISSING, ids="-".join)
def test_b3_a_resource_that_its_service_does_not_find_is_gone(aws: type_of_aws, kind: Kind) -> None:
    owner, (code, message) = Owner(aws, kind), _MISSING[kind]
    owner.stub.add_client_error(owner.question.operation, code, message)

    assert owner.says_gone()


@pytest.mark.parametrize("kind", _ANSWERS, ids="-".join)
def test_b3_a_resource_that_its_service_calls_deleted_is_gone(aws: type_of_aws, kind: Kind) -> None:
    owner, (before, after) = Owner(aws, kind), _ANSWERS[kind]
    owner.stub.add_response(owner.question.operation, before)
    owner.stub.add_response(owner.question.operation, after)

    assert [owner.says_gone(), owner.says_gone()] == [False, True]


def test_b3_an_automated_snapshot_remains_until_aws_has_deleted_it(aws: type_of_aws) -> None:
    """Its name contains a colon. The machine waits for it, because nobody else can delete it."""
    owner = Owner(aws, ("rds", "cluster-snapshot"))
    name = "rds:transaction-db-x-0a1b2c-2026-11-26-04-10"
    owner.stub.add_response(
        "describe_db_cluster_snapshots",
        {"DBClusterSnapshots": [{"SnapshotType": "automated"}]},
        {"DBClusterSnapshotIdentifier": name},
    )
    owner.stub.add_client_error(
        "describe_db_cluster_snapshots", "DBClusterSnapshotNotFoundFault", "not found"
    )

    assert [owner.says_gone(), owner.says_gone()] == [False, True]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("AccessDenied", ""),
        # KMS says this of a key of another account.
        ("AccessDeniedException", "because the resource does not exist in this Region, or denied"),
        ("ClientException", "Invalid identifier"),
        ("ThrottlingException", "Rate exceeded"),
    ],
)
def test_b3_a_resource_is_not_gone_if_its_service_does_not_answer(
    aws: type_of_aws, code: str, message: str
) -> None:
    owner = Owner(aws, ("kms", "key"))
    owner.stub.add_client_error("describe_key", code, message)

    with pytest.raises(ClientError, match=code):
        owner.says_gone()


def test_b3_a_resource_of_an_unknown_kind_counts_as_remaining() -> None:
    arn = "arn:aws:quantum:us-east-1:000000000000:computer/transaction-x-0a1b2c"

    assert not is_gone(arn, clients=_nobody, listed={})


# An ARN of each kind that is listed, and the name that its listing returns.
_NAMED = {
    "cloudwatch:us-east-1:1:alarm:transaction-errors-x": "transaction-errors-x",
    "codebuild:us-east-1:1:project/transaction-synth-x": "transaction-synth-x",
    "elasticloadbalancing:us-east-1:1:loadbalancer/app/transaction-alb-x/5": "transaction-alb-x",
    "elasticloadbalancing:us-east-1:1:targetgroup/transaction-tg-x/7": "transaction-tg-x",
    "lambda:us-east-1:1:function:audit-writer-x": "audit-writer-x",
    "logs:us-east-1:1:log-group:/aws/lambda/audit-writer-x": "/aws/lambda/audit-writer-x",
    "rds:us-east-1:1:cluster:transaction-db-x": "transaction-db-x",
    "s3:::transaction-audit-1-x": "transaction-audit-1-x",
    "sns:us-east-1:1:transaction-alarms-x": "arn:aws:sns:us-east-1:1:transaction-alarms-x",
    "sqs:us-east-1:1:audit-queue-x": "https://sqs.us-east-1.amazonaws.com/1/audit-queue-x",
}


@pytest.mark.parametrize(("arn", "listed"), _NAMED.items())
def test_b3_a_resource_that_its_service_does_not_list_any_more_is_gone(
    arn: str, listed: str
) -> None:
    """Listeners, queues and others: no further call is necessary."""
    nothing: dict[str, set[str]] = {listing.kind: {f"{listed}-2"} for listing in LISTINGS}
    everything = {listing.kind: {f"{listed}-2", listed} for listing in LISTINGS}

    assert is_gone(f"arn:aws:{arn}", clients=_nobody, listed=nothing)
    assert not is_gone(f"arn:aws:{arn}", clients=_nobody, listed=everything)


def test_b3_every_kind_that_is_not_asked_about_is_listed_completely() -> None:
    """`manual` snapshots are not all snapshots."""
    complete = {listing.kind for listing in LISTINGS if listing.kind != "snapshot"}

    assert {kind for kinds in LISTED.values() for kind in kinds} <= complete
    assert not {*LISTED} & {*QUESTIONS}


def _nobody(service: str) -> Stubber:
    raise AssertionError(f"{service} was asked")
