"""A queue with its function, as an environment has them, in the local cloud.

The function's asset runs as in Lambda, with an event source mapping from a real queue that counts
receives and redrives. Only the configuration shortens the time: a queue with few receives.
"""

import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from infra.lambda_code import LambdaSource
from infra.python_version import deployed_python, lambda_runtime
from local_cloud.aws import ACCOUNT, AwsClients
from tests.patience import PATIENCE_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_lambda.literals import RuntimeType

RECEIVES_MAX: Final = 3
BREAKER_TABLE: Final = "transaction-breaker-dev"


@dataclass(frozen=True, kw_only=True)
class DeployedQueue:
    """A queue, its dead letters and the breakers' table. `function` is added by `connect`."""

    aws: AwsClients
    function: str
    url: str
    dead_letters_url: str

    @classmethod
    def create(cls, aws: AwsClients, *, kind: str, function: str) -> "DeployedQueue":
        dead_letters = aws.sqs.create_queue(QueueName=f"{kind}-dead-letters-dev")["QueueUrl"]
        redrive = {
            "deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{kind}-dead-letters-dev",
            "maxReceiveCount": RECEIVES_MAX,
        }
        url = aws.sqs.create_queue(
            QueueName=f"{kind}-queue-dev",
            Attributes={"VisibilityTimeout": "180", "RedrivePolicy": json.dumps(redrive)},
        )["QueueUrl"]
        aws.dynamodb.create_table(
            TableName=BREAKER_TABLE,
            KeySchema=[{"AttributeName": "breaker", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "breaker", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        return cls(aws=aws, function=function, url=url, dead_letters_url=dead_letters)

    def connect(
        self, source: LambdaSource, *, variables: Mapping[str, str], batch_size: int
    ) -> None:
        """The function receives from now on."""
        self.aws.logs.create_log_group(logGroupName=self._log_group)
        self.aws.lambda_.create_function(
            FunctionName=self.function,
            Runtime=cast("RuntimeType", lambda_runtime(deployed_python()).name),
            Handler=source.handler,
            Role=f"arn:aws:iam::{ACCOUNT}:role/any",
            Code={"ZipFile": _asset(source)},
            Timeout=30,
            Environment={"Variables": dict(variables)},
        )
        self.aws.lambda_.create_event_source_mapping(
            EventSourceArn=f"arn:aws:sqs:us-east-1:{ACCOUNT}:{self.url.rpartition('/')[2]}",
            FunctionName=self.function,
            BatchSize=batch_size,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            ScalingConfig={"MaximumConcurrency": 5},
        )

    @property
    def waiting(self) -> int:
        return self._messages(self.url)

    @property
    def dead(self) -> int:
        return self._messages(self.dead_letters_url)

    @property
    def renewals(self) -> int:
        """The number of renewals of all messages together."""
        pages = self.aws.logs.get_paginator("filter_log_events").paginate(
            logGroupName=self._log_group, filterPattern='"messages renewed"'
        )
        lines = [event["message"] for page in pages for event in page["events"]]
        return sum(int(json.loads(line)["messages"]) for line in lines)

    def breaker(self, name: str) -> dict[str, Any]:
        item = self.aws.dynamodb.get_item(TableName=BREAKER_TABLE, Key={"breaker": {"S": name}})
        return {name: int(value.get("N", 0)) for name, value in item.get("Item", {}).items()}

    @property
    def _log_group(self) -> str:
        return f"/aws/lambda/{self.function}"

    def _messages(self, url: str) -> int:
        """Those that are visible, in flight or delayed."""
        answer = self.aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return sum(
            int(value)
            for name, value in answer["Attributes"].items()
            if name.startswith("ApproximateNumberOfMessages")
        )


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.25)


def _asset(source: LambdaSource) -> bytes:
    """The deployed code without its packages: those of this interpreter are the same."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for target, path in source.files().items():
            archive.write(path, target.as_posix())
    return content.getvalue()
