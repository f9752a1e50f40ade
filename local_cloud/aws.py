"""boto3 clients for the emulator: one account, one region, one endpoint, no real credentials."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_acm import ACMClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_codebuild import CodeBuildClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_sts import STSClient

ACCOUNT = "000000000000"
REGION = "us-east-1"


def environment(endpoint_url: str) -> dict[str, str]:
    """What every program that calls AWS needs, to call the emulator instead."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # The emulator's host name does not resolve with a bucket in front of it.
        "AWS_S3_ADDRESSING_STYLE": "path",
    }


class AwsClients:
    """Clients made when first asked for; safe to share between threads, as boto3 clients are."""

    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url
        self._session = boto3.Session(
            aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION
        )
        config = Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"max_attempts": 2},
            s3={"addressing_style": "path"},
        )
        self._settings: Any = {"endpoint_url": endpoint_url, "config": config}

    @cached_property
    def acm(self) -> "ACMClient":
        return self._session.client("acm", **self._settings)

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        return self._session.client("cloudformation", **self._settings)

    @cached_property
    def codebuild(self) -> "CodeBuildClient":
        return self._session.client("codebuild", **self._settings)

    @cached_property
    def codepipeline(self) -> Any:
        make: Any = self._session.client  # the type stubs in use do not know this service
        return make("codepipeline", **self._settings)

    @cached_property
    def events(self) -> "EventBridgeClient":
        return self._session.client("events", **self._settings)

    @cached_property
    def stepfunctions(self) -> "SFNClient":
        return self._session.client("stepfunctions", **self._settings)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        return self._session.client("dynamodb", **self._settings)

    @cached_property
    def ec2(self) -> "EC2Client":
        return self._session.client("ec2", **self._settings)

    @cached_property
    def ecs(self) -> "ECSClient":
        return self._session.client("ecs", **self._settings)

    @cached_property
    def elbv2(self) -> "ElasticLoadBalancingv2Client":
        return self._session.client("elbv2", **self._settings)

    @cached_property
    def lambda_(self) -> "LambdaClient":
        return self._session.client("lambda", **self._settings)

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        return self._session.client("logs", **self._settings)

    @cached_property
    def rds(self) -> "RDSClient":
        return self._session.client("rds", **self._settings)

    @cached_property
    def s3(self) -> "S3Client":
        return self._session.client("s3", **self._settings)

    @cached_property
    def secretsmanager(self) -> "SecretsManagerClient":
        return self._session.client("secretsmanager", **self._settings)

    @cached_property
    def sqs(self) -> "SQSClient":
        return self._session.client("sqs", **self._settings)

    @cached_property
    def sts(self) -> "STSClient":
        return self._session.client("sts", **self._settings)

    @cached_property
    def cloudwatch(self) -> "CloudWatchClient":
        return self._session.client("cloudwatch", **self._settings)

    @cached_property
    def iam(self) -> "IAMClient":
        return self._session.client("iam", **self._settings)

    @cached_property
    def kms(self) -> "KMSClient":
        return self._session.client("kms", **self._settings)

    @cached_property
    def sns(self) -> "SNSClient":
        return self._session.client("sns", **self._settings)
