"""A sender learns what became of its messages, from a queue that subscribes to the outcomes."""

import json
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from integration_tests.environment import DeployedEnvironment
from integration_tests.ledger_client import LedgerClient, new_transaction

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# The subscription gets only outcomes whose correlation id begins with this.
PREFIX = "integration-test-"


def test_the_sender_of_a_message_learns_its_outcome(
    ledger: LedgerClient,
    environment: DeployedEnvironment,
    sqs: "SQSClient",
    eventually: Callable[..., None],
) -> None:
    """S40, S43: posted, refused, and dead-lettered because it is malformed."""
    source = ledger.open_account(may_go_negative=True)
    poor, target = ledger.open_account(), ledger.open_account()
    good = new_transaction(source, target, 42)
    refused = new_transaction(poor, target, 1)
    bodies = {
        f"{PREFIX}{uuid.uuid4()}": body for body in (_body(good), _body(refused), '{"type": ')
    }
    message_ids = {
        correlation_id: _send(sqs, environment.transaction_queue_url, correlation_id, body)
        for correlation_id, body in bodies.items()
    }

    found: dict[str, tuple[str, dict[str, Any]]] = {}

    def all_are_told() -> bool:
        found.update(_received(sqs, environment.outcome_probe_queue_url))
        return bodies.keys() <= found.keys()

    eventually(all_are_told, what="an outcome of each message")
    types, outcomes = zip(*(found[correlation_id] for correlation_id in bodies), strict=True)
    assert types == ("Transactions posted", "Transactions refused", "Messages dead-lettered")
    assert [o["message_id"] for o in outcomes] == [*message_ids.values()]
    assert outcomes[0]["result"] in ("posted", "replayed")
    assert outcomes[0]["transaction_id"] == good["transaction_id"]
    assert (outcomes[0]["amount_minor"], outcomes[0]["currency"]) == (42, good["currency"])
    assert outcomes[1]["reason"] == "insufficient_funds"
    assert outcomes[1]["transaction_id"] == refused["transaction_id"]
    assert outcomes[2]["reason"].startswith("bad_json: ")


def _body(transaction: dict[str, Any]) -> str:
    return json.dumps({"type": "transaction.submitted", "version": 1, "transaction": transaction})


def _send(sqs: "SQSClient", queue_url: str, correlation_id: str, body: str) -> str:
    """The id that SQS answers."""
    return sqs.send_message(
        QueueUrl=queue_url,
        MessageBody=body,
        MessageAttributes={"correlation_id": {"DataType": "String", "StringValue": correlation_id}},
    )["MessageId"]


def _received(sqs: "SQSClient", queue_url: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Detail type and outcome by correlation id; what was received is deleted."""
    answer = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
    found = {}
    for message in answer.get("Messages", []):
        event = json.loads(message["Body"])
        for outcome in event["detail"]["outcomes"]:
            if "correlation_id" in outcome:
                found[outcome["correlation_id"]] = (event["detail-type"], outcome)
        sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return found
