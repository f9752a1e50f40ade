"""S20: the database survives the loss of a zone and has one secret for each role."""

from pathlib import Path

import pytest

from tests.infra.templates import Synthesized, text

ADMIN, SERVICE, PROCESSOR, AUDITOR = (
    f"transaction-db-{who}-dev" for who in ("admin", "service", "processor", "auditor")
)


def test_s20_the_cluster_has_the_required_properties(ephemeral: Synthesized) -> None:
    cluster = ephemeral.one("AWS::RDS::DBCluster")

    assert (
        cluster.items()
        >= {
            "Engine": "aurora-postgresql",
            "EngineVersion": "15.8",
            "DBClusterIdentifier": "transaction-db-dev",
            "DatabaseName": "ledger",
            "Port": 5432,
            "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 4},
            "StorageEncrypted": True,
        }.items()
    )
    assert "EncryptionKey" in text(cluster["KmsKeyId"])


def test_s20_the_context_can_set_another_minor_version(production: Synthesized) -> None:
    assert production.one("AWS::RDS::DBCluster")["EngineVersion"] == "15.10"
    assert production.one("AWS::RDS::DBClusterParameterGroup")["Family"] == "aurora-postgresql15"


def test_s20_writer_and_reader_are_in_different_zones(every: Synthesized) -> None:
    zones = [
        instance["AvailabilityZone"]["Fn::Select"][0]
        for instance in every.properties("AWS::RDS::DBInstance")
    ]

    assert sorted(zones) == [0, 1]


def test_s20_both_instances_follow_the_writers_capacity(ephemeral: Synthesized) -> None:
    """Only tiers 0 and 1 scale with the writer; a smaller reader cannot take over its load."""
    tiers = [i["PromotionTier"] for i in ephemeral.properties("AWS::RDS::DBInstance")]

    assert sorted(tiers) == [0, 1]
    assert not any(i["PubliclyAccessible"] for i in ephemeral.properties("AWS::RDS::DBInstance"))


def test_s20_only_tls_is_accepted(ephemeral: Synthesized) -> None:
    name, group = ephemeral.only("AWS::RDS::DBClusterParameterGroup")

    assert group["Parameters"]["rds.force_ssl"] == "1"
    assert ephemeral.one("AWS::RDS::DBCluster")["DBClusterParameterGroupName"] == {"Ref": name}


@pytest.mark.parametrize(
    ("secret", "username"),
    [
        (ADMIN, "ledger_admin"),
        (SERVICE, "ledger_service"),
        (PROCESSOR, "ledger_processor"),
        (AUDITOR, "ledger_auditor"),
    ],
)
def test_s20_each_role_has_a_secret_of_its_own(
    ephemeral: Synthesized, secret: str, username: str
) -> None:
    found = ephemeral.one("AWS::SecretsManager::Secret", Name=secret)

    assert f'\\"username\\":\\"{username}\\"' in text(found["GenerateSecretString"])
    assert "EncryptionKey" in text(found["KmsKeyId"])


@pytest.mark.parametrize(
    ("role", "secrets"),
    [
        ("transaction-service-role-dev", set()),
        ("transaction-service-start-role-dev", {"ServiceSecret", "ApiCredentialsSecret"}),
        ("transaction-processor-role-dev", {"ProcessorSecret"}),
        ("audit-writer-role-dev", set()),
        ("audit-verifier-role-dev", {"AuditorSecret"}),
        (
            "schema-migrator-role-dev",
            {"SecretAttachment", "ServiceSecret", "ProcessorSecret", "AuditorSecret"},
        ),
    ],
)
def test_s64_a_role_reads_only_its_secrets(
    ephemeral: Synthesized, role: str, secrets: set[str]
) -> None:
    readable = [
        text(statement["Resource"])
        for statement in ephemeral.statements_of(role)
        if "secretsmanager:GetSecretValue" in statement["Action"]
    ]
    kinds = (
        "SecretAttachment",
        "ServiceSecret",
        "ProcessorSecret",
        "AuditorSecret",
        "ApiCredentialsSecret",
    )

    assert {kind for kind in kinds if any(kind in r for r in readable)} == secrets


def test_s52_the_log_group_exists_before_the_database_writes_to_it(
    ephemeral: Synthesized,
) -> None:
    logs, _ = ephemeral.only(
        "AWS::Logs::LogGroup", LogGroupName="/aws/rds/cluster/transaction-db-dev/postgresql"
    )
    cluster, properties = ephemeral.only("AWS::RDS::DBCluster")

    assert properties["EnableCloudwatchLogsExports"] == ["postgresql"]
    assert ephemeral.comes_before(logs, cluster)


def test_backups_are_kept_as_long_as_the_recovery_page_says(
    ephemeral: Synthesized, production: Synthesized
) -> None:
    kept = [s.one("AWS::RDS::DBCluster")["BackupRetentionPeriod"] for s in (ephemeral, production)]

    assert kept == [1, 35]


