"""A message or an acknowledged posting without a right outcome is a problem."""

from typing import Any

from soak.accounting import account_for, broken_promises
from soak.dead_letters import DeadLetter
from soak.ledger_contents import Recorded
from soak.message import Message
from soak.outcome_events import wrong_outcome_events
from soak.outside_log import Acknowledged

ONE = {"transaction_id": "1", "amount_minor": 5, "reference": "\U0001f44d"}
VALID = Message(
    kind="valid",
    body="valid",
    allowed_outcomes=("posted",),
    transaction=ONE,
    correlation_id="a sender's",
)
POSTED = {"1": Recorded(outcome="posted", fields=ONE)}


MALFORMED = Message(
    kind="bad_json", body="{", allowed_outcomes=("dead: bad_json",), correlation_id="a sender's"
)


def dead(body: str, reason: str, correlation_id: str = "a sender's") -> DeadLetter:
    return DeadLetter(body=body, reason=reason, correlation_id=correlation_id)


def problems(
    message: Message, recorded: dict[str, Recorded], *dead_letters: DeadLetter
) -> list[str]:
    return [
        each.what for each in account_for([message], recorded=recorded, dead=dead_letters).problems
    ]


def test_a_message_with_its_one_right_outcome_is_accounted_for() -> None:
    assert problems(VALID, POSTED) == []
    copy = dead("{", "bad_json: no end")
    assert problems(MALFORMED, {}, copy, copy) == []


def test_a_message_of_which_nothing_is_known_is_lost() -> None:
    assert "is lost" in problems(VALID, {})[0]


def test_a_posting_with_other_contents_is_not_that_of_the_message() -> None:
    other = {"1": Recorded(outcome="posted", fields=ONE | {"reference": "?"})}
    assert "is lost" in problems(VALID, other)[0]


def test_a_valid_message_must_not_be_dead_or_refused() -> None:
    assert "wrong outcome" in problems(VALID, {}, dead("valid", "received too often"))[0]
    refused = {"1": Recorded(outcome="refused: insufficient_funds", fields=ONE)}
    assert "wrong outcome" in problems(VALID, refused)[0]


def test_a_message_cannot_be_posted_and_dead() -> None:
    either = Message(
        kind="any", body="b", allowed_outcomes=("posted", "dead: conflict"), transaction=ONE
    )
    assert "more than one" in problems(either, POSTED, dead("b", "conflict", ""))[0]


def answered(status: str, recorded: dict[str, Recorded], **changes: Any) -> list[str]:
    answer = Acknowledged(transaction=ONE | changes, status=status)
    return [each.what for each in broken_promises([answer], recorded=recorded)]


def test_an_acknowledged_posting_must_be_in_the_ledger_as_it_was_sent() -> None:
    assert answered("posted", POSTED) == answered("replayed", POSTED) == []
    assert "no such transaction" in answered("posted", {})[0]
    assert "other contents" in answered("posted", POSTED, amount_minor=6)[0]
    assert "the ledger has: posted" in answered("insufficient_funds", POSTED)[0]


def test_a_dead_letter_keeps_the_attribute_of_its_sender_and_was_sent_by_one() -> None:
    assert "has lost" in problems(MALFORMED, {}, dead("{", "bad_json", ""))[0]
    assert "no sender sent" in problems(VALID, POSTED, dead("another", "bad_json"))[0]


def wrong_events(message: Message, outcome: str, *said: str) -> list[str]:
    events = {"a sender's": {*said}}
    return [each.what for each in wrong_outcome_events([(message, outcome)], events)]


def test_the_events_of_each_message_say_its_outcome_and_no_other() -> None:
    assert wrong_events(VALID, "posted", "posted") == []
    assert wrong_events(MALFORMED, "dead: bad_json", "dead") == []
    assert "no event said so" in wrong_events(VALID, "posted")[0]
    assert "its event said refused" in wrong_events(VALID, "posted", "posted", "refused")[0]
    assert wrong_events(VALID, "dead: received too often") == []  # SQS has moved it
