"""The kinds of calls to AWS, and how each service refuses one."""

import json
import re
from dataclasses import replace
from typing import Final

from soak.http_message import Request, answer
from soak.plan import Fault

_QUEUE_NAME = re.compile(rb'"QueueUrl": *"[^"]*/([^"/]+)"')
_DELAY = re.compile(rb'("DelaySeconds": *)([0-9]+)')
_JSON = "application/x-amz-json-1.0"
_SERVICES: Final = {"AmazonSQS": "SQS", "DynamoDB_20120810": "DynamoDB", "AWSEvents": "EventBridge"}
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_REFUSALS: Final = {
    "SQS": {
        Fault.ERROR_500: (500, "InternalFailure"),
        Fault.ERROR_503: (503, "ServiceUnavailable"),
        Fault.THROTTLED: (400, "com.amazonaws.sqs#RequestThrottled"),
    },
    "DynamoDB": {
        Fault.ERROR_500: (500, "com.amazonaws.dynamodb.v20120810#InternalServerError"),
        Fault.ERROR_503: (503, "com.amazonaws.dynamodb.v20120810#ServiceUnavailable"),
        Fault.THROTTLED: (400, "com.amazonaws.dynamodb.v20120810#ThrottlingException"),
    },
    "S3": {
        Fault.ERROR_500: (500, "InternalError"),
        Fault.ERROR_503: (503, "ServiceUnavailable"),
        Fault.THROTTLED: (503, "SlowDown"),
    },
}
_OTHER_REFUSALS: Final = {
    Fault.ERROR_500: (500, "InternalFailure"),
    Fault.ERROR_503: (503, "ServiceUnavailable"),
    Fault.THROTTLED: (400, "ThrottlingException"),
}


def kind_of(request: Request) -> str:
    """Service and operation; of SQS the queue, too, without the suffix of its environment."""
    target = request.headers.get("x-amz-target")
    if target is None:
        return f"S3 {_operation(request)}"
    prefix, _, operation = target.partition(".")
    kind = f"{_SERVICES.get(prefix, prefix)} {operation}"
    queue = _QUEUE_NAME.search(request.body) if prefix == "AmazonSQS" else None
    return f"{kind} {queue[1].decode().rpartition('-')[0]}" if queue else kind


def hurried(request: Request) -> Request:
    """With a shorter delay of the messages that it sends: minutes are for an environment."""
    if not request.headers.get("x-amz-target", "").startswith("AmazonSQS.SendMessage"):
        return request
    # In the text of a message the quote would be escaped.
    body = _DELAY.sub(lambda found: found[1] + str(min(int(found[2]), 3)).encode(), request.body)
    return replace(request, body=body)


def refusal(kind: str, fault: Fault) -> bytes:
    """The answer of the service that has not done what it was asked."""
    service = kind.partition(" ")[0]
    status, code = _REFUSALS.get(service, _OTHER_REFUSALS)[fault]
    if service == "S3":
        text = f"<Error><Code>{code}</Code><Message>a fault of the soak</Message></Error>"
        return answer(status, "application/xml", text.encode())
    return answer(status, _JSON, json.dumps({"__type": code, "message": "of the soak"}).encode())


def _operation(request: Request) -> str:
    has_key = "/" in request.path.strip("/")
    return f"{request.method.title()}{'Object' if has_key else 'Bucket'}"