def test_s20_backups_and_maintenance_do_not_overlap(ephemeral: Synthesized) -> None:
    """AWS refuses a cluster whose windows overlap: `hh:mm-hh:mm`, the other with a day."""
    cluster = ephemeral.one("AWS::RDS::DBCluster")
    _, backup_end = cluster["PreferredBackupWindow"].split("-")
    maintenance_start = cluster["PreferredMaintenanceWindow"].split("-")[0].partition(":")[2]

    assert backup_end < maintenance_start


def test_s20_waits_of_the_database_are_recorded(ephemeral: Synthesized) -> None:
    parameters = ephemeral.one("AWS::RDS::DBClusterParameterGroup")["Parameters"]

    for instance in ephemeral.properties("AWS::RDS::DBInstance"):
        assert instance["EnablePerformanceInsights"] is True
        assert instance["PerformanceInsightsRetentionPeriod"] == 7
        assert "EncryptionKey" in text(instance["PerformanceInsightsKMSKeyId"])
    assert parameters["log_lock_waits"] == "1"


def test_s20_a_cluster_takes_every_parameter_of_its_group(every: Synthesized) -> None:
    """AWS refuses a group with an unknown name, or with one that belongs to instances."""
    lines = (Path(__file__).parent / "aurora_cluster_parameters.txt").read_text().splitlines()
    known = {line for line in lines if not line.startswith("#")}

    assert not every.all("AWS::RDS::DBParameterGroup"), "its names need a list of their own"
    for group in every.properties("AWS::RDS::DBClusterParameterGroup"):
        assert group["Parameters"].keys() <= known


def test_amounts_and_accounts_are_not_logged(ephemeral: Synthesized) -> None:
    parameters = ephemeral.one("AWS::RDS::DBClusterParameterGroup")["Parameters"]

    assert parameters["log_parameter_max_length"] == "0"
    assert parameters["log_parameter_max_length_on_error"] == "0"


def test_s20_the_output_says_when_another_version_than_the_requested_one_is_used(
    ephemeral: Synthesized, longest: Synthesized
) -> None:
    requested, other = (s.json["Outputs"]["AuroraEngineVersion"] for s in (ephemeral, longest))

    assert (requested["Value"], requested["Description"]) == ("15.8", "The requested version")
    assert (other["Value"], other["Description"]) == (
        "15.12",
        "15.8 was requested: this one was deployed before, or AWS creates no older one",
    )


def test_s66_both_instances_of_a_branch_are_created_side_by_side(ephemeral: Synthesized) -> None:
    """One after the other takes longer. Either may write: the migration needs both."""
    cluster, _ = ephemeral.only("AWS::RDS::DBCluster")
    (trigger,) = ephemeral.all("Custom::Trigger")
    first, second = ephemeral.all("AWS::RDS::DBInstance")

    for instance, other in ((first, second), (second, first)):
        assert not ephemeral.comes_before(other, instance)
        assert ephemeral.comes_before(cluster, instance)
        assert ephemeral.comes_before(instance, trigger)


def test_s65_both_instances_of_production_are_never_changed_at_once(
    production: Synthesized,
) -> None:
    """CloudFormation updates in the order in which it creates: one of them always serves."""
    (trigger,) = production.all("Custom::Trigger")
    (service,) = production.all("AWS::ECS::Service")
    first, second = production.all("AWS::RDS::DBInstance")

    assert production.comes_before(first, second)
    for waiting in (trigger, service):
        assert production.comes_before(first, waiting)
        assert not production.comes_before(second, waiting), "a first deployment takes longer"


def test_s20_the_database_lies_in_the_isolated_subnets(every: Synthesized) -> None:
    group, properties = every.only("AWS::RDS::DBSubnetGroup")
    kinds = [
        tag["Value"]
        for subnet in properties["SubnetIds"]
        for tag in every.resources[subnet["Ref"]]["Properties"]["Tags"]
        if tag["Key"] == "aws-cdk:subnet-type"
    ]

    assert every.one("AWS::RDS::DBCluster")["DBSubnetGroupName"] == {"Ref": group}
    assert kinds == ["Isolated", "Isolated"]


def test_s50_the_trunks_databases_report_their_operating_system(production: Synthesized) -> None:
    role, _ = production.only("AWS::IAM::Role", RoleName="transaction-db-metrics-role-dev")

    for instance in production.properties("AWS::RDS::DBInstance"):
        assert instance["MonitoringInterval"] == 60
        assert instance["MonitoringRoleArn"] == {"Fn::GetAtt": [role, "Arn"]}


def test_s64_rds_writes_metrics_of_this_environment_to_its_own_group_alone(
    production: Synthesized,
) -> None:
    role = production.one("AWS::IAM::Role", RoleName="transaction-db-metrics-role-dev")
    (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
    statements = [s for p in role["Policies"] for s in p["PolicyDocument"]["Statement"]]

    assert trusted["Principal"] == {"Service": "monitoring.rds.amazonaws.com"}
    assert ":db:transaction-db-*-dev" in text(trusted["Condition"]["ArnLike"])
    assert [":log-group:RDSOSMetrics" in text(s["Resource"]) for s in statements] == [True, True]
