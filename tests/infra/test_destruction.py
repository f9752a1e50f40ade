"""S62: nothing remains when the stack is deleted. Checks all resources, also those of CDK."""

import re
from collections.abc import Iterator
from typing import Any

from tests.infra.templates import Synthesized, text

# Properties with which AWS protects a resource or copies it on deletion.
_PROTECTIONS = re.compile(r"(DeletionProtection|DeletionProtectionEnabled|TerminationProtection)$")
_FINAL_COPIES = ("FinalDBSnapshotIdentifier", "FinalSnapshotIdentifier")
# Types that CloudFormation keeps or copies on deletion unless they have a deletion policy.
_STATEFUL = (
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
    "AWS::SQS::Queue",
)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, f"{path}.{key}")
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part, path)
    else:
        yield path, value


def test_s62_no_resource_is_kept_or_copied(every: Synthesized) -> None:
    kept = [
        (name, policy, resource[policy])
        for name, resource in every.resources.items()
        for policy in ("DeletionPolicy", "UpdateReplacePolicy")
        if resource.get(policy, "Delete") != "Delete"
    ]

    assert kept == []


def test_s62_every_resource_with_data_has_the_deletion_policy_delete(
    every: Synthesized,
) -> None:
    for kind in _STATEFUL:
        for name, resource in every.all(kind).items():
            assert resource.get("DeletionPolicy") == "Delete", name


def test_s62_nothing_is_protected_or_copied_on_deletion(every: Synthesized) -> None:
    found = [
        (name, path, value)
        for name, resource in every.resources.items()
        for path, value in leaves(resource.get("Properties", {}))
        if (_PROTECTIONS.search(path) and value not in (False, "false"))
        or path.endswith(_FINAL_COPIES)
    ]
    attributes = text(every.properties("AWS::ElasticLoadBalancingV2::LoadBalancer"))

    assert found == []
    assert '{"Key": "deletion_protection.enabled", "Value": "false"}' in attributes


def test_s62_backups_are_deleted_with_the_database(every: Synthesized) -> None:
    assert every.one("AWS::RDS::DBCluster")["DeleteAutomatedBackups"] is True


def test_s62_only_sessions_and_clients_leave_a_backup(every: Synthesized) -> None:
    """A deleted table with point-in-time recovery leaves a system backup for 35 days. S21 asks for
    that of the sessions; credentials cannot be created again without every client."""
    recoverable = [
        table["TableName"]
        for table in every.properties("AWS::DynamoDB::Table")
        if table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled")
    ]

    assert sorted(recoverable) == ["transaction-api-clients-dev", "transaction-sessions-dev"]


def test_s62_every_bucket_is_emptied_by_the_stack_itself(every: Synthesized) -> None:
    emptied = [e["BucketName"]["Ref"] for e in every.properties("Custom::S3AutoDeleteObjects")]

    assert sorted(emptied) == sorted(every.all("AWS::S3::Bucket"))


def test_s62_a_bucket_is_emptied_before_it_and_its_policy_are_deleted(every: Synthesized) -> None:
    """Deletion runs in reverse: the last to be deleted is the first to be created."""
    for name, custom in every.all("Custom::S3AutoDeleteObjects").items():
        bucket = custom["Properties"]["BucketName"]
        (policy,) = (
            policy
            for policy, r in every.all("AWS::S3::BucketPolicy").items()
            if r["Properties"]["Bucket"] == bucket
        )
        assert every.comes_before(bucket["Ref"], name)
        assert every.comes_before(policy, name)


def test_s62_the_audit_writer_is_deleted_before_its_bucket_is_emptied(every: Synthesized) -> None:
    """A record written after the clean-up would keep the bucket and fail the deletion."""
    function, _ = every.only("AWS::Lambda::Function", FunctionName="audit-writer-dev")
    (mapping,) = (
        name
        for name, m in every.all("AWS::Lambda::EventSourceMapping").items()
        if m["Properties"]["FunctionName"] == {"Ref": function}
    )
    (emptied,) = (
        name
        for name, custom in every.all("Custom::S3AutoDeleteObjects").items()
        if "AuditStore" in custom["Properties"]["BucketName"]["Ref"]
    )

    assert every.comes_before(emptied, mapping)
    assert every.comes_before(emptied, function)


def owned_groups(stack: Synthesized) -> set[str]:
    return {text(g["LogGroupName"]) for g in stack.properties("AWS::Logs::LogGroup")}


def test_s52_s62_every_program_logs_to_a_group_of_the_stack(every: Synthesized) -> None:
    """Otherwise AWS creates a group, which remains after the deletion."""
    groups = set(every.all("AWS::Logs::LogGroup"))
    for name, function in every.all("AWS::Lambda::Function").items():
        assert function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] in groups, name
    for task in every.properties("AWS::ECS::TaskDefinition"):
        for container in task["ContainerDefinitions"]:
            options = container["LogConfiguration"]["Options"]
            assert options["awslogs-group"]["Ref"] in groups
            assert "awslogs-create-group" not in options
    for cluster in every.properties("AWS::RDS::DBCluster"):
        for log in cluster["EnableCloudwatchLogsExports"]:
            name = f"/aws/rds/cluster/{cluster['DBClusterIdentifier']}/{log}"
            assert text(name) in owned_groups(every)


def test_s62_ecs_creates_no_log_group_for_container_insights(every: Synthesized) -> None:
    cluster, properties = every.only("AWS::ECS::Cluster")
    (setting,) = properties["ClusterSettings"]
    name = f"/aws/ecs/containerinsights/{properties['ClusterName']}/performance"
    groups = [
        group
        for group, r in every.all("AWS::Logs::LogGroup").items()
        if r["Properties"]["LogGroupName"] == name
    ]

    assert setting["Name"] == "containerInsights"
    assert bool(groups) is (setting["Value"] != "disabled")
    for group in groups:  # also deleted after the cluster, which writes to it
        assert every.comes_before(group, cluster)


def test_s62_no_aws_service_creates_a_log_group_for_a_branch(ephemeral: Synthesized) -> None:
    """Enhanced monitoring writes to a group of the account: only the trunk's environments do."""
    instances = ephemeral.properties("AWS::RDS::DBInstance")

    assert not any(instance.get("MonitoringInterval") for instance in instances)
    assert "Custom::LogRetention" not in {r["Type"] for r in ephemeral.resources.values()}


def test_s62_the_key_is_deleted_as_soon_as_kms_allows(every: Synthesized) -> None:
    assert every.one("AWS::KMS::Key")["PendingWindowInDays"] == 7
