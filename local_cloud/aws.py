"""boto3 clients for the emulator: one account, one region, one endpoint, no real credentials."""

import threading
from functools import cache
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
    """The variables with which a program calls the emulator instead of AWS."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # `<bucket>.127.0.0.1` is not a host name.
        "AWS_S3_ADDRESSING_STYLE": "path",
    }


@cache  # a session keeps the models of services, and reading one takes long
def _session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)


# A session cannot create two clients at the same time.
_creating = threading.Lock()


class AwsClients:
    """Clients, created at first use. Safe to share between threads, as boto3 clients are.

    An attribute for a service known in advance (typed), `client` for a service given by name.
    """

    acm: "ACMClient"
    cloudformation: "CloudFormationClient"
    cloudwatch: "CloudWatchClient"
    codebuild: "CodeBuildClient"
    codepipeline: Any  # there are no type stubs for this service
    dynamodb: "DynamoDBClient"
    ec2: "EC2Client"
    ecs: "ECSClient"
    events: "EventBridgeClient"
    elbv2: "ElasticLoadBalancingv2Client"
    iam: "IAMClient"
    kms: "KMSClient"
    lambda_: "LambdaClient"
    logs: "CloudWatchLogsClient"
    rds: "RDSClient"
    s3: "S3Client"
    secretsmanager: "SecretsManagerClient"
    sns: "SNSClient"
    sqs: "SQSClient"
    stepfunctions: "SFNClient"
    sts: "STSClient"

    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url
        self._session = _session()
        config = Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"max_attempts": 2},
            s3={"addressing_style": "path"},
        )
        self._settings: Any = {"endpoint_url": endpoint_url, "config": config}
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        with _creating:
            if service not in self._clients:
                create: Any = self._session.client
                self._clients[service] = create(service, **self._settings)
            return self._clients[service]

    def __getattr__(self, name: str) -> Any:
        if name not in AwsClients.__annotations__:
            raise AttributeError(f"{name}: no such client is declared in {__name__}")
        return self.client(name.rstrip("_"))
