"""S43: messages that can never be processed are refused with a helpful reason."""

import json

import pytest

from lambda_src.shared.messages import Message, Unprocessable, keep, open_envelope, received
from tests.lambda_src.sqs_events import sqs_event


def test_records_become_messages_in_order() -> None:
    assert received(sqs_event("first", "second", receive_count=3)) == [
        Message(
            message_id=f"m{number}",
            receipt_handle=f"handle of m{number}",
            body=body,
            receive_count=3,
            sent_at_ms=1794000000000,
            sender_id="AIDATEST",
        )
        for number, body in enumerate(("first", "second"), start=1)
    ]


def test_the_partial_batch_response_names_what_stays() -> None:
    _, second = received(sqs_event("first", "second"))
    assert keep([second]) == {"batchItemFailures": [{"itemIdentifier": "m2"}]}
    assert keep([]) == {"batchItemFailures": []}


def test_an_envelope_of_the_right_type_and_version_is_opened() -> None:
    body = json.dumps({"type": "a.b", "version": 2, "more": [1]})
    assert open_envelope(body, message_type="a.b", version=2)["more"] == [1]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{", "bad_json: Expecting property name"),
        ("", "bad_json: Expecting value"),
        ('{"type": NaN}', "bad_json: NaN is not JSON at type"),
        ('{"type": "a.b", "type": "a.c"}', "bad_json: key 'type' comes twice"),
        (
            '{"type": "a.b", "transaction": {"amount_minor": 1, "amount_min\\u006fr": 2}}',
            "bad_json: key 'amount_minor' comes twice at transaction",
        ),
        ('{"type": "\ud800"}', "bad_json: 'utf-8' codec can't decode"),
        (
            '{"type": "a.b", "transaction": {"metadata": {"a": ["\\udfff"]}}}',
            "bad_json: a NUL character or half a surrogate pair in a string at "
            "transaction.metadata.a[0]",
        ),
        (
            '{"type": "a.b", "transaction": {"metadata": {"a\\u0000": 1}}}',
            "bad_json: a NUL character or half a surrogate pair in key 'a\\x00' at "
            "transaction.metadata",
        ),
        (
            '{"type": "a.b", "transaction": {"reference": "\\ud800"}}',
            "bad_json: a NUL character or half a surrogate pair in a string at "
            "transaction.reference",
        ),
        ('{"type": "\\u0000"}', "bad_json: a NUL character or half a surrogate pair in a string"),
        ("[" * 100_000, "bad_json: objects and lists are nested more than 32 deep"),
        ('{"version": ' + "9" * 5000 + "}", "bad_json: a number of 5000 digits"),
        ("[]", "bad_json: found an array, an object is needed"),
        ('"text"', "bad_json: found 'text', an object is needed"),
        ("{}", "unknown_type: found null, 'a.b' is needed"),
        ('{"type": {}}', "unknown_type: found an object, 'a.b' is needed"),
        ('{"type": "a.c"}', "unknown_type: found 'a.c', 'a.b' is needed"),
        (json.dumps({"type": "x" * 41}), "unknown_type: found a string of 41 characters"),
        ('{"type": "a.b"}', "unknown_version: found null, 1 is needed"),
        ('{"type": "a.b", "version": 2}', "unknown_version: found 2, 1 is needed"),
        ('{"type": "a.b", "version": "1"}', "unknown_version: found '1', 1 is needed"),
        ('{"type": "a.b", "version": true}', "unknown_version: found true, 1 is needed"),
        ('{"type": "a.b", "version": 1.0}', "unknown_version: found 1.0, 1 is needed"),
        (
            '{"type": "a.b", "version": ' + "9" * 41 + "}",
            "unknown_version: found a number of 41 digits",
        ),
    ],
)
def test_anything_else_is_refused_with_its_reason(body: str, reason: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        open_envelope(body, message_type="a.b", version=1)
    assert str(refused.value).startswith(reason)
