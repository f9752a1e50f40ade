"""A batch is stored only if its place in the chain is computed from its own contents."""

import json
from typing import Any

import pytest

from lambda_src.audit_writer.batch import PostedBatch
from lambda_src.shared.messages import Unprocessable
from tests.lambda_src.audit_writer.posted import before_the_chain, chained, record

HASH_RULE = "must be a SHA-256 of 64 hex digits in lower case, got "


def refusal(body: str) -> str:
    with pytest.raises(Unprocessable) as refused:
        PostedBatch.parse(body)
    return str(refused.value).removeprefix("invalid_batch: ")


def test_a_batch_of_the_chain_is_taken() -> None:
    PostedBatch.parse(chained(record(1), record(2)))
    PostedBatch.parse(chained(record(1), number=2, previous_hash="ab" * 32))


@pytest.mark.parametrize(
    ("chain", "reason"),
    [
        ({"number": 0}, "chain.number: must be an integer from 1 to 2^53-1, got zero"),
        ({"number": "1"}, "chain.number: must be an integer from 1 to 2^53-1, got a string of"),
        ({"previous_hash": None}, f"chain.previous_hash: {HASH_RULE}null"),
        ({"records_hash": "x"}, f"chain.records_hash: {HASH_RULE}a string of 1 characters"),
        ({"hash": 1}, f"chain.hash: {HASH_RULE}an integer"),
        ({"records_hash": "ab" * 32}, "chain.records_hash: must be "),
        ({"hash": "ab" * 32}, "chain.hash: must be "),
        ({"number": 13}, "chain.hash: must be "),
        ({"previous_hash": "cd" * 32}, "chain.hash: must be "),
    ],
    ids=str,
)
def test_a_chain_that_is_not_that_of_the_batch_is_refused(
    chain: dict[str, Any], reason: str
) -> None:
    assert refusal(chained(number=12, previous_hash="ab" * 32, chain=chain)).startswith(reason)


@pytest.mark.parametrize("value", [None, [], "x"])
def test_a_chain_is_an_object(value: object) -> None:
    assert refusal(changed({"chain": value})).startswith("chain: must be an object, got ")


def test_a_batch_with_a_chain_has_records_with_hashes() -> None:
    records = [record(1), before_the_chain(2)]
    assert refusal(changed({"transactions": records})) == (
        "transactions[1].hash: missing; a batch with a chain needs it"
    )


def test_the_first_batch_has_none_before_it() -> None:
    assert refusal(chained(previous_hash="ab" * 32)) == (
        f"chain.previous_hash: must be {'0' * 64} for this batch, got {'ab' * 32}"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"transactions": [record(1)]}, "chain.records_hash: must be "),
        ({"transactions": [record(2), record(1)]}, "chain.records_hash: must be "),
        ({"transactions": [record(1), record(3)]}, "chain.records_hash: must be "),
        ({"posted_at": "2026-11-20T23:59:59.999999Z"}, "chain.hash: must be "),
        ({"batch_id": "0198c0de-0000-7000-8000-000000000002"}, "chain.hash: must be "),
    ],
    ids=["a record less", "another order", "another record", "another time", "another id"],
)
def test_another_batch_does_not_fit_into_the_place(change: dict[str, Any], reason: str) -> None:
    assert refusal(changed(change)).startswith(reason)


def changed(change: dict[str, Any]) -> str:
    """A batch of two records that was changed after its hashes were computed."""
    return json.dumps(json.loads(chained(record(1), record(2))) | change)
