"""Asks the owning service about a resource that the tagging API still lists.

It returns resources that are tagged or were tagged before, some of them long after their deletion:
https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html and
https://github.com/aws/aws-sdk/issues/676.
"""

from collections.abc import Callable, Mapping
from typing import Final

from branch_hub.functions.teardown.listings import Clients
from branch_hub.functions.teardown.question import Question

Listed = Mapping[str, set[str]]  # by the kind of a listing: the names that it returned


def is_gone(arn: str, *, clients: Clients, listed: Listed) -> bool:
    """False for a kind that is unknown here: then the resource counts as remaining."""
    service, kind, name = parts_of(arn)
    if (kinds := LISTED.get((service, kind))) is not None:
        return not any(name in map(_short, listed[each]) for each in kinds)
    question = QUESTIONS.get((service, kind))
    if question is None:
        return False
    return question.is_gone(clients(question.client or service), arn)


def parts_of(arn: str) -> tuple[str, str, str]:
    """The service, the kind of resource and the name. Some ARNs hold no kind."""
    _, _, service, _, _, resource = arn.split(":", 5)
    ends = [at for at in (resource.find(":"), resource.find("/")) if at >= 0]
    if not ends:
        return service, "", resource
    kind, name = resource[: min(ends)], resource[min(ends) + 1 :]
    if service == "elasticloadbalancing":
        name = name.removeprefix("app/").partition("/")[0]
    return service, kind, name


def _short(listed: str) -> str:
    """The name in a topic's ARN or a queue's URL; other listings return names."""
    if listed.startswith("arn:"):
        return listed.rpartition(":")[2]
    return listed.rpartition("/")[2] if listed.startswith(("http:", "https:")) else listed


def _id(arn: str) -> str:
    return arn.rpartition("/")[2]


def _last(arn: str) -> str:
    return arn.rpartition(":")[2]


def _snapshot(arn: str) -> str:
    """The names of automated snapshots contain a colon: `rds:transaction-db-x-2026-11-26-04-10`."""
    return arn.split(":", 6)[6]


def _ec2(operation: str, argument: str, found: str, *, state: str | None = None) -> Question:
    return Question(
        operation=operation,
        argument=argument,
        found=found,
        named_by=_id,
        state=state,
        deleted=("deleting", "deleted"),
    )


def _one(operation: str, argument: str, named_by: Callable[[str], str]) -> Question:
    """Any answer means that the resource exists."""
    return Question(operation=operation, argument=argument, takes_list=False, named_by=named_by)


def _whole(arn: str) -> str:
    return arn


# Kinds that `verify` lists completely anyway: one that is not listed is gone.
LISTED: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("cloudwatch", "alarm"): ("alarm", "composite alarm"),
    ("codebuild", "project"): ("build project",),
    ("elasticloadbalancing", "loadbalancer"): ("load balancer",),
    ("elasticloadbalancing", "targetgroup"): ("target group",),
    ("lambda", "function"): ("function",),
    ("logs", "log-group"): ("log group",),
    ("rds", "cluster"): ("database",),
    ("s3", ""): ("bucket",),
    ("sns", ""): ("topic",),
    ("sqs", ""): ("queue",),
}

