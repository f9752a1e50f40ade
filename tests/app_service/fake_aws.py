"""Fake DynamoDB and SQS below real boto3 clients, which validate, serialize and parse."""

import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HTTPHeaders
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

TABLE = "session-table-test"
CLIENTS_TABLE = "client-table-test"
QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/000000000000/audit-queue-test"
MESSAGE_BYTES_MAX = 1_048_576

Answer = dict[str, Any]


class AwsError(Exception):
    """The fake service answers with this error."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


@cache
def _client(service: str) -> Any:
    """One per process: reading the service's model is the slow part of a test."""
    session = boto3.session.Session(
        region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    config = Config(retries={"total_max_attempts": 1})
    return session.client(service, config=config)  # type: ignore[call-overload]


class FakeService:
    """A client whose requests the newest fake of its service answers.

    `offline` cuts the network, `asked` lists operations, `before_answer` runs in the client's
    thread.
    """

    name: str

    def __init__(self) -> None:
        self.offline = False
        self.asked: list[str] = []
        self.before_answer: Callable[[], object] = lambda: None
        self.client = _client(self.name)
        events, event = self.client.meta.events, f"before-send.{self.name}"
        events.unregister(event, unique_id="fake")
        events.register(event, self._answer, unique_id="fake")

    def respond(self, operation: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer, as the service would send them."""
        self.before_answer()
        self.asked.append(operation)
        call: Callable[[Answer], Answer] = getattr(self, operation)
        try:
            return 200, json.dumps(call(json.loads(body))).encode()
        except AwsError as error:
            return error.status, json.dumps({"__type": f"com.amazonaws#{error.code}"}).encode()

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        if self.offline:
            raise EndpointConnectionError(endpoint_url=request.url)
        prepared: Any = request  # the stubs allow more kinds of header and body than are sent
        operation = prepared.headers["X-Amz-Target"].decode().rpartition(".")[2]
        status, body = self.respond(operation, prepared.body)
        headers = HTTPHeaders()
        headers["Content-Length"] = str(len(body))
        return AWSResponse(prepared.url, status, headers, _Raw(body))


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> list[bytes]:
        return [self.read()]


class FakeSessionsTable(FakeService):
    """The table of sessions with its index by-user, and in `credentials` the items of the table of
    clients, which can only be queried."""

    name = "dynamodb"

    def __init__(self) -> None:
        super().__init__()
        self.items: dict[str, Answer] = {}
        self.credentials: list[Answer] = []
        self.consistent_reads: list[bool] = []

    def PutItem(self, asked: Answer) -> Answer:  # noqa: N802 - names of AWS operations
        self._check_table(asked)
        key = asked["Item"]["token_hash"]["S"]
        assert asked["ConditionExpression"] == "attribute_not_exists(token_hash)"
        if key in self.items:
            raise AwsError("ConditionalCheckFailedException")
        self.items[key] = asked["Item"]
        return {}

    def GetItem(self, asked: Answer) -> Answer:  # noqa: N802
        self._check_table(asked)
        self.consistent_reads.append(asked.get("ConsistentRead", False))
        item = self.items.get(asked["Key"]["token_hash"]["S"])
        return {} if item is None else {"Item": item}

    def DeleteItem(self, asked: Answer) -> Answer:  # noqa: N802
        self._check_table(asked)
        self.items.pop(asked["Key"]["token_hash"]["S"], None)
        return {}

    def Query(self, asked: Answer) -> Answer:  # noqa: N802
        values = asked["ExpressionAttributeValues"]
        if asked["TableName"] == CLIENTS_TABLE:
            assert (asked["KeyConditionExpression"], asked["ConsistentRead"]) == (
                "client_id = :client_id",
                True,
            )
            return {
                "Items": [i for i in self.credentials if i["client_id"] == values[":client_id"]]
            }
        self._check_table(asked)
        assert (asked["IndexName"], asked["KeyConditionExpression"]) == (
            "by-user",
            "user_id = :user_id",
        )
        found = [item for item in self.items.values() if item["user_id"] == values[":user_id"]]
        found.sort(
            key=lambda item: int(item["created_at"]["N"]),
            reverse=not asked.get("ScanIndexForward", True),
        )
        start = int(asked.get("ExclusiveStartKey", {"after": {"N": "0"}})["after"]["N"])
        end = start + asked["Limit"]
        assert asked["FilterExpression"] == "client_id = :client_id"
        page = [i for i in found[start:end] if i["client_id"] == values[":client_id"]]
        # The limit counts the items before the filter.
        more = {"LastEvaluatedKey": {"after": {"N": str(end)}}} if end < len(found) else {}
        return {"Items": page, "Count": len(page)} | more

    def _check_table(self, asked: Answer) -> None:
        if asked["TableName"] != TABLE:
            raise AwsError("ResourceNotFoundException")


class FakeQueue(FakeService):
    """A queue that keeps to the limit of a message. `refuses` decides what it does not take."""

    name = "sqs"

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Answer] = []
        self.system_attributes: list[Answer] = []
        self.refuses: Callable[[Answer], bool] = lambda _body: False

    def SendMessage(self, asked: Answer) -> Answer:  # noqa: N802
        self._check_queue(asked)
        if len(asked["MessageBody"].encode()) > MESSAGE_BYTES_MAX:
            raise AwsError("InvalidParameterValue")
        body = json.loads(asked["MessageBody"])
        if self.refuses(body):
            raise AwsError("InvalidMessageContents")
        self.messages.append(body)
        self.system_attributes.append(asked.get("MessageSystemAttributes", {}))
        return {"MessageId": "m", "MD5OfMessageBody": _md5(asked)}

    def GetQueueAttributes(self, asked: Answer) -> Answer:  # noqa: N802
        self._check_queue(asked)
        return {"Attributes": dict.fromkeys(asked["AttributeNames"], "0")}

    def _check_queue(self, asked: Answer) -> None:
        if asked["QueueUrl"] != QUEUE_URL:
            raise AwsError("AWS.SimpleQueueService.NonExistentQueue")


def _md5(entry: Answer) -> str:
    return hashlib.md5(entry["MessageBody"].encode(), usedforsecurity=False).hexdigest()


@contextmanager
def aws_endpoint(*services: FakeService) -> Iterator[str]:
    """The URL of an HTTP server that answers for these services, for AWS_ENDPOINT_URL."""
    by_prefix = {"DynamoDB_20120810": "dynamodb", "AmazonSQS": "sqs"}
    by_name = {service.name: service for service in services}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            prefix, _, operation = self.headers["X-Amz-Target"].rpartition(".")
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = by_name[by_prefix[prefix]].respond(operation, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
