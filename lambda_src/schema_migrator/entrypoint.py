"""Wires the schema migrator; its only file that reads the environment."""

import logging
import os
from dataclasses import replace
from functools import partial
from typing import Any

import boto3
from botocore.config import Config

from lambda_src.schema_migrator.migrations import read_migrations
from lambda_src.schema_migrator.migrator import migrate
from lambda_src.schema_migrator.outside_transactions import run_outside
from lambda_src.schema_migrator.send_again import send_again
from lambda_src.schema_migrator.set_aside import retry_batches
from lambda_src.schema_migrator.settings import RETRY_BATCHES, SEND_AGAIN, SchemaMigratorSettings
from lambda_src.shared.credentials import DatabaseSecret
from lambda_src.shared.database import ASSET_ROOT, DatabaseTarget, connect_to_writer
from lambda_src.shared.jitter import pause_up_to

logger = logging.getLogger(__name__)

MIGRATIONS = ASSET_ROOT / "app_service" / "migrations"

_AWS = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 5}
)
_STATEMENT_TIMEOUT_SECONDS = 240.0  # a migration may rewrite a table


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Invoked by each deployment before it updates the service; an exception stops it.

    A person invokes it with RETRY_BATCHES (`make resend`) or SEND_AGAIN (`make verify-audit`): then
    it migrates nothing.
    """
    settings = SchemaMigratorSettings.from_env(os.environ)
    secrets_manager = boto3.client("secretsmanager", config=_AWS)
    master, *logins = (
        DatabaseSecret(secrets_manager=secrets_manager, secret_arn=arn).credentials()
        for arn in (
            settings.migrator_secret_arn,
            settings.service_secret_arn,
            settings.processor_secret_arn,
            settings.auditor_secret_arn,
        )
    )
    target = DatabaseTarget(
        hosts=(settings.database_writer_host,),
        port=settings.database_port,
        name=settings.database_name,
        ca_file=settings.database_ca_file,
        application_name="schema-migrator",
        statement_timeout_seconds=_STATEMENT_TIMEOUT_SECONDS,
    )
    connect = partial(connect_to_writer, target, master)
    if event == RETRY_BATCHES:
        retried = retry_batches(connect)
        logger.info("batches retried", extra=retried)
        return retried
    if event.get("task") == SEND_AGAIN:
        sent = send_again(
            connect, batch_ids=event["batch_ids"], transaction_ids=event["transaction_ids"]
        )
        logger.info("sent again", extra=sent)
        return sent
    result = migrate(
        connect=connect,
        migrations=read_migrations(MIGRATIONS),
        logins=logins,
        run_outside=partial(
            run_outside,
            connect=lambda seconds: connect_to_writer(
                replace(target, statement_timeout_seconds=seconds), master
            ),
            seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
        ),
        pause_up_to=pause_up_to,
    )
    logger.info("schema migrated", extra=result)
    return result
