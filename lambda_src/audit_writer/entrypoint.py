"""Wires the audit writer; its only file that reads the environment."""

import os
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import boto3
from botocore.config import Config

from lambda_src.audit_writer.archive import S3Archive
from lambda_src.audit_writer.settings import AuditWriterSettings
from lambda_src.audit_writer.writer import write
from lambda_src.shared.breaker import ARCHIVE
from lambda_src.shared.dead_letters import DeadLetterQueue
from lambda_src.shared.invocation import Context, clock_of
from lambda_src.shared.jitter import pause_up_to, uniform
from lambda_src.shared.queue_clients import open_breaker, sqs_once
from lambda_src.shared.redelivery import Redelivery
from lambda_src.shared.renewal import Renewal

# GuardedArchive knows how long this may take.
_S3 = Config(
    connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}
)


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Takes an SQS batch and returns the messages to keep."""
    return _writer()(event, seconds_left=clock_of(context))


@cache
def _writer() -> Callable[..., dict[str, Any]]:
    settings = AuditWriterSettings.from_env(os.environ)
    once = sqs_once()
    return partial(
        write,
        archive=S3Archive(
            s3=boto3.client("s3", config=_S3),
            bucket_name=settings.audit_bucket_name,
            pause_up_to=pause_up_to,
        ),
        breaker=open_breaker(ARCHIVE, settings),
        dead_letters=DeadLetterQueue(
            sqs=once,
            queue_url=settings.dead_letter_queue_url,
            role_id=settings.writer_role_id,
        ),
        redelivery=Redelivery(sqs=once, queue_url=settings.audit_queue_url, random=uniform),
        renewal=Renewal(
            sqs=once,
            queue_url=settings.audit_queue_url,
            role_id=settings.writer_role_id,
            random=uniform,
            now=time.time,
        ),
        receives_max=settings.receives_max,
    )
