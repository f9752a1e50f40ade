"""A message or an acknowledged posting without a right outcome is a problem."""

from typing import Any

from soak.accounting import account_for, broken_promises
from soak.inputs import Message
from soak.ledger_contents import Recorded
from soak.outside_log import Acknowledged
from soak.trail import Trail

ONE = {"transaction_id": "1", "amount_minor": 5, "reference": "\U0001f44d"}
VALID = Message(kind="valid", body="valid", may=("posted",), transaction=ONE)
POSTED = {"1": Recorded(outcome="posted", fields=ONE)}


def problems(
    message: Message, recorded: dict[str, Recorded], dead: dict[str, list[str]]
) -> list[str]:
    return [each.what for each in account_for([message], recorded=recorded, dead=dead).problems]


def test_a_message_with_its_one_right_outcome_is_accounted_for() -> None:
    assert problems(VALID, POSTED, {}) == []
    malformed = Message(kind="bad_json", body="{", may=("dead: bad_json",))
    assert problems(malformed, {}, {"{": ["bad_json: no end", "bad_json: no end"]}) == []


def test_a_message_of_which_nothing_is_known_is_lost() -> None:
    assert "is lost" in problems(VALID, {}, {})[0]


def test_a_posting_with_other_contents_is_not_that_of_the_message() -> None:
    other = {"1": Recorded(outcome="posted", fields=ONE | {"reference": "?"})}
    assert "is lost" in problems(VALID, other, {})[0]


def test_a_valid_message_must_not_be_dead_or_refused() -> None:
    assert "wrong outcome" in problems(VALID, {}, {"valid": ["received too often"]})[0]
    refused = {"1": Recorded(outcome="refused: insufficient_funds", fields=ONE)}
    assert "wrong outcome" in problems(VALID, refused, {})[0]


def test_a_message_cannot_be_posted_and_dead() -> None:
    either = Message(kind="any", body="b", may=("posted", "dead: conflict"), transaction=ONE)
    assert "more than one" in problems(either, POSTED, {"b": ["conflict"]})[0]


def answered(status: str, recorded: dict[str, Recorded], **changes: Any) -> list[str]:
    answer = Acknowledged(transaction=ONE | changes, status=status)
    return [each.what for each in broken_promises([answer], recorded=recorded)]


def test_an_acknowledged_posting_must_be_in_the_ledger_as_it_was_sent() -> None:
    assert answered("posted", POSTED) == answered("replayed", POSTED) == []
    assert "no such transaction" in answered("posted", {})[0]
    assert "other contents" in answered("posted", POSTED, amount_minor=6)[0]
    assert "the ledger has: posted" in answered("insufficient_funds", POSTED)[0]


def trail(**records: list[dict[str, Any]]) -> list[str]:
    return [each.what for each in Trail(objects=1, records=records).differences(POSTED)]


def test_the_trail_holds_each_posted_transaction_once_as_the_ledger_has_it() -> None:
    assert trail(**{"1": [ONE | {"hash": "0", "posted_at": "now"}]}) == []
    assert "not in the trail" in trail()[0]
    assert "more than once" in trail(**{"1": [ONE, ONE]})[0]
    assert "other contents" in trail(**{"1": [ONE | {"amount_minor": 6}]})[0]
    assert "not posted" in trail(**{"1": [ONE], "2": [ONE]})[0]
