"""The audit writer as Lambda calls it, up to the calls that it makes to AWS."""

import gzip
from types import SimpleNamespace

import boto3
import pytest
from botocore.stub import ANY

from lambda_src.audit_writer import entrypoint
from lambda_src.audit_writer.settings import AuditWriterSettings
from lambda_src.shared.environment_variables import SettingsError
from tests.aws_stubs import type_of_aws
from tests.lambda_src.audit_writer.test_writer import body, key, line
from tests.lambda_src.sqs_events import kept, sqs_event

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000)
DEAD_LETTERS = "https://sqs.us-east-1.amazonaws.com/111111111111/audit-dead-letters-dev"


def test_a_batch_goes_to_its_bucket_and_a_bad_message_to_its_queue(
    aws: type_of_aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = AuditWriterSettings(
        audit_bucket_name="audit-dev",
        audit_queue_url="https://sqs.us-east-1.amazonaws.com/111111111111/audit-queue-dev",
        dead_letter_queue_url=DEAD_LETTERS,
        receives_max=10,
        breaker_table_name="transaction-breaker-dev",
        breaker_failures_max=3,
        breaker_pause_first_seconds=5,
        breaker_pause_max_seconds=15,
        writer_role_id="AROAWRITER",
    )
    for name, value in settings.to_env().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "client", lambda service, **_: aws(service)[0])
    entrypoint._writer.cache_clear()
    stored = {
        "Bucket": "audit-dev",
        "Key": key(1),
        "Body": gzip.compress(line(1), mtime=0),
        "ContentType": ANY,
        "ContentEncoding": ANY,
        "ChecksumSHA256": ANY,
        "Metadata": {},
        "IfNoneMatch": "*",
    }
    breaker = {
        "TableName": "transaction-breaker-dev",
        "Key": {"breaker": {"S": "archive"}},
        "ConsistentRead": True,
    }
    aws("dynamodb")[1].add_response("get_item", {}, breaker)
    aws("s3")[1].add_response("put_object", {}, stored)
    refused = {"QueueUrl": DEAD_LETTERS, "MessageBody": "{", "MessageAttributes": ANY}
    aws("sqs")[1].add_response("send_message", {}, refused)
    assert entrypoint.handler(sqs_event(body(1), "{"), CONTEXT) == kept()


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    entrypoint._writer.cache_clear()
    for name in ("AUDIT_BUCKET_NAME", "DEAD_LETTER_QUEUE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsError, match="AUDIT_BUCKET_NAME"):
        entrypoint.handler(sqs_event("{"), CONTEXT)
