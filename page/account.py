"""The account that the page reads: one client per service, and the answers of the last seconds."""

import threading
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import boto3
from botocore.config import Config

from page.cache import Cache
from page.settings import PageSettings

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_codebuild import CodeBuildClient
    from mypy_boto3_codepipeline import CodePipelineClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient

_T = TypeVar("_T")
# A person waits for the page: an API that does not answer is named soon.
_PATIENCE: Final = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"total_max_attempts": 2, "mode": "standard"},
)
# A session cannot create two clients at the same time.
_creating = threading.Lock()


class Account:
    """Safe to share between threads, as boto3 clients are."""

    cloudformation: "CloudFormationClient"
    cloudwatch: "CloudWatchClient"
    codebuild: "CodeBuildClient"
    codepipeline: "CodePipelineClient"
    dynamodb: "DynamoDBClient"
    ecs: "ECSClient"
    logs: "CloudWatchLogsClient"
    rds: "RDSClient"
    sqs: "SQSClient"
    sts: "STSClient"

    def __init__(self, settings: PageSettings) -> None:
        self.settings = settings
        self._cache = Cache(seconds=settings.cache_seconds)
        self._session = boto3.Session(region_name=settings.region)
        self._clients: dict[tuple[str, Config], Any] = {}

    def remember(
        self, key: Hashable, read: Callable[[], _T], *, seconds: float | None = None
    ) -> _T:
        """The answer of `read`, which may be some seconds old. Raises what `read` raised."""
        return self._cache.get(key, read, seconds=seconds)

    def client(self, service: str, *, config: Config = _PATIENCE) -> Any:
        """`config`: of calls that need more patience than a person who looks at a page has."""
        with _creating:
            if (service, config) not in self._clients:
                create: Any = self._session.client
                self._clients[service, config] = create(
                    service, endpoint_url=self.settings.endpoint_url, config=config
                )
            return self._clients[service, config]

    def __getattr__(self, name: str) -> Any:
        if name not in Account.__annotations__:
            raise AttributeError(f"{name}: no such client is declared in {__name__}")
        return self.client(name)
