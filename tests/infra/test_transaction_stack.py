"""What holds for all resources of an environment, and the outputs of its stack."""

from tests.infra.templates import Synthesized, text


def test_the_outputs_are_those_that_integration_tests_and_tools_read(
    ephemeral: Synthesized,
) -> None:
    assert set(ephemeral.json["Outputs"]) == {
        "ApiUrl",
        "ApiDocsUrl",
        "ApiCertificate",
        "ApiCertificateDer",
        "TransactionQueueUrl",
        "OutcomeBusName",
        "OutcomeProbeQueueUrl",
        "AuditBucketName",
        "AuditVerifierName",
        "SessionsTableName",
        "ApiClientsTableName",
        "ApiCredentialsSecretName",
        "DashboardUrl",
        "EnvironmentSuffix",
        "AuroraEngineVersion",
    }


def test_the_outputs_name_the_resources_of_this_environment(ephemeral: Synthesized) -> None:
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
    generated = secret["GenerateSecretString"]

    assert generated["GenerateStringKey"] == "client_secret"
    assert "client_id" in generated["SecretStringTemplate"]
    assert generated["ExcludePunctuation"] is True  # HTTP Basic splits at a colon


def test_s60_a_bucket_name_holds_the_account_and_the_suffix(ephemeral: Synthesized) -> None:
    names = [bucket["BucketName"] for bucket in ephemeral.properties("AWS::S3::Bucket")]

    assert names == [
        {"Fn::Join": ["", [f"transaction-{what}-", {"Ref": "AWS::AccountId"}, "-dev"]]}
        for what in ("audit", "access-logs")
    ]


def test_s52_logs_are_encrypted_and_kept_for_a_week(ephemeral: Synthesized) -> None:
    for group in ephemeral.properties("AWS::Logs::LogGroup"):
        assert group["RetentionInDays"] == 7
        assert "EncryptionKey" in text(group["KmsKeyId"])
        assert "-dev" in group["LogGroupName"]


def test_s63_the_key_is_rotated_and_has_an_alias(ephemeral: Synthesized) -> None:
    key, properties = ephemeral.only("AWS::KMS::Key")

    assert properties["EnableKeyRotation"] is True
    assert ephemeral.one("AWS::KMS::Alias") == {
        "AliasName": "alias/transaction-key-dev",
        "TargetKeyId": {"Fn::GetAtt": [key, "Arn"]},
    }


def test_s63_only_logs_of_this_environment_may_use_the_key(ephemeral: Synthesized) -> None:
    (statement,) = (
        s
        for s in ephemeral.one("AWS::KMS::Key")["KeyPolicy"]["Statement"]
        if s.get("Sid") == "LogGroupsOfThisSuffix"
    )

    arn = statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert [text(a).rpartition(":log-group:")[2] for a in arn] == ['*-dev"]]}', '*-dev/*"]]}']


def test_s63_only_the_account_and_named_services_may_use_the_key(every: Synthesized) -> None:
    """The account may grant its roles the key; AWS services use it for logs, alarms, secrets
    and the bus of outcomes."""
    anyone = {
        text(s["Principal"])
        for s in every.one("AWS::KMS::Key")["KeyPolicy"]["Statement"]
        if not s.get("Condition")
    }
    services = [
        s["Principal"]["Service"]
        for s in every.one("AWS::KMS::Key")["KeyPolicy"]["Statement"]
        if "Service" in s["Principal"]
    ]
    through = {
        text(s["Condition"]["StringEquals"]["kms:ViaService"]["Fn::Join"][1][0])
        for s in every.one("AWS::KMS::Key")["KeyPolicy"]["Statement"]
        if "kms:ViaService" in text(s.get("Condition"))
    }

    assert len(anyone) == 1
    assert ":root" in anyone.pop()
    assert services == [
        {"Fn::Join": ["", ["logs.", {"Ref": "AWS::Region"}, ".amazonaws.com"]]},
        "cloudwatch.amazonaws.com",
        "events.amazonaws.com",
    ]
    assert through == {'"secretsmanager."'}


def test_an_update_never_replaces_a_resource_with_data(ephemeral: Synthesized) -> None:
    """A changed logical id is a new resource; the old one is deleted with its data."""
    sessions, _ = ephemeral.only("AWS::DynamoDB::Table", TableName="transaction-sessions-dev")

    assert ephemeral.all("AWS::RDS::DBCluster").keys() == {"DatabaseCluster5B53A178"}
    clients, _ = ephemeral.only("AWS::DynamoDB::Table", TableName="transaction-api-clients-dev")
    assert sessions == "SessionsTableA5E8383B"
    assert clients == "ApiClientsTable2C3B515B"
    assert "AuditStoreBucketF6505C12" in ephemeral.all("AWS::S3::Bucket")


def test_a_template_stays_within_the_limits_of_cloudformation(production: Synthesized) -> None:
    assert len(production.resources) < 300
    assert len(text(production.json)) < 500_000
