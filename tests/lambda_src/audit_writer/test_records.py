"""S23: only what the ledger has written in some version gets into the audit trail."""

from typing import Any

import pytest

from app_service.ledger.fields import InvalidField
from lambda_src.audit_writer.records import check_records
from tests.lambda_src.audit_writer.posted import (
    KINDS,
    before_the_chain,
    first_version,
    hashed,
    record,
)


def refusal(*records: object) -> str:
    with pytest.raises(InvalidField) as refused:
        check_records(records)
    return str(refused.value)


def without(field: str) -> dict[str, Any]:
    return {field: ...}


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_of_every_kind_is_taken(kind: str) -> None:
    check_records([record(kind=kind), before_the_chain(2, kind=kind)])


def test_records_of_every_version_are_taken() -> None:
    everything = record(
        3,
        chain_id=record()["transaction_id"],
        reference="\x85 😀",
        metadata={"none": None, "": [1]},
    )
    check_records([first_version(1), before_the_chain(2), everything])


def test_a_record_may_say_where_it_came_from() -> None:
    check_records(
        [
            record(1, path="api", trace_id="1-67891233-abcdef012345678912345678"),
            record(2, message_id="5a3f0c1e-6a52-4f0e-9c8e-2f1de0b7a001"),
        ]
    )
    assert refusal(record(trace_id="Root=1-x")).startswith(
        "transactions[0].trace_id: must be 1-<8 hex digits>-<24 hex digits>, got "
    )
    assert refusal(record(message_id="m1")).startswith(
        "transactions[0].message_id: must be a UUID in lower case, got "
    )


def test_a_field_of_a_later_version_is_taken_and_hashed_with_the_others() -> None:
    check_records([record(note={"x": 1})])
    assert refusal(record() | {"note": 1}).startswith("transactions[0].hash: must be that of the")


@pytest.mark.parametrize("value", [None, "x", 1, []])
def test_a_record_is_an_object(value: object) -> None:
    assert refusal(record(), value).startswith("transactions[1]: must be an object, got ")


@pytest.mark.parametrize("field", first_version())
def test_a_record_without_a_field_that_all_versions_wrote_is_refused(field: str) -> None:
    broken = record(**without(field))
    assert refusal(record(2), broken) == (
        f"transactions[1].{field}: missing; a record of kind transfer needs it"
    )


def test_an_empty_record_is_refused() -> None:
    assert refusal({}).startswith("transactions[0].amount_minor: missing")


@pytest.mark.parametrize(
    ("kind", "field"),
    [("hold", "expires_in_seconds")]
    + [(kind, "target_id") for kind in ("capture", "void", "reversal", "expiry")],
)
def test_a_record_needs_the_fields_of_its_kind_and_no_other_kind_has_them(
    kind: str, field: str
) -> None:
    assert refusal(record(kind=kind, **without(field))) == (
        f"transactions[0].{field}: missing; a record of kind {kind} needs it"
    )
    value = record(kind=kind)[field]
    for broken in (record(**{field: value}), first_version(**{field: value})):
        assert refusal(broken) == f"transactions[0].{field}: not a field of kind transfer"


UUID_RULE = "must be a UUID of 32 hex digits in groups, got "
INTEGER_RULE = "must be an integer from 1 to 2^53-1, got "


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("transaction_id", "x", UUID_RULE + "a string of 1 characters"),
        ("transaction_id", None, UUID_RULE + "null"),
        ("target_id", 5, UUID_RULE + "an integer"),
        ("chain_id", "", UUID_RULE + "a string of 0 characters"),
        (
            "kind",
            "loan",
            "must be one of transfer, hold, capture, void, reversal, expiry, got a st",
        ),
        ("kind", [], "must be one of transfer, hold, capture, void, reversal, expiry, got a list"),
        ("debit_account", "11", INTEGER_RULE + "a string of 2 characters"),
        ("debit_account", True, INTEGER_RULE + "a boolean"),
        ("credit_account", 0, INTEGER_RULE + "zero"),
        ("credit_account", 11, "must be another account than debit_account, got that"),
        ("amount_minor", 12.5, INTEGER_RULE + "a number with a fraction or exponent"),
        ("amount_minor", 2**53, INTEGER_RULE + "an integer above 2^53-1"),
        ("expires_in_seconds", -1, INTEGER_RULE + "a negative integer"),
        ("currency", "usd", "must be a code of 3 capital letters, got a string of 3 characters"),
        ("currency", 840, "must be a code of 3 capital letters, got an integer"),
        ("reference", "", "must be 1 to 200 characters, got a string of 0 characters"),
        ("reference", "x" * 201, "must be 1 to 200 characters, got a string of 201 characters"),
        ("reference", {}, "must be 1 to 200 characters, got an object of 0 fields"),
        ("metadata", [], "must be an object, got a list of 0"),
        ("client_id", "", "must be a string that is not empty, got a string of 0 characters"),
        ("user_id", 7, "must be a string that is not empty, got an integer"),
        ("path", "mail", "must be one of api, queue, ledger, got a string of 4 characters"),
        ("posted_at", "2026-11-21", "must be an RFC 3339 time in UTC, got a string of 10 characte"),
        ("posted_at", 1764000000, "must be an RFC 3339 time in UTC, got an integer"),
    ],
)
def test_a_field_that_breaks_its_rule_is_named_with_what_was_found(
    field: str, value: Any, rule: str
) -> None:
    assert refusal(record(2), first_version(**{field: value})).startswith(
        f"transactions[1].{field}: {rule}"
    )


@pytest.mark.parametrize(
    "change", [{"amount_minor": 1251}, {"metadata": {}}, {"hash": "0" * 64}], ids=str
)
def test_a_record_that_does_not_have_its_hash_is_refused(change: dict[str, Any]) -> None:
    intact = record()
    text = refusal(intact | change)
    assert text.startswith("transactions[0].hash: must be that of the record's canonical text, ")
    if "hash" in change:
        assert text.endswith(f"{intact['hash']}, got {'0' * 64}")


@pytest.mark.parametrize("value", ["x", 5, None, record()["hash"].upper(), record()["hash"][1:]])
def test_a_hash_has_one_spelling(value: object) -> None:
    assert refusal(record() | {"hash": value}).startswith(
        "transactions[0].hash: must be a SHA-256 of 64 hex digits in lower case, got "
    )


def test_a_transaction_comes_once_in_a_batch() -> None:
    again = record(171, reference="in other words")
    upper = hashed(before_the_chain(171, transaction_id=again["transaction_id"].upper()))
    for repeated in (again, upper):
        assert refusal(record(1), record(171), repeated) == (
            "transactions[2].transaction_id: must be in the batch once, got that of "
            "transactions[1] again"
        )
