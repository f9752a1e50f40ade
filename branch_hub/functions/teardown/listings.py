"""The API operations that list every kind of resource with a physical name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Pages through `operation` of `service`; `name` is the field, None for plain texts."""

    kind: str
    service: str
    operation: str
    key: str
    name: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)

    def names(self, client: Any) -> Iterator[str]:
        for page in client.get_paginator(self.operation).paginate(**self.arguments):
            for item in page.get(self.key, []):
                yield item if self.name is None else item[self.name]


LISTINGS: Final = (
    Listing(kind="queue", service="sqs", operation="list_queues", key="QueueUrls"),
    Listing(kind="bucket", service="s3", operation="list_buckets", key="Buckets", name="Name"),
    Listing(kind="table", service="dynamodb", operation="list_tables", key="TableNames"),
    Listing(
        kind="log group",
        service="logs",
        operation="describe_log_groups",
        key="logGroups",
        name="logGroupName",
    ),
    Listing(
        kind="function",
        service="lambda",
        operation="list_functions",
        key="Functions",
        name="FunctionName",
    ),
    # AWS does not list those that wait for their deletion.
    Listing(
        kind="secret",
        service="secretsmanager",
        operation="list_secrets",
        key="SecretList",
        name="Name",
    ),
    Listing(
        kind="database",
        service="rds",
        operation="describe_db_clusters",
        key="DBClusters",
        name="DBClusterIdentifier",
    ),
    Listing(
        kind="snapshot",
        service="rds",
        operation="describe_db_cluster_snapshots",
        key="DBClusterSnapshots",
        name="DBClusterSnapshotIdentifier",
        arguments={"SnapshotType": "manual"},
    ),
    Listing(
        kind="load balancer",
        service="elbv2",
        operation="describe_load_balancers",
        key="LoadBalancers",
        name="LoadBalancerName",
    ),
    Listing(
        kind="target group",
        service="elbv2",
        operation="describe_target_groups",
        key="TargetGroups",
        name="TargetGroupName",
    ),
    Listing(kind="cluster", service="ecs", operation="list_clusters", key="clusterArns"),
    Listing(kind="build project", service="codebuild", operation="list_projects", key="projects"),
    Listing(kind="role", service="iam", operation="list_roles", key="Roles", name="RoleName"),
    Listing(kind="topic", service="sns", operation="list_topics", key="Topics", name="TopicArn"),
    Listing(
        kind="alarm",
        service="cloudwatch",
        operation="describe_alarms",
        key="MetricAlarms",
        name="AlarmName",
        arguments={"AlarmTypes": ["MetricAlarm"]},
    ),
    Listing(
        kind="composite alarm",
        service="cloudwatch",
        operation="describe_alarms",
        key="CompositeAlarms",
        name="AlarmName",
        arguments={"AlarmTypes": ["CompositeAlarm"]},
    ),
    Listing(
        kind="key alias", service="kms", operation="list_aliases", key="Aliases", name="AliasName"
    ),
)

Clients = Callable[[str], Any]
