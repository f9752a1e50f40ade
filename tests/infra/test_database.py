"""S20: the database survives a zone, keeps its secrets apart and goes with its stack."""

import pytest

from tests.infra.templates import Synthesized, text

ADMIN, SERVICE, PROCESSOR = (
    f"transaction-db-{who}-dev" for who in ("admin", "service", "processor")
)


def test_s20_the_cluster_is_what_was_asked_for(ephemeral: Synthesized) -> None:
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
            "DeletionProtection": False,
            "DeleteAutomatedBackups": True,
        }.items()
    )
    assert "EncryptionKey" in text(cluster["KmsKeyId"])


def test_s20_context_names_another_minor_version(production: Synthesized) -> None:
    assert production.one("AWS::RDS::DBCluster")["EngineVersion"] == "15.10"
    assert production.one("AWS::RDS::DBClusterParameterGroup")["Family"] == "aurora-postgresql15"


def test_s20_writer_and_reader_are_in_different_zones(ephemeral: Synthesized) -> None:
    writer = ephemeral.one("AWS::RDS::DBInstance", DBInstanceIdentifier="transaction-db-writer-dev")
    reader = ephemeral.one("AWS::RDS::DBInstance", DBInstanceIdentifier="transaction-db-reader-dev")

    assert writer["AvailabilityZone"]["Fn::Select"][0] == 0
    assert reader["AvailabilityZone"]["Fn::Select"][0] == 1


def test_s20_the_reader_follows_the_writers_capacity(ephemeral: Synthesized) -> None:
    """Tiers 0 and 1 do; a reader of a higher tier stays small and is no use in a failover."""
    tiers = [i["PromotionTier"] for i in ephemeral.properties("AWS::RDS::DBInstance")]

    assert sorted(tiers) == [0, 1]
    assert not any(i["PubliclyAccessible"] for i in ephemeral.properties("AWS::RDS::DBInstance"))


def test_s20_only_tls_is_accepted(ephemeral: Synthesized) -> None:
    name, group = ephemeral.only("AWS::RDS::DBClusterParameterGroup")

    assert group["Parameters"] == {"rds.force_ssl": "1"}
    assert ephemeral.one("AWS::RDS::DBCluster")["DBClusterParameterGroupName"] == {"Ref": name}


@pytest.mark.parametrize(
    ("secret", "username"),
    [(ADMIN, "ledger_admin"), (SERVICE, "ledger_service"), (PROCESSOR, "ledger_processor")],
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
        ("schema-migrator-role-dev", {"SecretAttachment", "ServiceSecret", "ProcessorSecret"}),
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
    kinds = ("SecretAttachment", "ServiceSecret", "ProcessorSecret", "ApiCredentialsSecret")

    assert {kind for kind in kinds if any(kind in r for r in readable)} == secrets


def test_s52_its_log_group_is_there_before_the_database_would_make_one(
    ephemeral: Synthesized,
) -> None:
    logs, _ = ephemeral.only(
        "AWS::Logs::LogGroup", LogGroupName="/aws/rds/cluster/transaction-db-dev/postgresql"
    )
    cluster, properties = ephemeral.only("AWS::RDS::DBCluster")

    assert properties["EnableCloudwatchLogsExports"] == ["postgresql"]
    assert ephemeral.comes_before(logs, cluster)


def test_production_can_be_restored_for_longer(
    ephemeral: Synthesized, production: Synthesized
) -> None:
    kept = [s.one("AWS::RDS::DBCluster")["BackupRetentionPeriod"] for s in (ephemeral, production)]

    assert kept == [1, 35]
