"""S43: however often a message is sent again, what its sender has set is never lost."""

import base64
import json
from typing import Any

import pytest

from lambda_src.shared.message_attributes import (
    OWN_BYTES_MAX,
    SENDER_ATTRIBUTES,
    Attribute,
    attributes_of_copy,
    sender_attributes_of,
    size_in_bytes,
    text_of_sender,
)
from lambda_src.shared.messages import Message

ROLE = "AROAFUNCTION"
SENDER = "AROASENDER:payroll"
SENT_AT_MS = 1_794_000_000_000


def text(value: str, kind: str = "String") -> Attribute:
    return {"DataType": kind, "StringValue": value}


OWN = {
    "first_sent_at": text(str(SENT_AT_MS), "Number"),
    "first_sender_id": text(SENDER),
    "first_message_id": text("m1"),
}
FULL = {
    **{f"a{number}": text(f'"{number}" Ü \U0001f600') for number in range(7)},
    "price": text("12.50", "Number.eur"),
    "key": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    "type": text("order", "String.word"),
}


def message(
    attributes: dict[str, Attribute], *, sender_id: str = SENDER, age_ms: int = 0
) -> Message:
    """As Lambda passes a message with these attributes."""
    return Message(
        message_id="m1" if sender_id == SENDER else "that of a copy",
        receipt_handle="h",
        body="{}",
        receive_count=1,
        sent_at_ms=SENT_AT_MS + age_ms,
        attributes={
            name: {
                "dataType": a["DataType"],
                **(
                    {"binaryValue": base64.b64encode(a["BinaryValue"]).decode()}
                    if "BinaryValue" in a
                    else {"stringValue": a["StringValue"]}
                ),
                "stringListValues": [],
                "binaryListValues": [],
            }
            for name, a in attributes.items()
        },
        sender_id=sender_id,
    )


def copied(attributes: dict[str, Attribute], *, times: int) -> dict[str, Attribute]:
    """The attributes after some renewals, an hour each."""
    found = attributes_of_copy(message(attributes), role_id=ROLE)
    for round_ in range(1, times):
        again = message(found, sender_id=f"{ROLE}:f", age_ms=round_ * 3_600_000)
        found = attributes_of_copy(again, role_id=ROLE)
    return found


def few(count: int) -> dict[str, Attribute]:
    return dict([*FULL.items()][:count])


@pytest.mark.parametrize("times", [1, 2, 5])
@pytest.mark.parametrize("count", range(11))
def test_s42_a_message_with_any_number_of_attributes_keeps_its_age_sender_and_attributes(
    count: int, times: int
) -> None:
    found = copied(few(count), times=times)
    assert len(found) <= 10
    assert {name: found[name] for name in OWN} == OWN
    assert sender_attributes_of(found) == few(count)


def test_attributes_for_which_there_is_room_stay_as_they_are() -> None:
    assert copied(few(7), times=3) == few(7) | OWN


@pytest.mark.parametrize("times", [0, 1, 3])
@pytest.mark.parametrize("count", [0, 7, 8, 9, 10])
def test_s43_a_dead_letter_restores_what_the_sender_has_set(count: int, times: int) -> None:
    waiting = copied(few(count), times=times) if times else few(count)
    came = message(waiting, sender_id=f"{ROLE}:f" if times else SENDER)
    letter = attributes_of_copy(came, role_id=ROLE, reason="conflict")
    assert len(letter) <= 10
    assert {name: letter[name] for name in (*OWN, "reason")} == OWN | {"reason": text("conflict")}
    assert sender_attributes_of(letter, is_dead_letter=True) == few(count)


@pytest.mark.parametrize("name", ["reason", SENDER_ATTRIBUTES])
def test_s43_a_sender_may_use_a_name_of_ours(name: str) -> None:
    mine = {name: text('{"a": {"DataType": "String", "StringValue": "mine"}}')}
    renewed = message(copied(mine, times=2), sender_id=f"{ROLE}:f")
    letter = attributes_of_copy(renewed, role_id=ROLE, reason="conflict")
    assert letter["reason"] == text("conflict")
    assert sender_attributes_of(letter, is_dead_letter=True) == mine


