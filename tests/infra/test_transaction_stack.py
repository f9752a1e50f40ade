"""What holds for all resources of an environment, and what outsiders learn of it."""

import re

import pytest

from infra.config import EPHEMERAL, PRODUCTION, STAGING
from tests.infra.templates import Synthesized, text


def test_the_outputs_are_what_integration_tests_and_tools_read(ephemeral: Synthesized) -> None:
    assert set(ephemeral.json["Outputs"]) == {
        "ApiUrl",
        "ApiDocsUrl",
        "ApiCertificate",
        "ApiCertificateDer",
        "TransactionQueueUrl",
        "AuditBucketName",
        "SessionsTableName",
        "ApiCredentialsSecretName",
        "DashboardUrl",
        "EnvironmentSuffix",
        "AuroraEngineVersion",
    }


def test_the_outputs_say_which_environment_this_is(ephemeral: Synthesized) -> None:
    values = {name: output["Value"] for name, output in ephemeral.json["Outputs"].items()}
    certificate, _ = ephemeral.only("Custom::EnvironmentCertificate")
    queue, _ = ephemeral.only("AWS::SQS::Queue", QueueName="transaction-queue-dev")

    assert values["EnvironmentSuffix"] == "dev"
    assert values["AuroraEngineVersion"] == "15.8"
    assert values["TransactionQueueUrl"] == {"Ref": queue}
    assert values["ApiCredentialsSecretName"] == "transaction-api-credentials-dev"
    assert values["ApiCertificate"] == {"Fn::GetAtt": [certificate, "CertificatePem"]}
    assert values["ApiCertificateDer"] == {"Fn::GetAtt": [certificate, "CertificateDerBase64"]}
    assert text(values["ApiDocsUrl"]).endswith('"/docs"]]}')


def test_the_api_credential_holds_what_a_client_sends(ephemeral: Synthesized) -> None:
    secret = ephemeral.one("AWS::SecretsManager::Secret", Name="transaction-api-credentials-dev")
    made = secret["GenerateSecretString"]

    assert made["GenerateStringKey"] == "client_secret"
    assert "client_id" in made["SecretStringTemplate"]
    assert made["ExcludePunctuation"] is True  # HTTP Basic splits at a colon


# Physical names of the kinds of resources that we name, with the limit that AWS documents.
NAMES = {
    "AWS::CloudWatch::Alarm": ("AlarmName", 255),
    "AWS::CloudWatch::Dashboard": ("DashboardName", 255),
    "AWS::DynamoDB::Table": ("TableName", 255),
    "AWS::EC2::SecurityGroup": ("GroupName", 255),
    "AWS::ECS::Cluster": ("ClusterName", 255),
    "AWS::ECS::Service": ("ServiceName", 255),
    "AWS::ECS::TaskDefinition": ("Family", 255),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": ("Name", 32),
    "AWS::ElasticLoadBalancingV2::TargetGroup": ("Name", 32),
    "AWS::RDS::DBCluster": ("DBClusterIdentifier", 63),
    "AWS::RDS::DBClusterParameterGroup": ("DBClusterParameterGroupName", 255),
    "AWS::RDS::DBInstance": ("DBInstanceIdentifier", 63),
    "AWS::RDS::DBSubnetGroup": ("DBSubnetGroupName", 255),
    "AWS::SNS::Topic": ("TopicName", 256),
    "AWS::SQS::Queue": ("QueueName", 80),
    "AWS::SecretsManager::Secret": ("Name", 512),
}


@pytest.mark.parametrize("kind", NAMES)
def test_s60_what_is_named_carries_the_suffix_and_fits(ephemeral: Synthesized, kind: str) -> None:
    key, longest = NAMES[kind]
    names = [resource[key] for resource in ephemeral.properties(kind)]

    assert names
    for name in names:
        assert name.endswith("-dev")
        assert len(name) - len("dev") + 16 <= longest


@pytest.mark.parametrize(
    ("kind", "key"), [("AWS::IAM::Role", "RoleName"), ("AWS::Lambda::Function", "FunctionName")]
)
def test_s60_roles_and_functions_of_ours_carry_the_suffix(
    ephemeral: Synthesized, kind: str, key: str
) -> None:
    """Those that CDK adds for itself are named by CloudFormation, after the stack."""
    names = [r[key] for r in ephemeral.properties(kind) if key in r]

    assert len(names) >= 5
    for name in names:
        assert name.endswith("-dev")
        assert len(name) - len("dev") + 16 <= 64


def test_s60_the_buckets_name_is_its_own_in_all_of_aws(ephemeral: Synthesized) -> None:
    assert ephemeral.one("AWS::S3::Bucket")["BucketName"] == {
        "Fn::Join": ["", ["transaction-audit-", {"Ref": "AWS::AccountId"}, "-dev"]]
    }


