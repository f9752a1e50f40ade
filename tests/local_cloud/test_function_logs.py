"""S52: a function of the local cloud writes the log lines that it writes in Lambda."""

import io
import json
import zipfile
from typing import Any

from infra.python_version import deployed_python
from local_cloud.aws import ACCOUNT, AwsClients

PROGRAM = """
import logging
logger = logging.getLogger("lambda_src.example")
def handler(event, context):
    if event == "quiet":
        return
    logger.debug("not written")
    logger.info("amount archived", extra={"amount_minor": 1250, "currency": "USD"})
    try:
        raise ValueError("no\\ngood")
    except ValueError:
        logger.exception("batch not archived", extra={"batch_id": "b1"})
    logger.info("when", extra={"moment": object()})
"""


def test_s52_lines_are_json_with_the_fields_of_the_call(shared_aws: AwsClients) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("example.py", PROGRAM)
    shared_aws.lambda_.create_function(
        FunctionName="log-example",
        Runtime=f"python{deployed_python()}",  # type: ignore[arg-type]  # one of Lambda's own
        Handler="example.handler",
        Role=f"arn:aws:iam::{ACCOUNT}:role/any",
        Code={"ZipFile": code.getvalue()},
        LoggingConfig={"LogFormat": "JSON"},
    )

    answer = shared_aws.lambda_.invoke(FunctionName="log-example", Payload=b"{}")

    # As in Lambda: a value that is not JSON fails the call.
    assert b"not JSON serializable" in answer["Payload"].read()
    while len(lines := json_lines(shared_aws)) < 2:
        # MiniStack stores lines that come late with those of the next call.
        shared_aws.lambda_.invoke(FunctionName="log-example", Payload=b'"quiet"')
    archived, failed = lines
    assert {
        "level": "INFO",
        "message": "amount archived",
        "logger": "lambda_src.example",
    }.items() <= (archived.items())
    assert (archived["amount_minor"], archived["currency"]) == (1250, "USD")
    assert (failed["level"], failed["batch_id"]) == ("ERROR", "b1")
    assert (failed["errorType"], failed["errorMessage"]) == ("ValueError", "no\ngood")


def json_lines(aws: AwsClients) -> list[dict[str, Any]]:
    events = aws.logs.filter_log_events(logGroupName="/aws/lambda/log-example")["events"]
    return [json.loads(event["message"]) for event in events if event["message"].startswith("{")]