def test_a_letter_that_sqs_has_moved_keeps_the_attributes_that_were_folded() -> None:
    """It has no reason of ours, and the attributes of the last copy."""
    assert sender_attributes_of(copied(FULL, times=2), is_dead_letter=True) == FULL


def test_the_room_that_a_message_leaves_is_enough_for_our_attributes() -> None:
    session = f"AROA{'X' * 17}:{'s' * 64}"  # the longest name of a session
    own = attributes_of_copy(message({}, sender_id=session), role_id=ROLE, reason="x" * 500)
    assert size_in_bytes("", own) <= OWN_BYTES_MAX


def test_what_sqs_returns_beside_a_value_is_not_sent_back() -> None:
    received = {"a": text("x") | {"StringListValues": [], "BinaryListValues": []}}
    assert sender_attributes_of(received) == {"a": text("x")}


@pytest.mark.parametrize(
    "value",
    [
        "no json",
        "[]",
        "[" * 100_000,
        '{"a": 1}',
        '{"a": {"DataType": "String"}}',
        '{"a": {"DataType": "String", "StringValue": 1}}',
        '{"a": {"DataType": 1, "StringValue": "x"}}',
        '{"a": {"DataType": "Binary", "BinaryValue": "?"}}',
        '{"a": {"DataType": "String", "StringValue": "\\ud800"}}',
        json.dumps({f"a{n}": text("x") for n in range(11)}),
    ],
    ids=range(10),
)
def test_folded_attributes_that_we_have_not_written_stop_nothing(value: str) -> None:
    """A letter that SQS has moved by itself has what its sender has written."""
    found = {"trace": text("x"), SENDER_ATTRIBUTES: text(value)}
    assert sender_attributes_of(found, is_dead_letter=True) == {"trace": text("x")}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, 3),
        ({"ä": text("€")}, 3 + 2 + 6 + 3),
        ({"b": {"DataType": "Binary", "BinaryValue": bytes(1000)}}, 3 + 1 + 6 + 1000),
    ],
)
def test_sizes_are_those_that_sqs_counts(attributes: dict[str, Any], expected: int) -> None:
    assert size_in_bytes("€", attributes) == expected


@pytest.mark.parametrize("count", [0, 9])
@pytest.mark.parametrize("times", [0, 1, 3])
def test_the_text_of_the_sender_is_found_however_often_it_was_copied(
    count: int, times: int
) -> None:
    mine = {"correlation_id": text("invoice 7 \U0001f600"), **few(count)}
    came = message(copied(mine, times=times), sender_id=f"{ROLE}:f") if times else message(mine)
    assert text_of_sender(came, "correlation_id", role_id=ROLE) == "invoice 7 \U0001f600"
    assert text_of_sender(came, "another", role_id=ROLE) == ""


def test_only_a_copy_of_ours_can_fold_the_text_of_a_sender() -> None:
    folded = {SENDER_ATTRIBUTES: text('{"a": {"DataType": "String", "StringValue": "forged"}}')}
    assert text_of_sender(message(folded), "a", role_id=ROLE) == ""


def test_a_binary_value_is_no_text() -> None:
    binary = {"key": FULL["key"]}
    assert text_of_sender(message(binary), "key", role_id=ROLE) == ""
    folded = message(copied(FULL, times=2), sender_id=f"{ROLE}:f")
    assert text_of_sender(folded, "key", role_id=ROLE) == ""


@pytest.mark.parametrize(
    "value",
    [
        {"DataType": "bogus", "StringValue": "x"},
        {"DataType": "String", "StringValue": ""},
        {"DataType": "String.\u00e9", "StringValue": "x"},
    ],
    ids=["type", "empty", "letters"],
)
def test_a_folded_attribute_that_sqs_would_refuse_is_not_restored(value: dict[str, str]) -> None:
    """It would refuse the whole call, and stop every redrive."""
    folded = {SENDER_ATTRIBUTES: text(json.dumps({"a": value}))}
    assert text_of_sender(message(folded, sender_id=f"{ROLE}:f"), "a", role_id=ROLE) == ""
    good = {SENDER_ATTRIBUTES: text(json.dumps({"a": {"DataType": "String", "StringValue": "x"}}))}
    assert text_of_sender(message(good, sender_id=f"{ROLE}:f"), "a", role_id=ROLE) == "x"
