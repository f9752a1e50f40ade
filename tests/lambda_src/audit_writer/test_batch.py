"""S23: the batch alone determines the key, the bytes and the metadata of its audit object."""

import gzip
import json
from typing import Any

import pytest

from lambda_src.audit_writer.batch import PostedBatch
from lambda_src.shared.messages import Unprocessable
from tests.lambda_src.audit_writer.posted import (
    BATCH_ID,
    EARLIER_BATCH_ID,
    POSTED_AT,
    before_the_chain,
    chained,
    message,
    record,
)

# Of the time in the id, not of the message.
KEY = f"audit/2025/08/19/{BATCH_ID}.ndjson.gz"


def refusal(body: str) -> str:
    with pytest.raises(Unprocessable) as refused:
        PostedBatch.parse(body)
    return str(refused.value)


@pytest.mark.parametrize("posted_at", [POSTED_AT, "2025-08-19T00:00:00.000000Z"])
def test_s23_the_key_follows_from_the_batch_id_whatever_date_the_message_names(
    posted_at: str,
) -> None:
    assert PostedBatch.parse(message(posted_at=posted_at)).key == KEY
    assert PostedBatch.parse(chained(posted_at=posted_at)).key == KEY


def test_s23_another_spelling_of_the_same_batch_has_the_same_key() -> None:
    assert PostedBatch.parse(message(batch_id=BATCH_ID.upper())).key == KEY


def test_s23_an_earlier_batch_keeps_the_key_that_it_was_stored_under() -> None:
    """Its id has no time: the key has the date of the message."""
    for posted_at in (POSTED_AT, "2026-11-21T00:00:00+00:00"):
        batch = PostedBatch.parse(
            message(before_the_chain(), batch_id=EARLIER_BATCH_ID, posted_at=posted_at)
        )
        assert batch.key == f"audit/2026/11/21/{EARLIER_BATCH_ID}.ndjson.gz"


def test_s23_an_earlier_batch_cannot_get_another_date_either() -> None:
    records = before_the_chain(1), before_the_chain(2, posted_at="2026-11-22T00:00:00.000000Z")
    assert refusal(message(*records, batch_id=EARLIER_BATCH_ID)) == (
        "invalid_batch: transactions[1].posted_at: must be of the batch's day, 2026-11-21, "
        "got another"
    )


def test_an_id_beyond_the_calendar_is_refused() -> None:
    late = "ffffffff-ffff-7000-8000-000000000001"
    assert refusal(message(batch_id=late)) == (
        "invalid_batch: batch_id: must be of a time before the year 10000"
    )


def test_s23_the_content_is_one_transaction_per_line_exactly_as_posted() -> None:
    records = [record(1, reference="ü", amount_minor=2**53 - 1), record(2, metadata={"a": "\n"})]
    text = gzip.decompress(PostedBatch.parse(message(*records)).content).decode()
    assert text.endswith("\n")
    assert [json.loads(line) for line in text.splitlines()] == records


def test_s23_the_content_does_not_depend_on_when_it_is_written() -> None:
    content = PostedBatch.parse(message()).content
    assert content[4:8] == b"\0\0\0\0"  # the time in a gzip header
    assert content == PostedBatch.parse(message()).content


def test_the_object_of_a_chained_batch_names_its_place() -> None:
    body = chained(number=12, previous_hash="ab" * 32)
    chain = json.loads(body)["chain"]
    assert PostedBatch.parse(body).metadata == {
        "chain-number": "12",
        "chain-previous-hash": "ab" * 32,
        "chain-records-hash": chain["records_hash"],
        "chain-hash": chain["hash"],
        "posted-at": POSTED_AT,
    }
    assert PostedBatch.parse(message()).metadata == {}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": "transaction.submitted"}, "unknown_type: "),
        ({"version": 2}, "unknown_version: "),
        ({"batch_id": ...}, "invalid_batch: batch_id: must be a UUID of 32 hex digits in groups, "),
        ({"batch_id": "../../x"}, "invalid_batch: batch_id: must be a UUID of 32 hex digits in g"),
        (
            {"batch_id": 7},
            "invalid_batch: batch_id: must be a UUID of 32 hex digits in groups, got",
        ),
        ({"posted_at": ...}, "invalid_batch: posted_at: must be an RFC 3339 time in UTC, got null"),
        (
            {"posted_at": "today"},
            "invalid_batch: posted_at: must be an RFC 3339 time in UTC, got a",
        ),
        ({"posted_at": "2026-11-21T10:00:00"}, "invalid_batch: posted_at: must be an RFC 3339 t"),
        (
            {"posted_at": "2026-11-21\n10:00:00+00:00"},
            "invalid_batch: posted_at: must be an RFC 33",
        ),
        (
            {"posted_at": "20261121T100000Z"},
            "invalid_batch: posted_at: must be an RFC 3339 time in",
        ),
        (
            {"posted_at": "2026-11-31T10:00:00Z"},
            "invalid_batch: posted_at: must be an RFC 3339 tim",
        ),
        ({"posted_at": "2026-11-21T10:00:00+02:00"}, "invalid_batch: posted_at: must be an RFC 3"),
        (
            {"transactions": ...},
            "invalid_batch: transactions: must be a list of at least one object",
        ),
        (
            {"transactions": []},
            "invalid_batch: transactions: must be a list of at least one object",
        ),
    ],
)
def test_s43_anything_else_is_refused_with_its_reason(changes: Any, reason: str) -> None:
    assert refusal(message(**changes)).startswith(reason)