# By the service and the kind of resource in an ARN.
QUESTIONS: Final[Mapping[tuple[str, str], Question]] = {
    ("acm", "certificate"): _one("describe_certificate", "CertificateArn", _whole),
    # A stack can be described by its ARN for 90 days after its deletion.
    ("cloudformation", "stack"): Question(
        operation="describe_stacks",
        argument="StackName",
        found="Stacks",
        takes_list=False,
        state="StackStatus",
        deleted=("DELETE_COMPLETE",),
    ),
    ("codebuild", "report-group"): Question(
        operation="batch_get_report_groups", argument="reportGroupArns", found="reportGroups"
    ),
    ("codepipeline", ""): _one("list_pipeline_executions", "pipelineName", _last),
    ("codestar-notifications", "notificationrule"): _one(
        "describe_notification_rule", "Arn", _whole
    ),
    ("dynamodb", "table"): Question(
        operation="describe_table",
        argument="TableName",
        found="Table",
        takes_list=False,
        named_by=_id,
        state="TableStatus",
        deleted=("DELETING",),
    ),
    ("ec2", "elastic-ip"): _ec2("describe_addresses", "AllocationIds", "Addresses"),
    ("ec2", "internet-gateway"): _ec2(
        "describe_internet_gateways", "InternetGatewayIds", "InternetGateways"
    ),
    ("ec2", "natgateway"): _ec2(
        "describe_nat_gateways", "NatGatewayIds", "NatGateways", state="State"
    ),
    ("ec2", "network-interface"): _ec2(
        "describe_network_interfaces", "NetworkInterfaceIds", "NetworkInterfaces"
    ),
    ("ec2", "route-table"): _ec2("describe_route_tables", "RouteTableIds", "RouteTables"),
    ("ec2", "security-group"): _ec2("describe_security_groups", "GroupIds", "SecurityGroups"),
    ("ec2", "security-group-rule"): _ec2(
        "describe_security_group_rules", "SecurityGroupRuleIds", "SecurityGroupRules"
    ),
    ("ec2", "subnet"): _ec2("describe_subnets", "SubnetIds", "Subnets"),
    ("ec2", "vpc"): _ec2("describe_vpcs", "VpcIds", "Vpcs"),
    ("ec2", "vpc-endpoint"): _ec2(
        "describe_vpc_endpoints", "VpcEndpointIds", "VpcEndpoints", state="State"
    ),
    ("ec2", "vpc-flow-log"): _ec2("describe_flow_logs", "FlowLogIds", "FlowLogs"),
    ("ecs", "cluster"): Question(
        operation="describe_clusters",
        argument="clusters",
        found="clusters",
        state="status",
        deleted=("INACTIVE",),
    ),
    ("ecs", "service"): Question(
        operation="describe_services",
        argument="services",
        found="services",
        more=lambda arn: {"cluster": arn.split("/")[1]},
        state="status",
        deleted=("INACTIVE",),
    ),
    ("ecs", "task-definition"): Question(
        operation="describe_task_definition",
        argument="taskDefinition",
        found="taskDefinition",
        takes_list=False,
        state="status",
        deleted=("DELETE_IN_PROGRESS",),
    ),
    ("elasticloadbalancing", "listener"): Question(
        operation="describe_listeners", argument="ListenerArns", found="Listeners", client="elbv2"
    ),
    ("elasticloadbalancing", "listener-rule"): Question(
        operation="describe_rules", argument="RuleArns", found="Rules", client="elbv2"
    ),
    ("events", "rule"): _one("describe_rule", "Name", _id),
    ("kms", "key"): Question(
        operation="describe_key",
        argument="KeyId",
        found="KeyMetadata",
        takes_list=False,
        state="KeyState",
        deleted=("PendingDeletion",),
    ),
    ("lambda", "event-source-mapping"): _one("get_event_source_mapping", "UUID", _last),
    ("rds", "cluster-pg"): _one(
        "describe_db_cluster_parameter_groups", "DBClusterParameterGroupName", _last
    ),
    # Tagged like the cluster: an automated one that AWS still deletes, or one made by hand.
    ("rds", "cluster-snapshot"): _one(
        "describe_db_cluster_snapshots", "DBClusterSnapshotIdentifier", _snapshot
    ),
    ("rds", "db"): _one("describe_db_instances", "DBInstanceIdentifier", _last),
    ("rds", "subgrp"): _one("describe_db_subnet_groups", "DBSubnetGroupName", _last),
    ("secretsmanager", "secret"): Question(
        operation="describe_secret",
        argument="SecretId",
        found=None,
        takes_list=False,
        state="DeletedDate",
    ),
}
