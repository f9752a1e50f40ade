"""S23: the batch alone determines the key and the bytes of its audit object."""

import gzip
import json
from typing import Any

import pytest

from lambda_src.audit_writer.batch import PostedBatch
from lambda_src.shared.messages import Unprocessable

BATCH_ID = "0198c0de-0000-7000-8000-000000000001"


def message(**changes: Any) -> str:
    envelope = {
        "type": "transactions.posted",
        "version": 1,
        "batch_id": BATCH_ID,
        "posted_at": "2026-11-21T23:59:59.999999Z",
        "transactions": [
            {"transaction_id": "a", "amount_minor": 9007199254740991, "note": "ü"},
            {"transaction_id": "b", "amount_minor": 1, "note": "line\nbreak"},
        ],
    }
    return json.dumps({k: v for k, v in (envelope | changes).items() if v is not ...})


def test_s23_the_key_is_the_utc_date_and_the_batch() -> None:
    batch = PostedBatch.parse(message())
    assert batch.key == f"audit/2026/11/21/{BATCH_ID}.ndjson.gz"


@pytest.mark.parametrize(
    ("field", "value"),
    [("batch_id", BATCH_ID.upper()), ("posted_at", "2026-11-21T00:00:00+00:00")],
)
def test_s23_another_spelling_of_the_same_batch_has_the_same_key(field: str, value: str) -> None:
    batch = PostedBatch.parse(message(**{field: value}))
    assert batch.key == f"audit/2026/11/21/{BATCH_ID}.ndjson.gz"


def test_s23_the_content_is_one_transaction_per_line_exactly_as_posted() -> None:
    text = gzip.decompress(PostedBatch.parse(message()).content).decode()
    assert text.endswith("\n")
    assert [json.loads(line) for line in text.splitlines()] == json.loads(message())["transactions"]


def test_s23_the_content_does_not_depend_on_when_it_is_written() -> None:
    content = PostedBatch.parse(message()).content
    assert content[4:8] == b"\0\0\0\0"  # the time in a gzip header
    assert content == PostedBatch.parse(message()).content


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": "transaction.submitted"}, "unknown_type: "),
        ({"version": 2}, "unknown_version: "),
        ({"batch_id": ...}, "invalid_batch: batch_id is NoneType, a UUID is needed"),
        ({"batch_id": "../../x"}, "invalid_batch: batch_id is '../../x', a UUID is needed"),
        ({"batch_id": 7}, "invalid_batch: batch_id is int, a UUID is needed"),
        ({"posted_at": ...}, "invalid_batch: posted_at is NoneType, an RFC 3339 time in UTC"),
        ({"posted_at": "today"}, "invalid_batch: posted_at is 'today', an RFC 3339 time in UTC"),
        ({"posted_at": "2026-11-21T10:00:00"}, "invalid_batch: posted_at is '2026-11-21T10"),
        ({"posted_at": "2026-11-21T10:00:00+02:00"}, "invalid_batch: posted_at is '2026-11-21T1"),
        ({"transactions": ...}, "invalid_batch: transactions is NoneType, an array of at least"),
        ({"transactions": []}, "invalid_batch: transactions is list, an array of at least one"),
        ({"transactions": [{}, "x"]}, "invalid_batch: transactions is list, an array of at least"),
    ],
)
def test_s43_anything_else_is_refused_with_its_reason(changes: Any, reason: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        PostedBatch.parse(message(**changes))
    assert str(refused.value).startswith(reason)
