"""Messages to the transaction queue, and the audit trail of all postings."""

import datetime as dt
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from integration_tests.audit_trail import AuditTrail
from integration_tests.environment import DeployedEnvironment
from integration_tests.ledger_client import LedgerClient, new_transaction

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


def test_a_queued_transaction_is_posted_once(
    ledger: LedgerClient,
    environment: DeployedEnvironment,
    sqs: "SQSClient",
    eventually: Callable[..., None],
) -> None:
    """S40, S32: the same message twice moves the money once."""
    source = ledger.open_account(may_go_negative=True)
    target = ledger.open_account()
    transaction = new_transaction(source, target, 42)
    marker = new_transaction(source, target, 1)
    for each in (transaction, transaction, marker):
        sqs.send_message(
            QueueUrl=environment.transaction_queue_url,
            MessageBody=json.dumps(
                {"type": "transaction.submitted", "version": 1, "transaction": each}
            ),
        )

    def is_posted(transaction_id: str) -> bool:
        return ledger.call("GET", f"/transactions/{transaction_id}").status_code == 200

    for each in (transaction, marker):
        eventually(lambda each=each: is_posted(each["transaction_id"]), what="the posting")
    assert ledger.balance_minor(target) == 43


def test_a_record_cannot_be_written_again(environment: DeployedEnvironment, s3: "S3Client") -> None:
    """S23: with If-None-Match the key must be new, and without it the bucket's policy refuses."""
    bucket, key = environment.audit_bucket_name, "audit/refused/integration-test"

    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"never stored")


def test_every_posting_is_in_the_audit_trail_once(
    ledger: LedgerClient,
    environment: DeployedEnvironment,
    s3: "S3Client",
    started_at: dt.datetime,
    eventually: Callable[..., None],
) -> None:
    """S23: a transaction that was posted, replayed or in a batch is in the bucket once."""
    source = ledger.open_account(may_go_negative=True)
    target = ledger.open_account()
    transactions = [new_transaction(source, target, 1 + n) for n in range(5)]
    assert ledger.post(transactions[0]).status_code == 201
    assert ledger.post(transactions[0]).status_code == 200
    batch = {"transactions": transactions}
    assert ledger.call("POST", "/transactions/batch", json=batch).status_code == 200
    ids = {t["transaction_id"] for t in transactions}

    trail = AuditTrail(s3, environment.audit_bucket_name, started_at)

    def found() -> dict[str, int]:
        times = trail.read()
        return {i: times[i] for i in ids if times[i]}

    eventually(lambda: set(found()) == ids, what="the audit objects of five transactions")
    assert found() == dict.fromkeys(ids, 1)
