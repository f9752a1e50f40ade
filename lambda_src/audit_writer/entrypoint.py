"""Wires the audit writer; its only file that reads the environment."""

import os
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import boto3
from botocore.config import Config

from lambda_src.audit_writer.archive import S3Archive
from lambda_src.audit_writer.settings import AuditWriterSettings
from lambda_src.audit_writer.writer import write
from lambda_src.shared.dead_letters import DeadLetterQueue
from lambda_src.shared.jitter import pause_up_to

_AWS = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Takes an SQS batch and returns the messages to keep."""
    return _writer()(event)


@cache
def _writer() -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    settings = AuditWriterSettings.from_env(os.environ)
    return partial(
        write,
        archive=S3Archive(
            s3=boto3.client("s3", config=_AWS),
            bucket_name=settings.audit_bucket_name,
            pause_up_to=pause_up_to,
        ),
        dead_letters=DeadLetterQueue(
            sqs=boto3.client("sqs", config=_AWS),
            queue_url=settings.dead_letter_queue_url,
            role_id=settings.writer_role_id,
        ),
    )
