"""S5: a build tests the deployed environment with only the permissions that it needs."""

import json

from tests.delivered import SUFFIX, Delivered
from tests.infra.templates import as_list


def told(delivered: Delivered, stage: str, name: str) -> dict[str, str]:
    variables = delivered.action(stage, name)["Configuration"]["EnvironmentVariables"]
    return {v["name"]: v["value"] for v in json.loads(variables)}


def test_s5_tests_run_after_the_deployment_and_get_its_addresses(delivered: Delivered) -> None:
    tests = delivered.action("Environment", "IntegrationTests")
    deploy = delivered.action("Environment", f"transaction-{SUFFIX}.Deploy")

    assert tests["RunOrder"] > deploy["RunOrder"]
    assert told(delivered, "Environment", "IntegrationTests") == {
        variable: f"#{{{deploy['Namespace']}.{output}}}"
        for variable, output in {
            "API_URL": "ApiUrl",
            "API_CERTIFICATE_DER": "ApiCertificateDer",
            "TRANSACTION_QUEUE_URL": "TransactionQueueUrl",
            "OUTCOME_PROBE_QUEUE_URL": "OutcomeProbeQueueUrl",
            "AUDIT_BUCKET_NAME": "AuditBucketName",
            "AUDIT_VERIFIER_NAME": "AuditVerifierName",
            "SESSIONS_TABLE_NAME": "SessionsTableName",
            "API_CREDENTIALS_SECRET_NAME": "ApiCredentialsSecretName",
            "ENVIRONMENT_SUFFIX": "EnvironmentSuffix",
        }.items()
    }
    assert delivered.commands("Environment", "IntegrationTests") == [
        "make setup",
        "make integration-test",
    ]


def test_s30_with_a_domains_certificate_tests_trust_public_authorities(
    trunk: Delivered,
) -> None:
    assert "API_CERTIFICATE_DER" in told(trunk, "Staging", "IntegrationTests")
    assert "API_CERTIFICATE_DER" not in told(trunk, "Production", "SmokeTests")
    assert "API_URL" in told(trunk, "Production", "SmokeTests")


def test_s5_tests_run_from_the_commit_that_was_deployed(delivered: Delivered) -> None:
    (source,) = delivered.action("Source", "Source")["OutputArtifacts"]

    assert delivered.action("Environment", "IntegrationTests")["InputArtifacts"] == [source]
    assert delivered.action("Build", "Synth")["InputArtifacts"] == [source]


def test_s64_tests_have_only_the_permissions_that_they_need(delivered: Delivered) -> None:
    here = "us-east-1:000000000000"
    secret = f"arn:aws:secretsmanager:{here}:secret:transaction-api-credentials-{SUFFIX}-??????"
    queue = f"arn:aws:sqs:{here}:transaction-queue-{SUFFIX}"
    probe = f"arn:aws:sqs:{here}:outcome-probe-queue-{SUFFIX}"
    table = f"arn:aws:dynamodb:{here}:table/transaction-sessions-{SUFFIX}"
    bucket = f"arn:aws:s3:::transaction-audit-000000000000-{SUFFIX}"

    assert delivered.permissions("Environment", "IntegrationTests") == {
        "secretsmanager:GetSecretValue": [secret],
        "sqs:GetQueueAttributes": [queue],
        "sqs:SendMessage": [queue],
        "lambda:InvokeFunction": [f"arn:aws:lambda:{here}:function:audit-verifier-{SUFFIX}"],
        "sqs:DeleteMessage": [probe],
        "sqs:ReceiveMessage": [probe],
        "s3:ListBucket": [bucket],
        "s3:GetObject": [f"{bucket}/*"],
        "dynamodb:GetItem": [table, f"{table}/index/*"],
        "dynamodb:Query": [table, f"{table}/index/*"],
        "kms:Decrypt": [f"arn:aws:kms:{here}:key/*"],
        "kms:GenerateDataKey": [f"arn:aws:kms:{here}:key/*"],
    }


def test_s64_tests_may_use_only_the_key_of_their_environment(delivered: Delivered) -> None:
    conditions = [
        statement["Condition"]
        for policy in delivered.pipeline.properties("AWS::IAM::Policy")
        for statement in policy["PolicyDocument"]["Statement"]
        if "kms:Decrypt" in as_list(statement["Action"]) and "Condition" in statement
    ]

    assert conditions == [
        {"ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/transaction-key-{SUFFIX}"}}
    ]
