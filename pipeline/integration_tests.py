"""The step that tests a deployed environment, and its permissions there."""

import re
from typing import Final

from aws_cdk import ArnFormat, CfnOutput, Duration, Stack, pipelines
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs

from infra.api_credentials import API_CREDENTIALS
from infra.audit_store import AUDIT_BUCKET
from infra.component_names import AUDIT_VERIFIER
from infra.encryption import key_alias
from infra.naming import EnvironmentSuffix
from infra.outcomes import PROBE_QUEUE
from infra.python_version import deployed_python
from infra.queue_names import TRANSACTIONS
from infra.sessions import TABLE
from pipeline import builds
from pipeline.promotion import TestSuite

# The outputs that the tests get, each as an environment variable.
CERTIFICATE_OUTPUT: Final = "ApiCertificateDer"
OUTPUTS: Final = (
    "ApiUrl",
    CERTIFICATE_OUTPUT,
    "TransactionQueueUrl",
    "OutcomeProbeQueueUrl",
    "AuditBucketName",
    "AuditVerifierName",
    "SessionsTableName",
    "ApiCredentialsSecretName",
    "EnvironmentSuffix",
)


def tests_step(
    stack: Stack,
    *,
    suite: TestSuite,
    suffix: EnvironmentSuffix,
    source: pipelines.IFileSetProducer,
    outputs: dict[str, CfnOutput],
    source_permissions: list[iam.PolicyStatement],
    log_group: logs.ILogGroup,
) -> pipelines.CodeBuildStep:
    """Run the black-box tests against the environment with this `suffix` and these `outputs`."""
    return pipelines.CodeBuildStep(
        suite.step,
        project_name=suffix.physical_name(suite.project),
        input=source,
        commands=["make setup", suite.command],
        env_from_cfn_outputs={
            variable_of(name): outputs[name]
            for name in OUTPUTS
            # A certificate of a public authority is not passed on.
            if name in outputs or name != CERTIFICATE_OUTPUT
        },
        build_environment=builds.environment(codebuild.ComputeType.SMALL),
        partial_build_spec=builds.runtimes(python=deployed_python()),
        logging=builds.logging(log_group, prefix=suffix.physical_name("tests")),
        timeout=Duration.minutes(20),
        role_policy_statements=[
            *source_permissions,
            *([] if suite.is_read_only else permissions(stack, suffix=suffix)),
        ],
    )


def variable_of(output: str) -> str:
    """`ApiUrl` -> `API_URL`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", output).upper()


def permissions(stack: Stack, *, suffix: EnvironmentSuffix) -> list[iam.PolicyStatement]:
    """Permissions of tests that write, by name: at synth the environment does not exist."""
    queue = stack.format_arn(service="sqs", resource=suffix.physical_name(TRANSACTIONS.queue))
    probe = stack.format_arn(service="sqs", resource=suffix.physical_name(PROBE_QUEUE))
    table = stack.format_arn(
        service="dynamodb", resource="table", resource_name=suffix.physical_name(TABLE)
    )
    # Secrets Manager adds six characters of its own.
    secret = stack.format_arn(
        service="secretsmanager",
        resource=f"secret:{suffix.physical_name(API_CREDENTIALS)}-??????",
    )
    bucket_name = suffix.global_name(AUDIT_BUCKET, account=stack.account)
    bucket = f"arn:{stack.partition}:s3:::{bucket_name}"
    verifier = stack.format_arn(
        service="lambda",
        resource="function",
        resource_name=suffix.physical_name(AUDIT_VERIFIER),
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    return [
        _allow(["secretsmanager:GetSecretValue"], secret),
        _allow(["sqs:GetQueueAttributes", "sqs:SendMessage"], queue),
        _allow(["sqs:DeleteMessage", "sqs:ReceiveMessage"], probe),
        _allow(["lambda:InvokeFunction"], verifier),
        _allow(["s3:ListBucket"], bucket),
        _allow(["s3:GetObject"], f"{bucket}/*"),
        _allow(["dynamodb:GetItem", "dynamodb:Query"], table, f"{table}/index/*"),
        iam.PolicyStatement(
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=[stack.format_arn(service="kms", resource="key", resource_name="*")],
            # A key has no name, so it is identified by its alias.
            conditions={"ForAnyValue:StringEquals": {"kms:ResourceAliases": key_alias(suffix)}},
        ),
    ]


def _allow(actions: list[str], *resources: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=actions, resources=[*resources])
