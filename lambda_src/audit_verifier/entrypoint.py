"""Wires the audit verifier; its only file that reads the environment."""

import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import boto3
from botocore.config import Config
from pg8000.native import Connection

from lambda_src.audit_verifier.archive import S3Archive
from lambda_src.audit_verifier.findings import Findings
from lambda_src.audit_verifier.limits import Limits
from lambda_src.audit_verifier.request import Request, traced
from lambda_src.audit_verifier.settings import DISCREPANCY, TRACE, VERIFIED, AuditVerifierSettings
from lambda_src.audit_verifier.trace import trace_of
from lambda_src.audit_verifier.verification import verify
from lambda_src.shared.credentials import DatabaseSecret
from lambda_src.shared.database import (
    DatabaseTarget,
    close_quietly,
    connect_to_any,
    connect_with_secret,
)
from lambda_src.shared.invocation import Context, clock_of

logger = logging.getLogger(__name__)

_AWS = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 5},
    max_pool_connections=Limits().reads + 1,  # and one that lists
)
_STATEMENT_TIMEOUT_SECONDS = 60.0  # the widest reads all batches that are recorded


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Verifies the window of the event; an answer with a cursor is to be continued with it.

    An event that names a transaction gets its way instead.
    """
    settings = AuditVerifierSettings.from_env(os.environ)
    transaction_id = traced(event)
    if transaction_id is not None:
        return _trace(transaction_id, settings)
    request = Request.parse(event, now=datetime.now(UTC))
    # The reader first: a verification takes nothing from those who post.
    hosts = (settings.database_reader_host, settings.database_writer_host)
    findings = Findings()
    connection = _connect(settings, hosts)
    try:
        report = verify(
            connection=connection,
            archive=_archive(settings),
            window=request.window,
            cursor=request.cursor,
            seconds_left=clock_of(context),
            limits=Limits(missing_after_seconds=settings.missing_after_seconds),
            findings=findings,
        )
    finally:
        close_quietly(connection)
        _log(findings)  # also what was found before an error
    if report.cursor is None:
        logger.info(VERIFIED, extra=vars(report.checked))  # an alarm reads this line, too
    return report.to_json()


def _trace(transaction_id: UUID, settings: AuditVerifierSettings) -> dict[str, Any]:
    # The writer first: what was posted a moment ago may not be on the reader yet.
    hosts = (settings.database_writer_host, settings.database_reader_host)
    connection = _connect(settings, hosts)
    try:
        trace = trace_of(transaction_id, connection=connection, archive=_archive(settings))
    finally:
        close_quietly(connection)
    return {TRACE: trace.to_json()}


def _connect(settings: AuditVerifierSettings, hosts: tuple[str, str]) -> Connection:
    secret = DatabaseSecret(
        secrets_manager=boto3.client("secretsmanager", config=_AWS),
        secret_arn=settings.database_secret_arn,
    )
    target = DatabaseTarget(
        hosts=hosts,
        port=settings.database_port,
        name=settings.database_name,
        ca_file=settings.database_ca_file,
        application_name=f"audit-verifier-{settings.environment_suffix}",
        statement_timeout_seconds=_STATEMENT_TIMEOUT_SECONDS,
    )
    return connect_with_secret(partial(connect_to_any, target), secret)


def _archive(settings: AuditVerifierSettings) -> S3Archive:
    s3 = boto3.client("s3", config=_AWS)
    return S3Archive(s3=s3, bucket_name=settings.audit_bucket_name)


def _log(findings: Findings) -> None:
    """The alarm reads the first line."""
    if findings.count:
        logger.error(DISCREPANCY, extra={"discrepancies": findings.count})
        for each in findings.listed:
            logger.warning("discrepancy", extra=each.to_json())