def test_s62_nothing_stays_when_the_stack_goes(
    ephemeral: Synthesized, production: Synthesized
) -> None:
    keeping = [
        name
        for stack in (ephemeral, production)
        for name, r in stack.resources.items()
        for policy in (r.get("DeletionPolicy"), r.get("UpdateReplacePolicy"))
        if policy not in (None, "Delete")
    ]

    assert keeping == []


@pytest.mark.parametrize(
    "kind",
    [
        "AWS::DynamoDB::Table",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::RDS::DBCluster",
        "AWS::RDS::DBInstance",
        "AWS::S3::Bucket",
        "AWS::SecretsManager::Secret",
    ],
)
def test_s62_what_aws_would_keep_or_snapshot_by_default_is_deleted(
    ephemeral: Synthesized, kind: str
) -> None:
    policies = {(r.get("DeletionPolicy"), r["Type"]) for r in ephemeral.all(kind).values()}

    assert policies == {("Delete", kind)}


def test_s62_the_audit_bucket_is_emptied_first(ephemeral: Synthesized) -> None:
    bucket, _ = ephemeral.only("AWS::S3::Bucket")

    assert ephemeral.one("Custom::S3AutoDeleteObjects")["BucketName"] == {"Ref": bucket}


def test_s52_every_function_logs_to_a_group_of_the_stack(ephemeral: Synthesized) -> None:
    """Helpers of CDK included: Lambda would make a group for them that nobody deletes."""
    groups = [
        function["LoggingConfig"]["LogGroup"]["Ref"]
        for function in ephemeral.properties("AWS::Lambda::Function")
    ]

    assert len(set(groups)) == len(groups)
    assert set(groups) <= set(ephemeral.all("AWS::Logs::LogGroup"))


def test_s52_logs_are_kept_a_week_encrypted(ephemeral: Synthesized) -> None:
    for group in ephemeral.properties("AWS::Logs::LogGroup"):
        assert group["RetentionInDays"] == 7
        assert "EncryptionKey" in text(group["KmsKeyId"])
        assert "-dev" in group["LogGroupName"]


def test_s63_the_key_is_rotated_and_found_by_its_alias(ephemeral: Synthesized) -> None:
    key, properties = ephemeral.only("AWS::KMS::Key")

    assert properties["EnableKeyRotation"] is True
    assert properties["PendingWindowInDays"] == 7
    assert ephemeral.one("AWS::KMS::Alias") == {
        "AliasName": "alias/transaction-key-dev",
        "TargetKeyId": {"Fn::GetAtt": [key, "Arn"]},
    }


def test_s63_only_logs_of_this_environment_may_use_the_key(ephemeral: Synthesized) -> None:
    (statement,) = (
        s
        for s in ephemeral.one("AWS::KMS::Key")["KeyPolicy"]["Statement"]
        if s.get("Sid") == "LogGroupsOfThisEnvironment"
    )

    arn = statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert text(arn).endswith(':log-group:*-dev*"]]}')


def test_an_update_never_replaces_what_holds_data(ephemeral: Synthesized) -> None:
    """A changed logical id is a new resource, and the old one goes with all that it holds."""
    stateful = {
        kind: ephemeral.only(kind)[0]
        for kind in ("AWS::RDS::DBCluster", "AWS::DynamoDB::Table", "AWS::S3::Bucket")
    }

    assert stateful == {
        "AWS::RDS::DBCluster": "DatabaseCluster5B53A178",
        "AWS::DynamoDB::Table": "SessionsTableA5E8383B",
        "AWS::S3::Bucket": "AuditStoreBucketF6505C12",
    }


def test_environments_differ_only_in_size() -> None:
    assert [c.kind for c in (EPHEMERAL, STAGING, PRODUCTION)] == [
        "ephemeral",
        "staging",
        "production",
    ]
    assert [c.network.nat_gateways for c in (EPHEMERAL, STAGING, PRODUCTION)] == [1, 2, 2]
    assert [c.service.tasks_min for c in (EPHEMERAL, STAGING, PRODUCTION)] == [2, 4, 4]


def test_a_template_stays_within_what_cloudformation_takes(production: Synthesized) -> None:
    assert len(production.resources) < 300
    assert len(text(production.json)) < 500_000


def test_no_physical_name_is_left_out_of_the_table(ephemeral: Synthesized) -> None:
    """A kind that gets a name must be held to its limit above."""
    named = {
        r["Type"]
        for r in ephemeral.resources.values()
        for key, value in r.get("Properties", {}).items()
        if re.search(r"(Name|Identifier|Family)$", key)
        and isinstance(value, str)
        and value.endswith("-dev")
    }

    assert named - set(NAMES) <= {
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::Logs::LogGroup",
        "AWS::KMS::Alias",
    }
