"""However large the fields of a call are, its messages fit into the queue, and each transaction is
in one of them. SQS counts bytes, not characters, and accepts 1,048,576 of them."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from app_service.ledger.domain import CALL_MAX
from app_service.ledger.fields import MAX_INTEGER
from app_service.ledger.free_text import METADATA_BYTES_MAX, REFERENCE_LENGTH_MAX, metadata_text
from app_service.ledger.transaction import Transaction
from lambda_src.audit_writer.batch import PostedBatch
from lambda_src.shared.database import connect_to_writer
from lambda_src.shared.message_attributes import OWN_BYTES_MAX
from lambda_src.shared.queue_messages import SEND_BYTES_MAX
from lambda_src.transaction_processor.posting import SqlLedger
from tests.lambda_src.cluster import MASTER, Cluster
from tests.lambda_src.submissions import BANK, submitted, transaction

# A character, and what it takes in the message: as UTF-8, or escaped.
CHARACTERS = {
    "emoji": "\N{GRINNING FACE}",
    "quote": '"',
    "backslash": "\\",
    "control character": "\x01",
    "line break": "\n",
    "letter": "a",
}


def largest_text(character: str) -> dict[str, Any]:
    """The largest metadata that holds only this character."""
    each = len(metadata_text({"k": character}).encode()) - len(metadata_text({"k": ""}))
    count = (METADATA_BYTES_MAX - len(metadata_text({"k": ""}))) // each
    return {"k": character * count}


# PostgreSQL writes a space after each comma. Fewer transactions: it reads numbers slowly. Each
# count is enough for more than one message.
MANY_NUMBERS = {"k": [1] * 2040}
LARGEST = {
    **{name: (largest_text(text), CALL_MAX // 3) for name, text in CHARACTERS.items()},
    "numbers": (MANY_NUMBERS, CALL_MAX // 5),
}


def largest_transactions(
    metadata: Mapping[str, Any], reference: str, count: int
) -> list[Transaction]:
    """Half of them a chain."""
    return [
        Transaction.parse(
            transaction(0).to_json()
            | {
                "transaction_id": str(UUID(int=2**127 + number)),
                "debit_account": BANK,
                "credit_account": MAX_INTEGER,
                "linked": number < count // 2,
                "reference": reference,
                "metadata": metadata,
            }
        )
        for number in range(count)
    ]


# By the relay of this version, and by that of the version before.
TAKINGS = {
    "now": "take_batches(5000, 100 * 1024 * 1024, 30)",
    "before": "lock_events(100, 100 * 1024 * 1024)",
}


def messages_of(
    cluster: Cluster, database: str, transactions: list[Transaction], *, taking: str
) -> list[str]:
    connection = connect_to_writer(cluster.target(database), MASTER)
    connection.run(
        "INSERT INTO ledger.accounts (account_id, currency, may_go_negative)"
        f" VALUES ({MAX_INTEGER}, 'USD', false)"
    )
    ledger = SqlLedger(connect=lambda: connection, pause_up_to=lambda _: None)
    assert set(ledger.post(submitted(*transactions))) == {"posted"}
    rows = connection.run(f"SELECT body FROM ledger.{taking}")
    connection.close()
    return [body for (body,) in rows]


@pytest.mark.parametrize("taking", TAKINGS.values(), ids=TAKINGS)
@pytest.mark.parametrize(("metadata", "count"), LARGEST.values(), ids=LARGEST)
def test_no_message_of_the_largest_call_is_larger_than_the_queue_accepts(
    cluster: Cluster, ledger_database: str, metadata: dict[str, Any], count: int, taking: str
) -> None:
    reference = CHARACTERS["emoji"] * REFERENCE_LENGTH_MAX
    transactions = largest_transactions(metadata, reference, count)
    messages = messages_of(cluster, ledger_database, transactions, taking=taking)
    assert len(messages) > 1
    # A copy has attributes, too.
    assert max(len(body.encode()) for body in messages) <= SEND_BYTES_MAX - OWN_BYTES_MAX

    records = [record for body in messages for record in PostedBatch.parse(body).transactions]
    sent = Counter(record["transaction_id"] for record in records)
    assert sent == {str(t.transaction_id): 1 for t in transactions}
    assert all(record["metadata"] == metadata for record in records)
    assert {record["reference"] for record in records} == {reference}
    assert len({json.loads(body)["batch_id"] for body in messages}) == len(messages)
