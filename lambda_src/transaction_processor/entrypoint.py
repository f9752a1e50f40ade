"""Wires the transaction processor; its only file that reads the environment."""

import gc
import os
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import boto3
from botocore.config import Config

from lambda_src.shared.breaker import LEDGER
from lambda_src.shared.credentials import DatabaseSecret
from lambda_src.shared.database import DatabaseTarget, connect_to_writer, connect_with_secret
from lambda_src.shared.dead_letters import DeadLetterQueue
from lambda_src.shared.invocation import Context, clock_of
from lambda_src.shared.jitter import pause_up_to, uniform
from lambda_src.shared.queue_clients import AWS, open_breaker, sqs_once
from lambda_src.shared.redelivery import Redelivery
from lambda_src.shared.renewal import Renewal
from lambda_src.transaction_processor.guarded_ledger import GuardedLedger
from lambda_src.transaction_processor.outcome_events import OutcomeBus
from lambda_src.transaction_processor.outcome_retries import OutcomeRetries
from lambda_src.transaction_processor.posting import SqlLedger
from lambda_src.transaction_processor.settings import TransactionProcessorSettings
from lambda_src.transaction_processor.worker import process

# A bus that does not answer must not slow down postings: the message comes again and tells then.
_BUS_AWS = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}
)
_STATEMENT_TIMEOUT_SECONDS = 5.0


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Takes an SQS batch and returns the messages to keep."""
    return _worker()(event, seconds_left=clock_of(context))


@cache
def _worker() -> Callable[..., dict[str, Any]]:
    settings = TransactionProcessorSettings.from_env(os.environ)
    once = sqs_once()
    secret = DatabaseSecret(
        secrets_manager=boto3.client("secretsmanager", config=AWS),
        secret_arn=settings.database_secret_arn,
    )
    target = DatabaseTarget(
        hosts=(settings.database_writer_host, settings.database_reader_host),
        port=settings.database_port,
        name=settings.database_name,
        ca_file=settings.database_ca_file,
        application_name=f"transaction-processor-{settings.environment_suffix}",
        statement_timeout_seconds=_STATEMENT_TIMEOUT_SECONDS,
    )
    connect = partial(connect_with_secret, partial(connect_to_writer, target), secret)
    renewal = Renewal(
        sqs=once,
        queue_url=settings.transaction_queue_url,
        role_id=settings.processor_role_id,
        random=uniform,
        now=time.time,
    )
    worker = partial(
        process,
        ledger=GuardedLedger(
            ledger=SqlLedger(connect=connect, pause_up_to=pause_up_to),
            breaker=open_breaker(LEDGER, settings),
        ),
        dead_letters=DeadLetterQueue(
            sqs=once,
            queue_url=settings.dead_letter_queue_url,
            role_id=settings.processor_role_id,
        ),
        redelivery=Redelivery(sqs=once, queue_url=settings.transaction_queue_url, random=uniform),
        renewal=renewal,
        outcome_bus=OutcomeBus(
            events=boto3.client("events", config=_BUS_AWS),
            bus_name=settings.outcome_bus_name,
            processor_role_id=settings.processor_role_id,
            now=time.monotonic,
        ),
        outcome_retries=OutcomeRetries(
            renewal=renewal, role_id=settings.processor_role_id, now=time.time
        ),
        processor_role_id=settings.processor_role_id,
        receives_max=settings.receives_max,
    )
    # A batch creates enough objects to start full collections: without those of boto3, which live
    # as long as the process, they are short.
    gc.freeze()
    return worker
