"""Runs last, by its name: what all the other tests have left is complete."""

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from integration_tests.audit_trail import AuditTrail
from integration_tests.audit_verification import discrepancies_since, trace_of
from integration_tests.environment import DeployedEnvironment
from integration_tests.ledger_client import LedgerClient, new_transaction

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PATIENCE = Config(read_timeout=910, tcp_keepalive=True, retries={"total_max_attempts": 1})


def test_b8_a_transaction_is_followed_from_the_load_balancer_to_its_audit_object(
    ledger: LedgerClient, environment: DeployedEnvironment, eventually: Callable[..., None]
) -> None:
    """The client sends no trace: the load balancer makes one for each request."""
    accounts = ledger.open_account(may_go_negative=True), ledger.open_account()
    transactions = [new_transaction(*accounts, 1) for _ in range(2)]
    for each in transactions:
        assert ledger.post(each).status_code == 201
    traces = {ledger.find(each["transaction_id"]).json()["trace_id"] for each in transactions}
    assert len(traces) == 2
    lambda_ = boto3.client("lambda", config=_PATIENCE)

    def is_stored() -> bool:
        trace = trace_of(
            lambda_, environment.audit_verifier_name, transactions[0]["transaction_id"]
        )
        assert trace["transaction"]["trace_id"] in traces
        return trace["object"] is not None and trace["object"]["faults"] == []

    eventually(is_stored, what="the audit object of the transaction")


def test_b10_ledger_and_audit_trail_agree(
    ledger: LedgerClient,
    environment: DeployedEnvironment,
    s3: "S3Client",
    started_at: dt.datetime,
    eventually: Callable[..., None],
) -> None:
    """Everything since the tests began; what was posted last has reached the bucket."""
    last = new_transaction(ledger.open_account(may_go_negative=True), ledger.open_account(), 1)
    assert ledger.post(last).status_code == 201
    trail = AuditTrail(s3, environment.audit_bucket_name, started_at)
    eventually(
        lambda: last["transaction_id"] in trail.read(),
        what="the audit object of the last transaction",
    )

    found, compared = discrepancies_since(
        boto3.client("lambda", config=_PATIENCE), environment.audit_verifier_name, started_at
    )

    assert found == []
    assert compared > 0
