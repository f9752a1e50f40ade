"""S62: nothing stays when the stack goes. Walks every resource, those of CDK's helpers included."""

import re
from collections.abc import Iterator
from typing import Any

from tests.infra.templates import Synthesized, text

# What AWS protects, keeps or copies unless it is told not to, as CloudFormation spells it.
_PROTECTIONS = re.compile(r"(DeletionProtection|DeletionProtectionEnabled|TerminationProtection)$")
_FINAL_COPIES = ("FinalDBSnapshotIdentifier", "FinalSnapshotIdentifier")
# Types whose deletion CloudFormation turns into a snapshot, or into nothing, if no policy is said.
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


def test_s62_what_cloudformation_would_snapshot_by_itself_is_told_to_go(
    every: Synthesized,
) -> None:
    for kind in _STATEFUL:
        for name, resource in every.all(kind).items():
            assert resource.get("DeletionPolicy") == "Delete", name


def test_s62_nothing_is_protected_and_nothing_is_copied_at_the_end(every: Synthesized) -> None:
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


def test_s62_backups_go_with_the_database(every: Synthesized) -> None:
    assert every.one("AWS::RDS::DBCluster")["DeleteAutomatedBackups"] is True


def test_s62_only_the_sessions_leave_a_backup_as_s21_asks(every: Synthesized) -> None:
    """Deleted, a table with point-in-time recovery leaves a backup of the system for 35 days."""
    recoverable = [
        table["TableName"]
        for table in every.properties("AWS::DynamoDB::Table")
        if table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled")
    ]

    assert recoverable == ["transaction-sessions-dev"]


def test_s62_every_bucket_is_emptied_by_the_stack_itself(every: Synthesized) -> None:
    emptied = [e["BucketName"]["Ref"] for e in every.properties("Custom::S3AutoDeleteObjects")]

    assert sorted(emptied) == sorted(every.all("AWS::S3::Bucket"))


def test_s62_a_bucket_is_emptied_before_its_policy_and_it_go(every: Synthesized) -> None:
    """Deletion runs backwards: what must be there longer is what comes first."""
    for name, custom in every.all("Custom::S3AutoDeleteObjects").items():
        bucket = custom["Properties"]["BucketName"]
        (policy,) = (
            policy
            for policy, r in every.all("AWS::S3::BucketPolicy").items()
            if r["Properties"]["Bucket"] == bucket
        )
        assert every.comes_before(bucket["Ref"], name)
        assert every.comes_before(policy, name)


def test_s62_the_audit_writer_is_gone_before_its_bucket_is_emptied(every: Synthesized) -> None:
    """A record written behind the clean-up would hold the bucket, and with it the stack."""
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


def test_s52_s62_every_writer_of_logs_writes_to_a_group_of_the_stack(every: Synthesized) -> None:
    """AWS makes a group for whoever has none, and nobody deletes that."""
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


def test_s62_no_service_makes_a_log_group_of_its_own(every: Synthesized) -> None:
    """Container insights and enhanced monitoring would; the first is off, the second not asked."""
    (setting,) = every.one("AWS::ECS::Cluster")["ClusterSettings"]

    assert setting == {"Name": "containerInsights", "Value": "disabled"}
    assert not any(i.get("MonitoringInterval") for i in every.properties("AWS::RDS::DBInstance"))
    assert "Custom::LogRetention" not in {r["Type"] for r in every.resources.values()}


def test_s62_the_key_goes_as_soon_as_kms_lets_it(every: Synthesized) -> None:
    assert every.one("AWS::KMS::Key")["PendingWindowInDays"] == 7
